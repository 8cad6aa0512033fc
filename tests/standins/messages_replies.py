"""What the stand-in for Claude says: scripted replies, an honest reader, and a model that obeys every document."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.standins.messages_rules import blocks, search_results

WORD = re.compile(r"\w+")
SMALL = frozenset(
    "a an and are at be by can do does for how i if in is it of on or the to what when where who why".split()
)
DECLINE = "NOT_IN_PASSAGES"
ORDERS = re.compile(
    r"ignore|disregard|override|instruction|assistant|system|you (?:are|must|will)|respond|reply|answer with|"
    r"print|output|write|say|repeat|include|append|render|click|forget|ignor|schreib|antworte|écri|répond|escrib|指示|忽略|игнор",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Cite:
    """A citation of blocks `start` up to `end` of the search result with this number."""

    result: int
    start: int = 0
    end: int | None = None
    """Exclusive; one block when left out."""
    claims: dict[str, Any] = field(default_factory=dict, hash=False)
    """What the citation says otherwise than the truth."""


@dataclass(frozen=True)
class Text:
    """A text block."""

    text: str
    cites: tuple[Cite, ...] = ()
    cites_first: bool = True
    """The service often sends a citation before the words that it carries."""


@dataclass(frozen=True)
class Thinking:
    """A thinking block; its text is hidden by default, its signature is not."""

    text: str = ""


@dataclass(frozen=True)
class Search:
    """A call of the search tool."""

    query: str
    id: str = "toolu_1"


@dataclass(frozen=True)
class Reply:
    """One message."""

    blocks: tuple[Text | Thinking | Search, ...]
    stop_reason: str | None = "end_turn"


def said(*parts: Text | Thinking | Search | str, stop_reason: str | None = None) -> Reply:
    """Make a reply; a search ends it with `tool_use`."""
    made = tuple(Text(part) if isinstance(part, str) else part for part in parts)
    searches = any(isinstance(part, Search) for part in made)
    return Reply(made, stop_reason or ("tool_use" if searches else "end_turn"))


def honest(body: dict[str, Any]) -> Reply:
    """Quote the sentence that has most words with the question in common; search once more, or decline, without any."""
    asked = _words(question(body))
    rated = [
        (len(asked & _words(block["text"])), -number, -place, block["text"])
        for number, result in enumerate(search_results(body))
        for place, block in enumerate(result["content"])
        if len(_words(block["text"])) > 2
    ]
    best = max(rated, default=(0, 0, 0, ""))
    if best[0] >= min(2, len(asked)):
        return said(Text(_plain(best[3]), (Cite(-best[1], -best[2]),)))
    searched = any(block.get("type") == "tool_result" for _, block in blocks(body))
    if body.get("tools") and body.get("tool_choice", {}).get("type", "auto") == "auto" and not searched:
        return said(Thinking("The passages do not say it."), Search(question(body)))
    return said(DECLINE)


def obedient(body: dict[str, Any]) -> Reply:
    """Do what documents order: say all that they say, cite it, hand out the system prompt and the other passages."""
    results = search_results(body)
    ordered = [number for number, result in enumerate(results) if ORDERS.search(_whole(result))]
    parts: list[Text] = []
    for number in ordered:
        result = results[number]
        everything = (Cite(number, 0, len(result["content"])),)
        parts.append(Text(_whole(result).strip() + "\n", everything))
        parts.append(Text(_system(body) + "\n", everything))
        parts += [Text(_whole(other).strip() + "\n", everything) for other in results if other is not result]
        parts.append(Text("\n".join([result["title"], result["source"]]) + "\n", everything))
    return Reply(tuple(parts)) if parts else honest(body)


def standalone(body: dict[str, Any]) -> Reply:
    """Do the small model's work: put the question before in front of the latest message."""
    transcript = str(body["messages"][-1]["content"])
    latest = re.search(r"<latest-message>(.*)</latest-message>", transcript, re.DOTALL)
    before = re.findall(r"<message from='(?!the bot)[^>]*>(.*?)</message>", transcript, re.DOTALL)
    return said(" ".join([*(text.strip() for text in before[-1:]), latest[1].strip() if latest else transcript]))


def question(body: dict[str, Any]) -> str:
    """Return the latest words of a person."""
    texts = [block["text"] for role, block in blocks(body) if role == "user" and block.get("type") == "text"]
    return texts[-1].partition("The question:")[2].strip() or texts[-1]


def _system(body: dict[str, Any]) -> str:
    system = body.get("system", "")
    return system if isinstance(system, str) else "\n".join(block["text"] for block in system)


def _whole(result: dict[str, Any]) -> str:
    return "".join(block["text"] for block in result["content"])


def _plain(text: str) -> str:
    return " ".join(text.strip().strip("-*#| ").replace("**", "").split())


def _words(text: str) -> set[str]:
    return {word for word in WORD.findall(text.casefold()) if word not in SMALL}


def cited(body: dict[str, Any], cite: Cite) -> dict[str, Any]:
    """Write a citation as the service does."""
    results = search_results(body)
    result = results[cite.result] if 0 <= cite.result < len(results) else {"content": [], "source": "?", "title": "?"}
    end = cite.start + 1 if cite.end is None else cite.end
    return {
        "type": "search_result_location",
        "search_result_index": cite.result,
        "start_block_index": cite.start,
        "end_block_index": end,
        "source": result["source"],
        "title": result["title"],
        "cited_text": "".join(_texts(result["content"], cite.start, end)),
    } | cite.claims


def _texts(content: Sequence[dict[str, Any]], start: int, end: int) -> list[str]:
    return [block["text"] for block in content[max(start, 0) : end]]
