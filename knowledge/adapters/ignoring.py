"""`.footnoteignore`: files in a folder that say, in the syntax of `.gitignore`, what of it is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pathspec import GitIgnoreSpec, RegexPattern

from knowledge.errors import SourceError

NAME = ".footnoteignore"
REASON = f"{NAME} leaves it out"
DIRECTORY_MARK = "ps_d"
"""How `pathspec` names the slash behind a matched folder in its expressions."""
LARGEST = 256 * 1024
"""Bytes of such a file."""
MOST_STARS = 3
"""In one part of a pattern, and of parts `**`: more of them can take forever to match a long name."""


@dataclass(frozen=True, slots=True)
class IgnoreFile:
    """The rules of one folder; they hold for everything below it."""

    folder: str
    patterns: tuple[RegexPattern, ...]

    def verdict(self, path: str) -> bool | None:
        """Say whether a path is left out (true), kept (false), or not spoken of; a folder's path ends with a slash."""
        inside = path[len(self.folder) + 1 :] if self.folder else path
        return next((pattern.include for pattern in reversed(self.patterns) if _speaks_of(pattern, inside)), None)


def is_ignored(path: str, rules: Sequence[IgnoreFile]) -> bool:
    """Say whether a path is left out; of several files the nearest one decides, as with git."""
    return next((verdict for rule in reversed(rules) if (verdict := rule.verdict(path)) is not None), False)


def parsed(folder: str, data: bytes) -> IgnoreFile:
    """Parse a folder's rules. Raises SourceError with the line at fault: guessing could publish what is private."""
    where = f"{folder}/{NAME}" if folder else NAME
    lines = data.decode("utf-8-sig", "surrogateescape").splitlines()
    for number, line in enumerate(lines, 1):
        if _takes_forever(line):
            raise SourceError(f"Line {number} of {where} has more than {MOST_STARS} stars in a row of names: split it.")
        try:
            GitIgnoreSpec.from_lines([line])
        except ValueError as exc:
            raise SourceError(f"Line {number} of {where} is no pattern of .gitignore: correct it.") from exc
    patterns = GitIgnoreSpec.from_lines(lines).patterns
    return IgnoreFile(folder, tuple(pattern for pattern in patterns if pattern.include is not None))


def _speaks_of(pattern: RegexPattern, path: str) -> bool:
    """Say whether a pattern means this very file or folder; what it says of a folder above was asked on the way down.

    A whole `GitIgnoreSpec` matches folders above, too, and then `!*/` would keep every file in every folder.
    """
    assert pattern.regex is not None  # noqa: S101 - only patterns that include or exclude are kept
    if DIRECTORY_MARK not in pattern.regex.groupindex:
        return pattern.regex.search(path.rstrip("/")) is not None
    ends = (match.end(DIRECTORY_MARK) for match in pattern.regex.finditer(path))
    return any(end in (-1, len(path)) for end in ends)


def _takes_forever(line: str) -> bool:
    parts = line.split("/")
    return parts.count("**") > MOST_STARS or any(part.count("*") > MOST_STARS for part in parts if part != "**")
