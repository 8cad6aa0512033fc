"""A folder on this machine as a source: its files and nothing outside of it, whatever changes while we look."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from knowledge.adapters import ignoring
from knowledge.adapters.ignoring import IgnoreFile, is_ignored
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

Rules = tuple[IgnoreFile, ...]


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
                folders = [(self._below, self._check_start(root))]
                while folders:
                    folders += reversed(_look_into(root, *folders.pop(), found))
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

    def _check_start(self, root: int) -> Rules:
        """Return the rules that hold above the folder where the walk begins. Raises SourceError."""
        parts = self._below.split("/") if self._below else []
        if any(part in ("", ".", "..") or part.startswith(".") or "\0" in part for part in parts):
            raise SourceError(f"{self._below!r} is not a folder inside {self._root}.")
        rules: Rules = ()
        try:
            for depth in range(1, len(parts) + 1):
                with _opened(root, "/".join(parts[: depth - 1])) as above:
                    rules = _with_rules(above, "/".join(parts[: depth - 1]), rules)
                if is_ignored("/".join(parts[:depth]) + "/", rules):
                    raise SourceError(f"{self._below!r} is left out by {ignoring.NAME} in {self._root}.")
            with _opened(root, self._below):
                return rules
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


def _look_into(root: int, folder: str, rules: Rules, found: _Found) -> list[tuple[str, Rules]]:
    """Sort a folder's entries into files, skipped things and the folders returned, with the rules that hold there."""
    try:
        with _opened(root, folder) as here, os.scandir(here) as entries:
            rules = _with_rules(here, folder, rules)
            return [(path, rules) for entry in entries if (path := _sort_in(entry, here, folder, rules, found))]
    except PermissionError:
        found.unreadable(folder)
    except (FileNotFoundError, NotADirectoryError):
        pass  # gone, or swapped for something else, since its parent was listed
    return []


def _sort_in(entry: os.DirEntry[str], here: int, folder: str, rules: Rules, found: _Found) -> str | None:
    """File an entry under what it is; return its path when it is a folder to look into."""
    path = f"{folder}/{entry.name}" if folder else entry.name
    if entry.name.startswith("."):
        if entry.name != ignoring.NAME:
            found.skip(path, "hidden")
        return None
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    is_folder = stat.S_ISDIR(status.st_mode)
    if rules and is_ignored(f"{path}/" if is_folder else path, rules):
        found.skip(path, ignoring.REASON)
        return None
    if is_folder:
        return path
    _sort_in_file(entry, here, path, status, found)
    return None


def _sort_in_file(entry: os.DirEntry[str], here: int, path: str, status: os.stat_result, found: _Found) -> None:
    if not stat.S_ISREG(status.st_mode):
        found.skip(path, next((reason for is_kind, reason in _KINDS if is_kind(status.st_mode)), "not a file"))
    elif not os.access(entry.name, os.R_OK, dir_fd=here):
        found.unreadable(path)
    else:
        found.files.append(SourceFile(path, status.st_size, status.st_mtime_ns, status.st_ino))


def _with_rules(here: int, folder: str, rules: Rules) -> Rules:
    """Add what a folder's own `.footnoteignore` says. Raises SourceError when it cannot be read or understood."""
    try:
        data = _contents(ignoring.NAME, here, ignoring.LARGEST)
    except FileNotFoundError:
        return rules
    except (OSError, UnreadableFileError) as exc:
        where = f"{folder}/{ignoring.NAME}" if folder else ignoring.NAME
        raise SourceError(f"{where} cannot be read, so what to leave out is not known: make it a plain file.") from exc
    return (*rules, ignoring.parsed(folder, data))


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
