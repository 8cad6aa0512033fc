"""The understander that reads the conversation: one call of the small model, or without it the thread's words."""

from __future__ import annotations

import asyncio
import logging
from typing import Self

from anthropic.types import Message

from knowledge import understanding
from knowledge.adapters.circuit_breaker import CircuitBreaker
from knowledge.adapters.claude_client import Client, check_model, connect, timeouts, translated_errors
from knowledge.adapters.claude_prices import charge
from knowledge.adapters.claude_request import Voice, transcript
from knowledge.costs import Costs
from knowledge.errors import AnswererUnavailableError
from knowledge.prompts import load
from knowledge.settings import Settings
from knowledge.types import Question

log = logging.getLogger(__name__)

_MAX_TOKENS = 1024
"""What the model thinks included; the question itself is one line."""
_LONGEST = 600
"""Characters of a question; more is an answer, or a mistake."""
_PAUSE = 60.0
"""Seconds between calls while the small model does not answer: each costs a person its whole deadline."""


class ClaudeUnderstander:
    """Makes follow-ups stand alone with Claude's small model."""

    def __init__(
        self,
        client: Client,
        *,
        model: str,
        deadline: float = 3.0,
        history_tokens: int = 2000,
        breaker: CircuitBreaker | None = None,
        costs: Costs | None = None,
    ) -> None:
        self.costs = costs or Costs()
        self._client = client
        self._voice = Voice(model, _MAX_TOKENS, "low")
        self._deadline = deadline
        self._history_tokens = history_tokens
        self._breaker = breaker or CircuitBreaker(threshold=3, pause=_PAUSE)
        self._prompt = load("understand")

    @classmethod
    def build(cls, *, settings: Settings, costs: Costs | None = None, **_parts: object) -> Self:
        """Build as the settings say. Raises ConfigurationError, for example without a key."""
        return cls(
            connect(settings),
            model=settings.small_model,
            deadline=settings.understanding_deadline,
            history_tokens=settings.history_tokens,
            costs=costs,
        )

    async def check(self) -> str:
        """Ask whether the key may use the small model. Raises ConfigurationError, AnswererUnavailableError."""
        return await check_model(self._client, self._voice.model, variable="FOOTNOTE_SMALL_MODEL")

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.close()

    async def standalone(self, question: Question) -> str:
        """Return the question as it is searched; a first question as it is, without a call."""
        if not any(turn.text.strip() for turn in question.history) or not self._breaker.admit():
            return understanding.standalone(question)
        try:
            with translated_errors():
                text = _question(await self._ask(question))
        except AnswererUnavailableError as exc:
            self._breaker.failed()
            log.warning("question.not_understood", extra={"cause": type(exc.__cause__).__name__})
            return understanding.standalone(question)
        self._breaker.worked()
        return text or understanding.standalone(question)

    async def _ask(self, question: Question) -> Message:
        conversation = transcript(question, tokens=self._history_tokens)
        body = {
            **self._voice.parameters(),
            "system": self._prompt.text,
            "messages": [{"role": "user", "content": conversation}],
        }
        async with asyncio.timeout(self._deadline):
            message = await self._client.post(
                "/v1/messages", body=body, cast_to=Message, options={"timeout": timeouts(self._deadline)}
            )
        charge(self.costs, message.model, _counted(message))
        return message


def _counted(message: Message) -> dict[str, int]:
    return {name: count for name, count in message.usage.model_dump().items() if isinstance(count, int)}


def _question(message: Message) -> str:
    """Read the rewritten question; empty when the reply is anything but one line that is complete."""
    lines = "".join(block.text for block in message.content if block.type == "text").strip().splitlines()
    text = lines[0].strip() if len(lines) == 1 else ""
    return text if message.stop_reason == "end_turn" and len(text) <= _LONGEST else ""
