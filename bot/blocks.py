"""Our types → Block Kit. Pure: every message, form and tab that people see is made here."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from bot import mrkdwn
from bot.counting import counted
from bot.payloads import LONGEST_QUESTION, SOURCES_LINE
from knowledge import Answer, Chunk, Citation, Disliked, Exchange, Outcome, Reason, SourceStatus, Vanished, Verification

Block = dict[str, Any]

FEEDBACK_ACTION = "answer_feedback"
SHARE_ACTION = "share_answer"
HUMAN_ACTION = "ask_human"
REASONS_ACTION = "open_feedback_form"
REINDEX_ACTION = "reindex_source"
FAILURES_ACTION = "show_failures"
ANYWAY_ACTION = "reindex_anyway"
STOP_ACTION = "stop_reindex"
FEEDBACK_FORM = "feedback_reason"
ANSWER_EVENT = "footnote_answer"
NOTICE_EVENT = "footnote_notice"
ESCALATION_EVENT = "footnote_escalation"

LONGEST_MARKDOWN = 11_000
"""Characters of an answer; Slack takes 12,000 in all markdown blocks of a message together."""
LONGEST_TEXT = 3900
"""Characters of the fallback text; Slack advises at most 4,000."""
LONGEST_PLAIN = 20_000
"""Characters of an answer sent as text alone; its sources come on top, and Slack takes 40,000."""
MOST_SOURCES = 20
LONGEST_QUOTE = 160
_SLACK_USER = re.compile(r"[UW][A-Z0-9]{2,}")
_NO_TEXT = "(no text)"
_STEP = " \u203a "

CONSENT_NOTICE = "Votes and corrections help to improve answers; opt out in my Home tab."
"""A change of what it promises needs a new `knowledge.labels.CONSENT_VERSION`."""
PLEASE_RATE = "Was this right? Picked at random: your 👍 or 👎 shows how good the answers are overall."

HOW_TO_ASK = (
    "I answer questions from your team's documents, with a footnote under every claim. "
    "Ask me one, for example: *How many days of leave do I have?*"
)
NO_WORDS = "I can only answer questions in words: write what you would like to know."
TOO_LONG = f"That is too long for a question. Please ask it in at most {LONGEST_QUESTION:,} characters."
SHARED_CHANNEL = "I do not answer in channels that are shared with people from outside this workspace."
BUSY = "I have more questions than I can answer at the moment. Please ask again in a minute."
STOPPED = "Stopped."
SEARCHING = "Searching the documents…"
ASK_USAGE = (
    "Usage: `/ask your question`, for example `/ask How many days of leave do I have?` "
    "Only you see the answer; a button shares it in the channel."
)
THANKS_UP = "Thank you. Your vote is counted: 👍 good answer."
THANKS_DOWN = "Thank you. Your vote is counted: 👎 bad answer. Tell me more in the form, if you like."
THANKS_REASONS = "Thank you. What you wrote is kept with the answer."
ANSWER_GONE = "That answer is no longer kept, so nothing could be recorded for it."
SHARED = "Shared in this channel."
SHARED_ALREADY = "This answer has already been shared in this channel."
NOT_FOR_ALL = "I did not share this: not everybody in this channel may see the documents it draws on."
CANNOT_POST = "I cannot post in this channel. Invite me to it, then try again."
CHANNEL_UNKNOWN = "I did not share this: I could not find out who is in this channel. Please try again in a moment."
NO_HUMAN = "There is no place configured to which I could pass questions on."
HUMAN_ASKED = "I have passed your question on. Somebody will get back to you."
HUMAN_ASKED_ALREADY = "This question has already been passed on."
NOT_ADMIN = "Only the people listed as admins may reindex."

REASON_WORDS = {
    Reason.WRONG_FACT: "A fact is wrong",
    Reason.NOT_IN_SOURCES: "The sources do not say this",
    Reason.OUTDATED_SOURCE: "The source is out of date",
    Reason.WRONG_DOCUMENT: "It used the wrong document",
    Reason.MISSED_EXISTING_DOCUMENT: "It missed a document that exists",
    Reason.INCOMPLETE: "Something is missing",
    Reason.MISREAD_QUESTION: "It misread my question",
    Reason.TOO_LONG_OR_STYLE: "Too long, or badly written",
    Reason.SHOULD_HAVE_SAID_DONT_KNOW: "It should have said it does not know",
    Reason.REFUSED_BUT_ANSWER_EXISTS: "It found nothing, but the answer exists",
    Reason.NO_ACCESS_OR_LEAK: "It shows something not meant for everybody",
    Reason.OTHER: "Something else",
}


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message as it will be sent: text for notifications and screen readers, blocks for the eye."""

    text: str
    blocks: tuple[Block, ...] = ()
    metadata: Block | None = field(default=None)
    plain: str = ""
    """Everything that the blocks say, for when Slack refuses them."""

    def arguments(self, *, as_plain_text: bool = False) -> Block:
        """Return what a posting method takes. Nothing unfurls: a preview would fetch an address for everybody."""
        arguments: Block = {"text": self.plain or self.text if as_plain_text else self.text}
        arguments |= {"unfurl_links": False, "unfurl_media": False}
        if self.blocks and not as_plain_text:
            arguments["blocks"] = list(self.blocks)
        if self.metadata is not None:
            arguments["metadata"] = self.metadata
        return arguments


def metadata(event_type: str, key: str, answer_id: str | None = None) -> Block:
    """Mark a message so that it can be found again: `key` names what it is the outcome of."""
    payload = {"key": key} | ({"answer_id": answer_id} if answer_id else {})
    return {"event_type": event_type, "event_payload": payload}


def notice(text: str, *, key: str | None = None) -> Outgoing:
    """Say one of our own sentences."""
    marked = metadata(NOTICE_EVENT, key) if key else None
    return Outgoing(text=text, metadata=marked)


def failure(reference: str) -> str:
    """Say that we failed, in the words people know."""
    return f"Something went wrong (reference {reference}). Please try again in a moment."


def answer(given: Answer, *, key: str, share: bool = False, escalate: bool = False, rate: bool = False) -> Outgoing:
    """Show an answer: text with footnotes, a source for each, what a person can do about it, a notice."""
    text, cut = answer_markdown(given, linked=True)
    tail = answer_tail(given, share=share, escalate=escalate, rate=rate, cut=cut)
    blocks = [{"type": "markdown", "text": text}, *tail]
    return _answer_message(given, blocks, key)


def shared_answer(given: Answer, question: str, *, key: str, by: str) -> Outgoing:
    """Show an answer in a channel where only its asker has seen it so far."""
    text, cut = answer_markdown(given, linked=True)
    asked = mrkdwn.plain(f"“{mrkdwn.plain(question, 300)}” — asked and shared by {mrkdwn.plain(by, 60)}", 400)
    blocks = [context(asked), {"type": "markdown", "text": text}, *answer_tail(given, cut=cut)]
    return _answer_message(given, blocks, key)


def _answer_message(given: Answer, blocks: Sequence[Block], key: str) -> Outgoing:
    titles = "; ".join(dict.fromkeys(mrkdwn.label(_name(citation.chunk, 80), 90) for citation in given.citations))
    sources = f"{SOURCES_LINE}{titles}" if titles else ""
    listed = "\n".join(mrkdwn.label(_source_line(citation), 400) for citation in given.citations[:MOST_SOURCES])
    return Outgoing(
        text=_body(given, LONGEST_TEXT - len(sources[:600])) + sources[:600],
        blocks=tuple(blocks),
        metadata=metadata(ANSWER_EVENT, key, given.id),
        plain=_body(given, LONGEST_PLAIN) + (f"{SOURCES_LINE.rstrip()}\n{listed}" if listed else ""),
    )


def _body(given: Answer, limit: int) -> str:
    return mrkdwn.mrkdwn(given.text, limit).strip() or _NO_TEXT


def answer_markdown(given: Answer, *, linked: bool) -> tuple[str, bool]:
    """Return the safe text of an answer and whether it had to be cut to fit into a message."""
    links = _links(given.citations) if linked else mrkdwn.NO_LINKS
    text, limit = mrkdwn.markdown(given.text, links=links).strip(), LONGEST_MARKDOWN
    cut = len(text) > LONGEST_MARKDOWN
    while len(text) > LONGEST_MARKDOWN:
        text = mrkdwn.markdown(mrkdwn.shortened(given.text, limit), links=links).strip()
        limit = int(limit * 0.9)
    return text or _NO_TEXT, cut


def _links(citations: Sequence[Citation]) -> dict[int, str]:
    owned = {citation.number: mrkdwn.own_link(citation.chunk.url) for citation in citations}
    return {number: url for number, url in owned.items() if url}


def answer_tail(
    given: Answer, *, share: bool = False, escalate: bool = False, rate: bool = False, cut: bool = False
) -> list[Block]:
    """Return the blocks below an answer's text; `rate` asks for a vote."""
    if given.outcome is Outcome.FAILED:
        return []
    actions = _actions(given, share=share, escalate=escalate)
    return [
        *cited_sources(given),
        *([context(PLEASE_RATE)] if rate else []),
        _feedback(given.id),
        *actions,
        context(f"{_origin(given, cut=cut)} {CONSENT_NOTICE}"),
    ]


def cited_sources(given: Answer) -> list[Block]:
    """Show what an answer cites, or the nearest places under a decline."""
    if given.outcome is Outcome.DECLINED:
        return [_source(f"Nearest: {_place(chunk)}", chunk) for chunk in given.nearest]
    shown = [_source(_source_line(citation), citation.chunk) for citation in given.citations[:MOST_SOURCES]]
    hidden = len(given.citations) - len(shown)
    return [*shown, *([context(f"… and {hidden} more sources")] if hidden > 0 else [])]


def _source(line: str, chunk: Chunk) -> Block:
    url = mrkdwn.own_link(chunk.url)
    if url is None:
        return context(line)
    name, _, rest = line.partition(" — ")
    text = f"<{mrkdwn.escape(url)}|{mrkdwn.label(name, 250)}>" + (f" — {mrkdwn.label(rest, 250)}" if rest else "")
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text, "verbatim": True}]}


def _source_line(citation: Citation) -> str:
    return f"[{citation.number}] {_place(citation.chunk)} — “{mrkdwn.plain(citation.quote, LONGEST_QUOTE)}”"


def _place(chunk: Chunk) -> str:
    """Say where a chunk stands: title, headings, then page, slide, rows or lines."""
    title = _name(chunk, 100)
    headings = [mrkdwn.plain(part, 80) for part in chunk.headings]
    if headings and headings[0].casefold() == title.casefold():
        headings = headings[1:]
    place = _STEP.join([title, *headings[-2:]]).replace(" — ", " - ")
    return f"{place}, {mrkdwn.plain(chunk.where, 80)}" if chunk.where else place


def _name(chunk: Chunk, limit: int) -> str:
    return mrkdwn.plain(chunk.title or chunk.path, limit) or "untitled"


def _feedback(answer_id: str) -> Block:
    def vote(text: str, hint: str, value: str) -> Block:
        return {"text": {"type": "plain_text", "text": text}, "accessibility_label": hint, "value": value}

    buttons = {
        "type": "feedback_buttons",
        "action_id": FEEDBACK_ACTION,
        "positive_button": vote("Good answer", "Mark this answer as helpful", f"up:{answer_id}"),
        "negative_button": vote("Bad answer", "Mark this answer as not helpful", f"down:{answer_id}"),
    }
    return {"type": "context_actions", "elements": [buttons]}


def _actions(given: Answer, *, share: bool, escalate: bool) -> list[Block]:
    buttons = []
    if share and given.outcome is Outcome.ANSWERED:
        buttons.append(button("Share in channel", SHARE_ACTION, given.id))
    if escalate and given.outcome is Outcome.DECLINED:
        buttons.append(button("Ask a human", HUMAN_ACTION, given.id))
    return [{"type": "actions", "elements": buttons}] if buttons else []


def _origin(given: Answer, *, cut: bool) -> str:
    if given.verified is not None:
        return f"{verified_line(given.verified)} Its footnotes were checked again just now."
    how = "Quoted automatically" if given.model.startswith("extractive") else "AI-generated"
    notice = f"{how} from your team's documents. Check the sources."
    if given.outcome is Outcome.DECLINED:
        notice = "Answered automatically from your team's documents."
    return f"This answer was shortened. {notice}" if cut or given.shortened else notice


def verified_line(verification: Verification) -> str:
    """Say who has verified an answer and when: by name where we know one, never by an id."""
    by = "a reviewer" if _SLACK_USER.fullmatch(verification.by) else mrkdwn.plain(verification.by, 60)
    return f"Verified by {by} on {verification.at:%-d %B %Y}."


def button(text: str, action_id: str, value: str) -> Block:
    """A button; what it stands for is in its value."""
    return {"type": "button", "text": plain(text, 75), "action_id": action_id, "value": value[:2000]}


def plain(text: str, limit: int) -> Block:
    """Text that stays text, at most so many characters of it."""
    return {"type": "plain_text", "text": mrkdwn.plain(text, limit) or "-", "emoji": False}


def context(text: str) -> Block:
    """A small line. Plain text: whatever a file's name or a quote holds, it stays text."""
    return {"type": "context", "elements": [plain(text, 600)]}


def section(text: str) -> Block:
    """A paragraph of our own words, or of text that was made safe: it is mrkdwn."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def header(text: str) -> Block:
    """A heading."""
    return {"type": "header", "text": plain(text, 150)}


def thanks_down(answer_id: str) -> Outgoing:
    """Thank for 👎, with a way to the form for whom it did not open."""
    more = button("Tell me more", REASONS_ACTION, answer_id)
    return Outgoing(text=THANKS_DOWN, blocks=(section(THANKS_DOWN), {"type": "actions", "elements": [more]}))


def feedback_form(answer_id: str, *, channel: str | None, ts: str | None, thread_ts: str | None) -> Block:
    """Ask what was wrong and what would have been right."""
    context = {"answer_id": answer_id, "channel": channel, "ts": ts, "thread_ts": thread_ts}
    reasons = [{"text": plain(words, 75), "value": reason.value} for reason, words in REASON_WORDS.items()]
    return {
        "type": "modal",
        "callback_id": FEEDBACK_FORM,
        "private_metadata": json.dumps({name: value for name, value in context.items() if value}),
        "title": plain("What was wrong?", 24),
        "submit": plain("Send", 24),
        "close": plain("Not now", 24),
        "blocks": [
            text_field("reason", "What was wrong?", {"type": "multi_static_select", "options": reasons}),
            text_field("comment", "Anything else about it?", _text_input()),
            text_field("correction", "What would have been right?", _text_input()),
            text_field("sources", "Which document says so? A name or address per line.", _text_input()),
        ],
    }


def _text_input() -> Block:
    return {"type": "plain_text_input", "multiline": True, "max_length": 2000}


def text_field(name: str, words: str, element: Block, *, optional: bool = True) -> Block:
    """A field of a form."""
    given = {**element, "action_id": name}
    return {"type": "input", "block_id": name, "optional": optional, "label": plain(words, 150), "element": given}


def escalation(
    exchange: Exchange, nearest: Sequence[Chunk], *, asker: str, key: str, thread: str | None = None
) -> Outgoing:
    """Pass a question on to people: who asks, what, where (Slack's own link), and where one might look first."""
    question = mrkdwn.plain(exchange.question.text, 2500)
    said = mrkdwn.plain(asker, 80) or "Somebody"
    lead = f"{said} asks, and the documents do not say:"
    blocks = [
        {"type": "section", "text": plain(lead, 200)},
        {"type": "section", "text": plain(question, 2600)},
        *([section(f"<{mrkdwn.escape(thread)}|Answer in the thread>")] if thread else []),
        *(_source(f"Nearest: {_place(chunk)}", chunk) for chunk in nearest),
    ]
    text = mrkdwn.mrkdwn(f"{lead} {question}", LONGEST_TEXT)
    marked = metadata(ESCALATION_EVENT, key, exchange.answer.id)
    return Outgoing(text=text, blocks=tuple(blocks), metadata=marked)


def source_list(sources: Sequence[SourceStatus], *, fault: str = "") -> str:
    """List the sources for `/reindex` alone; `fault` is what is wrong with `footnote.toml`."""
    lines = [f"• {mrkdwn.label(_freshness(source, result=True), 300)}" for source in sources]
    asking = sum(source.asks is not None for source in sources)
    if asking:
        lines.append(f"{asking} of them {'waits' if asking == 1 else 'wait'} for your yes: `/reindex name` asks.")
    head = "The sources (`/reindex name` brings one up to date):"
    listed = [head, *lines] if lines else ["There are no sources yet. Name them in `footnote.toml`."]
    return "\n".join([*listed, *([mrkdwn.mrkdwn(team_fault(fault))] if fault else [])])


def team_fault(fault: str) -> str:
    """Say what is wrong with `footnote.toml`, and what holds meanwhile."""
    return f"⚠️ {fault} What it said before holds until that is put right."


def _freshness(source: SourceStatus, *, result: bool = False) -> str:
    now = source.progress
    under_way = f", reindexing now: {now.files_done:,} of {now.files_total:,} files" if now else ""
    if result and source.asks is not None and not now:
        under_way = f", waiting for your yes: {vanished(source.asks.vanished, source.asks.live)}"
    if source.indexed_at is None and not source.documents:
        return f"{source.name}: not indexed yet{under_way}"
    failed = f", {source.failed:,} failed" if source.failed else ""
    indexed = "not indexed as a whole yet" if source.indexed_at is None else f"indexed {_ago(source.indexed_at)}"
    last = f". Last run: {source.last_report}" if result and source.last_report else ""
    size = f"{counted(source.documents, 'document')}{failed}, {indexed}, {counted(source.chunks, 'chunk')}"
    return f"{source.name}: {size}{under_way}{last}"


def vanished(gone: int, live: int) -> str:
    """Say of how much of a source the files are not there."""
    return f"{gone:,} of its {live:,} documents have vanished from the folder"


def _ago(then: datetime) -> str:
    seconds = max(0.0, (datetime.now(UTC) - (then if then.tzinfo else then.replace(tzinfo=UTC))).total_seconds())
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def home(
    sources: Sequence[SourceStatus],
    *,
    admin: bool,
    reindexable: Collection[str] = (),
    gaps: Sequence[Block] = (),
    disliked: Sequence[Disliked] = (),
    notice: str = "",
    buttons: Sequence[Block] = (),
    fault: str = "",
) -> Block:
    """Build the Home tab. `notice` is safe mrkdwn, `buttons` stand below it; `gaps` are for admins and reviewers.

    `reindexable` names the sources of `footnote.toml`: only they can be reindexed from Slack. `fault` is what is wrong
    with that file.
    """
    blocks = [
        header("Answers from your team's documents"),
        section(
            "• Mention me in a channel or thread: I answer in the thread.\n"
            "• `/ask your question`: only you see the answer, and you may share it.\n"
            "• Write to me here, under Messages: I answer and understand follow-up questions.\n"
            "Every claim has a footnote; press 👍 or 👎 so that answers get better."
        ),
        {"type": "divider"},
        header("Sources"),
        *([{"type": "section", "text": plain(team_fault(fault), 1000)}] if fault else []),
        *(
            block
            for source in sources[:30]
            for block in _home_source(source, admin=admin, reindexable=admin and source.name in reindexable)
        ),
    ]
    if not sources:
        blocks.append(context("There are no sources yet."))
    if notice:
        blocks += [section(notice), *buttons]
    blocks += gaps
    if admin:
        blocks += [{"type": "divider"}, header("Documents that draw 👎"), *_disliked(disliked)]
    return {"type": "home", "blocks": blocks}


def _home_source(source: SourceStatus, *, admin: bool, reindexable: bool) -> list[Block]:
    line = _freshness(replace(source, asks=None), result=admin)
    block: Block = {"type": "section", "text": plain(line, 500)}
    if reindexable:
        running = source.progress is not None
        block["accessory"] = button(*(("Stop", STOP_ACTION) if running else ("Reindex", REINDEX_ACTION)), source.name)
    asks, buttons = [], []
    if admin and source.failed:
        buttons.append(button("Show failures", FAILURES_ACTION, source.name))
    if reindexable and source.asks is not None and source.progress is None:
        asks.append({"type": "section", "text": plain(_question(source.asks), 500)})
        buttons.append(button("Remove them anyway", ANYWAY_ACTION, source.name) | {"style": "danger"})
    return [block, *asks, *([{"type": "actions", "elements": buttons}] if buttons else [])]


def _question(asks: Vanished) -> str:
    gone = vanished(asks.vanished, asks.live)
    return f"⚠️ Waiting for your yes: {gone}. Nothing was changed. Is the folder there, and is that meant?"


def _disliked(documents: Sequence[Disliked]) -> list[Block]:
    if not documents:
        return [context("No answer so far has drawn 👎.")]
    return [context(f"{document.source}: {document.path} — {document.votes} 👎") for document in documents]


MOST_HOME_BLOCKS = 100
"""Slack takes no more in a Home tab."""
_INTRODUCTION = 2


def fitting(shown: Sequence[Block], *, first: Sequence[Block], last: Sequence[Block]) -> list[Block]:
    """Put blocks after the introduction of a Home tab and at its end; what does not fit leaves from the middle."""
    room = MOST_HOME_BLOCKS - len(first) - len(last)
    return [*shown[:_INTRODUCTION], *first, *shown[_INTRODUCTION:room], *last]


PROMPTS_TITLE = "Ask about your team's documents"
PROMPTS = (
    {"title": "What can you do?", "message": "What documents can you search?"},
    {"title": "Time off", "message": "How many days of leave do I have?"},
    {"title": "Expenses", "message": "How do I get travel expenses back?"},
)
