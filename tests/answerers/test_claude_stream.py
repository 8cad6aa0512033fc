"""However a reply is cut into events, the same sentences come out with the same quotes."""

from __future__ import annotations

from typing import Any

import pytest
from anthropic.types import RawMessageStreamEvent
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from knowledge.adapters.claude_request import Sent
from knowledge.adapters.claude_stream import Reply
from knowledge.prompts import load
from knowledge.types import DraftSentence
from tests.answerers.conftest import PASSAGES

EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
CITATION = {
    "type": "search_result_location",
    "search_result_index": 0,
    "start_block_index": 2,
    "end_block_index": 3,
    "source": "handbook/leave.md",
    "title": "Time off",
    "cited_text": "Every employee gets **26 days** of paid annual leave per calendar year. ",
}
PIECES = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "You get 26 days. ",
                "That is, e.g. in May, a lot",
                " and ",
                ".",
                "\n- An item",
                "\n\n",
                "Dr. Who says 3.5 ",
                "Ende!",
            ]
        ),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


def events(blocks: list[tuple[str, bool]], cut: int, *, cites_first: bool) -> list[dict[str, Any]]:
    usage = {"input_tokens": 1, "output_tokens": 1}
    message = {"id": "m", "type": "message", "role": "assistant", "model": "claude", "content": [], "usage": usage}
    made: list[dict[str, Any]] = [
        {"type": "message_start", "message": message | {"stop_reason": None, "stop_sequence": None}}
    ]
    for index, (text, cited) in enumerate(blocks):
        made.append({"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}})
        words = [{"type": "text_delta", "text": text[at : at + cut]} for at in range(0, len(text), cut)]
        cites = [{"type": "citations_delta", "citation": CITATION}] if cited else []
        made += [
            {"type": "content_block_delta", "index": index, "delta": delta}
            for delta in ([*cites, *words] if cites_first else [*words, *cites])
        ]
        made.append({"type": "content_block_stop", "index": index})
    made.append({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}})
    made.append({"type": "message_stop"})
    return made


def read(raw: list[dict[str, Any]]) -> tuple[list[DraftSentence], Reply]:
    reply = Reply(Sent(PASSAGES), load("answer"))
    found: list[DraftSentence] = []
    for event in raw:
        reply.take(EVENT.validate_python(event))
        found += reply.sentences()
    return [*found, *reply.sentences(ended=True)], reply


@given(PIECES, st.integers(1, 40), st.booleans())
@settings(max_examples=300, deadline=None)
def test_how_the_stream_is_cut_changes_nothing(blocks, cut, cites_first):
    whole, _ = read(events(blocks, 1000, cites_first=True))
    pieces, reply = read(events(blocks, cut, cites_first=cites_first))
    assert pieces == whole
    assert reply.stopped


@given(PIECES, st.integers(1, 40))
@settings(max_examples=200, deadline=None)
def test_no_word_is_lost_or_said_twice(blocks, cut):
    found, _ = read(events(blocks, cut, cites_first=True))
    said = "".join(text for text, _ in blocks).replace("\n- ", "\n")
    assert "".join(" ".join(sentence.text for sentence in found).split()) == "".join(said.split())


@given(PIECES, st.integers(1, 40), st.data())
@settings(max_examples=200, deadline=None)
def test_what_was_passed_on_stays_true_whatever_comes_after(blocks, cut, data):
    raw = events(blocks, cut, cites_first=True)
    whole, _ = read(raw)
    reply = Reply(Sent(PASSAGES), load("answer"))
    early: list[DraftSentence] = []
    for event in raw[: data.draw(st.integers(0, len(raw)))]:
        reply.take(EVENT.validate_python(event))
        early += reply.sentences()
    assert early == whole[: len(early)]
    assert not (reply.stopped and reply.stop_reason is None)


@given(PIECES, st.integers(1, 12), st.booleans())
@settings(max_examples=300, deadline=None)
def test_first_words_are_the_beginning_of_the_first_sentence(blocks, cut, cites_first):
    raw = events(blocks, cut, cites_first=cites_first)
    whole, _ = read(raw)
    reply = Reply(Sent(PASSAGES), load("answer"))
    openings: list[DraftSentence] = []
    for event in raw:
        reply.take(EVENT.validate_python(event))
        openings += [opening] if (opening := reply.opening()) else []
    for opening in openings:
        assert whole[0].text.startswith(opening.text)
        assert set(opening.quotes) <= set(whole[0].quotes)


def opened_with(text: str) -> DraftSentence | None:
    reply = Reply(Sent(PASSAGES), load("answer"))
    for event in events([(text, True)], 1000, cites_first=True)[:-3]:
        reply.take(EVENT.validate_python(event))
    return reply.opening()


def test_first_words_are_known_before_their_sentence_ends():
    opening = opened_with("Every employee gets 26 days of pai")
    assert opening is not None
    assert opening.text == "Every employee gets 26 days of"
    assert opening.quotes[0].text.startswith("Every employee gets")


@pytest.mark.parametrize(
    "text",
    [
        "Every employee ",
        "- Every employee gets 26 days",
        "1. Every employee gets 26 days",
        "# Every employee gets 26 days",
        "Every employee **gets 26 days** of",
        "MISSING: how many days there are",
        "NOT_IN_PASSAGES and nothing else is said",
        "You answer the questions of a team from the team's own documents, as",
    ],
)
def test_what_may_be_no_statement_is_not_begun(text):
    assert opened_with(text) is None


def test_thinking_and_tool_calls_are_given_back_as_they_came():
    raw = [
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "thinking", "thinking": "", "signature": ""},
        },
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "so "}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "what"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "abc"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_stop", "index": 1},
        {
            "type": "content_block_start",
            "index": 2,
            "content_block": {"type": "tool_use", "id": "t", "name": "search", "input": {}},
        },
        {
            "type": "content_block_delta",
            "index": 2,
            "delta": {"type": "input_json_delta", "partial_json": '{"query": '},
        },
        {
            "type": "content_block_delta",
            "index": 2,
            "delta": {"type": "input_json_delta", "partial_json": '"x", "y": 1}'},
        },
        {"type": "content_block_stop", "index": 2},
    ]
    found, reply = read(raw)
    assert found == []
    assert reply.content == [
        {"type": "thinking", "thinking": "so what", "signature": "abc"},
        {"type": "tool_use", "id": "t", "name": "search", "input": {"query": "x", "y": 1}},
    ]
    assert reply.search == ("t", "x")


def test_a_tool_call_that_was_cut_off_searches_for_nothing():
    raw = [
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "tool_use", "id": "t", "name": "search", "input": {}},
        },
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": '{"que'}},
        {"type": "content_block_stop", "index": 0},
    ]
    assert read(raw)[1].search == ("t", "")
