"""The parts of a document that a LangChain loader gave → bytes that are read later, as those of a file are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from knowledge.reading.frames import LOADED_SIGNATURE
from knowledge.reading.titles import one_line

LINKS = ("url", "source", "link")


def packed(parts: Sequence[Mapping[str, Any]]) -> tuple[bytes, str | None]:
    """Put the parts of one document together as the bytes that are read later, and return where it can be opened."""
    kept = [{"text": part["text"], **_place(part["metadata"])} for part in parts]
    links = (str(part["metadata"].get(name, "")) for part in parts for name in LINKS)
    url = next((link for link in links if link.startswith(("https://", "http://"))), None)
    title = next((str(part["metadata"]["title"]) for part in parts if part["metadata"].get("title")), "")
    return LOADED_SIGNATURE + orjson.dumps({"title": one_line(title), "url": url, "parts": kept}), url


def _place(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the page as people count it: most loaders count from 0 and some say how the page is labelled."""
    label, page, number = (metadata.get(name) for name in ("page_label", "page", "page_number"))
    counted = page + 1 if isinstance(page, int) else number if isinstance(number, int) else None
    place: dict[str, Any] = {} if counted is None or counted < 1 else {"page": counted}
    if label and str(label) != str(counted):
        place["location"] = f"p. {one_line(str(label))[:30]}"
    return place
