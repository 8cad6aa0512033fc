"""ZIP packages, as Office and OpenDocument files are: looked over before anything is unpacked."""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib

from lxml import etree

from knowledge.errors import UnreadableFileError
from knowledge.reading.outcomes import ReadOutcome

MOST_ENTRIES = 20_000
UNPACKED = 400 * 1024**2
"""Bytes that a package may say it unpacks to."""
XML_PART = 80 * 1024**2
"""Bytes of one part that is parsed: its tree takes about ten times as much memory."""
BOMB_RATIO, BOMB_SIZE = 400, 20 * 1024**2
"""An entry that grows so much and so large holds nothing that people wrote."""
CUT_OFF = "damaged or cut off: the package inside is broken"


class Package:
    """The parts of a package by their names. Raises UnreadableFileError for one that is broken, locked or a bomb."""

    def __init__(self, data: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError) as exc:
            raise UnreadableFileError(CUT_OFF) from exc
        entries = self._zip.infolist()
        _refuse_bombs(entries, len(data))
        if any(entry.flag_bits & 1 for entry in entries):
            raise UnreadableFileError("needs a password", outcome=ReadOutcome.NEEDS_PASSWORD)
        self._entries = {entry.filename.lstrip("/"): entry for entry in entries}

    @property
    def names(self) -> list[str]:
        return list(self._entries)

    def read(self, name: str) -> bytes | None:
        """Unpack a part; None when there is none of this name. Never more than it said."""
        entry = self._entries.get(name)
        if entry is None:
            return None
        try:
            return self._zip.read(entry)
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError) as exc:
            raise UnreadableFileError(CUT_OFF) from exc

    def xml(self, name: str) -> etree._Element | None:
        """Parse a part; None when there is none of this name."""
        data = self.read(name)
        if data is None:
            return None
        if len(data) > XML_PART:
            raise UnreadableFileError(
                f"{name} in it takes {len(data) / 1024**2:.0f} MB, more than {XML_PART / 1024**2:.0f} MB",
                outcome=ReadOutcome.TOO_LARGE,
            )
        return parsed_xml(data)

    def related(self, part: str) -> dict[str, tuple[str, str]]:
        """Return a part's relations by id: the last word of their kind, and the part or address they lead to."""
        folder, _, name = part.rpartition("/")
        tree = self.xml(f"{folder}/_rels/{name}.rels" if folder else f"_rels/{name}.rels")
        found = {}
        for relation in tree if tree is not None else ():
            if not isinstance(relation.tag, str):
                continue
            target = relation.get("Target", "")
            if relation.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join(folder, target)) if target[:1] != "/" else target[1:]
            found[relation.get("Id", "")] = (relation.get("Type", "").rpartition("/")[2], target)
        return found


def parsed_xml(data: bytes) -> etree._Element:
    """Parse XML without following anything in it: no entities, no network, no files. Raises UnreadableFileError."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as exc:
        raise UnreadableFileError("damaged: the XML in it is broken") from exc


def _refuse_bombs(entries: list[zipfile.ZipInfo], size: int) -> None:
    unpacked = sum(entry.file_size for entry in entries)
    if len(entries) > MOST_ENTRIES:
        raise UnreadableFileError(f"holds more than {MOST_ENTRIES:,} parts", outcome=ReadOutcome.TOO_LARGE)
    if unpacked > UNPACKED:
        raise UnreadableFileError(
            f"unpacks to {unpacked / 1024**2:,.0f} MB, more than {UNPACKED / 1024**2:.0f} MB",
            outcome=ReadOutcome.TOO_LARGE,
        )
    if sum(entry.compress_size for entry in entries) > size:
        raise UnreadableFileError("its parts overlap, as in a ZIP bomb", outcome=ReadOutcome.TOO_LARGE)
    for entry in entries:
        if entry.file_size > max(BOMB_SIZE, BOMB_RATIO * entry.compress_size):
            times = entry.file_size / max(1, entry.compress_size)
            raise UnreadableFileError(
                f"a part of it unpacks to {times:,.0f} times its size, as in a ZIP bomb", outcome=ReadOutcome.TOO_LARGE
            )
