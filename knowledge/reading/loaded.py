"""What a loader gave, put together by `packing`: parts of Markdown or HTML, with their pages."""

from __future__ import annotations

import orjson

from knowledge.errors import UnreadableFileError
from knowledge.reading.composing import Composer
from knowledge.reading.frames import LOADED_SIGNATURE
from knowledge.reading.html import HtmlReader
from knowledge.reading.markdown import MarkdownReader
from knowledge.reading.titles import readable_name
from knowledge.types import ParsedDocument

PAGES_BEGIN = (b"<!doctype html", b"<html")


class LoadedReader:
    """Reads what `packed` has put together."""

    def read(self, data: bytes, path: str) -> ParsedDocument:
        """Parse. Raises UnreadableFileError when the bytes were not made by `packed`."""
        try:
            fields = orjson.loads(data[len(LOADED_SIGNATURE) :])
            parts = fields["parts"]
        except (orjson.JSONDecodeError, TypeError, KeyError) as exc:
            raise UnreadableFileError("damaged: not what a loader gave") from exc
        composer = Composer()
        first = ""
        for part in parts:
            document = _document(part["text"].encode(), path)
            first = first or document.title
            for section in document.sections:
                composer.place(page=part.get("page"), location=part.get("location", ""), heading=section.heading)
                composer.block(section.text)
        return composer.document(fields["title"] or first or readable_name(path))


def _document(text: bytes, path: str) -> ParsedDocument:
    begin = text[:200].lstrip().lower()
    reader = HtmlReader() if begin.startswith(PAGES_BEGIN) else MarkdownReader()
    return reader.read(text, path) if text.strip() else ParsedDocument("", "", ())
