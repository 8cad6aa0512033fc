"""A reindex beside the people who ask: a process of its own, of low priority, that lives as long as it has work.

In the serving process a reindex of many files would make every question wait for the interpreter. So there only the
walk and the small reindexes happen; of a larger one this process takes the files, and the serving process follows.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from typing import Any

from knowledge import KnowledgeBase, ProcessJobs, Settings, TeamFile

log = logging.getLogger(__name__)

NICENESS = 10
"""How much the helper stands back, from 0 to 19: it gets a tenth of a core that somebody else wants."""
ENDING_SECONDS = 5.0
"""How long a helper may take to give back what it has begun."""


def jobs_for(settings: Settings) -> ProcessJobs | None:
    """Return the jobs of a process that serves and reindexes on this machine; None when workers reindex for it."""
    return ProcessJobs(HelperProcess(settings).run) if settings.chosen_jobs == "process" else None


class HelperProcess:
    """Starts a helper with the settings of this process, but for the team: what sources there are says the database."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.with_team(TeamFile(), given=False)

    async def run(self, arguments: Mapping[str, Any]) -> None:
        """Help with a run until nothing is left to take; when cancelled, the helper gives back what it has."""
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bot.helping", stdin=PIPE)
        try:
            _hand_over(process, pickle.dumps((self._settings, dict(arguments))))
            if code := await process.wait():
                log.warning("helper.failed", extra={"code": code})
        finally:
            await asyncio.shield(_end(process))


def _hand_over(process: Process, order: bytes) -> None:
    """Write the order and leave the pipe open: its end tells the helper that nobody needs it any more."""
    assert process.stdin is not None  # noqa: S101 - asked for a pipe
    process.stdin.write(len(order).to_bytes(8, "big") + order)


async def _end(process: Process) -> None:
    assert process.stdin is not None  # noqa: S101 - asked for a pipe
    process.stdin.close()
    try:
        async with asyncio.timeout(ENDING_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


# --- In the helper ----------------------------------------------------------------------------------------------------


def main() -> None:
    """Do what the process that started this one asks for; ends early when that one is gone."""
    from bot.logs import configure

    size = int.from_bytes(sys.stdin.buffer.read(8), "big")
    settings, arguments = pickle.loads(sys.stdin.buffer.read(size))  # noqa: S301 - from the process that started us
    os.nice(NICENESS)
    configure(settings)
    asyncio.run(_help(settings, arguments))


async def _help(settings: Settings, arguments: Mapping[str, Any]) -> None:
    loop = asyncio.get_running_loop()
    helping = asyncio.create_task(_work(settings, arguments))
    os.set_blocking(sys.stdin.fileno(), False)
    loop.add_reader(sys.stdin.fileno(), lambda: _at_the_end(helping.cancel))
    with contextlib.suppress(asyncio.CancelledError):
        await helping


async def _work(settings: Settings, arguments: Mapping[str, Any]) -> None:
    kb = await KnowledgeBase.open(settings)
    try:
        await kb.help(**arguments)
    finally:
        await kb.close()


def _at_the_end(end: Callable[[], object]) -> None:
    if not os.read(sys.stdin.fileno(), 1):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        end()


if __name__ == "__main__":
    main()
