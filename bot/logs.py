"""Logs: one JSON object per line, with the trace id that joins everything about one delivery; no text of people."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

from knowledge import FootnoteError, Settings

trace_id: ContextVar[str] = ContextVar("trace_id", default="")

_STANDARD = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_SECRET = re.compile(
    r"(?:xox[a-z]|xapp|xwfp)-[\w-]+|sk-ant-[\w-]+|pcsk_\w+"
    r"|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"
    r"|(?<=ticket=)[^&\s\"']+|(?<=token=)[^&\s\"']+|(?<=hooks\.slack\.com/)[^\s\"']+"
)


_TALKATIVE = (
    "aiohttp aiosqlite anthropic asyncio httpcore httpx httpx2 langchain pinecone psycopg slack_bolt slack_sdk "
    "sqlalchemy urllib3 uvicorn.access"
).split()


def trace_of(delivery_key: str) -> str:
    """Return the trace id of a delivery: the same one in every process that works on it."""
    return hashlib.sha256(delivery_key.encode()).hexdigest()[:12]


@contextmanager
def traced(delivery_key: str) -> Iterator[str]:
    """Put a delivery's trace id into every line that is logged inside."""
    token = trace_id.set(trace_of(delivery_key))
    try:
        yield trace_id.get()
    finally:
        trace_id.reset(token)


def configure(settings: Settings, *, stream: TextIO | None = None) -> None:
    """Send all logs to standard error in the form and from the level that the settings say."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if settings.log_format == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    # These write whole requests, and thereby what people wrote, below this level.
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


class JsonFormatter(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        return redacted(json.dumps(_fields(record), default=str, ensure_ascii=False))


class TextFormatter(logging.Formatter):
    """One line for a person at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        fields = _fields(record)
        lead = f"{fields.pop('time')} {fields.pop('level'):<7} {fields.pop('event')}"
        details = " ".join(f"{name}={value!r}" for name, value in fields.items())
        return redacted(f"{lead} {details}".rstrip().replace("\r", "\\r").replace("\n", "\\n"))


def redacted(text: str) -> str:
    """Replace what looks like a secret."""
    return _SECRET.sub("(redacted)", text)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname,
        "logger": record.name,
        "event": record.getMessage(),
    }
    if trace_id.get():
        fields["trace_id"] = trace_id.get()
    fields |= {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
    if record.exc_info and record.exc_info[1] is not None:
        fields["error"] = describe(record.exc_info[1])
    return fields


def describe(error: BaseException) -> dict[str, Any]:
    """Say what went wrong and where, without the error's text, which may quote what people wrote; ours never does."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    told: dict[str, Any] = {"type": type(error).__name__}
    if isinstance(error, FootnoteError):
        told["message"] = str(error)
    told["where"] = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
    if error.__cause__ is not None:
        told["cause"] = describe(error.__cause__)
    return told
