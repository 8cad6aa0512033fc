"""The answerer for any other model: a LangChain chat model writes, and quotes the passages in its text."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from time import perf_counter
from typing import Any, Self

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage

from knowledge.adapters import quoted_request
from knowledge.adapters.claude_request import canonical
from knowledge.adapters.quoted_request import END
from knowledge.costs import Costs
from knowledge.drafting import DECLINES, MISSING, Presenter, named_part
from knowledge.errors import AnswererUnavailableError, ConfigurationError
from knowledge.ports import AnswerEvent, AnswerRequest
from knowledge.prompts import Recital, load
from knowledge.settings import Settings
from knowledge.types import Draft, DraftSentence, Exchange, Quote

_COMPLETE = frozenset({"stop", "end_turn", "stop_sequence", "eos", "eos_token"})
_TOO_LONG = frozenset({"length", "max_tokens", "max_output_tokens"})
_REASONS = ("finish_reason", "stop_reason", "done_reason", "stopReason")
_FOOTNOTE = re.compile(r'\[(\d{1,3})(?::\s*["“„«](.*?)["”“»]\s*)?\]')


class LangChainAnswerer:
    """Writes answers with a chat model of LangChain's, such as one that was fine-tuned on the exports."""

    def __init__(
        self, model: BaseChatModel, *, name: str, history_tokens: int = 2000, costs: Costs | None = None
    ) -> None:
        self.costs = costs or Costs()
        self.name = f"langchain:{name}"
        self._model = model
        self._model_name = name
        self._history_tokens = history_tokens
        self._prompt = load("quote")

    @classmethod
    def build(cls, *, settings: Settings, argument: str = "", costs: Costs | None = None, **_parts: object) -> Self:
        """Build from `FOOTNOTE_ANSWERER=langchain:provider:model`. Raises ConfigurationError."""
        model = _chat_model(settings, argument)
        return cls(model, name=argument, history_tokens=settings.history_tokens, costs=costs)

    async def answer(self, request: AnswerRequest) -> AsyncGenerator[AnswerEvent, None]:
        """Yield each line when it is whole, then the draft. Raises AnswererUnavailableError."""
        messages = _messages(request, self._prompt.text, self._history_tokens)
        reply = _Reply(Recital(self._prompt).recites)
        begun = perf_counter()
        try:
            async with aclosing(self._lines(messages, reply, request.deadline)) as lines:
                async for line in lines:
                    for sentence in reply.read(line):
                        yield AnswerEvent(sentence=sentence)
        finally:
            self.costs.add_tokens(reply.usage)
        yield AnswerEvent(draft=self._draft(request, reply, messages, begun))

    async def _lines(self, messages: list[BaseMessage], reply: _Reply, deadline: float) -> AsyncGenerator[str, None]:
        """Stream the reply line by line, within the deadline."""
        ends = asyncio.get_running_loop().time() + deadline
        chunks = aiter(self._model.astream(messages))
        begun = ""
        while (chunk := await _next(chunks, ends)) is not None:
            reply.note(chunk)
            *whole, begun = (begun + _text(chunk)).split("\n")
            for line in whole:
                yield line
        yield begun

    def _draft(self, request: AnswerRequest, reply: _Reply, messages: list[BaseMessage], begun: float) -> Draft:
        asked = f"{request.asked} {request.question.text}"
        return Draft(
            sentences=() if reply.declined else tuple(reply.sentences),
            complete=reply.complete(),
            model=reply.model or self._model_name,
            prompt_version=self._prompt.version,
            request=_canonical(self._model_name, messages),
            usage=reply.usage | {"total_ms": round((perf_counter() - begun) * 1000, 3)},
            missing=named_part(reply.missing, asked) if reply.missing else "",
            answerer="langchain",
            parameters=self._parameters(),
            prompts={self._prompt.name: self._prompt.text},
        )

    def _parameters(self) -> dict[str, Any]:
        """What the messages were made of besides prompt, passages and question, and how the model samples."""
        sampling = {name: getattr(self._model, name, None) for name in ("temperature", "max_tokens")}
        chosen = {name: value for name, value in sampling.items() if isinstance(value, int | float)}
        return {"model": self._model_name, "history_tokens": self._history_tokens} | chosen


def render(exchange: Exchange, prompts: Mapping[str, str]) -> bytes:
    """Write the request of an exchange again, from its prompt, passages, question and parameters."""
    question = replace(exchange.question, text=exchange.standalone)
    request = AnswerRequest(question, exchange.passages, asked=exchange.question.text)
    messages = _messages(request, prompts["quote"], exchange.parameters["history_tokens"])
    return _canonical(exchange.parameters["model"], messages)


_MESSAGES: dict[str, type[BaseMessage]] = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}


def _messages(request: AnswerRequest, prompt: str, history_tokens: int) -> list[BaseMessage]:
    said = quoted_request.messages(
        request.question, request.passages, asked=request.asked, prompt=prompt, history_tokens=history_tokens
    )
    return [_MESSAGES[message["role"]](content=message["content"]) for message in said]


def _canonical(model: str, messages: Sequence[BaseMessage]) -> bytes:
    return canonical({"model": model, "messages": [[part.type, str(part.content)] for part in messages]})


class _Reply:
    """What the lines of a reply say."""

    def __init__(self, recites: Any) -> None:
        self._recites = recites
        self._presenter = Presenter()
        self._reason = ""
        self._ended = False
        self.sentences: list[DraftSentence] = []
        self.declined = False
        self.missing = ""
        self.model = ""
        self.usage: dict[str, Any] = {}

    def read(self, line: str) -> Iterator[DraftSentence]:
        """Read one line; yield its sentence if it is one."""
        if self._ended or self.declined:
            return
        self._ended = line.strip() == END
        self.declined = DECLINES in line
        if line.lstrip().startswith(MISSING):
            self.missing = line.lstrip()
        elif not (self._ended or self.declined or self.missing):
            sentence = self._sentence(line)
            if sentence is not None:
                self.sentences.append(sentence)
                yield sentence

    def note(self, chunk: AIMessageChunk) -> None:
        """Keep what the provider tells: its model, why it stopped, what it counted."""
        metadata = chunk.response_metadata
        self.model = str(metadata.get("model_name") or metadata.get("model") or self.model)
        self._reason = str(next((metadata[name] for name in _REASONS if metadata.get(name)), self._reason)).lower()
        if chunk.usage_metadata is not None:
            for name in ("input_tokens", "output_tokens"):
                self.usage[name] = self.usage.get(name, 0) + chunk.usage_metadata[name]

    def complete(self) -> bool:
        """Say whether the reply is whole. Raises AnswererUnavailableError when it was stopped for another reason."""
        whole = self._ended or self.declined or self._reason in _COMPLETE
        if whole or not self._reason or self._reason in _TOO_LONG:
            return whole
        raise AnswererUnavailableError("The model refused to answer this question. Asking it in other words may help.")

    def _sentence(self, line: str) -> DraftSentence | None:
        text = self._presenter.present(_FOOTNOTE.sub("", line).strip())
        quotes = tuple(Quote(int(number) - 1, words) for number, words in _FOOTNOTE.findall(line))
        return None if not text or self._recites(text) else DraftSentence(text, quotes)


async def _next(chunks: AsyncIterator[AIMessageChunk], ends: float) -> AIMessageChunk | None:
    """Wait for the next part; whatever the provider's package raises is one error of ours."""
    try:
        async with asyncio.timeout_at(ends):
            return await anext(chunks, None)
    except TimeoutError as exc:
        raise AnswererUnavailableError("The model took too long. Try again in a moment.") from exc
    except Exception as exc:
        raise AnswererUnavailableError from exc


def _text(chunk: AIMessageChunk) -> str:
    return str(chunk.text)


def _chat_model(settings: Settings, argument: str) -> BaseChatModel:
    from langchain.chat_models import init_chat_model

    if not argument:
        raise ConfigurationError("FOOTNOTE_ANSWERER=langchain needs a model: langchain:provider:model.")
    options: dict[str, Any] = {"max_tokens": settings.max_tokens, "timeout": settings.answer_deadline}
    if settings.answerer_url is not None:
        options["base_url"] = settings.answerer_url
    if settings.answerer_key is not None:
        options["api_key"] = settings.answerer_key.get_secret_value()
    try:
        model: BaseChatModel = init_chat_model(argument, **options)
    except ImportError as exc:
        raise ConfigurationError(f"FOOTNOTE_ANSWERER=langchain:{argument} needs another package: {exc}") from exc
    except Exception as exc:
        cause = str(exc).partition("\n")[0]
        raise ConfigurationError(f"FOOTNOTE_ANSWERER=langchain:{argument} cannot be used: {cause}") from exc
    return model
