"""What a model's reply says by our prompts' conventions: sentences, a decline, what is missing (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from knowledge.language.quantities import quantities
from knowledge.language.sentences import sentence_spans

DECLINES = "NOT_IN_PASSAGES"
"""The whole reply when the passages do not answer the question."""
MISSING = "MISSING:"
"""Begins the line that names the part of the question which the passages do not answer."""
SOME_PART = "a part of the question"
"""Said of a missing part that was not named in the question's own words."""

_LIST_MARKER = re.compile(r"^\s*(?:[-*+•\u2013]|\d{1,2}[.)])\s+")
_HEADING = re.compile(r"^\s*#{1,6}\s")
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_WORD_BEHIND = re.compile(r"\S+\s")
_LIVE = re.compile(r"[<>@\[\]`|]|https?:|www\.", re.IGNORECASE)
_CAPITAL = re.compile(r"\b[^\W\d_a-zß-öø-ÿ][\w\u2019'-]*")
_LONGEST_PART = 160
_STEM = 4


def finished_spans(text: str, start: int, *, ended: bool) -> Iterator[tuple[int, int]]:
    """Yield the sentences from `start` on that no further text can change, as (start, end) in the text.

    A line break ends a sentence; within a line a sentence is finished when a whole word follows it.
    """
    while start < len(text):
        break_at = text.find("\n", start)
        whole = break_at >= 0 or ended
        end = break_at if break_at >= 0 else len(text)
        line = text[start:end]
        for first, last in sentence_spans(line):
            if whole or _WORD_BEHIND.search(line, last):
                yield start + first, start + last
        if not whole:
            return
        start = end + 1


class Presenter:
    """Brings the lines of a reply into sentences that stand in running text: no list markers, headings or fences."""

    def __init__(self) -> None:
        self._in_fence = False

    def present(self, text: str) -> str:
        """Return one sentence as it may be shown; empty when it says nothing."""
        if _FENCE.match(text):
            self._in_fence = not self._in_fence
            return ""
        if self._in_fence:
            return f"`{text.strip()}`" if text.strip("` ") else ""
        if _HEADING.match(text):
            return ""
        return _LIST_MARKER.sub("", text).strip()


def named_part(text: str, question: str) -> str:
    """Return the missing part as the model named it, if it says nothing but words of the question.

    What is missing carries no footnote, so it must not carry a fact either: no number, name, link or mention that the
    question did not bring.
    """
    part = " ".join(text.removeprefix(MISSING).split()).strip().rstrip(".")
    known = question.casefold()
    foreign = any(part[claim.start : claim.end].casefold() not in known for claim in quantities(part))
    names = _CAPITAL.findall(part)[1 if part[:1].isupper() else 0 :]
    if not part or len(part) > _LONGEST_PART or _LIVE.search(part) or foreign:
        return SOME_PART
    return part if all(name[:_STEM].casefold() in known for name in names) else SOME_PART
