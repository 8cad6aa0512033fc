"""A folder on this machine as a source: its files and nothing outside of it, whatever changes while we look."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from knowledge.errors import SourceError, UnreadableFileError
from knowledge.ports import Listing
from knowledge.types import Skipped, SourceFile

MAX_BYTES = 50 * 1024**2
"""Bytes of a file at most; a larger one is named in the report."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_KINDS = (
    (stat.S_ISLNK, "a link; links are not followed"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISCHR, "a device"),
)


class FolderSource:
    """Walks and reads a folder relative to its descriptor; never follows a link below the root."""

    def __init__(self, name: str, root: Path, *, below: str = "", max_bytes: int = MAX_BYTES) -> None:
        """`below` narrows the source to a folder inside the root; paths stay relative to the root."""
        self.name = name
        self._root = root
        self._below = below.strip("/")
        self._max_bytes = max_bytes

    async def list(self) -> Listing:
        """Walk the folder. Raises SourceError when it is missing, no folder, or cannot be walked."""
        return await asyncio.to_thread(self._walk)

    async def read(self, file: SourceFile) -> bytes:
        """Return a file's bytes. Raises UnreadableFileError when it is gone, too large or no file any more."""
        result = (await self.read_batch([file]))[0]
        if isinstance(result, UnreadableFileError):
            raise result
        return result

    async def read_batch(self, files: Sequence[SourceFile]) -> Sequence[bytes | UnreadableFileError]:
        """Read many small files at the cost of one thread; what cannot be read comes back as its error."""
        return await asyncio.to_thread(self._read_all, files)

    def _walk(self) -> Listing:
        found = _Found()
        try:
            with self._opened_root() as root:
                self._check_start(root)
                folders = [self._below]
                while folders:
                    folders += reversed(_look_into(root, folders.pop(), found))
        except OSError as exc:
            raise SourceError(f"The folder {self._root} could not be walked to the end: {exc.strerror}.") from exc
        found.files.sort(key=lambda file: file.path)
        found.skipped.sort(key=lambda skipped: skipped.path)
        return Listing(tuple(found.files), tuple(found.skipped), tuple(found.unseen))

    def _read_all(self, files: Sequence[SourceFile]) -> Sequence[bytes | UnreadableFileError]:
        with self._opened_root() as root:
            return [self._read_one(root, file) for file in files]

    def _read_one(self, root: int, file: SourceFile) -> bytes | UnreadableFileError:
        folder, _, name = file.path.rpartition("/")
        try:
            with _opened(root, folder) as parent:
                return _contents(name, parent, self._max_bytes)
        except UnreadableFileError as exc:
            return exc
        except OSError as exc:
            return UnreadableFileError(f"could not be opened: {exc.strerror}", outcome="unreadable")

    @contextmanager
    def _opened_root(self) -> Iterator[int]:
        """Open the root; only here links are followed, because the operator wrote this path."""
        try:
            root = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError as exc:
            raise SourceError(f"The folder {self._root} does not exist.") from exc
        except NotADirectoryError as exc:
            raise SourceError(f"{self._root} is not a folder.") from exc
        except PermissionError as exc:
            raise SourceError(f"The folder {self._root} may not be read by this user.") from exc
        except OSError as exc:
            raise SourceError(f"The folder {self._root} cannot be opened: {exc.strerror}.") from exc
        try:
            yield root
        finally:
            os.close(root)

    def _check_start(self, root: int) -> None:
        parts = self._below.split("/") if self._below else []
        if any(part in ("", ".", "..") or part.startswith(".") for part in parts):
            raise SourceError(f"{self._below!r} is not a folder inside {self._root}.")
        try:
            with _opened(root, self._below):
                return
        except OSError as exc:
            raise SourceError(f"There is no folder {self._below!r} inside {self._root}.") from exc


@dataclass(slots=True)
class _Found:
    files: list[SourceFile] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)

    def skip(self, path: str, reason: str) -> None:
        self.skipped.append(Skipped(path, reason))

    def unreadable(self, path: str) -> None:
        self.skip(path, "may not be read by this user")
        self.unseen.append(path)


def _look_into(root: int, folder: str, found: _Found) -> list[str]:
    """Sort a folder's entries into files, skipped things and the folders returned."""
    try:
        with _opened(root, folder) as here, os.scandir(here) as entries:
            return [path for entry in entries if (path := _sort_in(entry, here, folder, found))]
    except PermissionError:
        found.unreadable(folder)
    except (FileNotFoundError, NotADirectoryError):
        pass  # gone, or swapped for something else, since its parent was listed
    return []


def _sort_in(entry: os.DirEntry[str], here: int, folder: str, found: _Found) -> str | None:
    """File an entry under what it is; return its path when it is a folder to look into."""
    path = f"{folder}/{entry.name}" if folder else entry.name
    if entry.name.startswith("."):
        found.skip(path, "hidden")
        return None
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        return path
    if not stat.S_ISREG(status.st_mode):
        found.skip(path, next((reason for is_kind, reason in _KINDS if is_kind(status.st_mode)), "not a file"))
    elif not os.access(entry.name, os.R_OK, dir_fd=here):
        found.unreadable(path)
    else:
        found.files.append(SourceFile(path, status.st_size, status.st_mtime_ns, status.st_ino))
    return None


@contextmanager
def _opened(root: int, folder: str) -> Iterator[int]:
    """Open a folder step by step from the root, so that no part of its path can be a link."""
    here = os.dup(root)
    try:
        for part in folder.split("/") if folder else ():
            below = os.open(part, _FOLDER, dir_fd=here)
            os.close(here)
            here = below
        yield here
    finally:
        os.close(here)


def _contents(name: str, parent: int, max_bytes: int) -> bytes:
    file = os.open(name, _FILE, dir_fd=parent)
    with os.fdopen(file, "rb") as opened:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableFileError("is no regular file any more", outcome="unreadable")
        data = opened.read(min(status.st_size, max_bytes) + 1)
        if len(data) > status.st_size:  # it grows while we read
            data += opened.read(max(0, max_bytes + 1 - len(data)))
    if len(data) > max_bytes:
        raise UnreadableFileError(f"larger than {max_bytes / 1024**2:.0f} MB", outcome="too_large")
    return data
