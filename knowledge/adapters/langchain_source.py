"""Any LangChain document loader as a source: a wiki, a drive, a site; compared by content."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import zlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

import knowledge
from knowledge.adapters.langchain_loading import BOOT
from knowledge.errors import SourceError, UnreadableFileError
from knowledge.ports import Listing
from knowledge.reading.formats import LOADED
from knowledge.reading.frames import REPLY
from knowledge.reading.packing import packed
from knowledge.settings import SourceSettings
from knowledge.types import Skipped, SourceFile

SECONDS = 600.0
"""How long a loader may take for everything."""
MAX_BYTES = 50 * 1024**2
"""Bytes of one document; a larger one is named in the report."""
MAX_ALL = 1024**3
"""Bytes of all documents together."""
NAMES = ("source", "url", "file_path", "path", "link", "id")
"""Entries of the metadata that tell documents apart, unless the configuration names another."""
LONGEST_NAME = 500
SECRET = re.compile("key|token|secret|password|credential|auth", re.IGNORECASE)
_UNSEEN = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Loader:
    """What `footnote.toml` says of a source that a loader reads."""

    path: str
    """Dotted: a class, or a function that makes a loader."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    """The entry of the metadata that tells documents apart."""
    seconds: float = SECONDS
    folder: Path = Path()
    """Where a module of the team's own is looked for, besides the Python path."""


def loaded_source(name: str, configured: SourceSettings | None) -> LangchainSource | None:
    """Return the source that a loader reads; nothing for a folder."""
    if configured is None or configured.loader is None:
        return None
    loader = Loader(configured.loader, configured.arguments, configured.key, configured.seconds, Path.cwd())
    return LangchainSource(name, loader)


class LangchainSource:
    """One loading of everything that a loader gives; documents with the same name are parts of one."""

    def __init__(self, name: str, loader: Loader) -> None:
        self.name = name
        self._loader = loader
        self._packed: dict[str, bytes] = {}
        self._listing: Listing | None = None

    async def list(self) -> Listing:
        """Load everything, once. Raises SourceError when that fails, ends early or takes too long."""
        if self._listing is None:
            self._listing = await self._load()
        return self._listing

    async def read(self, file: SourceFile) -> bytes:
        """Return what was loaded. Raises UnreadableFileError when nothing of that name was."""
        if file.path not in self._packed:
            raise UnreadableFileError("was not loaded this time", outcome="unreadable")
        return zlib.decompress(self._packed[file.path])

    async def check(self) -> None:
        """Import and make the loader without loading anything. Raises SourceError."""
        async with aclosing(self._frames(only_check=True)) as frames:
            async for _ in frames:
                pass

    async def _load(self) -> Listing:
        parts: dict[str, list[bytes]] = {}
        size = 0
        async with aclosing(self._frames()) as frames:
            async for frame in frames:
                size += len(frame)
                if size > MAX_ALL:
                    raise SourceError(
                        f"The loader of {self.name} gives more than {MAX_ALL / 1024**3:.0f} GB: split it."
                    )
                parts.setdefault(self._name(orjson.loads(frame)), []).append(zlib.compress(frame, 1))
        files, skipped = [], []
        for name, frames_of_it in parts.items():
            data, url = packed([orjson.loads(zlib.decompress(frame)) for frame in frames_of_it])
            if len(data) > MAX_BYTES:
                skipped.append(Skipped(name, f"larger than {MAX_BYTES / 1024**2:.0f} MB"))
                continue
            self._packed[name] = zlib.compress(data, 1)
            files.append(_file(name, data, url))
        return Listing(tuple(sorted(files, key=lambda file: file.path)), tuple(skipped))

    def _name(self, fields: Mapping[str, Any]) -> str:
        """Name a document by what its metadata says; one that says nothing is named by its own text."""
        given = {"id": fields["id"]} | fields["metadata"]
        keys = (self._loader.key,) if self._loader.key else NAMES
        name = next((str(given[key]) for key in keys if given.get(key) not in (None, "")), "")
        if self._loader.key and not name:
            raise SourceError(
                f"The loader of {self.name} gives a document without {self._loader.key!r} in its metadata."
            )
        name = _UNSEEN.sub(" ", name.encode("utf-8", "replace").decode()).strip()
        if not name:
            return f"document {sha256(fields['text'].encode('utf-8', 'replace')).hexdigest()[:16]}"
        if len(name) > LONGEST_NAME:
            return f"{name[:LONGEST_NAME]}…{sha256(name.encode()).hexdigest()[:16]}"
        return name

    async def _frames(self, *, only_check: bool = False) -> AsyncGenerator[bytes]:
        """Run the loading process and yield its documents; it ends with this."""
        process = await self._start(only_check=only_check)
        try:
            async with asyncio.timeout(self._loader.seconds):
                while (frame := await _receive(process)) is not None:
                    yield frame
        except TimeoutError as exc:
            raise SourceError(
                f"The loader of {self.name} took longer than {self._loader.seconds:g} s; nothing was changed. "
                "Raise `seconds` in footnote.toml if that is usual."
            ) from exc
        except _EndedError as exc:
            raise SourceError(self._sentence(exc)) from exc
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # with whatever the loader itself has started
            await process.wait()

    async def _start(self, *, only_check: bool) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            BOOT,
            _package_folder(),
            str(self._loader.folder),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            limit=1 << 20,
        )
        order = {
            "loader": self._loader.path,
            "arguments": self._loader.arguments,
            "entry": f"sources.{self.name}",
            "only_check": only_check,
        }
        assert process.stdin is not None  # noqa: S101 - asked for a pipe
        process.stdin.write(orjson.dumps(order, default=str))
        process.stdin.write_eof()
        return process

    def _sentence(self, ended: _EndedError) -> str:
        """Say what went wrong without the secrets that an error may quote."""
        said = str(ended)
        for secret in _secrets(self._loader.arguments):
            said = said.replace(secret, "…")
        if ended.wrong:
            return said
        return f"The loader of {self.name} stopped, and nothing was changed: {said.rstrip('.')}."


def _package_folder() -> str:
    return str(Path(knowledge.__file__).resolve().parents[1])


class _EndedError(Exception):
    """The loading process ended before it had given everything."""

    def __init__(self, said: str, *, wrong: bool = False) -> None:
        super().__init__(said)
        self.wrong = wrong


async def _receive(process: asyncio.subprocess.Process) -> bytes | None:
    """Return the next document, nothing when all were given."""
    assert process.stdout is not None  # noqa: S101 - asked for a pipe
    try:
        (length,) = REPLY.unpack(await process.stdout.readexactly(REPLY.size))
        frame = await process.stdout.readexactly(length) if length <= MAX_ALL else b""
    except asyncio.IncompleteReadError as exc:
        raise _EndedError("its process died") from exc
    if not frame:
        raise _EndedError("one document is larger than all may be together")
    if frame.startswith(b'{"text"'):
        return frame
    end = orjson.loads(frame)
    if "done" in end:
        return None
    raise _EndedError(end.get("wrong") or end["broke"], wrong="wrong" in end)


def _file(name: str, data: bytes, url: str | None) -> SourceFile:
    """Describe a document: what elsewhere is time and inode is its content here, so only a change of that counts."""
    digest = sha256(data).digest()
    time, number = (int.from_bytes(digest[start : start + 8], "big") >> 4 for start in (0, 8))
    return SourceFile(name, len(data), time, number, reader=LOADED, url=url)


def _secrets(arguments: Any, name: str = "") -> list[str]:
    if isinstance(arguments, Mapping):
        return [secret for key, value in arguments.items() for secret in _secrets(value, str(key))]
    if isinstance(arguments, list):
        return [secret for value in arguments for secret in _secrets(value, name)]
    return [arguments] if isinstance(arguments, str) and len(arguments) > 3 and SECRET.search(name) else []
