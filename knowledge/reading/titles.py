"""What a document is called when it does not say so itself."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

LONGEST = 200
"""Characters of a title or heading that are kept."""
INDEX_NAMES = frozenset({"index", "readme", "default", "_index"})
"""File names that say nothing: the folder's name is the better title."""


def readable_name(path: str) -> str:
    """Make a title of a file name: `hr/sick-leave.md` → `Sick leave`."""
    file = PurePosixPath(path)
    stem = file.stem
    if stem.lower() in INDEX_NAMES and file.parent.name:
        stem = file.parent.name
    words = re.sub(r"[\s_-]+", " ", stem).strip() or file.name
    return one_line(words[:1].upper() + words[1:])


def one_line(text: str) -> str:
    """Put a title on one line and within a sane length."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1].rstrip()}…"
