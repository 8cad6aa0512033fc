"""Evaluating citations: how many false footnotes are caught and true ones kept, on labelled sentences (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from knowledge.citing import check
from knowledge.errors import UsageError
from knowledge.types import Chunk, Draft, DraftSentence, Passage, Quote

EXAMPLE = '{"sentence": "…", "quotes": [{"passage": 0, "text": "…"}], "passages": ["…"], "supported": true}'


@dataclass(frozen=True, slots=True)
class CitationCase:
    """A sentence, the quotes said to carry it, and whether they do."""

    sentence: str
    quotes: tuple[Quote, ...]
    passages: tuple[Passage, ...]
    supported: bool
    kind: str = ""
    """What was done to it: figures are given for each kind."""


def is_supported(case: CitationCase) -> bool:
    """Say what the check thinks of a case: exactly what is asked of every answer before it is shown."""
    checked = check(Draft((DraftSentence(case.sentence, case.quotes),)), case.passages, unsupported="drop")
    return any(sentence.supported for sentence in checked.sentences)


def citation_figures(cases: Sequence[CitationCase]) -> dict[str, Any]:
    """Return the share of false cases caught and of true ones kept, in all and for each kind.

    A share is None where no case tells it.
    """
    judged = [(case, is_supported(case)) for case in cases]
    kinds = sorted({case.kind for case in cases})
    return {
        "cases": len(cases),
        **_shares(judged),
        "kinds": {kind: _kind([pair for pair in judged if pair[0].kind == kind]) for kind in kinds},
    }


def _kind(judged: Sequence[tuple[CitationCase, bool]]) -> dict[str, Any]:
    return {"cases": len(judged), **_shares(judged)}


def _shares(judged: Sequence[tuple[CitationCase, bool]]) -> dict[str, float | None]:
    return {
        "caught": _share(not passed for case, passed in judged if not case.supported),
        "kept": _share(passed for case, passed in judged if case.supported),
    }


def _share(values: Iterable[bool]) -> float | None:
    counted = [float(value) for value in values]
    return round(fmean(counted), 4) if counted else None


def citation_case(data: Mapping[str, Any], place: str) -> CitationCase:
    """Read one line's object. Raises UsageError that names the place and what a line looks like."""
    try:
        case = CitationCase(
            sentence=_text(data["sentence"]),
            quotes=tuple(Quote(_number(quote["passage"]), _text(quote["text"])) for quote in data["quotes"]),
            passages=tuple(_passage(number, given) for number, given in enumerate(data["passages"])),
            supported=data["supported"],
            kind=_text(data.get("kind", "")),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as exc:
        raise UsageError(f"{place} is no citation case ({exc!r}). A line looks like {EXAMPLE}.") from exc
    if not isinstance(case.supported, bool):
        raise UsageError(f'{place}: "supported" must be true or false.')
    return case


def _passage(number: int, given: object) -> Passage:
    """Make a passage of a text, or of an object with a text and where it is from."""
    data: Mapping[str, Any] = {"text": given} if isinstance(given, str) else given  # type: ignore[assignment]
    text = _text(data["text"])
    chunk = Chunk(
        id=str(number),
        document_id=str(number),
        source="",
        path=_text(data.get("path", "")),
        title=_text(data.get("title", "")),
        url=data.get("url"),
        heading=_text(data.get("heading", "")),
        page=data.get("page"),
        position=0,
        start=0,
        end=len(text),
        text=text,
        location=_text(data.get("location", "")),
    )
    return Passage(chunk, rank=number + 1, score=1.0)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is no passage number")
    return value
