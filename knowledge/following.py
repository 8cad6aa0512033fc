"""Follows `footnote.toml`: what it says holds without a restart, once it is written completely and makes sense."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from knowledge.errors import ConfigurationError, ServiceError
from knowledge.settings import TeamFile

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often the file is looked at. One stat costs microseconds and works where the system sends no notices: on network
drives, in containers, for links that are turned to another file."""
SETTLED_SECONDS = 0.5
"""A file that is being written may say half of what is meant, such as a source without those who may see it: it is
read once nobody has written to it for so long."""
PATIENCE_SECONDS = 3.0
"""How long a question waits for the file; after that it is asked as things were."""

T = TypeVar("T")
Use = Callable[[TeamFile], Awaitable[None]]
Stamp = tuple[int, int, int] | None
"""A file's time, size and inode; None when it is not there."""


class TeamFollower:
    """Has a new version of `footnote.toml` used, whole or not at all."""

    def __init__(self, path: Path | None, *, current: Callable[[], TeamFile], use: Use) -> None:
        """`current` says what holds now, `use` makes something else hold. Without a path nothing is followed."""
        self._path = path
        self._current = current
        self._use = use
        self._following = False
        self._seen: Stamp = None
        self._looking: asyncio.Task[None] | None = None
        # Of its own: a question must not wait until a reindex has a thread to spare, and a drive that hangs takes one.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="footnote.toml")
        self.changed = asyncio.Event()
        """Set after each change; whoever waits for one clears it."""
        self.fault = ""
        """What is wrong with the file as it is now, in one sentence; what it said before holds then."""

    async def follow(self) -> None:
        """Look at the file again and again until cancelled."""
        if self._path is None:
            return
        await self._begin(self._path)
        self._following = True
        try:
            while True:
                await self.up_to_date()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            self._following = False
            await self._stop_looking()

    async def _begin(self, path: Path) -> None:
        """Take what was read at the start for what the file says, unless it says something else by now."""
        stamp = await self._beside(_stamp, path)
        if stamp is not None and await self._says(path) == self._current():
            self._seen = stamp

    async def _says(self, path: Path) -> TeamFile | None:
        try:
            return await self._beside(TeamFile.load, path)
        except ConfigurationError:
            return None

    async def _beside(self, work: Callable[[Path], T], path: Path) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, path)

    async def _stop_looking(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def up_to_date(self) -> None:
        """Return once what the file said when this was called holds; does nothing unless the file is followed."""
        if not self._following:
            return
        earlier = self._looking
        if earlier is not None and not earlier.done():
            # It may have looked before the file was changed. One that never ends, on a drive that hangs, is not joined
            # by a second one.
            await asyncio.wait([earlier], timeout=PATIENCE_SECONDS)
            if not earlier.done():
                return
        if self._looking is earlier or self._looking is None:
            self._looking = asyncio.create_task(self._look(), name="footnote.toml")
        await asyncio.wait([self._looking], timeout=PATIENCE_SECONDS)

    async def _look(self) -> None:
        if self._path is None:
            return
        stamp = await self._beside(_stamp, self._path)
        if stamp == self._seen:
            return
        stamp = await self._settled(self._path, stamp)
        try:
            team = await self._beside(TeamFile.load, self._path)
            if stamp != await self._beside(_stamp, self._path):
                return
            await self._take(team)
        except ConfigurationError as exc:
            self.fault = str(exc)
            log.warning("team_file.refused", extra={"cause": self.fault})
        except ServiceError as exc:
            log.info("team_file.later", extra={"cause": str(exc)})
            return
        else:
            self.fault = ""
        self._seen = stamp

    async def _settled(self, path: Path, stamp: Stamp) -> Stamp:
        while True:
            await asyncio.sleep(SETTLED_SECONDS)
            again = await self._beside(_stamp, path)
            if again == stamp:
                return stamp
            stamp = again

    async def _take(self, team: TeamFile) -> None:
        if team == self._current():
            return
        await self._use(team)
        log.info("team_file.taken", extra={"sources": len(team.sources)})
        self.changed.set()


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
