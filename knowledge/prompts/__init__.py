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
        """Say whether a text recites the prompt: eight of its words in a row."""
        return not self._runs.isdisjoint(_runs(text))

    @cached_property
    def _runs(self) -> frozenset[tuple[str, ...]]:
        return _runs(self.text)


@cache
def load(*names: str) -> Prompt:
    """Read prompts by name, joined in this order. Raises FileNotFoundError for a name that has no file."""
    folder = Path(__file__).parent
    return Prompt(names[0], "\n\n".join((folder / f"{name}.md").read_text("utf-8").strip() for name in names))


def _runs(text: str) -> frozenset[tuple[str, ...]]:
    words = _WORD.findall(text.casefold())
    return frozenset(zip(*(words[start:] for start in range(_RUN)), strict=False))
