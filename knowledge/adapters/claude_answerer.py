"""The answerer that writes: Claude reads the passages, cites them by the API's own citations, and streams."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, date, datetime
from time import perf_counter
from typing import Any, Self, TypeVar

from anthropic import AsyncStream
from anthropic.types import Message, RawMessageStreamEvent

from knowledge.adapters.circuit_breaker import CircuitBreaker
from knowledge.adapters.claude_client import (
    OVERLOADED,
    Client,
    CutOffError,
    RefusedError,
    check_model,
    connect,
    is_outage,
    pause_before_retry,
    request_id,
    timeouts,
    translated_errors,
)
from knowledge.adapters.claude_prices import AS_OF, charge, cost_micro_usd
from knowledge.adapters.claude_request import MOST_SEARCHES, Conversation, Voice, canonical
from knowledge.adapters.claude_stream import COMPLETE, TOO_LONG, Reply
from knowledge.costs import Costs
from knowledge.drafting import named_part
from knowledge.errors import AnswererUnavailableError, ServiceError
from knowledge.ports import AnswerEvent, AnswerRequest
from knowledge.prompts import load
from knowledge.settings import Settings
from knowledge.types import Draft, DraftSentence, Passage

log = logging.getLogger(__name__)

ATTEMPTS = 3
"""Requests that may fail for one answer before it is given up."""
_SILENCE = 1 / 3
"""Share of the deadline for which the service may be silent, so that a stalled connection leaves time for another."""
NO_ROOM = "The model ran out of room before it had answered. Tell whoever runs this bot (FOOTNOTE_MAX_TOKENS)."
_MESSAGES = "/v1/messages"
_LONGEST_QUERY = 400
_MOST_OPENINGS = 8

T = TypeVar("T")


class ClaudeAnswerer:
    """Writes answers with Claude through the Messages API."""

    name = "claude"
    reads_neighbours = True

    def __init__(
        self,
        client: Client,
        *,
        voice: Voice,
        history_tokens: int = 2000,
        breaker: CircuitBreaker | None = None,
        first_pause: float = 0.5,
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
        costs: Costs | None = None,
    ) -> None:
        self.costs = costs or Costs()
        self._client = client
        self._voice = voice
        self._history_tokens = history_tokens
        self._breaker = breaker or CircuitBreaker()
        self._first_pause = first_pause
        self._today = today
        self._system, self._tool = load("answer"), load("search")
        self._prompt = load("answer", "search")

    @classmethod
    def build(cls, *, settings: Settings, costs: Costs | None = None, **_parts: object) -> Self:
        """Build as the settings say. Raises ConfigurationError, for example without a key."""
        voice = Voice(settings.model, settings.max_tokens, settings.effort)
        return cls(connect(settings), voice=voice, history_tokens=settings.history_tokens, costs=costs)

    async def check(self) -> str:
        """Ask whether the key may use the model. Raises ConfigurationError, AnswererUnavailableError."""
        return await check_model(self._client, self._voice.model, variable="FOOTNOTE_MODEL")

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.close()

    async def answer(self, request: AnswerRequest) -> AsyncGenerator[AnswerEvent, None]:
        """Yield each sentence when it is certain, then the draft. Raises AnswererUnavailableError."""
        work = _Work(request)
        with translated_errors():
            try:
                async with aclosing(self._write(request, work)) as events:
                    async for event in events:
                        yield event
            finally:
                work.account(self.costs)

    async def _write(self, request: AnswerRequest, work: _Work) -> AsyncGenerator[AnswerEvent, None]:
        """Go round by round: each streams one reply, which may end by searching again."""
        talk = Conversation(
            request,
            voice=self._voice,
            system=self._system,
            tool=self._tool,
            history_tokens=self._history_tokens,
            today=self._today(),
        )
        while not work.done:
            async with aclosing(self._round(talk, work)) as events:
                async for event in events:
                    yield event
            found = await self._after(talk, work, work.reply)
            if found:
                yield AnswerEvent(passages=tuple(found))
        for sentence in work.last_sentences():
            yield AnswerEvent(sentence=sentence)
        yield AnswerEvent(draft=replace(work.draft(canonical(talk.body())), **self._origin(talk)))

    def _origin(self, talk: Conversation) -> dict[str, Any]:
        """What the request was made of."""
        return {
            "answerer": self.name,
            "prompt_version": self._prompt.version,
            "parameters": talk.parameters,
            "prompts": {prompt.name: prompt.text for prompt in (self._system, self._tool)},
        }

    async def _round(self, talk: Conversation, work: _Work) -> AsyncGenerator[AnswerEvent, None]:
        """Send one request and pass on what is cited; try again as long as no sentence of this reply was passed on."""
        while True:
            passed_on = False
            try:
                async with aclosing(self._stream(talk, work)) as events:
                    async for event in events:
                        passed_on = passed_on or event.sentence is not None
                        yield event
                break
            except Exception as exc:
                self._note(exc)
                work.failures += 1
                pause = pause_before_retry(exc, pause=self._first_pause * 2**work.failures / 2, left=work.left)
                if passed_on or pause is None or work.failures >= ATTEMPTS:
                    raise
            await asyncio.sleep(pause)
        self._breaker.worked()

    async def _stream(self, talk: Conversation, work: _Work) -> AsyncGenerator[AnswerEvent, None]:
        """Read one reply to its end. Raises what the service or the wire raised, or why the end is none."""
        if not self._breaker.admit():
            raise AnswererUnavailableError(OVERLOADED)
        reply = work.begin(Reply(talk.sent, self._prompt))
        stream = await work.within_deadline(self._send(talk.body(), work.silence))
        async with stream:
            events = aiter(stream)
            while (event := await work.within_deadline(anext(events, None))) is not None:
                reply.take(event)
                for sentence in work.heard(reply.sentences()):
                    yield AnswerEvent(sentence=sentence)
                if (opening := work.opening(reply)) is not None:
                    yield AnswerEvent(opening=opening)
        _require_end(reply)
        for sentence in work.heard(reply.sentences(ended=True)):
            yield AnswerEvent(sentence=sentence)

    async def _send(self, body: dict[str, Any], silence: float) -> AsyncStream[RawMessageStreamEvent]:
        return await self._client.post(
            _MESSAGES,
            body=_sorted(body),
            cast_to=Message,
            options={"timeout": timeouts(silence)},
            stream=True,
            stream_cls=AsyncStream[RawMessageStreamEvent],
        )

    async def _after(self, talk: Conversation, work: _Work, reply: Reply) -> list[Passage]:
        """Search again if the reply asks for it and may; otherwise the work is done."""
        call = reply.search if reply.stop_reason == "tool_use" else None
        if call is None or not talk.may_search:
            work.done = True
            return []
        await work.say(f"Searching again ({talk.searches + 1} of {MOST_SEARCHES})")
        found = talk.searched(reply.content, call[0], await work.search(call[1][:_LONGEST_QUERY]))
        work.added.extend(found)
        return found

    def _note(self, error: Exception) -> None:
        """Tell the breaker whether the service is down; one that refuses a request is not."""
        log.warning("claude.request_failed", extra={"cause": type(error).__name__, "request_id": request_id(error)})
        if is_outage(error):
            self._breaker.failed()
        elif not isinstance(error, AnswererUnavailableError):
            self._breaker.worked()


class _Work:
    """What one answer has come to so far: sentences, attempts, time and tokens."""

    def __init__(self, request: AnswerRequest) -> None:
        self._request = request
        self._begun = perf_counter()
        self._deadline = asyncio.get_running_loop().time() + request.deadline
        self._first_token: float | None = None
        self._replies: list[Reply] = []
        self._sentences: list[DraftSentence] = []
        self.held: list[DraftSentence] = []
        """Not cited, and not followed by anything cited yet: perhaps only what is said before searching again."""
        self.added: list[Passage] = []
        self.failures = 0
        """Requests that did not bring a whole reply."""
        self.done = False
        self._openings = 0
        self._opening = ""
        self._drafted = False

    @property
    def reply(self) -> Reply:
        return self._replies[-1]

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return self._deadline - asyncio.get_running_loop().time()

    @property
    def silence(self) -> float:
        return max(0.05, min(self._request.deadline * _SILENCE, self.left))

    async def within_deadline(self, step: Awaitable[T]) -> T:
        """Wait for one step. Raises TimeoutError at the deadline of the whole answer."""
        async with asyncio.timeout_at(self._deadline):
            return await step

    def begin(self, reply: Reply) -> Reply:
        """Start on a reply; what was held of the one before is dropped with it."""
        self._replies.append(reply)
        self.held.clear()
        return reply

    def heard(self, sentences: Iterable[DraftSentence]) -> list[DraftSentence]:
        """Take finished sentences; return what may be passed on now: up to the last one that is cited."""
        if self._first_token is None and self.reply.began:
            self._first_token = perf_counter()
        self.held.extend(sentences)
        cited = max((number for number, sentence in enumerate(self.held, 1) if sentence.quotes), default=0)
        released, self.held = self.held[:cited], self.held[cited:]
        self._sentences.extend(released)
        return released

    def opening(self, reply: Reply) -> DraftSentence | None:
        """Return the first words of the whole answer, a few times at most: each is checked before it is shown."""
        if self._sentences or self.held or self._openings >= _MOST_OPENINGS:
            return None
        opening = reply.opening()
        if opening is None or opening.text == self._opening:
            return None
        self._openings += 1
        self._opening = opening.text
        return opening

    def account(self, costs: Costs) -> None:
        """Count what was spent, and say what was spent on an answer that came to nothing; a draft brings it along."""
        for reply in self._replies:
            charge(costs, reply.model, reply.usage)
        if self._replies and not self._drafted and self._request.spent is not None:
            self._request.spent({"model": self.reply.model, **self._usage()})

    def last_sentences(self) -> list[DraftSentence]:
        """Return what was held to the end; an answer that cites nothing is none.

        Raises AnswererUnavailableError when nothing was said because the room did not suffice.
        """
        if self.reply.stop_reason in TOO_LONG and not self._sentences:
            raise AnswererUnavailableError(NO_ROOM)
        remaining = self.held if self._sentences else []
        self._sentences.extend(remaining)
        return remaining

    async def say(self, words: str) -> None:
        if self._request.on_status is not None:
            await self._request.on_status(words)

    async def search(self, query: str) -> tuple[Passage, ...]:
        """Search again; a search that does not work finds nothing."""
        if self._request.search is None or not query.strip():
            return ()
        try:
            return await self.within_deadline(self._request.search(query))
        except ServiceError:
            return ()

    def draft(self, request: bytes) -> Draft:
        self._drafted = True
        missing = self.reply.missing
        return Draft(
            sentences=tuple(self._sentences),
            complete=self.reply.stop_reason in COMPLETE,
            model=self.reply.model,
            request=request,
            usage=self._usage(),
            missing=named_part(missing, f"{self._request.asked} {self._request.question.text}") if missing else "",
            passages=tuple(self.added),
        )

    def _usage(self) -> dict[str, Any]:
        """Sum up every request, failed ones included: they are paid for as well."""
        usage: dict[str, Any] = {"requests": len(self._replies)}
        for reply in self._replies:
            for name, tokens in reply.usage.items():
                usage[name] = usage.get(name, 0) + tokens
        costs = [cost_micro_usd(reply.model, reply.usage) for reply in self._replies if reply.usage]
        if costs and None not in costs:
            usage |= {"cost_micro_usd": round(sum(cost for cost in costs if cost is not None)), "prices_as_of": AS_OF}
        if self._first_token is not None:
            usage["first_token_ms"] = round((self._first_token - self._begun) * 1000, 3)
        return usage | {"total_ms": round((perf_counter() - self._begun) * 1000, 3)}


def _require_end(reply: Reply) -> None:
    """Accept only an end that the service has declared; raises what it is otherwise."""
    if reply.stop_reason == "refusal":
        raise RefusedError(f"refusal {reply.refusal}".strip())
    if not reply.stopped or reply.stop_reason is None:
        raise CutOffError("the stream ended before message_stop")
    if reply.stop_reason not in COMPLETE | TOO_LONG | {"tool_use"}:
        raise AnswererUnavailableError("The model stopped in the middle of its answer. Try again in a moment.")


def _sorted(value: Any) -> Any:
    """Order the keys as in the canonical bytes, so that what is stored is what is sent."""
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value
