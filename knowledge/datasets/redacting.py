"""Takes personal data and secrets out of training rows, with placeholders that stay the same across a row (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

from knowledge.datasets.personal_data import RULES, Label, Sensitive, normal_form

VERSION = "patterns-1"
"""Changes whenever the rules do: a manifest says which ones a snapshot was made with."""

_PLACEHOLDER = re.compile(r"<[A-Z_]+_\d+>")
_WORDS = re.compile(r"[^\W\d_]{2,}")
_DISTINCTIVE = re.compile(r"[A-Z0-9@. ]")
_SHORTEST_CARRIED = 5
"""Characters from which on a value that was found in one text of a row is looked for in the others."""
_ROLES = frozenset(
    "admin bot editor engineering finance hr it legal marketing operator owner review reviewer sales support system "
    "team terminal test user".split()
)
"""Names given with `--by` that are words before they are names."""


class Redactor(Protocol):
    """Finds what must not leave: the port for a stronger one, such as a recogniser of names."""

    name: str
    """With its version: it stands in the manifest."""

    def find(self, text: str) -> Iterable[Sensitive]:
        """Say where in the text something personal or secret stands; findings may overlap."""
        ...


class PatternRedactor:
    """The built-in redactor: patterns and checksums, no model and no download."""

    name = VERSION

    @classmethod
    def build(cls, **_parts: object) -> Self:
        """Build it; it needs nothing."""
        return cls()

    def find(self, text: str) -> Iterator[Sensitive]:
        """Yield what the rules find, those that count most first."""
        for rule in RULES:
            yield from rule.find(text)


class Together:
    """Finds what any of several redactors finds: a stronger one is an addition, never in place of the patterns."""

    def __init__(self, *redactors: Redactor) -> None:
        self._redactors = redactors
        self.name = "+".join(getattr(each, "name", type(each).__name__) for each in redactors)

    def find(self, text: str) -> Iterator[Sensitive]:
        """Yield the findings of each, in their order."""
        for redactor in self._redactors:
            yield from redactor.find(text)


class NoRedactor:
    """Finds nothing: for data that may stay as they are."""

    name = "none"

    @classmethod
    def build(cls, **_parts: object) -> Self:
        """Build it; it needs nothing."""
        return cls()

    def find(self, text: str) -> Iterator[Sensitive]:  # noqa: ARG002 - the port's argument
        """Yield nothing."""
        yield from ()


class Remembering:
    """Asks another redactor once for each text: the same prompts and passages stand in many rows."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self.name = redactor.name
        self._found: dict[str, tuple[Sensitive, ...]] = {}

    def find(self, text: str) -> tuple[Sensitive, ...]:
        """Return what the other one finds."""
        if text not in self._found:
            self._found[text] = tuple(self._redactor.find(text))
        return self._found[text]


def strengthened(redactor: Redactor) -> Redactor:
    """Add the patterns to somebody's own redactor."""
    return redactor if isinstance(redactor, PatternRedactor | NoRedactor) else Together(PatternRedactor(), redactor)


class KnownPeople:
    """Finds the ids and names by which this installation knows people and channels, however short they are."""

    name = "known"

    def __init__(self, people: Iterable[str], channels: Iterable[str] = ()) -> None:
        self._labels = dict.fromkeys(filter(_tells_somebody, people), Label.PERSON)
        self._labels |= dict.fromkeys(filter(_tells_somebody, channels), Label.CHANNEL)
        longest_first = sorted(self._labels, key=lambda name: (-len(name), name))
        names = "|".join(re.escape(name) for name in longest_first)
        self._pattern = re.compile(rf"(?<!\w)(?:{names})(?!\w)") if names else None

    def find(self, text: str) -> Iterator[Sensitive]:
        """Yield each known name where it stands as a word of its own."""
        for match in self._pattern.finditer(text) if self._pattern else ():
            yield Sensitive(match.start(), match.end(), self._labels[match[0]], match[0])


def _tells_somebody(name: str) -> bool:
    return len(name) > 1 and name.casefold() not in _ROLES and (len(name) > 2 or bool(_DISTINCTIVE.search(name)))


@dataclass(frozen=True, slots=True)
class Redacted:
    """A value after redaction, and how much of each kind was taken out."""

    value: Any
    counts: Mapping[str, int]


KEPT = frozenset({"role", "paths"})
"""Keys whose values are names for programs. Our own instructions, the system message, are kept as well."""


def redact(value: Any, redactors: Sequence[Redactor]) -> Redacted:
    """Redact every string of a JSON value as one row: the same value gets the same placeholder everywhere.

    Keys are never touched, nor what is under one of `KEPT`. A value found in one string is replaced in all of them,
    also where it stands without the words that gave it away.
    """
    texts = list(_strings(value))
    names = _Names()
    found = [_settled(text, redactors) for text in texts]
    for text, findings in zip(texts, found, strict=True):
        for finding in findings:
            names.add(finding, text[finding.start : finding.end])
    done = iter([names.replace(text, findings) for text, findings in zip(texts, found, strict=True)])
    return Redacted(_rebuilt(value, done), names.counts())


def says_nothing(text: str) -> bool:
    """Say whether a text is little else than placeholders: it has lost its meaning."""
    return bool(_PLACEHOLDER.search(text)) and len(_WORDS.findall(_PLACEHOLDER.sub(" ", text))) < 2


class _Names:
    """The placeholders of one row."""

    def __init__(self) -> None:
        self._placeholders: dict[tuple[str, str], str] = {}
        self._numbers: dict[str, int] = {}
        self._surfaces: dict[str, str] = {}

    def add(self, finding: Sensitive, surface: str) -> None:
        key = (finding.label, normal_form(finding.label, finding.value or surface))
        if key not in self._placeholders:
            self._numbers[finding.label] = number = self._numbers.get(finding.label, 0) + 1
            self._placeholders[key] = f"<{finding.label}_{number}>"
        if len(surface) >= _SHORTEST_CARRIED and not _PLACEHOLDER.fullmatch(surface):
            self._surfaces.setdefault(surface, self._placeholders[key])

    def replace(self, text: str, findings: Sequence[Sensitive]) -> str:
        pieces, place = [], 0
        for finding in findings:
            value = finding.value or text[finding.start : finding.end]
            key = (finding.label, normal_form(finding.label, value))
            pieces += [self._carried(text[place : finding.start]), self._placeholders[key]]
            place = finding.end
        return "".join([*pieces, self._carried(text[place:])])

    def _carried(self, text: str) -> str:
        for surface in sorted(self._surfaces, key=len, reverse=True):
            if surface in text:
                text = re.sub(rf"(?<!\w){re.escape(surface)}(?!\w)", self._surfaces[surface], text)
        return text

    def counts(self) -> dict[str, int]:
        return {str(label): number for label, number in sorted(self._numbers.items())}


def _settled(text: str, redactors: Sequence[Redactor]) -> list[Sensitive]:
    """Keep of overlapping findings the one that was found first, in the order of the text."""
    taken: list[Sensitive] = []
    for redactor in redactors:
        for finding in redactor.find(text):
            if all(finding.end <= other.start or other.end <= finding.start for other in taken):
                taken.append(finding)
    return sorted(taken, key=lambda finding: finding.start)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            if not _is_kept(value, name):
                yield from _strings(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _strings(each)


def _is_kept(message: Mapping[str, Any], name: str) -> bool:
    return name in KEPT or message.get("role") == "system"


def _rebuilt(value: Any, texts: Iterator[str]) -> Any:
    if isinstance(value, str):
        return next(texts)
    if isinstance(value, Mapping):
        return {name: each if _is_kept(value, name) else _rebuilt(each, texts) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rebuilt(each, texts) for each in value]
    return value
