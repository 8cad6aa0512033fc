"""Background work on Postgres with Procrastinate: many workers, one queue, in the database that is there anyway."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self

from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import DeleteJobCondition, Status

from knowledge.errors import ConfigurationError, DatabaseUnavailableError
from knowledge.ports import Task
from knowledge.settings import Settings

log = logging.getLogger(__name__)

QUEUE = "footnote"
CONNECTIONS = 3
"""For one process: it listens, fetches and reports; in `web` one is enough, and more are not opened."""
OPEN_SECONDS = 5.0
HEARTBEAT_SECONDS = 4.0
STALLED_SECONDS = 12.0
"""A worker that has been silent for so long is dead; its jobs are dropped, for our own leases bring the work back."""
POLL_SECONDS = 5.0
"""How often a worker looks, should a notification get lost."""
RETRY_SECONDS = 2.0
LETTING_GO_SECONDS = 2.0
"""For a job that is about to be done; any other is handed back."""


class ProcrastinateJobs:
    """Hands work to every worker on the same database."""

    most_helpers = 16

    def __init__(self, url: str) -> None:
        self._app = App(
            connector=PsycopgConnector(conninfo=url, min_size=0, max_size=CONNECTIONS, timeout=OPEN_SECONDS)
        )
        self._opening = asyncio.Lock()
        self._opened = False

    @classmethod
    def build(cls, *, settings: Settings, **_: Any) -> Self:
        """Use the database of the settings. Raises ConfigurationError when that is not Postgres."""
        if not settings.on_postgres or settings.database_url is None:
            raise ConfigurationError("FOOTNOTE_JOBS=procrastinate needs Postgres: set DATABASE_URL to postgresql://….")
        return cls(settings.database_url)

    async def open(self, tasks: Mapping[str, Task]) -> None:
        """Learn how each kind of work is done; connects when the first work is handed over or taken."""
        for name, task in tasks.items():
            self._app.task(name=name, queue=QUEUE)(task)

    async def enqueue(self, task: str, *, lock: str, arguments: Mapping[str, Any]) -> bool:
        """Put work in the queue unless work with this lock waits there already."""
        async with _translated():
            await self._connect()
            try:
                deferred = self._app.configure_task(task, queue=QUEUE, queueing_lock=lock)
                await deferred.defer_async(**arguments)
            except AlreadyEnqueued:
                return False
        return True

    def is_relieved(self, lock: str) -> bool:  # noqa: ARG002 - many hands: a process that shares its work helps, too
        """Never: whoever does a reindex works on it together with the helpers."""
        return False

    async def _connect(self) -> None:
        async with self._opening:
            if not self._opened:
                await self._app.open_async()
                self._opened = True

    async def work(self) -> None:
        """Work until cancelled; begins again when the database was away."""
        while True:
            try:
                async with _translated(), asyncio.TaskGroup() as group:
                    await self._connect()
                    group.create_task(self._clear_forever(), name="jobs.clear")
                    group.create_task(self._work_once(), name="jobs.worker")
            except* (DatabaseUnavailableError, ConnectorException):
                log.warning("jobs.database_unavailable")
            except* Exception:
                log.exception("jobs.worker_failed")
            await asyncio.sleep(RETRY_SECONDS)

    async def _work_once(self) -> None:
        await self._app.run_worker_async(
            queues=[QUEUE],
            concurrency=1,
            fetch_job_polling_interval=POLL_SECONDS,
            shutdown_graceful_timeout=LETTING_GO_SECONDS,
            delete_jobs=DeleteJobCondition.ALWAYS.value,
            install_signal_handlers=False,
            update_heartbeat_interval=HEARTBEAT_SECONDS,
            stalled_worker_timeout=STALLED_SECONDS,
        )
        # A worker ends by itself when it has lost its connection.
        raise DatabaseUnavailableError

    async def _clear_forever(self) -> None:
        """Drop what dead workers left in the queue: https://github.com/procrastinate-org/procrastinate/issues/1518."""
        while True:
            stalled = await self._app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS)
            for job in stalled:
                log.warning("jobs.stalled", extra={"task": job.task_name})
                with contextlib.suppress(ConnectorException):
                    await self._app.job_manager.finish_job(job, status=Status.FAILED, delete_job=True)
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def close(self) -> None:
        """Give the connections back."""
        if self._opened:
            with contextlib.suppress(ConnectorException):
                await self._app.close_async()


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        yield
    except ConnectorException as exc:
        raise DatabaseUnavailableError from exc
