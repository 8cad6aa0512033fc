"""Reindex runs: who asked for one, who does it, how far it is, what came of it; and the shares that others take."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, delete, func, insert, or_, select, update

from knowledge.errors import EmptySourceError
from knowledge.ids import content_id, new_id
from knowledge.store.clock import Clock, ran_out
from knowledge.store.database import Database, insert_new
from knowledge.tables import run_batches, runs
from knowledge.types import FailedFile, PartlyRead, Progress, ReindexReport, Skipped, Vanished

KEPT = timedelta(days=7)
"""How long the report of a run can be asked for."""
PLAN_AT_ONCE = 200
"""Shares written in one transaction."""


class RunState(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    """Nobody has begun, or who had handed it back."""
    RUNNING = "running"
    """Somebody is at it; whether they still live, the lease tells."""
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """Somebody stopped it; what it had published until then stays."""


ENDED = frozenset({RunState.DONE, RunState.FAILED, RunState.CANCELLED})
OPEN = tuple(state for state in RunState if state not in ENDED)


@dataclass(frozen=True, slots=True)
class Run:
    """One reindex of a source."""

    id: str
    source: str
    folder: str
    allow_empty: bool
    state: RunState
    progress: Progress
    free: bool
    """Whether nobody is at it now: it waits for a worker, or its worker went silent."""
    token: int | None
    """Of the source's lease; None while nobody may help."""
    report: ReindexReport | None
    error: str
    error_kind: str
    error_details: Mapping[str, Any]
    cancel_asked: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking for a run."""

    run_id: str
    new: bool
    """Nobody had asked for it; otherwise it is somebody else's, or what the same delivery asked for before."""
    joined: bool
    """Somebody else had asked for it, and it has not ended."""


@dataclass(frozen=True, slots=True)
class Share:
    """Some files of a run that one process takes care of."""

    number: int
    files: int
    body: list[Any]


class Runs:
    """Every read and write about reindex runs."""

    def __init__(self, database: Database, *, clock: Clock = time.time) -> None:
        self._database = database
        self._clock = clock

    # --- asking ---------------------------------------------------------------------------------------------------

    async def request(
        self, source: str, *, folder: str = "", allow_empty: bool = False, key: str | None = None
    ) -> Asked:
        """Ask for a run.

        Who asks again with the same key gets the run it got before, ended or not; who asks for what is being done
        joins that.
        """
        slot = content_id(source, folder, str(allow_empty))
        row = _new_row(source, folder, allow_empty) | {"key": key, "slot": slot}
        same = runs.c.slot == slot if key is None else or_(runs.c.slot == slot, runs.c.key == key)
        async with self._database.writing() as connection:
            while True:
                inserted = await connection.execute(insert_new(connection, runs).returning(runs.c.id), row)
                if inserted.one_or_none() is not None:
                    return Asked(str(row["id"]), new=True, joined=False)
                found = await connection.execute(select(runs.c.id, runs.c.key).where(same))
                joined = sorted(found.all(), key=lambda other: other.key != key)
                if joined:
                    return Asked(str(joined[0].id), new=False, joined=key is None or joined[0].key != key)

    async def begin(self, source: str, *, folder: str, allow_empty: bool, owner: str, lease: float) -> str:
        """Record a run that this process does at once for whoever is waiting in front of it."""
        row = _new_row(source, folder, allow_empty)
        row |= {"state": RunState.RUNNING, "owner": owner, "lease_until": self._clock() + lease}
        async with self._database.writing() as connection:
            await connection.execute(insert(runs), row)
        return str(row["id"])

    async def get(self, run_id: str) -> Run:
        """Read a run."""
        async with self._database.reading() as connection:
            return _run((await connection.execute(select(runs).where(runs.c.id == run_id))).one(), self._clock())

    async def last_report(self, source: str, *, folder: str = "") -> ReindexReport | None:
        """Return the report of the newest run of a source, or of a folder in it, that came to its end."""
        done = (runs.c.source == source) & (runs.c.folder == folder) & (runs.c.state == RunState.DONE)
        query = select(runs.c.report).where(done).order_by(runs.c.ended_at.desc()).limit(1)
        kept = await self._database.read(lambda connection: connection.execute(query).scalar_one_or_none())
        return None if kept is None else _report(kept)

    async def waiting(self) -> list[str]:
        """Name the runs that were asked for and that nobody is at, oldest first."""
        free = runs.c.state.in_(OPEN) & ran_out(runs.c.lease_until, self._clock())
        query = select(runs.c.id).where(free, runs.c.slot.is_not(None)).order_by(runs.c.id)
        async with self._database.reading() as connection:
            return list((await connection.execute(query)).scalars())

    async def active(self) -> dict[str, Progress]:
        """Say how far the runs are that are under way and not to stop, by the source's name."""
        going_on = (runs.c.state == RunState.RUNNING) & runs.c.cancel_asked.is_(False)
        living = going_on & ~ran_out(runs.c.lease_until, self._clock())
        query = select(runs).where(living, runs.c.files_total > 0).order_by(runs.c.id)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return {row.source: _progress(row) for row in rows}

    async def asking(self) -> dict[str, Vanished]:
        """Say of which sources the newest run of the whole would have removed too much, and waits for a yes."""
        ended = (runs.c.folder == "") & runs.c.state.in_(ENDED)
        newest = select(func.max(runs.c.id)).where(ended).group_by(runs.c.source)
        query = select(runs).where(runs.c.id.in_(newest), runs.c.error_kind == EmptySourceError.__name__)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return {row.source: Vanished(**(row.error_details or {})) for row in rows}

    # --- cancelling -----------------------------------------------------------------------------------------------

    async def cancel(self, source: str, *, folder: str = "") -> bool:
        """Have the runs of a source end, or those of a folder in it; say whether there were any.

        Who works on one learns it from `cancel_asked`; one that nobody is at ends now. Who asks for the same from now
        on gets a run of its own.
        """
        silent = ran_out(runs.c.lease_until, self._clock())
        these = (runs.c.source == source) & runs.c.state.in_(OPEN)
        these = these & (runs.c.folder == folder) if folder else these
        waiting = these & silent & runs.c.slot.is_not(None)
        asked = {"cancel_asked": True, "slot": None}
        ended = {"state": RunState.CANCELLED, "error_kind": "ReindexCancelledError", "ended_at": datetime.now(UTC)}
        async with self._database.writing() as connection:
            unbegun = await connection.execute(update(runs).where(waiting).values(asked | ended))
            begun = await connection.execute(update(runs).where(these, ~silent).values(asked))
        return unbegun.rowcount + begun.rowcount > 0

    async def cancel_asked(self, run_id: str) -> bool:
        """Say whether whoever works on a run should stop."""
        query = select(runs.c.cancel_asked).where(runs.c.id == run_id)
        return await self._database.read(lambda connection: bool(connection.execute(query).scalar_one_or_none()))

    # --- doing ----------------------------------------------------------------------------------------------------

    async def take(self, run_id: str, *, owner: str, lease: float) -> Run | None:
        """Take a run that nobody is at; None when it has ended or somebody is."""
        now = self._clock()
        free = runs.c.state.in_(OPEN) & ran_out(runs.c.lease_until, now, lease=lease)
        values = {
            "state": RunState.RUNNING,
            "owner": owner,
            "lease_until": now + lease,
            "token": None,
            "files_total": 0,
        }
        async with self._database.writing() as connection:
            taken = await connection.execute(
                update(runs).where(runs.c.id == run_id, free).values(values).returning(*runs.c)
            )
            row = taken.one_or_none()
            if row is not None:
                await connection.execute(delete(run_batches).where(run_batches.c.run_id == run_id))
        return None if row is None else _run(row, now)

    async def renew(self, run_id: str, *, owner: str, lease: float) -> None:
        """Keep a run, and the shares of it that this owner holds."""
        until = self._clock() + lease
        share = (run_batches.c.run_id == run_id) & (run_batches.c.owner == owner) & run_batches.c.done.is_(False)
        async with self._database.writing() as connection:
            await connection.execute(update(runs).where(_mine(run_id, owner)).values(lease_until=until))
            await connection.execute(update(run_batches).where(share).values(lease_until=until))

    async def note(self, run_id: str, progress: Progress, *, owner: str) -> None:
        """Write down how far the run is, for everybody to see."""
        values = {name: getattr(progress, name) for name in _PROGRESS}
        async with self._database.writing() as connection:
            await connection.execute(update(runs).where(_mine(run_id, owner)).values(values))

    async def holds(self, run_id: str, token: int, *, owner: str) -> None:
        """Write down under which token the run has its source."""
        async with self._database.writing() as connection:
            await connection.execute(update(runs).where(_mine(run_id, owner)).values(token=token))

    async def hand_back(self, run_id: str, *, owner: str) -> None:
        """Let another process have the run at once."""
        values = {"state": RunState.QUEUED, "owner": None, "lease_until": 0.0, "token": None}
        async with self._database.writing() as connection:
            await connection.execute(update(runs).where(_mine(run_id, owner)).values(values))

    async def finish(self, run_id: str, report: ReindexReport, *, owner: str) -> None:
        """End a run with its report."""
        await self._end(run_id, owner, {"state": RunState.DONE, "report": asdict(report)})

    async def fail(
        self, run_id: str, *, kind: str, error: str, owner: str, details: Mapping[str, Any] | None = None
    ) -> None:
        """End a run with what went wrong, or with who wanted it to end."""
        state = RunState.CANCELLED if kind == "ReindexCancelledError" else RunState.FAILED
        values = {"state": state, "error_kind": kind, "error": error, "error_details": dict(details or {})}
        await self._end(run_id, owner, values)

    async def _end(self, run_id: str, owner: str, values: dict[str, Any]) -> None:
        now = datetime.now(UTC)
        ended = {"ended_at": now, "slot": None, "owner": None, "lease_until": 0.0, "token": None}
        async with self._database.writing() as connection:
            await connection.execute(update(runs).where(_mine(run_id, owner)).values(values | ended))
            await connection.execute(delete(run_batches).where(run_batches.c.run_id == run_id))
            await connection.execute(delete(runs).where(runs.c.asked_at < now - KEPT))

    # --- sharing --------------------------------------------------------------------------------------------------

    async def plan(self, run_id: str, bodies: Sequence[tuple[int, list[Any]]]) -> None:
        """Write the shares of a run: for each the number of its files and what has to be known of them."""
        rows = [
            {
                "run_id": run_id,
                "number": number,
                "files": files,
                "body": zlib.compress(json.dumps(body).encode()),
                "owner": None,
                "lease_until": 0.0,
                "done": False,
                "chunks": 0,
                "tally": None,
            }
            for number, (files, body) in enumerate(bodies)
        ]
        for start in range(0, len(rows), PLAN_AT_ONCE):
            async with self._database.writing() as connection:
                await connection.execute(insert(run_batches), rows[start : start + PLAN_AT_ONCE])

    async def take_share(self, run_id: str, *, owner: str, lease: float) -> Share | None:
        """Take the next share that nobody works on; None when there is none now."""
        now = self._clock()
        free = run_batches.c.done.is_(False) & ran_out(run_batches.c.lease_until, now, lease=lease)
        next_one = (
            select(run_batches.c.number)
            .where(run_batches.c.run_id == run_id, free)
            .order_by(run_batches.c.number)
            .limit(1)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        async with self._database.writing() as connection:
            taken = await connection.execute(
                update(run_batches)
                .where(run_batches.c.run_id == run_id, run_batches.c.number == next_one, free)
                .values(owner=owner, lease_until=now + lease)
                .returning(run_batches.c.number, run_batches.c.files, run_batches.c.body)
            )
            row = taken.one_or_none()
        return None if row is None else Share(row.number, row.files, json.loads(zlib.decompress(row.body)))

    async def finish_share(
        self, run_id: str, number: int, *, owner: str, chunks: int, tally: Mapping[str, Any]
    ) -> None:
        """Write down what became of a share's files."""
        share = (run_batches.c.run_id == run_id) & (run_batches.c.number == number) & (run_batches.c.owner == owner)
        async with self._database.writing() as connection:
            await connection.execute(
                update(run_batches).where(share).values(done=True, chunks=chunks, tally=dict(tally))
            )

    async def release_shares(self, run_id: str, *, owner: str) -> None:
        """Let others have at once what this owner holds and has not finished."""
        share = (run_batches.c.run_id == run_id) & (run_batches.c.owner == owner) & run_batches.c.done.is_(False)
        async with self._database.writing() as connection:
            await connection.execute(update(run_batches).where(share).values(owner=None, lease_until=0.0))

    async def shares_done(self, run_id: str) -> tuple[int, int, int]:
        """Count the shares that are left, and the files and chunks of those that are done."""
        done = run_batches.c.done
        query = select(
            func.count().filter(done.is_(False)),
            func.coalesce(func.sum(run_batches.c.files).filter(done), 0),
            func.coalesce(func.sum(run_batches.c.chunks).filter(done), 0),
        ).where(run_batches.c.run_id == run_id)
        async with self._database.reading() as connection:
            left, files, chunks = (await connection.execute(query)).one()
        return int(left), int(files), int(chunks)

    async def tallies(self, run_id: str) -> list[dict[str, Any]]:
        """Return what became of the files, share by share."""
        query = select(run_batches.c.tally).where(run_batches.c.run_id == run_id).order_by(run_batches.c.number)
        async with self._database.reading() as connection:
            return [dict(tally) for tally in (await connection.execute(query)).scalars() if tally is not None]


_PROGRESS = ("files_done", "files_total", "chunks", "seconds", "seconds_left")


def _mine(run_id: str, owner: str) -> Any:
    return (runs.c.id == run_id) & (runs.c.owner == owner)


def _new_row(source: str, folder: str, allow_empty: bool) -> dict[str, Any]:
    return {
        "id": new_id(),
        "source": source,
        "folder": folder,
        "allow_empty": allow_empty,
        "key": None,
        "slot": None,
        "state": RunState.QUEUED,
        "owner": None,
        "lease_until": 0.0,
        "files_done": 0,
        "files_total": 0,
        "chunks": 0,
        "seconds": 0.0,
        "error": "",
        "error_kind": "",
        "asked_at": datetime.now(UTC),
    }


def _run(row: Row[Any], now: float) -> Run:
    return Run(
        id=row.id,
        source=row.source,
        folder=row.folder,
        allow_empty=row.allow_empty,
        state=RunState(row.state),
        progress=_progress(row),
        free=row.state not in ENDED and ran_out(row.lease_until, now),
        token=row.token,
        report=None if row.report is None else _report(row.report),
        error=row.error,
        error_kind=row.error_kind,
        error_details=row.error_details or {},
        cancel_asked=row.cancel_asked,
    )


def _progress(row: Row[Any]) -> Progress:
    return Progress(row.source, **{name: getattr(row, name) for name in _PROGRESS})


def _report(kept: Mapping[str, Any]) -> ReindexReport:
    failed = tuple(FailedFile(**entry) for entry in kept["failed"])
    skipped = tuple(Skipped(**entry) for entry in kept["skipped"])
    partial = tuple(PartlyRead(**entry) for entry in kept.get("partial", ()))
    return ReindexReport(**{**kept, "failed": failed, "skipped": skipped, "partial": partial})
