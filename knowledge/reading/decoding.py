"""A file's bytes → text, or the reason why it is none."""

from __future__ import annotations

import codecs
import re

from knowledge.errors import UnreadableFileError
from knowledge.reading.outcomes import ReadOutcome

MAGIC = {
    b"%PDF-": "a PDF",
    b"PK\x03\x04": "a ZIP archive or an Office document",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old or encrypted Office document",
    b"\x89PNG\r\n": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ\x00": "an xz archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\x7fELF": "a program",
    b"SQLite format 3\x00": "an SQLite database",
}
"""First bytes → what such a file is. Only signatures that no text begins with."""

BYTE_ORDER_MARKS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f]")
SINGLE = re.compile(rb"(?<![\x80-\xff])[\x80-\xff](?![\x80-\xff])")
SINGLE_BYTE = ["cp1252", "cp1250", "cp1254", "cp1257", "mac_roman", "cp850"]
CONTROL_SHARE = 0.01
"""More control characters than this and it is no text."""
NUL_SHARE = 0.3
"""Of every second byte: from here on NULs mean UTF-16, not a binary file."""
DAMAGE_SHARE = 0.1
"""Up to so many broken bytes per good character outside ASCII, a file is damaged UTF-8 rather than another encoding."""
SAMPLE = 32_768
"""Bytes that the detection of an encoding looks at."""
BINARY = "not text: looks binary"


def decode(data: bytes, *, declared: str | None = None) -> str:
    """Decode: byte order mark, strict UTF-8, the declared charset, detection. Line ends become line feeds.

    Raises UnreadableFileError when the bytes are no text.
    """
    _refuse_known_binaries(data)
    text = _characters(data, declared)
    _refuse_controls(text)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _refuse_known_binaries(data: bytes) -> None:
    for magic, what in MAGIC.items():
        if data.startswith(magic):
            raise UnreadableFileError(f"not text: it is {what}", outcome=ReadOutcome.UNSUPPORTED)


def _characters(data: bytes, declared: str | None) -> str:
    for mark, encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    wide = _utf16_without_mark(data)
    if wide:
        return data.decode(wide, "replace")
    if declared and b"\x1b" in data:  # ISO-2022 is ASCII to the eye of UTF-8
        return _declared(data, declared) or _detected(data)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _declared(data, declared) or _damaged_utf8(data) or _detected(data)


def _utf16_without_mark(data: bytes) -> str | None:
    head = data[:4096]
    if b"\0" not in head:
        return None
    even, odd = head[0::2].count(0) * 2 / len(head), head[1::2].count(0) * 2 / len(head)
    if len(data) % 2 == 0 and odd > NUL_SHARE and even < odd / 4:
        return "utf-16-le"
    if len(data) % 2 == 0 and even > NUL_SHARE and odd < even / 4:
        return "utf-16-be"
    raise UnreadableFileError(BINARY)


def _declared(data: bytes, declared: str | None) -> str:
    try:
        return data.decode(declared) if declared else ""
    except (LookupError, UnicodeDecodeError, ValueError):
        return ""


def _damaged_utf8(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    good = sum(not character.isascii() for character in text) - broken
    return text if broken <= good * DAMAGE_SHARE else ""


def _detected(data: bytes) -> str:
    from charset_normalizer import from_bytes

    sample = _telling_part(data)
    best = from_bytes(sample, cp_isolation=SINGLE_BYTE if _stand_alone(sample) else None).best()
    if best is None:
        raise UnreadableFileError(BINARY)
    return data.decode(best.encoding, "replace")


def _stand_alone(sample: bytes) -> bool:
    """Say whether the bytes outside ASCII stand singly among letters, as in Western encodings and no others."""
    outside = sum(byte > 127 for byte in sample)
    return outside < len(sample) / 5 and len(SINGLE.findall(sample)) > outside * 0.7


def _telling_part(data: bytes) -> bytes:
    """Cut a sample around the first byte outside ASCII, whole lines where there are any."""
    first = next((place for place, byte in enumerate(data) if byte > 127), 0)
    start = data.rfind(b"\n", 0, max(0, first - 512)) + 1 if len(data) > SAMPLE else 0
    return data[start : start + SAMPLE]


def _refuse_controls(text: str) -> None:
    head = text[:SAMPLE]
    if len(CONTROLS.findall(head)) > CONTROL_SHARE * len(head):
        raise UnreadableFileError(BINARY)
