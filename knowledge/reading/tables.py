"""Rows of cells → Markdown tables, cut so that each part fits into one chunk and begins with the header."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from knowledge.splitting import TARGET, estimated_tokens

ROW_TOKENS = 2
"""What the bars of a cell cost, besides its words."""
_SPACE = re.compile(r"\s+")

Row = Sequence[str]


def markdown_table(rows: Sequence[Row]) -> str:
    """Write a table whose first row is its header; shorter rows are filled up."""
    width = max(map(len, rows), default=0)
    lines = [_line(row, width) for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]]) if lines and width else ""


def table_parts(header: Row, rows: Iterable[tuple[int, Row]]) -> Iterator[tuple[str, int, int]]:
    """Yield tables of about one chunk each with the numbers of their first and last row.

    A row too wide to stand beside its header is written as a list of names and values instead.
    """
    lead = _tokens(header)
    part: list[Row] = []
    first, last, filled = 0, 0, lead
    for number, row in rows:
        tokens = _tokens(row)
        if part and filled + tokens > TARGET:
            yield markdown_table([header, *part]), first, last
            part, filled = [], lead
        if lead + tokens > TARGET:
            yield _record(header, row), number, number
            continue
        first = first if part else number
        part.append(row)
        last, filled = number, filled + tokens
    if part:
        yield markdown_table([header, *part]), first, last


def numbered(first: int, last: int) -> str:
    """Name a range of rows."""
    return f"rows {first}-{last}" if last > first else f"row {first}"


def cell_text(text: str) -> str:
    """Put a cell on one line."""
    return _SPACE.sub(" ", text).strip()


def _line(row: Row, width: int) -> str:
    cells = [cell.replace("|", "\\|") for cell in map(cell_text, row)]
    return "| " + " | ".join([*cells, *[""] * (width - len(cells))]) + " |"


def _record(header: Row, row: Row) -> str:
    names = [*header, *[""] * (len(row) - len(header))]
    pairs = [(cell_text(name), cell_text(value)) for name, value in zip(names, row, strict=False)]
    return "\n".join(f"- {name}: {value}" if name else f"- {value}" for name, value in pairs if value)


def _tokens(row: Row) -> float:
    return sum(estimated_tokens(cell) + ROW_TOKENS for cell in row)
