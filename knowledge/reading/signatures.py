"""What a file is by its first bytes, whatever its name says."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from knowledge.errors import UnreadableFileError
from knowledge.ports import Reader
from knowledge.reading import formats
from knowledge.reading.frames import LOADED_SIGNATURE
from knowledge.reading.outcomes import ReadOutcome

PDF_WITHIN = 1024
"""Bytes within which a PDF's signature stands; some programs write something before it."""
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
OLD_OFFICE = (
    ("WordDocument", "an old Word document; save it as .docx"),
    ("PowerPoint Document", "an old PowerPoint presentation; save it as .pptx"),
    ("__properties_version1.0", "an Outlook message; save it as .eml"),
)
"""A name in the file → what it is; there is no good reader for these."""
PACKAGES = (
    ("word/", formats.DOCX),
    ("ppt/", formats.PPTX),
    ("xl/", formats.SPREADSHEET),
)
OPEN_DOCUMENTS = (
    (b"opendocument.text", formats.OPEN_DOCUMENT),
    (b"opendocument.presentation", formats.OPEN_DOCUMENT),
    (b"opendocument.spreadsheet", formats.SPREADSHEET),
)
PAGE = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*(?:<!doctype html|<html|<head|<table|<meta)", re.IGNORECASE)
MESSAGE = re.compile(
    rb"(?:[!-9;-~]{1,60}: ?[^\n]{0,1000}\n(?:[ \t][^\n]{0,1000}\n)*){0,30}?MIME-Version:", re.IGNORECASE
)
BINARY_READERS = frozenset(
    {
        formats.PDF,
        formats.DOCX,
        formats.PPTX,
        formats.SPREADSHEET,
        formats.OPEN_DOCUMENT,
        formats.RTF,
        formats.OLD_OFFICE,
    }
)
"""Readers of formats that show in the first bytes: a file without those is something else."""


def fitting_reader(path: str, data: bytes) -> Reader:
    """Return the reader for what a file is. Raises UnreadableFileError with what it is when none reads it."""
    if data.startswith(LOADED_SIGNATURE):
        return formats.load(formats.LOADED)
    named = formats.reader_name(path)
    name = _by_signature(data) or (_as_text(path, data) if named in BINARY_READERS and data.strip() else named)
    return formats.load(name)


def _by_signature(data: bytes) -> str | None:
    if b"%PDF-" in data[:PDF_WITHIN]:
        return formats.PDF
    if data.startswith(b"PK\x03\x04"):
        return _package(data)
    if data.startswith(OLE):
        return _old_office(data)
    return formats.RTF if data[:16].lstrip().startswith(b"{\\rtf") else None


def _package(data: bytes) -> str:
    from knowledge.reading.packages import Package

    package = Package(data)
    kind = package.read("mimetype") or b""
    for telling, reader in OPEN_DOCUMENTS:
        if telling in kind:
            return reader
    for folder, reader in PACKAGES:
        if any(name.startswith(folder) for name in package.names):
            return reader
    what = "an e-book" if b"epub" in kind else "a ZIP archive; unpack it into the folder"
    raise UnreadableFileError(f"unsupported: it is {what}", outcome=ReadOutcome.UNSUPPORTED)


def _old_office(data: bytes) -> str:
    """Tell the kinds of the old container by the names in it. Raises UnreadableFileError for all but workbooks."""
    if _holds(data, "EncryptedPackage"):
        raise UnreadableFileError("needs a password", outcome=ReadOutcome.NEEDS_PASSWORD)
    if _holds(data, "Workbook") or _holds(data, "Book\0"):
        return formats.SPREADSHEET
    what = next((words for name, words in OLD_OFFICE if _holds(data, name)), "an old Office document")
    raise UnreadableFileError(f"unsupported: it is {what}", outcome=ReadOutcome.UNSUPPORTED)


def _holds(data: bytes, name: str) -> bool:
    return name.encode("utf-16-le") in data


def _as_text(path: str, data: bytes) -> str:
    """Choose a reader for text that is called like an Office document: exports are often pages or tables."""
    if PAGE.match(data):
        return formats.HTML
    if MESSAGE.match(data[:8192]):
        return formats.MAIL
    if data[:4] == b"\0\0\0\0" or b"\0" in data[:1024]:
        kind = PurePosixPath(path).suffix.lower()
        raise UnreadableFileError(f"damaged: its contents are not those of a {kind} file")
    return formats.DELIMITED if formats.reader_name(path) == formats.SPREADSHEET else formats.TEXT
