"""Slack's JSON → our types."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot import payloads
from bot.payloads import MalformedPayloadError
from knowledge import Reason, Scope, Vote

US = "U0BOT"


def event(**fields: Any) -> dict[str, Any]:
    given = {"type": "message", "user": "U1", "text": "hi", "ts": "171.1", "channel": "C1", "channel_type": "channel"}
    return {
        "type": "event_callback",
        "team_id": "T1",
        "event_id": "Ev1",
        "is_ext_shared_channel": False,
        "event": {**given, **fields},
    }


def read(**fields: Any) -> payloads.Message:
    return payloads.message(event(**fields), bot_user=US)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("<@U0BOT> how many days?", "how many days?"),
        ("hey <@U0BOT|footnote> what about <@U2|ben>?", "hey what about @ben?"),
        ("ask <@U2> in <#C2|general>", "ask @U2 in #general"),
        ("a &lt;b&gt; &amp; c", "a <b> & c"),
        ("see <https://x.example/a|the page> or <https://y.example>", "see the page or https://y.example"),
        ("<mailto:a@b.example|a@b.example>", "a@b.example"),
        ("<!channel> hi <!subteam^S1|@leads>", "@channel hi @leads"),
    ],
)
def test_only_our_mention_is_taken_out_and_the_rest_reads_as_typed(raw: str, text: str) -> None:
    assert read(text=raw).text == text


def test_a_channel_question_may_use_what_the_place_may_see_and_a_direct_one_what_the_person_may() -> None:
    in_channel = payloads.question_from_message(read(text="<@U0BOT> q"), groups=("S1",))
    direct = payloads.question_from_message(read(channel="D1", channel_type="im"), groups=("S1",))
    assert in_channel.scope == Scope(channel="C1")
    assert direct.scope == Scope(user="U1", usergroups=("S1",))
    assert (in_channel.key, in_channel.thread) == ("msg:T1:C1:171.1", "171.1")


@pytest.mark.parametrize(("channel", "scope"), [("C1", Scope(channel="C1", user="U1")), ("D1", Scope(user="U1"))])
def test_a_command_may_use_both_because_only_the_asker_sees_the_answer(channel: str, scope: Scope) -> None:
    body = {
        "command": "/ask",
        "text": "q",
        "team_id": "T1",
        "channel_id": channel,
        "user_id": "U1",
        "trigger_id": "1.2",
        "response_url": "https://hooks.slack.example/1",
    }
    assert payloads.question_from_command(payloads.command(body)).scope == scope


@pytest.mark.parametrize(
    "fields",
    [
        {"bot_id": "B1"},
        {"subtype": "message_changed"},
        {"subtype": "message_deleted"},
        {"subtype": "channel_join"},
        {"subtype": "bot_message"},
        {"hidden": True},
        {"user": None},
    ],
)
def test_bots_edits_and_notices_say_nothing(fields: dict[str, Any]) -> None:
    assert not payloads.says_something(event(**fields))
    assert payloads.says_something(event(subtype="file_share"))


def test_history_has_turns_without_sources_and_without_other_bots() -> None:
    thread = [
        {"user": "U1", "ts": "1", "text": "<@U0BOT> how many days?"},
        {"user": US, "bot_id": "B0", "ts": "2", "text": "27 days. [1]\nSources: Leave policy"},
        {"user": "UX", "bot_id": "B9", "ts": "3", "text": "build passed"},
        {"user": "U2", "ts": "4", "text": "ok"},
        {"user": "U1", "ts": "5", "text": "and now?"},
    ]
    said = [(turn.speaker, turn.text) for turn in payloads.turns(thread, before="5", bot_user=US)]
    assert said == [("U1", "how many days?"), ("assistant", "27 days. [1]"), ("U2", "ok")]


@pytest.mark.parametrize(
    ("last", "text", "meant"),
    [
        ("bot", "And for part-time staff?", True),
        ("bot", "what about contractors", True),
        ("bot", "Tell me more", True),
        ("bot", "Thanks!", False),
        ("bot", "<@U2> can you check?", False),
        ("bot", "<!here> anybody?", False),
        ("U2", "Did you see that?", False),
        ("U1", "And for part-time staff?", True),
    ],
)
def test_a_follow_up_is_ours_when_it_asks_nobody_else_and_ours_was_the_last_word(
    last: str, text: str, *, meant: bool
) -> None:
    thread = [
        {"user": "U1", "ts": "1", "text": "q"},
        {"user": US, "bot_id": "B0", "ts": "2", "text": "a"},
        *([] if last == "bot" else [{"user": last, "ts": "3", "text": "hm"}]),
    ]
    message = read(text=text, ts="9", thread_ts="1")
    assert payloads.meant_for_us(message, thread, bot_user=US) is meant


def test_votes_and_reasons_are_read() -> None:
    action = {"type": "feedback_buttons", "action_id": "answer_feedback", "value": "down:A1"}
    body = {"type": "block_actions", "actions": [action], "user": {"id": "U1"}, "trigger_id": "1"}
    vote = payloads.vote(payloads.click(body))
    assert (vote.answer_id, vote.person, vote.vote) == ("A1", "U1", Vote.DOWN)
    values = {
        "reason": {"reason": {"selected_options": [{"value": "wrong_fact"}, {"value": "made_up"}]}},
        "comment": {"comment": {"value": None}},
        "correction": {"correction": {"value": " 28 days "}},
    }
    view = {"id": "V1", "callback_id": "feedback_reason", "private_metadata": '{"answer_id": "A1"}'}
    sent = {"type": "view_submission", "user": {"id": "U1"}, "view": {**view, "state": {"values": values}}}
    reasons = payloads.reasons(payloads.submission(sent))
    assert (reasons.answer_id, reasons.reasons, reasons.correction) == ("A1", (Reason.WRONG_FACT,), "28 days")


def test_each_delivery_has_the_identity_that_its_repetition_shares() -> None:
    assert payloads.delivery(event()).key == "event:T1:Ev1"
    assert payloads.route(event(channel_type="im")) == ("event_callback", "message.im")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KINDS = st.sampled_from(["event_callback", "block_actions", "view_submission", "app_mention", "message"])
FIELDS = st.sampled_from(
    "type event actions user view team_id event_id trigger_id id action_id command channel ts text blocks "
    "private_metadata state values container message team response_url channel_id user_id".split()
)
slack_like = st.dictionaries(
    FIELDS, KINDS | json_values | st.dictionaries(FIELDS, KINDS | json_values, max_size=6), max_size=8
)


@hypothesis_settings(max_examples=300, deadline=None)
@given(slack_like)
def test_nonsense_is_malformed_and_nothing_else(body: dict[str, Any]) -> None:
    try:
        found = payloads.delivery(body)
    except MalformedPayloadError:
        return
    assert json.loads(found.body) == body


@hypothesis_settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60), st.sampled_from(["application/json", "application/x-www-form-urlencoded", "", "x"]))
def test_bytes_that_are_no_payload_are_malformed_and_nothing_else(raw: bytes, content_type: str) -> None:
    try:
        body = payloads.parse(raw, content_type)
    except MalformedPayloadError:
        return
    assert isinstance(body, dict)
