"""What comes back from Claude: stream events become sentences with their quotes, as soon as certain (pure)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from anthropic.types import RawMessageStreamEvent

from knowledge.adapters.claude_request import Sent
from knowledge.drafting import DECLINES, MISSING, Presenter, finished_spans
from knowledge.language.sentences import sentence_spans
from knowledge.prompts import Prompt, Recital
from knowledge.types import DraftSentence, Quote

COMPLETE = frozenset({"end_turn", "stop_sequence"})
TOO_LONG = frozenset({"max_tokens", "model_context_window_exceeded"})

_COUNTED = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
_FEWEST_WORDS = 3
"""Words that are worth showing before their sentence is finished."""
_PLAIN = re.compile(r"[^\W_][^*_`~\[\]<>|#\n]*")
_TERMINAL = tuple('.!?…:`)”"»\u3002\uff01\uff1f')


@dataclass(slots=True)
class _Text:
    """One text block of the reply, as a span of the whole text."""

    start: int
    end: int
    quotes: list[Quote] = field(default_factory=list)
    closed: bool = False


class Reply:
    """One streamed message, put together event by event.

    A sentence carries the quotes of every block that it has words in; it is finished when nothing that may still
    arrive can change it: its end is certain and its blocks are closed, as a citation may come before or after its text.
    """

    def __init__(self, sent: Sent, prompt: Prompt) -> None:
        self._sent, self._prompt, self._recital = sent, prompt, Recital(prompt)
        self._content: list[dict[str, Any]] = []
        self._inputs: dict[int, str] = {}
        self._text = ""
        self._spans: list[_Text] = []
        self._read = 0
        self._presenter = Presenter()
        self.model = ""
        self.stop_reason: str | None = None
        self.refusal = ""
        """The category of a refusal, where the service names one."""
        self.stopped = False
        """True when the service said that the message is over; a stream may end without."""
        self.missing = ""
        self.usage: dict[str, int] = {}

    @property
    def began(self) -> bool:
        """Say whether the first words are there."""
        return bool(self._text)

    @property
    def declined(self) -> bool:
        """Say whether the reply began by saying that the passages do not answer."""
        return self._text.lstrip("`*_ \n").startswith(DECLINES)

    @property
    def content(self) -> list[dict[str, Any]]:
        """The reply as it is sent back in the next round; empty text is refused there."""
        return [block for block in self._content if block["type"] != "text" or block["text"].strip()]

    @property
    def search(self) -> tuple[str, str] | None:
        """The tool call's id and query, if there is one."""
        for block in self._content:
            if block["type"] == "tool_use":
                query = block["input"].get("query")
                return str(block["id"]), query if isinstance(query, str) else ""
        return None

    def take(self, event: RawMessageStreamEvent) -> None:
        """Take the next event; kinds that are not known are passed over."""
        if event.type == "message_start":
            self.model = event.message.model
            self._count(event.message.usage.model_dump())
        elif event.type == "content_block_start":
            self._start(event.content_block.model_dump(mode="json", exclude_unset=True))
        elif event.type == "content_block_delta":
            self._grow(event.delta.model_dump(mode="json", exclude_unset=True))
        elif event.type == "content_block_stop":
            self._stop()
        elif event.type == "message_delta":
            self.stop_reason = event.delta.stop_reason
            self.refusal = (event.delta.stop_details and event.delta.stop_details.category) or ""
            self._count(event.usage.model_dump())
        elif event.type == "message_stop":
            self.stopped = True

    def sentences(self, *, ended: bool = False) -> Iterator[DraftSentence]:
        """Yield the sentences that are finished and were not yielded before."""
        if not ended and self._only_open_text():
            return
        for start, end in list(finished_spans(self._text, self._read, ended=ended)):
            blocks = [block for block in self._spans if self._has_words(block, start, end)]
            if not ended and not all(block.closed for block in blocks):
                return
            self._read = end
            sentence = self._sentence(self._text[start:end], blocks, last=end == len(self._text.rstrip()))
            if sentence is not None:
                yield sentence

    def opening(self) -> DraftSentence | None:
        """Return the first words of the reply while its first sentence is written, once it is known what they cite.

        Nothing where they might turn out to be no statement: markup, a line of our conventions, our own prompt.
        """
        block = self._spans[0] if len(self._spans) == 1 else None
        if block is None or block.closed or not block.quotes or self._read or self.declined:
            return None
        line = self._text[: self._text.rfind(" ") + 1]
        words = line[: next((end for _, end in sentence_spans(line)), 0)].strip()
        statement = words == Presenter().present(words) and not words.startswith(MISSING)
        if words.count(" ") + 1 < _FEWEST_WORDS or not statement or not _PLAIN.fullmatch(words):
            return None
        return None if Recital(self._prompt).recites(words) else DraftSentence(words, tuple(block.quotes))

    def _only_open_text(self) -> bool:
        """Say whether all that is left stands in a block that is still open: then no sentence of it is finished."""
        last = self._spans[-1] if self._spans else None
        return last is not None and not last.closed and not self._text[self._read : last.start].strip()

    def _sentence(self, words: str, blocks: list[_Text], *, last: bool) -> DraftSentence | None:
        """Sort out what is no statement: a decline, the missing part, our own prompt, the stump of a cut answer."""
        if self.missing or words.lstrip("*_- ").startswith(MISSING):
            self.missing = self.missing or words.lstrip("*_- ")
            return None
        stump = last and self.stop_reason in TOO_LONG and not words.rstrip("*_").endswith(_TERMINAL)
        text = self._presenter.present(words)
        if not text or self._recital.recites(text) or self.declined or DECLINES in text or stump:
            return None
        return DraftSentence(text, tuple(dict.fromkeys(quote for block in blocks for quote in block.quotes)))

    def _has_words(self, block: _Text, start: int, end: int) -> bool:
        overlap = self._text[max(block.start, start) : min(block.end, end)]
        return any(character.isalnum() for character in overlap)

    def _start(self, block: dict[str, Any]) -> None:
        kept = {"type": block["type"], "text": ""} if block["type"] == "text" else dict(block)
        if block["type"] == "tool_use":
            kept = {name: block.get(name) for name in ("type", "id", "name", "input")}
        self._content.append(kept)
        if block["type"] != "text":
            self._break_line()
            return
        self._spans.append(_Text(len(self._text), len(self._text)))
        self._say(block.get("text") or "")
        for citation in block.get("citations") or ():
            self._cite(citation)

    def _break_line(self) -> None:
        if self._text and not self._text.endswith("\n"):
            self._text += "\n"

    def _grow(self, delta: Mapping[str, Any]) -> None:
        block = self._content[-1]
        if delta["type"] == "text_delta":
            self._say(delta["text"])
        elif delta["type"] == "citations_delta":
            self._cite(delta["citation"])
        elif delta["type"] == "input_json_delta":
            number = len(self._content) - 1
            self._inputs[number] = self._inputs.get(number, "") + delta["partial_json"]
        elif delta["type"] == "thinking_delta":
            block["thinking"] = block.get("thinking", "") + delta["thinking"]
        elif delta["type"] == "signature_delta":
            block["signature"] = delta["signature"]

    def _say(self, words: str) -> None:
        self._content[-1]["text"] += words
        self._text += words
        self._spans[-1].end = len(self._text)

    def _cite(self, citation: Mapping[str, Any]) -> None:
        self._content[-1].setdefault("citations", []).append(dict(citation))
        self._spans[-1].quotes.append(self._sent.quote(citation))

    def _stop(self) -> None:
        number = len(self._content) - 1
        block = self._content[-1]
        if block["type"] == "text":
            self._spans[-1].closed = True
        elif block["type"] == "tool_use":
            block["input"] = _input(self._inputs.get(number, ""), block["input"])

    def _count(self, usage: Mapping[str, Any]) -> None:
        """Take over the service's cumulative counts."""
        self.usage |= {name: usage[name] for name in _COUNTED if isinstance(usage.get(name), int)}


def _input(streamed: str, given: object) -> dict[str, Any]:
    """Read a tool's input; one that was cut off is no input."""
    try:
        value = json.loads(streamed) if streamed.strip() else given
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
