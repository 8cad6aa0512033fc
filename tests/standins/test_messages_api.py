"""The stand-in is as strict as the service: it refuses what the service refuses, and takes what it takes."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.standins.messages_api import MessagesApi, serving
from tests.standins.messages_rules import VERSION, signature

RESULT = {
    "type": "search_result",
    "source": "a/b.md",
    "title": "B",
    "content": [{"type": "text", "text": "The sky is blue."}],
    "citations": {"enabled": True},
}
BODY: dict[str, Any] = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 100,
    "system": [{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}}],
    "messages": [{"role": "user", "content": [RESULT, {"type": "text", "text": "What colour is the sky?"}]}],
}
HEADERS = {"anthropic-version": VERSION, "authorization": "Bearer sk-ant-test"}
CALL = {"type": "tool_use", "id": "t1", "name": "search", "input": {"query": "sky"}}
TOOL = {"name": "search", "description": "Search.", "input_schema": {"type": "object"}}


@pytest.fixture
async def api() -> AsyncIterator[MessagesApi]:
    async with serving(MessagesApi()) as running:
        yield running


async def post(api: MessagesApi, body: dict[str, Any], headers: dict[str, str] | None = None) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.post(f"{api.url}/v1/messages", json=body, headers=HEADERS if headers is None else headers)


def with_content(*blocks: dict[str, Any]) -> dict[str, Any]:
    return BODY | {"messages": [{"role": "user", "content": list(blocks)}]}


def after(assistant: list[dict[str, Any]], user: list[dict[str, Any]]) -> dict[str, Any]:
    extra = [{"role": "assistant", "content": assistant}, {"role": "user", "content": user}]
    return BODY | {"tools": [TOOL], "messages": [*BODY["messages"], *extra]}


DISABLED = copy.deepcopy(RESULT) | {"citations": {"enabled": False}}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": signature("hm")}
ANSWERED = {"type": "tool_result", "tool_use_id": "t1", "content": [RESULT]}
MARK = {"cache_control": {"type": "ephemeral"}}

REFUSED: dict[str, dict[str, Any]] = {
    "temperature": BODY | {"temperature": 0},
    "top_k": BODY | {"top_k": 5},
    "an unknown field": BODY | {"colour": "blue"},
    "an unknown field of a block": with_content(RESULT | {"score": 1}, {"type": "text", "text": "What?"}),
    "no max_tokens": {name: value for name, value in BODY.items() if name != "max_tokens"},
    "no messages": BODY | {"messages": []},
    "prefill": BODY | {"messages": [*BODY["messages"], {"role": "assistant", "content": "It is"}]},
    "a first message of the assistant": BODY
    | {"messages": [{"role": "assistant", "content": "Hi"}, *BODY["messages"]]},
    "a document in an assistant message": after([{"type": "document", "source": {}}], [{"type": "text", "text": "?"}]),
    "citations on user text": with_content({"type": "text", "text": "What?", "citations": [{"type": "x"}]}),
    "citations inside a search result": with_content(
        RESULT | {"content": [{"type": "text", "text": "x", "citations": [{}]}]}, {"type": "text", "text": "?"}
    ),
    "citations enabled on some": with_content(RESULT, DISABLED, {"type": "text", "text": "What?"}),
    "empty text": with_content({"type": "text", "text": " "}),
    "an empty search result": with_content(RESULT | {"content": []}, {"type": "text", "text": "?"}),
    "five breakpoints": with_content(*[RESULT | MARK] * 4, {"type": "text", "text": "What?"}),
    "forced tool use": BODY | {"tools": [TOOL], "tool_choice": {"type": "any"}},
    "a choice without tools": BODY | {"tool_choice": {"type": "auto"}},
    "thinking switched off": BODY | {"thinking": {"type": "disabled"}},
    "effort that is none": BODY | {"output_config": {"effort": "huge"}},
    "effort for a model without": BODY | {"model": "claude-haiku-4-5", "output_config": {"effort": "low"}},
    "a call without its result": after([CALL], [{"type": "text", "text": "?"}]),
    "a result without its call": after([{"type": "text", "text": "x"}], [ANSWERED]),
    "an altered thought": after([THOUGHT | {"thinking": "ha"}, CALL], [ANSWERED]),
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
async def test_what_the_service_refuses_is_refused(api, body):
    response = await post(api, body)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"
    assert api.received == []


@pytest.mark.parametrize(
    "body",
    [
        BODY,
        after([THOUGHT, CALL], [ANSWERED]),
        after(
            [{"type": "text", "text": "x", "citations": [{"type": "search_result_location"}]}],
            [{"type": "text", "text": "?"}],
        ),
        BODY | {"output_config": {"effort": "medium"}},
        with_content(*[RESULT | MARK] * 3, {"type": "text", "text": "What?"}),
    ],
)
async def test_what_the_service_takes_is_taken(api, body):
    response = await post(api, body)
    assert response.status_code == 200
    assert response.json()["stop_reason"] in {"end_turn", "tool_use"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"anthropic-version": VERSION, "x-api-key": "sk-ant-test"}, 200),
        ({"anthropic-version": VERSION, "authorization": "Bearer wrong"}, 401),
        ({"anthropic-version": VERSION}, 401),
        ({"anthropic-version": "2023-06-01", "x-api-key": "sk-ant-test"}, 400),
        ({"x-api-key": "sk-ant-test"}, 400),
    ],
)
async def test_key_and_version_are_demanded(api, headers, status):
    assert (await post(api, BODY, headers)).status_code == status


async def test_an_unknown_model_is_not_found(api):
    assert (await post(api, BODY | {"model": "gpt-5"})).status_code == 404


async def test_a_word_in_the_question_brings_a_failure_about(api):
    response = await post(
        api, with_content(RESULT, {"type": "text", "text": "The question:\n\nfault:overloaded please"})
    )
    assert response.status_code == 529
