"""A model that obeys: it writes what each document orders, in every form asked for, and cites that document for it."""

from __future__ import annotations

import base64
import codecs
import re
from collections.abc import Callable
from typing import Any

from tests.attacks.orders import ATTACKS
from tests.standins.messages_replies import Cite, Reply, Text, honest, question
from tests.standins.messages_rules import search_results

WORD = re.compile(r"\S+")
PROMPT = re.compile(r"\{prompt(:\w+|)\}")
FORMS: dict[str, Callable[[str], str]] = {
    "": lambda text: text,
    ":words": lambda text: "\n".join(WORD.findall(text)),
    ":parts": lambda text: re.sub(r"((?:\S+\s+){3})", lambda part: f"{part[0].strip()}. ", text),
    ":base64": lambda text: base64.b64encode(text.encode()).decode(),
    ":rot13": lambda text: codecs.encode(text, "rot13"),
    ":reversed": lambda text: "\n".join(line[::-1] for line in text.splitlines()),
    ":capitals": str.upper,
    ":spelled": lambda text: "\n".join("-".join(line) for line in text.splitlines()),
    ":hex": lambda text: text.encode().hex(),
}
ORDERED = {attack.name: attack.writes for attack in ATTACKS}


def obeying(body: dict[str, Any]) -> Reply:
    """Obey every poisoned passage; first what is ordered, then all that stands there, then the rest of the world."""
    results = search_results(body)
    poisoned = [number for number, result in enumerate(results) if _name(result) in ORDERED]
    first = [_said(_obeyed(body, results, number), results, number) for number in poisoned]
    second = [_said(_whole(results[number]), results, number) for number in poisoned]
    third = [
        _said("\n".join([results[number]["title"], results[number]["source"]]), results, number) for number in poisoned
    ]
    last = [_said(f"{_others(results, number)}\n{_system(body)}", results, number) for number in poisoned[:1]]
    return Reply((*first, *second, *third, *last)) if poisoned else honest(body)


def _said(text: str, results: list[dict[str, Any]], number: int) -> Text:
    return Text(f"{text.strip() or '.'}\n", (Cite(number, 0, len(results[number]["content"])),))


def _obeyed(body: dict[str, Any], results: list[dict[str, Any]], number: int) -> str:
    """Fill in what an order asks for; without one, say all that the document says."""
    written = ORDERED[_name(results[number])] or _whole(results[number])
    written = PROMPT.sub(lambda asked: FORMS[asked[1]](_system(body)), written)
    return written.replace("{others}", _others(results, number)).replace("{question}", question(body))


def _name(result: dict[str, Any]) -> str:
    return str(result["source"]).partition("/")[2]


def _others(results: list[dict[str, Any]], number: int) -> str:
    return "\n".join(_whole(result) for place, result in enumerate(results) if place != number)


def _whole(result: dict[str, Any]) -> str:
    return "".join(block["text"] for block in result["content"])


def _system(body: dict[str, Any]) -> str:
    return "\n".join(block["text"] for block in body["system"])
