"""Background work in this process: one task per lock, handed back at the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Self

from knowledge.ports import Task

log = logging.getLogger(__name__)


class ProcessJobs:
    """Runs work as tasks of the running event loop."""

    elsewhere = False

    def __init__(self) -> None:
        self._tasks: Mapping[str, Task] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    @classmethod
    def build(cls, **_: Any) -> Self:
        return cls()

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

    async def _run(self, task: str, arguments: Mapping[str, Any]) -> None:
        try:
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
