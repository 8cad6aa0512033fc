"""Background work in this process: one task per name, awaited at the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)


class ProcessJobs:
    """Runs work as tasks of the running event loop."""

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Task[None]] = {}

    async def enqueue(self, name: str, work: Callable[[], Awaitable[None]]) -> bool:
        """Start the work unless work of this name runs already; say whether it was started."""
        if name in self._running:
            return False
        task = asyncio.create_task(self._run(name, work), name=f"job:{name}")
        self._running[name] = task
        task.add_done_callback(lambda _: self._running.pop(name, None))
        return True

    async def _run(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception:
            log.exception("job.failed", extra={"job": name})

    async def close(self) -> None:
        """Cancel what runs and wait for it; work is made to be taken up again."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
