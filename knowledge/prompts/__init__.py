"""What models are told: one Markdown file per prompt, each version known by its hash."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

_WORD = re.compile(r"\w+")
_RUN = 8
"""Words in a row that nobody writes by chance."""
_SENTENCE = 4
"""Words from which on a whole sentence is recognised as ours."""


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
    def _runs(self) -> frozenset[tuple[str, ...]]:
        return _runs(_words(self.text))

    @cached_property
    def _spoken(self) -> str:
        return f" {' '.join(_words(self.text))} "


@cache
def load(*names: str) -> Prompt:
    """Read prompts by name, joined in this order. Raises FileNotFoundError for a name that has no file."""
    folder = Path(__file__).parent
    return Prompt(names[0], "\n\n".join((folder / f"{name}.md").read_text("utf-8").strip() for name in names))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _runs(words: list[str]) -> frozenset[tuple[str, ...]]:
    return frozenset(zip(*(words[start:] for start in range(_RUN)), strict=False))
