"""Block Kit is checked as strictly as Slack checks it."""

import pytest
from slack_sdk.models.blocks import SectionBlock

from bot.sandbox import block_problems, view_problems


def plain(text: str) -> dict:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> dict:
    return {"type": "mrkdwn", "text": text}


def button(action_id: str = "a", **fields: object) -> dict:
    return {"type": "button", "text": plain("Go"), "action_id": action_id, **fields}


def feedback(**fields: object) -> dict:
    element = {
        "type": "feedback_buttons",
        "action_id": "answer_feedback",
        "positive_button": {"text": plain("Good answer"), "value": "up:1"},
        "negative_button": {"text": plain("Bad answer"), "value": "down:1"},
    }
    return {"type": "context_actions", "elements": [{**element, **fields}]}


def options(count: int, length: int = 3) -> list:
    return [{"text": plain("x" * length), "value": str(number)} for number in range(count)]


def modal(**fields: object) -> dict:
    return {"type": "modal", "title": plain("Form"), "blocks": [{"type": "divider"}], **fields}


INPUT = {"type": "input", "label": plain("Why"), "element": {"type": "plain_text_input", "action_id": "t"}}

GOOD = [
    {"type": "section", "text": mrkdwn("x" * 3000), "accessory": button()},
    {"type": "section", "fields": [mrkdwn("x" * 2000)] * 10},
    {"type": "markdown", "text": "x" * 12_000},
    {"type": "context", "elements": [mrkdwn("x")] * 10},
    {"type": "actions", "elements": [button(str(n)) for n in range(25)]},
    {"type": "header", "text": plain("x" * 150)},
    {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * 20] * 100},
    {"type": "image", "image_url": "https://x.example/i.png", "alt_text": "i"},
    feedback(),
    INPUT,
]

BAD = [
    ({"type": "section", "text": mrkdwn("x" * 3001)}, "must be less than 3001 characters"),
    ({"type": "section", "text": mrkdwn("")}, "must be more than 0 characters"),
    ({"type": "section"}, "must define either `text` or `fields`"),
    ({"type": "section", "fields": [mrkdwn("x")] * 11}, "no more than 10 items allowed"),
    ({"type": "section", "fields": [mrkdwn("x" * 2001)]}, "must be less than 2001 characters"),
    ({"type": "section", "text": "plain string"}, "missing required field: type"),
    ({"type": "section", "text": mrkdwn("x"), "colour": "red"}, "invalid additional property: colour"),
    ({"type": "header", "text": mrkdwn("x")}, "unsupported text object type: mrkdwn"),
    ({"type": "header", "text": plain("x" * 151)}, "must be less than 151 characters"),
    ({"type": "markdown", "text": "x" * 12_001}, "must be less than 12001 characters"),
    ({"type": "context", "elements": [mrkdwn("x")] * 11}, "no more than 10 items allowed"),
    ({"type": "context", "elements": [button()]}, "unsupported context element type: button"),
    ({"type": "actions", "elements": [button(str(n)) for n in range(26)]}, "no more than 25 items allowed"),
    ({"type": "actions", "elements": []}, "no fewer than 1 items allowed"),
    ({"type": "actions", "elements": [button(), button()]}, "action_id already exists: a"),
    ({"type": "actions", "elements": feedback()["elements"]}, "unsupported element type: feedback_buttons"),
    ({"type": "actions", "elements": [button(text=plain("x" * 76))]}, "must be less than 76 characters"),
    ({"type": "actions", "elements": [button(text=mrkdwn("x"))]}, "unsupported text object type: mrkdwn"),
    ({"type": "actions", "elements": [button(value="x" * 2001)]}, "must be less than 2001 characters"),
    ({"type": "actions", "elements": [button(url="javascript:alert(1)")]}, "invalid_url"),
    ({"type": "actions", "elements": [button("x" * 256)]}, "must be less than 256 characters"),
    ({"type": "actions", "elements": [{"type": "static_select", "options": options(101)}]}, "no more than 100"),
    ({"type": "actions", "elements": [{"type": "radio_buttons", "options": options(11)}]}, "no more than 10"),
    ({"type": "actions", "elements": [{"type": "checkboxes", "options": options(1, 76)}]}, "less than 76"),
    ({"type": "context_actions", "elements": [button()]}, "unsupported element type: button"),
    (feedback(positive_button={"text": plain("x"), "value": "x" * 2001}), "must be less than 2001 characters"),
    (feedback(positive_button={"text": plain("x" * 76), "value": "x"}), "must be less than 76 characters"),
    (feedback(negative_button={"text": plain("x")}), "missing required field: value"),
    ({"type": "table", "rows": [[]] * 101}, "no more than 100 items allowed"),
    ({"type": "carousel", "elements": [{"type": "card"}] * 11}, "no more than 10 items allowed"),
    ({"type": "card", "body": mrkdwn("x" * 201)}, "must be less than 201 characters"),
    ({"type": "alert", "text": mrkdwn("x")}, "unsupported block type: alert"),
    ({"type": "nonsense"}, "unsupported block type: nonsense"),
    ("text", "missing required field: type"),
]


@pytest.mark.parametrize("block", GOOD, ids=lambda block: block["type"])
def test_what_slack_accepts_is_accepted(block):
    assert block_problems([block]) == []


@pytest.mark.parametrize(("block", "problem"), BAD)
def test_what_slack_refuses_is_refused_with_a_pointer(block, problem):
    problems = block_problems([block])
    assert any(problem in found and "[json-pointer:/blocks/0" in found for found in problems), problems


def test_a_message_holds_fifty_blocks_and_a_view_a_hundred():
    divider = {"type": "divider"}
    assert block_problems([divider] * 50) == []
    assert "no more than 50 items allowed" in block_problems([divider] * 51)[0]
    assert view_problems(modal(blocks=[divider] * 100), kinds=("modal",)) == []
    assert view_problems(modal(blocks=[divider] * 101), kinds=("modal",))


def test_a_block_id_is_used_once():
    assert "block_id already exists: b" in block_problems([{"type": "divider", "block_id": "b"}] * 2)[0]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"title": plain("x" * 25)}, "must be less than 25 characters"),
        ({"title": mrkdwn("x")}, "unsupported text object type: mrkdwn"),
        ({"submit": plain("x" * 25)}, "must be less than 25 characters"),
        ({"private_metadata": "x" * 3001}, "must be less than 3001 characters"),
        ({"callback_id": "x" * 256}, "must be less than 256 characters"),
        ({"blocks": [INPUT]}, "missing required field: submit"),
        ({"blocks": [{"type": "markdown", "text": "x"}]}, "unsupported block type: markdown"),
        ({"blocks": [feedback()]}, "unsupported block type: context_actions"),
        ({"type": "home"}, "unsupported view type: home"),
        ({"unknown": 1}, "invalid additional property: unknown"),
    ],
)
def test_a_modal_is_checked_like_slacks(fields, problem):
    problems = view_problems(modal(**fields), kinds=("modal",))
    assert any(problem in found for found in problems), problems


def test_a_form_with_a_submit_button_is_accepted():
    assert (
        view_problems(modal(blocks=[INPUT], submit=plain("Send"), private_metadata="x" * 3000), kinds=("modal",)) == []
    )


def test_blocks_built_by_the_sdk_are_accepted():
    assert block_problems([SectionBlock(text="hello *you*").to_dict()]) == []
