"""Reviews and choices → Block Kit: what reviewers see in the Home tab, the form to edit, the switch for everybody."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from bot import blocks, mrkdwn
from bot.blocks import REASON_WORDS, Block
from knowledge import Judged, LabelledExchange, QueueItem, Remark, Verdict, Vote, Why

EDIT_ACTION = "review_edit"
VERDICT_ACTIONS = {
    "review_approve": Verdict.APPROVE,
    "review_reject": Verdict.REJECT,
    "review_unsure": Verdict.UNSURE,
}
EDIT_FORM = "review_edit_form"
CONSENT_ACTIONS = {"consent_out": False, "consent_in": True}
LONGEST_TEXT = 2900
"""Characters of a section or a text field; Slack takes 3,000."""
MOST_QUOTES, MOST_REMARKS = 5, 3

WHY_WORDS = {
    Why.CORRECTION: "Somebody has said what would have been right.",
    Why.DISAGREEMENT: "Some found this good and some did not.",
    Why.DISLIKED: "Somebody pressed 👎.",
    Why.SAMPLE: "Chosen by chance.",
}
NOTHING_WAITS = "Nothing waits for a verdict."
NOT_REVIEWER = "Only the people listed as reviewers may judge answers."
NOT_VISIBLE = "You may not see everything that this answer draws on, so nothing was recorded."
SAID_BEFORE = "You had said so before."
GIVEN_AGAIN = "From now on it is given to the same question."
VERDICT_WORDS = {
    Verdict.APPROVE: "Approved.",
    Verdict.EDIT: "Edited.",
    Verdict.REJECT: "Rejected: it is not given again.",
    Verdict.UNSURE: "Left to other reviewers.",
}
TAKES_PART = (
    "What you ask, vote and correct in channels may become part of datasets that improve answers. Direct messages "
    "never do."
)
TAKES_NO_PART = "Nothing that you ask, vote or correct becomes part of a dataset."
CHOICE_KEPT = "Your choice is kept."


def queue(items: Sequence[QueueItem], *, more: bool = False, said: str = "") -> list[Block]:
    """Show what waits: how much, and the next item with its buttons. `said` answers the last click."""
    count = f"{len(items)}{' or more' if more else ''}"
    lines = [blocks.section(said)] if said else []
    if not items:
        return [{"type": "divider"}, blocks.header("To review"), *lines, blocks.context(NOTHING_WAITS)]
    return [{"type": "divider"}, blocks.header(f"To review: {count}"), *lines, *_item(items[0])]


def _item(item: QueueItem) -> list[Block]:
    exchange = item.record.exchange
    shown = [
        blocks.context(WHY_WORDS[item.why]),
        _said("Question", exchange.question.text),
        _said("Answer", exchange.answer.text),
        *blocks.cited_sources(exchange.answer)[:MOST_QUOTES],
        *_opinions(item.record),
    ]
    others = [remark for remark in item.record.remarks if remark != item.remark]
    shown += [block for remark in others[-MOST_REMARKS:] for block in _remark(remark)]
    if item.remark is not None:
        shown += _remark(item.remark, name="Correction to judge")
    return [*shown, _verdicts(item)]


def _said(name: str, text: str) -> Block:
    said = mrkdwn.plain(text, LONGEST_TEXT) or "(no text)"
    return {"type": "section", "text": {"type": "plain_text", "text": f"{name}: {said}", "emoji": False}}


def _opinions(record: LabelledExchange) -> list[Block]:
    votes = Counter(vote.vote for vote in record.votes)
    given = [f"{words} {votes[vote]}" for vote, words in ((Vote.UP, "👍"), (Vote.DOWN, "👎")) if votes[vote]]
    reasons = dict.fromkeys(REASON_WORDS[reason] for remark in record.remarks for reason in remark.reasons)
    said = " · ".join([*given, *reasons])
    return [blocks.context(said)] if said else []


def _remark(remark: Remark, *, name: str = "Correction") -> list[Block]:
    said = [blocks.context(f"Comment: {mrkdwn.plain(remark.comment, 400)}")] if remark.comment else []
    if remark.correction:
        said.append(_said(name, remark.correction))
    if remark.sources:
        said.append(blocks.context(f"According to {', '.join(remark.sources)}"))
    return said


def _verdicts(item: QueueItem) -> Block:
    value = target(item.answer_id, item.remark.id if item.remark else None)
    approve = blocks.button("Approve", "review_approve", value) | {"style": "primary"}
    reject = blocks.button("Reject", "review_reject", value) | {"style": "danger"}
    edit, unsure = blocks.button("Edit", EDIT_ACTION, value), blocks.button("Unsure", "review_unsure", value)
    return {"type": "actions", "elements": [approve, edit, reject, unsure]}


def target(answer_id: str, remark_id: int | None) -> str:
    """Write what a button or a form judges."""
    return f"{answer_id}:{remark_id or ''}"


def verdict_said(verdict: Verdict, judged: Judged) -> str:
    """Tell a reviewer what their verdict did."""
    if not judged.new:
        return SAID_BEFORE
    said = [VERDICT_WORDS[verdict]]
    if verdict in {Verdict.APPROVE, Verdict.EDIT}:
        said.append(GIVEN_AGAIN if judged.verified is not None else mrkdwn.mrkdwn(judged.why_not))
    return " ".join(said)


def edit_form(record: LabelledExchange, remark: Remark | None) -> Block:
    """Ask for the answer as it should be, with what was there to begin with."""
    answer = record.exchange.answer
    text = remark.correction if remark else " ".join(sentence.text for sentence in answer.sentences) or answer.text
    begun = {"initial_value": text[:LONGEST_TEXT]} if text else {}
    field = {"type": "plain_text_input", "multiline": True, "max_length": 3000}
    return {
        "type": "modal",
        "callback_id": EDIT_FORM,
        "private_metadata": json.dumps({"target": target(answer.id, remark.id if remark else None)}),
        "title": blocks.plain("Edit the answer", 24),
        "submit": blocks.plain("Approve as edited", 24),
        "close": blocks.plain("Cancel", 24),
        "blocks": [
            _said("Question", record.exchange.question.text),
            *blocks.cited_sources(answer)[:MOST_QUOTES],
            blocks.text_field("text", "The answer as it should be", field | begun, optional=False),
            blocks.context(
                "Each sentence gets a footnote from the documents; what no document says is not given again."
            ),
            blocks.text_field("note", "A note for other reviewers", field | {"max_length": 500}),
        ],
    }


def consent(*, takes_part: bool, said: str = "") -> list[Block]:
    """Let a person choose whether their words are used for datasets."""
    button = (
        blocks.button("Do not use mine", "consent_out", "out")
        if takes_part
        else blocks.button("Use mine again", "consent_in", "in")
    )
    words: Block = {"type": "section", "text": blocks.plain(TAKES_PART if takes_part else TAKES_NO_PART, 500)}
    lines = [blocks.section(said)] if said else []
    return [{"type": "divider"}, blocks.header("Your words"), *lines, words | {"accessory": button}]
