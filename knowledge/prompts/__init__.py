"""What models are told: one Markdown file per prompt, each version known by its hash."""

from __future__ import annotations

import base64
import binascii
import codecs
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

_WORD = re.compile(r"\w+")
_RUN = 8
"""Words in a row that nobody writes by chance."""
_SENTENCE = 4
"""Words from which on a whole sentence is recognised as ours."""
_LETTERS = 32
"""Letters in a row, whatever stands between them, that nobody writes by chance."""
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}[\s:]?){24,}")


@dataclass(frozen=True)
class Prompt:
    """A prompt as it is sent."""

    name: str
    text: str

    @property
    def version(self) -> str:
        """The name and twelve hexadecimal digits of the text's SHA-256; stored with every answer."""
        return f"{self.name}-{hashlib.sha256(self.text.encode()).hexdigest()[:12]}"

    def repeated_in(self, text: str) -> bool:
        """Say whether a text recites the prompt: eight of its words in a row, or nothing but its words."""
        words = _words(text)
        whole = len(words) >= _SENTENCE and f" {' '.join(words)} " in self._spoken
        return whole or not self._runs.isdisjoint(_runs(words))

    @cached_property
    def windows(self) -> frozenset[str]:
        """Every run of letters by which the prompt is recognised in pieces."""
        letters = _letters(self.text)
        return frozenset(letters[start : start + _LETTERS] for start in range(len(letters) - _LETTERS + 1))

    @cached_property
    def _runs(self) -> frozenset[tuple[str, ...]]:
        return _runs(_words(self.text))

    @cached_property
    def _spoken(self) -> str:
        return f" {' '.join(_words(self.text))} "


class Recital:
    """Hears a reply sentence by sentence and says which of them recite a prompt: in pieces, spelled or encoded too."""

    def __init__(self, prompt: Prompt) -> None:
        self._prompt = prompt
        self._tails = dict.fromkeys(_READINGS, "")

    def recites(self, text: str) -> bool:
        """Take the next sentence, and say whether it recites the prompt or goes on with a recital."""
        heard = [self._goes_on(name, _letters(read(text))) for name, read in _READINGS.items()]
        return any(heard) or self._prompt.repeated_in(text)

    def _goes_on(self, reading: str, letters: str) -> bool:
        whole = self._tails[reading] + letters
        self._tails[reading] = whole[1 - _LETTERS :]
        return any(whole[at : at + _LETTERS] in self._prompt.windows for at in range(len(whole) - _LETTERS + 1))


def _from_base64(text: str) -> str:
    return " ".join(_decoded(found[0]) for found in _BASE64.finditer(text))


def _decoded(blob: str) -> str:
    plain = blob.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        return base64.b64decode(plain[: len(plain) // 4 * 4]).decode("utf-8", "replace")
    except binascii.Error:
        return ""


def _from_hex(text: str) -> str:
    digits = (re.sub(r"[\s:]", "", found[0]) for found in _HEX.finditer(text))
    return " ".join(bytes.fromhex(run).decode("utf-8", "replace") for run in digits)


_READINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "backwards": lambda text: text[::-1],
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "base64": _from_base64,
    "hexadecimal": _from_hex,
}


@cache
def load(*names: str) -> Prompt:
    """Read prompts by name, joined in this order. Raises FileNotFoundError for a name that has no file."""
    folder = Path(__file__).parent
    return Prompt(names[0], "\n\n".join((folder / f"{name}.md").read_text("utf-8").strip() for name in names))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _runs(words: list[str]) -> frozenset[tuple[str, ...]]:
    return frozenset(zip(*(words[start:] for start in range(_RUN)), strict=False))
