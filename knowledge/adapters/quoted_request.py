"""The conversation with a model that quotes passages in its text: what it is sent and what it should reply (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from knowledge.adapters.claude_request import title, turns
from knowledge.drafting import DECLINES, MISSING
from knowledge.types import Passage, Question

END = "END"
"""The last line of a whole reply: not every provider says why a model stopped."""
DECLINE = f"{DECLINES}\n{END}"
"""The whole reply when the passages do not answer the question."""

_TAG = re.compile(r"<(?=/?passage)", re.IGNORECASE)


def messages(
    question: Question, passages: Sequence[Passage], *, asked: str, prompt: str, history_tokens: int
) -> list[dict[str, Any]]:
    """Return system prompt, conversation and material as `{role, content}`.

    `question` stands alone; `asked` is what the person wrote.
    """
    said = turns(question.history, asker=question.asker, tokens=history_tokens)
    asking = material(question.text, passages, asked=asked)
    # Many chat templates refuse two messages of the user in a row.
    if said and said[-1]["role"] == "user":
        asking = f"{said.pop()['content']}\n\n{asking}"
    return [{"role": "system", "content": prompt}, *said, {"role": "user", "content": asking}]


def material(question: str, passages: Sequence[Passage], *, asked: str) -> str:
    """Write passages and question; a passage cannot close its own tag."""
    parts = [_passage(number, passage) for number, passage in enumerate(passages, 1)]
    said = question if asked in {"", question} else f"{asked}\n(That means: {question})"
    return "\n\n".join([*parts, f"The question:\n{said}"])


def reply(lines: Iterable[tuple[str, Sequence[tuple[int, str]]]], *, missing: str = "") -> str:
    """Write a whole reply: each sentence with its quotes as (passage number from 1, words), then what is missing."""
    said = [
        " ".join([text, *(f'[{number}: "{_single(words)}"]' for number, words in quotes)]) for text, quotes in lines
    ]
    return "\n".join([*said, *([f"{MISSING} {missing}"] if missing else []), END])


def _passage(number: int, passage: Passage) -> str:
    heading = title(passage.chunk).replace('"', "'").replace("\n", " ")
    heading = _TAG.sub("\u2039", heading)
    text = _TAG.sub("\u2039", passage.chunk.text)
    return f'<passage number="{number}" title="{heading}">\n{text}\n</passage>'


def _single(text: str) -> str:
    return " ".join(text.split())
