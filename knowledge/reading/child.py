"""The reading process: bytes come in, documents and pieces go out, and whatever breaks breaks here."""

from __future__ import annotations

import os
import resource
import signal
from typing import Any, BinaryIO

import orjson

from knowledge.errors import UnreadableFileError
from knowledge.reading.frames import REPLY, REQUEST
from knowledge.reading.limits import ReadLimits, size
from knowledge.reading.outcomes import ReadOutcome, partly_read
from knowledge.reading.signatures import fitting_reader
from knowledge.splitting import SentenceSplitter
from knowledge.types import ParsedDocument, Piece

NOTHING = "empty: no text in it"
GRACE = 2.0
"""Seconds after the deadline when the process ends by itself, should nobody be left to end it."""


def main(seconds: str, memory: str, text: str) -> None:
    """Serve frames until the input ends."""
    limits = ReadLimits(seconds=float(seconds), memory=int(memory), text=int(text))
    requests, replies = _private_pipes()
    _warm_up()
    _confine(limits)
    _send(replies, b"")
    while frame := _receive(requests):
        signal.setitimer(signal.ITIMER_REAL, limits.seconds + GRACE)
        reply = orjson.dumps(read_file(*frame, limits))
        signal.setitimer(signal.ITIMER_REAL, 0)
        _send(replies, reply)


def read_file(path: str, data: bytes, limits: ReadLimits) -> dict[str, Any]:
    """Read and split one file; every failure that Python can catch becomes an outcome."""
    try:
        return _parsed(path, data, limits)
    except UnreadableFileError as exc:
        return _failure(ReadOutcome(exc.outcome), str(exc))
    except MemoryError:
        return _failure(ReadOutcome.CRASHED, f"reading it takes more than {size(limits.memory)} of memory")
    except RecursionError:
        return _failure(ReadOutcome.CORRUPT, "nested too deeply to read")
    except Exception as exc:  # noqa: BLE001 - one file must not end the run
        return _failure(ReadOutcome.CORRUPT, f"damaged: the reader gave up ({type(exc).__name__})")


def _parsed(path: str, data: bytes, limits: ReadLimits) -> dict[str, Any]:
    if not data.strip():
        return _failure(ReadOutcome.EMPTY, NOTHING)
    document = fitting_reader(path, data).read(data, path)
    if len(document.text) > limits.text:
        return _failure(ReadOutcome.TOO_LARGE, f"holds more than {limits.text:,} characters of text")
    pieces = SentenceSplitter().split(document)
    if not pieces and document.missing:
        return _failure(ReadOutcome.CORRUPT, f"damaged: {document.missing[0]}")
    if not pieces:
        return _failure(ReadOutcome.EMPTY, NOTHING)
    return _encoded(document, pieces)


def _encoded(document: ParsedDocument, pieces: list[Piece]) -> dict[str, Any]:
    """Texts of sections and pieces are slices, so their offsets are enough."""
    return {
        "outcome": ReadOutcome.PARTIAL if document.missing else ReadOutcome.OK,
        "reason": partly_read(document.missing),
        "title": document.title,
        "text": document.text,
        "url": document.url,
        "missing": document.missing,
        "sections": [
            (s.start, s.start + len(s.text), s.heading, s.page, s.location, s.first_line) for s in document.sections
        ],
        "pieces": [(p.start, p.end, _lead(document.text, p), p.heading, p.page, p.location) for p in pieces],
    }


def _lead(text: str, piece: Piece) -> tuple[int, int]:
    """Say where the header stands that a further part of a table repeats; nowhere for most pieces."""
    header = piece.text[: len(piece.text) - (piece.end - piece.start)].rstrip("\n")
    start = text.rfind(header, 0, piece.start) if header else 0
    return start, start + len(header)


def _failure(outcome: ReadOutcome, reason: str) -> dict[str, Any]:
    return {"outcome": outcome, "reason": reason}


def _private_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Keep the pipes for the frames; what a parser prints goes nowhere."""
    requests = os.fdopen(os.dup(0), "rb", buffering=1 << 20)
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    return requests, replies


def _warm_up() -> None:
    """Load the usual readers before the first deadline runs."""
    limits = ReadLimits()
    for path in ("a.md", "a.html", "a.txt"):
        read_file(path, b"# Ready", limits)


def _confine(limits: ReadLimits) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends this process
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


def _receive(requests: BinaryIO) -> tuple[str, bytes] | None:
    header = requests.read(REQUEST.size)
    if len(header) < REQUEST.size:
        return None
    path_length, data_length = REQUEST.unpack(header)
    path = requests.read(path_length).decode("utf-8", "replace")
    return path, requests.read(data_length)


def _send(replies: BinaryIO, reply: bytes) -> None:
    message = memoryview(REPLY.pack(len(reply)) + reply)
    while message:
        message = message[replies.write(message) or 0 :]
