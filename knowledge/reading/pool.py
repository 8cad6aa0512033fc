"""Reading processes as the parent sees them: files go in by the batch, one result for each comes out."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Self

import orjson

import knowledge
from knowledge.reading.frames import REPLY, REQUEST
from knowledge.reading.limits import ReadLimits, size
from knowledge.reading.outcomes import ReadOutcome, ReadResult
from knowledge.types import ParsedDocument, Piece, Section

log = logging.getLogger(__name__)

START_SECONDS = 60.0
"""How long a process may take until it is ready, on a machine that is very busy."""
FILES_PER_PROCESS = 5_000
"""After so many files a process is replaced: parsers leak."""
SEND_AT_ONCE = 1024**2
"""Bytes handed to the pipe before others get their turn on the event loop."""
REPLY_LIMIT = 512 * 1024**2
"""Bytes of one reply; more is a process that has gone astray."""
BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from knowledge.reading.child import main; main(*sys.argv[2:])"


class ReaderPool:
    """One or two reading processes, started when they are first needed; an asynchronous context manager."""

    def __init__(self, *, processes: int = 1, limits: ReadLimits | None = None) -> None:
        self.limits = limits or ReadLimits()
        self._children = [_Child(self.limits) for _ in range(processes)]
        self._idle: asyncio.Queue[_Child] = asyncio.Queue()
        for child in self._children:
            self._idle.put_nowait(child)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def read(self, files: Sequence[tuple[str, bytes]]) -> list[ReadResult]:
        """Read and split files, given as (path, contents); results in the same order. Never raises for a file."""
        child = await self._idle.get()
        try:
            return [result async for result in child.read_all(files)]
        finally:
            self._idle.put_nowait(child)

    async def close(self) -> None:
        """End the processes."""
        await asyncio.gather(*(child.stop() for child in self._children))


class _Child:
    """One process; replaced after a crash, a deadline, or enough files."""

    def __init__(self, limits: ReadLimits) -> None:
        self._limits = limits
        self._process: asyncio.subprocess.Process | None = None
        self._files = 0

    async def read_all(self, files: Sequence[tuple[str, bytes]]) -> AsyncIterator[ReadResult]:
        """Send what is left to a process and take its replies, until every file has one."""
        done = 0
        while done < len(files):
            process = await self.start()
            sending = asyncio.create_task(_send(process, files[done:]))
            try:
                async for result in self._replies(process, len(files) - done):
                    done += 1
                    yield result
            except BaseException:
                await self.stop()
                raise
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)

    async def _replies(self, process: asyncio.subprocess.Process, count: int) -> AsyncIterator[ReadResult]:
        """Yield results until a process has to be replaced.

        A crash is the fault of the file that a process began with; of a later one it is tried again first.
        """
        for _ in range(count):
            result = await self._reply(process)
            first, self._files = self._files == 0, self._files + 1
            broken = result.outcome in (ReadOutcome.TIMEOUT, ReadOutcome.CRASHED)
            if broken or self._files >= FILES_PER_PROCESS:
                await self.stop()
            if result.outcome is not ReadOutcome.CRASHED or first:
                yield result
            if self._process is not process:
                return

    async def _reply(self, process: asyncio.subprocess.Process) -> ReadResult:
        seconds = self._limits.seconds
        try:
            async with asyncio.timeout(seconds):
                return _decoded(await _receive(process))
        except TimeoutError:
            return ReadResult(ReadOutcome.TIMEOUT, f"took longer than {seconds:g} s to read")
        except (asyncio.IncompleteReadError, ConnectionError, ValueError, KeyError, TypeError) as exc:
            log.warning("reading.crashed", extra={"error": type(exc).__name__})
            return ReadResult(
                ReadOutcome.CRASHED,
                f"the reader crashed on it: it is damaged, or takes more than {size(self._limits.memory)} of memory",
            )

    async def start(self) -> asyncio.subprocess.Process:
        """Return the running process, a new one where there is none."""
        if self._process is not None and self._process.returncode is None:
            return self._process
        await self.stop()
        self._process = await _spawn(self._limits)
        self._files = 0
        try:
            async with asyncio.timeout(START_SECONDS):
                await _receive(self._process)
        except BaseException:
            await self.stop()
            raise
        return self._process

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await process.wait()
        if process.stdin is not None:
            process.stdin.close()


async def _spawn(limits: ReadLimits) -> asyncio.subprocess.Process:
    """Start a process that inherits neither the environment, with its secrets, nor the terminal's signals."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-c",
        BOOT,
        _package_folder(),
        str(limits.seconds),
        str(limits.memory),
        str(limits.text),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={},
        start_new_session=True,
        limit=1 << 20,
    )


def _package_folder() -> str:
    return str(Path(knowledge.__file__).resolve().parents[1])


async def _send(process: asyncio.subprocess.Process, files: Sequence[tuple[str, bytes]]) -> None:
    assert process.stdin is not None  # noqa: S101 - asked for a pipe
    for path, data in files:
        name = path.encode("utf-8", "replace")
        process.stdin.write(REQUEST.pack(len(name), len(data)) + name)
        for start in range(0, len(data), SEND_AT_ONCE):
            process.stdin.write(memoryview(data)[start : start + SEND_AT_ONCE])
            await process.stdin.drain()


async def _receive(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None  # noqa: S101 - asked for a pipe
    (length,) = REPLY.unpack(await process.stdout.readexactly(REPLY.size))
    if length > REPLY_LIMIT:
        raise ValueError("reply too long")
    return await process.stdout.readexactly(length)


def _decoded(reply: bytes) -> ReadResult:
    """Rebuild the document; offsets are checked, because what parsed a hostile file is not to be trusted."""
    fields = orjson.loads(reply)
    outcome = ReadOutcome(fields["outcome"])
    if outcome not in (ReadOutcome.OK, ReadOutcome.PARTIAL):
        return ReadResult(outcome, str(fields["reason"]))
    text = str(fields["text"])
    sections = tuple(_section(text, row) for row in fields["sections"])
    document = ParsedDocument(str(fields["title"]), text, sections, fields["url"], tuple(fields["missing"]))
    pieces = tuple(_piece(text, row) for row in fields["pieces"])
    return ReadResult(outcome, str(fields["reason"]), document, pieces)


def _section(text: str, row: list[Any]) -> Section:
    start, end, heading, page, location, first_line = row
    return Section(text[start:end], tuple(heading), start, page, location, first_line)


def _piece(text: str, row: list[Any]) -> Piece:
    start, end, (lead_start, lead_end), heading, page, location = row
    if not 0 <= lead_start <= lead_end <= start < end <= len(text):
        raise ValueError("piece outside of the text")
    lead = f"{text[lead_start:lead_end]}\n" if lead_end > lead_start else ""
    return Piece(lead + text[start:end], tuple(heading), start, end, page, location)
