"""The loading process: a LangChain loader's documents go out one by one, and what breaks or hangs does so here."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any, BinaryIO

import orjson

from knowledge.adapters.dotted_objects import Workshop, check_arguments, find, first_line
from knowledge.errors import ConfigurationError
from knowledge.reading.frames import REPLY

BOOT = (
    "import sys; sys.path[:0] = sys.argv[1:]; "
    "from knowledge.adapters.langchain_loading import main; raise SystemExit(main())"
)
"""What the process runs; its arguments are the folders where modules are looked for."""


def main() -> int:
    """Read what to load from the standard input, send a frame for each document, and one that says how it ended."""
    order = orjson.loads(sys.stdin.buffer.read())
    replies = _private_pipe()
    warnings.simplefilter("ignore")  # langchain-community announces its end; nobody would see it here
    try:
        documents = _load(order)
        if not order["only_check"]:
            for document in documents():
                _send(replies, _fields(document))
    except ConfigurationError as exc:
        _send(replies, {"wrong": str(exc)})
    except Exception as exc:  # noqa: BLE001 - the parent says it in one sentence
        _send(replies, {"broke": f"{type(exc).__name__}: {first_line(exc)}"})
    else:
        _send(replies, {"done": True})
    return 0


def _load(order: dict[str, Any]) -> Any:
    """Make the loader and return what gives its documents. Raises ConfigurationError."""
    path, arguments, entry = order["loader"], order["arguments"], order["entry"]
    make = find(path, f"{entry}.loader")
    check_arguments(make, arguments, variable=f"{entry}.arguments")
    workshop = Workshop(f"{entry}.arguments")
    loader = make(**workshop.plan(arguments)())
    documents = getattr(loader, "lazy_load", None) or getattr(loader, "load", None)
    if documents is None:
        raise ConfigurationError(f"{entry}.loader={path}: it has neither `lazy_load` nor `load`, so it is no loader.")
    return documents


def _fields(document: Any) -> dict[str, Any]:
    metadata = {str(name): _plain(value) for name, value in document.metadata.items()}
    return {"text": str(document.page_content), "metadata": metadata, "id": _plain(getattr(document, "id", None))}


def _plain(value: object) -> str | int | None:
    if value is None or (isinstance(value, int) and abs(value) < 2**53):
        return value
    return str(value)


def _private_pipe() -> BinaryIO:
    """Keep the pipe for the frames; what a loader prints goes nowhere."""
    replies = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    return replies


def _send(replies: BinaryIO, fields: dict[str, Any]) -> None:
    frame = orjson.dumps(fields, option=orjson.OPT_NON_STR_KEYS)
    replies.write(REPLY.pack(len(frame)) + frame)
    replies.flush()
