"""JSON, YAML, TOML and their kin: the text as it stands, cut at its outermost entries, with the lines of the file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import PurePosixPath

import orjson

from knowledge.reading.decoding import decode
from knowledge.reading.slices import section
from knowledge.reading.tables import numbered
from knowledge.reading.titles import one_line
from knowledge.splitting import TARGET, estimated_tokens
from knowledge.types import ParsedDocument, Section

LONG_LINE = 2_000
"""Characters; JSON with longer lines was not written to be read, and is laid out anew."""
JSON = re.compile(r'\s*"(?P<key>(?:[^"\\]|\\.){1,200})"\s*:')
YAML = re.compile(r"(?P<quote>[\"']?)(?P<key>[^\s#:\"'\[{-][^:#\"']{0,100})(?P=quote)\s*:(?:\s|$)")
TABLE = re.compile(r"\s*\[+\s*(?P<key>[^\]#]{1,200}?)\s*\]+\s*(?:[#;].*)?$")
LINES_OF_JSON = frozenset({".jsonl", ".ndjson"})
TABLES = frozenset({".toml", ".ini", ".cfg", ".conf", ".cnf", ".editorconfig", ".desktop", ".service"})


@dataclass(frozen=True, slots=True)
class _Entry:
    """One outermost entry: its lines, end exclusive, and its key."""

    first: int
    end: int
    key: str


class StructuredReader:
    """Reads what programs read; an entry of several lines stands under its key."""

    def read(self, data: bytes, path: str) -> ParsedDocument:
        """Parse. Raises UnreadableFileError when the bytes are no text."""
        suffix = PurePosixPath(path).suffix.lower()
        text, laid_out = _readable(decode(data), suffix)
        lines = text.split("\n")
        if suffix in LINES_OF_JSON:
            entries = [_Entry(number, number + 1, "") for number in range(len(lines))]
        else:
            entries = list(_entries(lines, suffix))
        sections = tuple(_sections(text, lines, entries, numbers=not laid_out))
        return ParsedDocument(title=PurePosixPath(path).name, text=text, sections=sections)


def _readable(text: str, suffix: str) -> tuple[str, bool]:
    """Lay JSON out anew when all of it stands on one line; say whether that was done."""
    if suffix not in (".json", ".geojson") or max(map(len, text.split("\n"))) < LONG_LINE:
        return text, False
    try:
        return orjson.dumps(orjson.loads(text), option=orjson.OPT_INDENT_2).decode(), True
    except (orjson.JSONDecodeError, RecursionError):
        return text, False


def _entries(lines: Sequence[str], suffix: str) -> Iterator[_Entry]:
    """Find where the outermost entries begin; comments above belong to the entry that follows."""
    begins = list(_begins(lines, suffix))
    if not begins or any(line.strip() not in ("", "[", "{") for line in lines[: begins[0][0]]):
        begins.insert(0, (0, ""))
    begins[0] = (0, begins[0][1])
    for (first, key), (end, _) in pairwise([*begins, (len(lines), "")]):
        yield _Entry(first, end, key)


def _begins(lines: Sequence[str], suffix: str) -> Iterator[tuple[int, str]]:
    indent = _outermost(lines) if suffix not in TABLES else 0
    free = None
    """The first line of the comments and blank lines above."""
    for number, line in enumerate(lines):
        if not line.strip() or line.lstrip().startswith(("#", "//")):
            free = number if free is None else free
            continue
        key = _key(line, suffix) if len(line) - len(line.lstrip()) == indent else None
        if key is not None:
            yield number if free is None else free, key
        free = None


def _outermost(lines: Sequence[str]) -> int:
    """Return the indentation of the outermost entries: inside the bracket, where everything stands in one."""
    filled = [line for line in lines if line.strip() and not line.lstrip().startswith(("#", "//", "---"))]
    if len(filled) > 1 and filled[0].strip() in ("{", "["):
        return len(filled[1]) - len(filled[1].lstrip())
    return 0


def _key(line: str, suffix: str) -> str | None:
    """Return an entry's key, nothing for one without; None for a line that begins no entry."""
    if suffix in TABLES:
        found = TABLE.match(line)
        return one_line(found["key"]) if found else None
    body = line.strip()
    if body[:1] in "}])" or (body in ("{", "[") and line[:1] in "{["):
        return None
    found = JSON.match(body) or YAML.match(body)
    return one_line(found["key"]) if found and not body.startswith("- ") else ""


def _sections(text: str, lines: Sequence[str], entries: Sequence[_Entry], *, numbers: bool) -> Iterator[Section]:
    """Give an entry of several lines a section of its own; others share one, as many as fit into a chunk."""
    starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
    pack: list[_Entry] = []
    filled, passed = 0.0, 0
    for entry in entries:
        tokens = estimated_tokens(text[starts[entry.first] : starts[entry.end]])
        alone = bool(entry.key) and _lines_of(text, starts, entry) > 1
        if pack and (alone or filled + tokens > TARGET):
            yield from _packed(text, starts, pack, passed, numbers=numbers)
            passed, filled, pack = passed + len(pack), 0.0, []
        pack.append(entry)
        filled += tokens
        if alone:
            yield from _packed(text, starts, pack, passed, numbers=numbers)
            passed, filled, pack = passed + 1, 0.0, []
    if pack:
        yield from _packed(text, starts, pack, passed, numbers=numbers)


def _lines_of(text: str, starts: Sequence[int], entry: _Entry) -> int:
    return sum(map(_says_something, text[starts[entry.first] : starts[entry.end]].split("\n")))


def _says_something(line: str) -> bool:
    return line.strip(" \t{}[],") != "" and not line.lstrip().startswith(("#", "//"))


def _packed(
    text: str, starts: Sequence[int], pack: Sequence[_Entry], passed: int, *, numbers: bool
) -> Iterator[Section]:
    heading = (pack[0].key,) if len(pack) == 1 and pack[0].key and _lines_of(text, starts, pack[0]) > 1 else ()
    found = section(text, starts[pack[0].first], min(starts[pack[-1].end], len(text)), heading)
    if found is None:
        return
    if numbers:
        line = pack[0].first + text.count("\n", starts[pack[0].first], found.start) + 1
        yield Section(found.text, heading, found.start, first_line=line)
    else:
        location = "" if heading else numbered(passed + 1, passed + len(pack)).replace("row", "item")
        yield Section(found.text, heading, found.start, location=location)
