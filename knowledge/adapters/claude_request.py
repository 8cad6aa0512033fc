"""What is sent to Claude: passages as search results, the conversation as turns, one read-only tool (pure)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from knowledge.language.plain_text import Block, Kind, PlainText, plain_text
from knowledge.language.sentences import sentence_spans
from knowledge.ports import AnswerRequest
from knowledge.prompts import Prompt
from knowledge.types import Chunk, Exchange, Passage, Question, Quote, Stage, Turn
from knowledge.understanding import ASSISTANT

MOST_SEARCHES = 3
"""How often Claude may search again for one question."""
TOOL = "search"

_CHARACTERS_PER_TOKEN = 4
_OPENING_MARKUP = frozenset("*_~`[(\"'“„«")
_FOOTNOTE = re.compile(r"\s*(?:\[\d{1,3}\])+")
_EARLIER = "(Earlier messages are left out.)"
_NO_EFFORT = re.compile(r"claude-3|haiku-4|(?:sonnet|opus)-4(?:-[0125]\b|-20|@|$)")
"""Models from before `output_config.effort`: they answer it with 400."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Which model writes, and how."""

    model: str
    max_tokens: int
    effort: str | None = None

    def parameters(self) -> dict[str, Any]:
        """Return the request's fields. Sampling is never among them: the service refuses it."""
        chosen: dict[str, Any] = {"model": self.model, "max_tokens": self.max_tokens}
        if self.effort is not None and not _NO_EFFORT.search(self.model):
            chosen["output_config"] = {"effort": self.effort}
        return chosen


def canonical(body: Mapping[str, Any]) -> bytes:
    """Write a request as the bytes that are sent and stored: sorted keys, no white space, UTF-8."""
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


class Sent:
    """The passages of a request and what of them was sent, in the order in which the service counts."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self.passages = list(passages)
        self._ids: set[str] = set()
        self._places: list[int] = []
        """Per search result: the passage's place in the list."""
        self._blocks: list[list[str]] = []
        self.results = [self._send(place, passage) for place, passage in enumerate(passages) if self._is_new(passage)]

    def add(self, found: Sequence[Passage]) -> tuple[list[Passage], list[dict[str, Any]]]:
        """Take what was found later; return the passages that are new, and their `search_result` blocks."""
        fresh = [passage for passage in found if self._is_new(passage)]
        begin = len(self.passages)
        self.passages.extend(fresh)
        return fresh, [self._send(place, passage) for place, passage in enumerate(fresh, begin)]

    def quote(self, citation: Mapping[str, Any]) -> Quote:
        """Read a `search_result_location` back, unchecked: what was never sent keeps its words and fits no passage."""
        number, words = _integer(citation.get("search_result_index")), _single(str(citation.get("cited_text") or ""))
        span = _integer(citation.get("start_block_index")), _integer(citation.get("end_block_index"))
        cited = self._slice(number, *span)
        if cited is not None and (not words or words == _single(cited)):
            return Quote(self._places[number], cited)
        return Quote(self._holding(words, str(citation.get("source") or "")), words)

    def _is_new(self, passage: Passage) -> bool:
        new = passage.chunk.id not in self._ids and bool(passage.chunk.text.strip())
        self._ids.add(passage.chunk.id)
        return new

    def _send(self, place: int, passage: Passage) -> dict[str, Any]:
        blocks = split(passage.chunk.text)
        self._places.append(place)
        self._blocks.append(blocks)
        return _search_result(passage.chunk, blocks)

    def _slice(self, number: int, start: int, end: int) -> str | None:
        if not 0 <= number < len(self._blocks):
            return None
        blocks = self._blocks[number]
        return "".join(blocks[start:end]).strip() if 0 <= start < end <= len(blocks) else None

    def _holding(self, words: str, source: str) -> int:
        """Find the passage that holds the cited words, should the service count otherwise than we do."""
        for place, blocks in zip(self._places, self._blocks, strict=True):
            if words and _location(self.passages[place].chunk) == source and words in _single("".join(blocks)):
                return place
        return -1


class Conversation:
    """One question's exchange with Claude: every round sends what the rounds before sent, and continues it."""

    def __init__(
        self, request: AnswerRequest, *, voice: Voice, system: Prompt, tool: Prompt, history_tokens: int, today: date
    ) -> None:
        self._voice, self._system, self._tool = voice, system, tool
        self.sent = Sent(request.passages)
        self.searches = 0
        self.parameters: dict[str, Any] = {
            "model": voice.model,
            "max_tokens": voice.max_tokens,
            "effort": voice.effort,
            "history_tokens": history_tokens,
            "today": today.isoformat(),
            "searchable": request.search is not None,
            "rounds": [],
        }
        """What `render` needs besides prompts, passages and question; `rounds` are the searches in between."""
        self._searchable = request.search is not None
        asked = {"type": "text", "text": _asked(request, today)}
        question = request.question
        self._messages: list[dict[str, Any]] = [
            *turns(question.history, asker=question.asker, tokens=history_tokens),
            {"role": "user", "content": [*self.sent.results, asked]},
        ]

    @property
    def may_search(self) -> bool:
        return self._searchable and self.searches < MOST_SEARCHES

    def body(self) -> dict[str, Any]:
        """Return the request. Tool and system prompt never change, so the service reads them from its cache."""
        system = {"type": "text", "text": self._system.text, "cache_control": {"type": "ephemeral"}}
        body = {**self._voice.parameters(), "messages": self._messages, "stream": True, "system": [system]}
        if self._searchable:
            choice = {"type": "auto", "disable_parallel_tool_use": True} if self.may_search else {"type": "none"}
            body |= {"tools": [_tool(self._tool.text)], "tool_choice": choice}
        return body

    def searched(self, reply: Sequence[Mapping[str, Any]], call: str, found: Sequence[Passage]) -> list[Passage]:
        """Continue after Claude called the tool; return those passages that are new to it."""
        fresh, results = self.sent.add(found)
        content: Any = results or "There are no further passages."
        result = {"type": "tool_result", "tool_use_id": call, "content": content}
        self._messages = [
            *self._messages,
            {"role": "assistant", "content": list(reply)},
            {"role": "user", "content": [result]},
        ]
        self.searches += 1
        self.parameters["rounds"].append({"reply": list(reply), "call": call, "found": len(fresh)})
        return fresh


def render(exchange: Exchange, prompts: Mapping[str, str]) -> bytes:
    """Write the request of an exchange again, from its prompts, passages, question and parameters."""
    kept = exchange.parameters
    first = [passage for passage in exchange.passages if passage.stage is not Stage.SECOND_SEARCH]
    later = exchange.passages[len(first) :]
    talk = Conversation(
        AnswerRequest(
            replace(exchange.question, text=exchange.standalone),
            tuple(first),
            asked=exchange.question.text,
            search=_no_search if kept["searchable"] else None,
        ),
        voice=Voice(kept["model"], kept["max_tokens"], kept["effort"]),
        system=Prompt("answer", prompts["answer"]),
        tool=Prompt("search", prompts["search"]),
        history_tokens=kept["history_tokens"],
        today=date.fromisoformat(kept["today"]),
    )
    for turn in kept["rounds"]:
        found, later = later[: turn["found"]], later[turn["found"] :]
        talk.searched(turn["reply"], turn["call"], found)
    return canonical(talk.body())


async def _no_search(_query: str) -> tuple[Passage, ...]:
    """Stands for the search that was offered then: nothing is sent, so nothing is searched."""
    return ()


def split(text: str) -> list[str]:
    """Cut a passage into what can be cited by itself: sentences, rows, items, headings, blocks of code.

    Joined they are the passage, character by character.
    """
    plain = plain_text(text)
    cuts = sorted({0, *(cut for block in plain.blocks for cut in _cuts(plain, block))})
    pieces = [text[start:end] for start, end in zip(cuts, [*cuts[1:], len(text)], strict=True)]
    whole: list[str] = []
    for piece in pieces:
        if whole and not (piece.strip() and whole[-1].strip()):
            whole[-1] += piece
        else:
            whole.append(piece)
    return whole


def turns(history: Sequence[Turn], *, asker: str | None, tokens: int) -> list[dict[str, Any]]:
    """Write the newest part of a conversation as alternating turns; people other than the asker are named."""
    messages: list[dict[str, Any]] = []
    for turn in _newest(history, tokens * _CHARACTERS_PER_TOKEN):
        role = "assistant" if turn.speaker == ASSISTANT else "user"
        text = _turn_text(turn, asker)
        if messages and messages[-1]["role"] == role:
            messages[-1]["content"] += f"\n\n{text}"
        else:
            messages.append({"role": role, "content": text})
    if messages and messages[0]["role"] == "assistant":
        messages.insert(0, {"role": "user", "content": _EARLIER})
    return messages


def transcript(question: Question, *, tokens: int) -> str:
    """Write a conversation down for the small model, which is to read it and not to take part."""
    lines = [
        f"<message from={_speaker(turn, question.asker)!r}>{_clean(turn.text)}</message>"
        for turn in _newest(question.history, tokens * _CHARACTERS_PER_TOKEN)
    ]
    return "\n".join([*lines, f"<latest-message>{_clean(question.text)}</latest-message>"])


def _speaker(turn: Turn, asker: str | None) -> str:
    if turn.speaker == ASSISTANT:
        return "the bot"
    return "the asker" if turn.speaker == asker else _clean(turn.speaker)


def _turn_text(turn: Turn, asker: str | None) -> str:
    text = _clean(turn.text).strip()
    if turn.speaker == ASSISTANT:
        return _FOOTNOTE.sub("", text).strip() or "(No answer.)"
    return text if asker is None or turn.speaker == asker else f"{_clean(turn.speaker)} wrote: {text}"


def _newest(history: Sequence[Turn], characters: int) -> list[Turn]:
    """Keep the newest turns that fit; where not even the newest does, its beginning."""
    kept: list[Turn] = []
    for turn in reversed(history):
        if not turn.text.strip():
            continue
        if len(turn.text) > characters:
            if characters > 0 and not kept:
                kept.append(Turn(turn.speaker, turn.text[:characters].rstrip() + " …"))
            break
        characters -= len(turn.text)
        kept.append(turn)
    return kept[::-1]


def _asked(request: AnswerRequest, today: date) -> str:
    text = _clean(request.question.text).strip()
    asked = _clean(request.asked).strip()
    said = f"{asked}\n\n(In this conversation that means: {text})" if asked and asked != text else text
    return f"Today is {today.isoformat()}. The question:\n\n{said}"


def _tool(description: str) -> dict[str, Any]:
    query = {"type": "string", "description": "What to look for, in a few words or one question."}
    schema = {"type": "object", "properties": {"query": query}, "required": ["query"], "additionalProperties": False}
    return {"name": TOOL, "description": description, "input_schema": schema}


def _search_result(chunk: Chunk, blocks: Sequence[str]) -> dict[str, Any]:
    return {
        "type": "search_result",
        "source": _location(chunk),
        "title": title(chunk),
        "content": [{"type": "text", "text": _clean(block)} for block in blocks],
        "citations": {"enabled": True},
    }


def _location(chunk: Chunk) -> str:
    return _clean(f"{chunk.source}/{chunk.path}")


def title(chunk: Chunk) -> str:
    """Say where a passage is from, for the model: title, heading path and location."""
    return _clean(" > ".join(part for part in (chunk.title, *chunk.headings, chunk.where) if part)) or _location(chunk)


def _cuts(plain: PlainText, block: Block) -> Iterator[int]:
    """Say where the citable parts of a block begin in the source: its own first line, then each further sentence."""
    begin = plain.source_span(block.start, block.end)[0]
    yield plain.source.rfind("\n", 0, begin) + 1
    if block.kind not in {Kind.PARAGRAPH, Kind.ITEM}:
        return
    for start, _ in sentence_spans(plain.text[block.body : block.end])[1:]:
        place = plain.source_span(block.body + start, block.body + start + 1)[0]
        while place > begin and plain.source[place - 1] in _OPENING_MARKUP:
            place -= 1
        yield place


def _clean(text: str) -> str:
    """Replace what JSON cannot carry: halves of characters from file names that are not UTF-8, and NUL."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")


def _single(text: str) -> str:
    return " ".join(text.split())


def _integer(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else -1
