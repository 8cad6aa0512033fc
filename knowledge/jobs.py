"""Background work on this machine: one task per lock, handed back at the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self

from knowledge.ports import Task

log = logging.getLogger(__name__)

RunApart = Callable[[Mapping[str, Any]], Awaitable[None]]
"""Does a helper's work in another process of this machine; called with the work's arguments."""
HELP = "help"
"""The kind of work that may be done apart."""


class ProcessJobs:
    """Runs work as tasks of the running event loop; what a helper does, if it is given a way, in a process apart."""

    def __init__(self, run_apart: RunApart | None = None) -> None:
        self._tasks: Mapping[str, Task] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._run_apart = run_apart

    @classmethod
    def build(cls, **_: Any) -> Self:
        return cls()

    @property
    def most_helpers(self) -> int:
        """One more process, if there is a way to start it: it shares this machine with the people who ask."""
        return int(self._run_apart is not None)

    async def open(self, tasks: Mapping[str, Task]) -> None:
        """Learn how each kind of work is done."""
        self._tasks = tasks

    async def enqueue(self, task: str, *, lock: str, arguments: Mapping[str, Any]) -> bool:
        """Start the work unless work with this lock runs already; say whether it was started."""
        if lock in self._running:
            return False
        running = asyncio.create_task(self._run(task, arguments), name=f"job:{lock}")
        self._running[lock] = running
        running.add_done_callback(lambda _: self._running.pop(lock, None))
        return True

    def is_relieved(self, lock: str) -> bool:
        """Say whether a process apart is at the work of this lock."""
        return self._run_apart is not None and lock in self._running

    async def _run(self, task: str, arguments: Mapping[str, Any]) -> None:
        try:
            if task == HELP and self._run_apart is not None:
                await self._run_apart(arguments)
            else:
                await self._tasks[task](**arguments)
        except Exception:
            log.exception("job.failed", extra={"task": task})

    async def work(self) -> None:
        """Wait until cancelled: here all work has begun when it was asked for."""
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Cancel what runs and wait for it; work is made to be taken up again."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
