"""The operating system says that something in a folder has changed; a hint, never the truth."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

IGNORE = ".footnoteignore"
"""The one hidden file that says something about the documents."""
DEBOUNCE_MS = 400
"""A burst of changes (a checkout, a save that renames) is one hint, at most so late."""


async def hints(root: Path) -> AsyncIterator[None]:
    """Yield whenever something that is not hidden has changed below a folder.

    Raises OSError or RuntimeError when the system cannot watch it: no such folder, no watches left.
    """
    from watchfiles import Change, awatch

    def shown(_: Change, path: str) -> bool:
        return not any(part.startswith(".") and part != IGNORE for part in Path(path).relative_to(root).parts)

    async for _ in awatch(root, watch_filter=shown, debounce=DEBOUNCE_MS, step=50, recursive=True):
        yield
