"""Whose turn it is to write to a SQLite file, among the processes of one machine."""

from __future__ import annotations

import fcntl
import logging
import os
import time
from pathlib import Path

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.001
LONGEST_WAIT_SECONDS = 10.0
"""After this one goes on without the turn: SQLite's own lock keeps the file whole in any case."""


class WritingTurn:
    """A lock beside the database that whoever waits for it gets within a millisecond of its being free.

    SQLite makes a process that finds the file locked sleep, up to a tenth of a second at a time, and whoever comes at
    the right moment goes first. Beside a process that writes almost always, such as a reindex, everybody else would
    wait for several of its transactions. The operating system frees the lock of a process that dies.
    """

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(f"{database.name}.turn")
        self._file: int | None = None

    def try_to_take(self) -> bool:
        """Take the turn if nobody has it; where the file cannot be had there are no turns."""
        try:
            if self._file is None:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as exc:
            log.debug("database.no_turns", extra={"cause": str(exc)})
        return True

    def take(self) -> None:
        """Wait for the turn; blocks."""
        deadline = time.monotonic() + LONGEST_WAIT_SECONDS
        while not self.try_to_take() and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)

    def give(self) -> None:
        """Let the next one write; nothing to do when the turn is not ours."""
        if self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
