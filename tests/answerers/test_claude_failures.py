"""Everything that fails between us and Claude ends in one honest error, in time, and never in half an answer."""

from __future__ import annotations

import asyncio
from time import perf_counter

import pytest

from knowledge import AnswererUnavailableError, ConfigurationError
from knowledge.adapters.circuit_breaker import CircuitBreaker
from tests.answerers.conftest import answered, asks
from tests.answerers.test_claude_answers import DAYS
from tests.standins.messages_api import Fault
from tests.standins.messages_replies import Cite, Text, said

PASSING = [
    Fault.RATE_LIMITED,
    Fault.OVERLOADED,
    Fault.SERVER_ERROR,
    Fault.BAD_GATEWAY,
    Fault.HANGS_UP,
    Fault.DROPS,
    Fault.ENDS_EARLY,
    Fault.ENDS_AT_ONCE,
    Fault.ERROR_EVENT,
    Fault.GARBLED,
]
FINAL = [Fault.RETRY_AFTER_AN_HOUR, Fault.SPEND_LIMIT, Fault.USAGE_LIMIT, Fault.BAD_KEY, Fault.REFUSES, Fault.PAUSES]


@pytest.mark.parametrize("fault", PASSING)
async def test_what_passes_is_tried_again(api, answerer, fault):
    api.will(fault, said(DAYS))
    result = await answered(answerer)
    assert result.text == "You get 26 days of paid annual leave. [1]"
    assert result.draft.usage["requests"] == len(api.bodies) == 2


@pytest.mark.parametrize("fault", PASSING)
async def test_what_does_not_pass_is_tried_three_times_and_then_told(api, answerer, fault):
    api.always = fault
    with pytest.raises(AnswererUnavailableError, match=r"^The model") as raised:
        await answered(answerer)
    assert len(api.bodies) == 3
    assert raised.value.__cause__ is not None
    assert str(raised.value).endswith((".", "minute."))


@pytest.mark.parametrize("fault", FINAL)
async def test_what_waiting_does_not_mend_is_told_at_once(api, answerer, fault):
    api.always = fault
    begun = perf_counter()
    with pytest.raises(AnswererUnavailableError, match=r"^The .*model"):
        await answered(answerer)
    assert len(api.bodies) == 1
    assert perf_counter() - begun < 2


async def test_a_spending_limit_is_named(api, answerer):
    for fault in (Fault.SPEND_LIMIT, Fault.USAGE_LIMIT):
        api.will(fault)
        with pytest.raises(AnswererUnavailableError, match="spending limit"):
            await answered(answerer)


@pytest.mark.parametrize("fault", [Fault.SILENT, Fault.STALLS])
async def test_silence_ends_at_the_deadline_of_the_whole(api, answerer, fault):
    api.always = fault
    begun = perf_counter()
    with pytest.raises(AnswererUnavailableError, match="took too long"):
        await answered(answerer, asks(deadline=0.6))
    assert perf_counter() - begun < 1.5
    assert 1 <= len(api.bodies) <= 3


@pytest.mark.parametrize("fault", [Fault.SILENT, Fault.STALLS])
async def test_a_stalled_connection_leaves_time_for_another(api, answerer, fault):
    api.will(fault, said(DAYS))
    result = await answered(answerer, asks(deadline=3.0))
    assert result.text == "You get 26 days of paid annual leave. [1]"


@pytest.mark.parametrize("fault", [Fault.DROPS, Fault.ENDS_EARLY, Fault.ERROR_EVENT, Fault.STALLS, Fault.GARBLED])
async def test_an_answer_that_was_begun_is_not_begun_again(api, answerer, fault):
    api.mode = lambda body: said(
        DAYS, " ", Text("And a taxi for 45 euros per ride, as it is written. " * 6, (Cite(1, 2),))
    )
    api.always = fault
    events = []

    async def listen() -> None:
        async for event in answerer.answer(asks(deadline=1.5)):
            events.append(event)  # noqa: PERF401

    with pytest.raises(AnswererUnavailableError):
        await listen()
    assert [event.sentence.text for event in events if event.sentence] == [DAYS.text]
    assert len(api.bodies) == 1


@pytest.mark.parametrize("fault", [Fault.DROPS, Fault.ENDS_EARLY, Fault.ERROR_EVENT, Fault.OVERLOADED])
async def test_an_answer_that_failed_still_says_what_it_has_cost(api, answerer, fault):
    api.mode = lambda body: said(Text("Every employee gets 26 days of paid annual leave. " * 6, (Cite(0, 2),)))
    api.always = fault
    spent = {}
    with pytest.raises(AnswererUnavailableError):
        await answered(answerer, asks(spent=spent.update))
    assert spent["requests"] == 3
    assert (spent.get("input_tokens", 0) > 0) == (fault is not Fault.OVERLOADED)
    assert (spent.get("cost_micro_usd", 0) > 0) == (fault is not Fault.OVERLOADED)


async def test_an_answer_that_succeeded_says_what_it_has_cost_once(api, answerer):
    spent = {}
    result = await answered(answerer, asks(spent=spent.update))
    assert spent == {}
    assert result.draft.usage["input_tokens"] > 0


@pytest.mark.parametrize("fault", [Fault.MAX_TOKENS, Fault.CONTEXT_FULL])
async def test_an_answer_that_was_cut_says_so_and_loses_its_stump(api, answerer, fault):
    api.mode = lambda body: said(DAYS, " ", Text("Up to 5 unused days can be carr", (Cite(0, 3),)))
    api.will(fault)
    result = await answered(answerer)
    assert not result.draft.complete
    assert result.text == "You get 26 days of paid annual leave. [1]"


async def test_a_model_that_only_thought_did_not_decline(api, answerer):
    api.mode = lambda body: said("I would")
    api.will(Fault.MAX_TOKENS)
    with pytest.raises(AnswererUnavailableError, match="FOOTNOTE_MAX_TOKENS"):
        await answered(answerer)


async def test_a_model_that_the_service_does_not_know_is_named_as_the_fault(api, claude_settings):
    from knowledge.adapters.claude_answerer import ClaudeAnswerer

    other = ClaudeAnswerer.build(settings=claude_settings.model_copy(update={"model": "claude-nonesuch"}))
    with pytest.raises(AnswererUnavailableError, match="does not exist"):
        await answered(other)
    await other.close()


async def test_a_cancelled_answer_lets_go_of_its_connection(api, answerer):
    api.always = Fault.STALLS
    task = asyncio.create_task(answered(answerer))
    await asyncio.wait_for(api.asked.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    api.always = None
    assert (await answered(answerer)).text


# --- the circuit breaker ---------------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_under_sustained_failure_at_most_five_calls_a_minute_are_made(api, make_answerer):
    clock = Clock()
    answerer = make_answerer(CircuitBreaker(clock=clock))
    api.always = Fault.OVERLOADED
    for _ in range(2):
        with pytest.raises(AnswererUnavailableError):
            await answered(answerer)
    before = len(api.bodies)
    for _ in range(60):
        clock.now += 1
        with pytest.raises(AnswererUnavailableError, match="overloaded"):
            await answered(answerer)
    assert 1 <= len(api.bodies) - before <= 5


async def test_the_breaker_closes_by_itself_within_thirty_seconds_of_healing(api, make_answerer):
    clock = Clock()
    answerer = make_answerer(CircuitBreaker(clock=clock))
    api.always = Fault.OVERLOADED
    for _ in range(2):
        with pytest.raises(AnswererUnavailableError):
            await answered(answerer)
    api.always = None
    healed = clock.now
    while clock.now < healed + 30:
        clock.now += 1
        try:
            assert (await answered(answerer)).text
            break
        except AnswererUnavailableError:
            continue
    assert clock.now < healed + 30
    assert (await answered(answerer)).text


async def test_refused_requests_do_not_open_the_breaker(api, make_answerer):
    breaker = CircuitBreaker()
    answerer = make_answerer(breaker)
    api.always = Fault.REFUSES
    for _ in range(8):
        with pytest.raises(AnswererUnavailableError):
            await answered(answerer)
    assert not breaker.open


# --- configuration ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("update", "words"),
    [
        ({"anthropic_api_key": None}, "ANTHROPIC_API_KEY"),
        ({"claude": "bedrock"}, r"anthropic\[bedrock\]|FOOTNOTE_CLAUDE_REGION"),
        ({"claude": "vertex"}, r"anthropic\[vertex\]|FOOTNOTE_CLAUDE_PROJECT"),
    ],
)
async def test_half_a_configuration_is_refused_with_what_is_missing(claude_settings, update, words):
    from knowledge.adapters.claude_answerer import ClaudeAnswerer

    with pytest.raises(ConfigurationError, match=words):
        ClaudeAnswerer.build(settings=claude_settings.model_copy(update=update))
