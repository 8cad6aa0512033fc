"""Spreadsheets of every kind (XLSX, XLS, XLSB, ODS): tables cut by rows, each part under its header."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import groupby

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetMetadata,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from knowledge.errors import UnreadableFileError
from knowledge.reading.composing import Composer
from knowledge.reading.outcomes import ReadOutcome
from knowledge.reading.packages import Package
from knowledge.reading.tables import cell_text, numbered, table_parts
from knowledge.reading.titles import readable_name
from knowledge.types import ParsedDocument

Cell = int | float | str | bool | time | date | datetime | timedelta
Numbered = tuple[int, list[str]]

MOST_CELLS = 10_000_000
"""Cells of the rectangle that holds a sheet's contents, empty ones included: the reader needs memory for each."""
LONGEST_CAPTION = 4
"""Lines of a single cell above a table; more of them are a text of their own."""
ENDS = 8_192
"""Bytes at either end of a sheet's XML in which it says how large it is."""
REFERENCE = re.compile(rb'(?:ref="(?:[A-Z]{1,3}\d{1,7}:)?|<(?:\w+:)?c r=")([A-Z]{1,3})(\d{1,7})"')
SHEET = re.compile(r"xl/worksheets/[^/]+\.xml\Z")


class SpreadsheetReader:
    """Reads the visible sheets of a workbook; a location is a sheet and its rows as the program counts them."""

    def read(self, data: bytes, path: str) -> ParsedDocument:
        """Parse. Raises UnreadableFileError when the workbook is broken, locked or too large."""
        if data.startswith(b"PK"):
            _refuse_far_cells(data, Package(data))
        composer = Composer()
        try:
            with CalamineWorkbook.from_filelike(io.BytesIO(data)) as book:
                for sheet in book.sheets_metadata:
                    _write_sheet(book, sheet, composer)
        except PasswordError as exc:
            raise UnreadableFileError("needs a password", outcome=ReadOutcome.NEEDS_PASSWORD) from exc
        except CalamineError as exc:
            raise UnreadableFileError("damaged: the workbook in it is broken") from exc
        return composer.document(readable_name(path))


def _refuse_far_cells(data: bytes, package: Package) -> None:
    """Look at what the sheets say of their size before anything makes room for it."""
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        for name in filter(SHEET.match, package.names):
            columns, rows, cell = _extent(opened, name)
            if columns * rows > MOST_CELLS:
                raise UnreadableFileError(
                    f"a cell at {cell} makes one sheet {columns * rows:,} cells large; clear what stands there",
                    outcome=ReadOutcome.TOO_LARGE,
                )


def _extent(opened: zipfile.ZipFile, name: str) -> tuple[int, int, str]:
    """Return the last column, the last row and the cell that a sheet names as its farthest."""
    try:
        with opened.open(name) as sheet:
            first, last = sheet.read(ENDS), b""
            while block := sheet.read(1024**2):
                last = (last + block)[-ENDS:]
    except (zipfile.BadZipFile, OSError, EOFError):
        return 0, 0, ""
    found = [(_column(match[1]), int(match[2])) for match in REFERENCE.finditer(first + b"\n" + last)]
    columns, rows = (max((cell[axis] for cell in found), default=0) for axis in (0, 1))
    return columns, rows, f"{_letters(columns)}{rows}"


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _letters(number: int) -> str:
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _write_sheet(book: CalamineWorkbook, sheet: SheetMetadata, composer: Composer) -> None:
    if sheet.visible != SheetVisibleEnum.Visible or sheet.typ != SheetTypeEnum.WorkSheet:
        return
    name = cell_text(sheet.name)
    try:
        rows = list(_rows(book.get_sheet_by_name(sheet.name)))
    except CalamineError:
        composer.missing.append(f"the sheet {name} is damaged")
        return
    for text, first, last in sheet_parts(rows):
        composer.place(location=f"{name}, {numbered(first, last)}", heading=[name])
        composer.block(text)


def _rows(sheet: CalamineSheet) -> Iterator[Numbered]:
    """Yield the rows in which anything stands, with their numbers."""
    start = sheet.start
    if start is None:
        return
    for number, row in enumerate(sheet.to_python(), start[0] + 1):
        cells = [shown(cell) for cell in row]
        if any(cells):
            yield number, cells


def shown(cell: Cell) -> str:
    """Write a value about as a spreadsheet shows it."""
    if isinstance(cell, str):
        return cell_text(cell)
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float):
        return f"{cell:.15g}" if abs(cell) < 1e15 else str(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "minutes") if cell.time() != time() else cell.date().isoformat()
    return str(cell)


# --- Rows → tables ----------------------------------------------------------------------------------------------------


def sheet_parts(rows: Iterable[Numbered]) -> Iterator[tuple[str, int, int]]:
    """Cut a sheet into parts of about one chunk each, with the numbers of their first and last row.

    An empty row ends a table, but where the next one begins with figures in the same columns, it goes on. Lines of a
    single cell above a table are its caption.
    """
    header: list[str] | None = None
    caption: list[Numbered] = []
    for _, group in groupby(enumerate(rows), key=lambda entry: entry[1][0] - entry[0]):
        notes, table = _captioned(_narrowed([row for _, row in group]))
        if len(caption) + len(notes) > LONGEST_CAPTION:
            yield from _notes(caption + notes)
            caption, notes = [], []
        caption += notes
        if not table:
            continue
        if caption or header is None or not _goes_on(header, table[0][1]):
            header, table = table[0][1], table[1:] or table
        yield from _parts(caption, header, table)
        caption = []
    yield from _notes(caption)


def _notes(lines: Sequence[Numbered]) -> Iterator[tuple[str, int, int]]:
    if lines:
        yield _words(lines), lines[0][0], lines[-1][0]


def _words(lines: Sequence[Numbered]) -> str:
    return "\n".join(" ".join(filter(None, cells)) for _, cells in lines)


def _parts(caption: Sequence[Numbered], header: list[str], table: Sequence[Numbered]) -> Iterator[tuple[str, int, int]]:
    for number, (text, first, last) in enumerate(table_parts(header, table)):
        if caption and number == 0:
            yield f"{_words(caption)}\n\n{text}", caption[0][0], last
        else:
            yield text, first, last


def _narrowed(block: Sequence[Numbered]) -> list[Numbered]:
    """Leave out the columns in which nothing stands."""
    used = [column for column in range(max(len(cells) for _, cells in block)) if any(_at(row, column) for row in block)]
    return [(number, [_at((number, cells), column) for column in used]) for number, cells in block]


def _at(row: Numbered, column: int) -> str:
    return row[1][column] if column < len(row[1]) else ""


def _captioned(block: list[Numbered]) -> tuple[list[Numbered], list[Numbered]]:
    """Tell the lines of a single cell above a table from the table."""
    alone = next((place for place, (_, cells) in enumerate(block) if sum(map(bool, cells)) > 1), len(block))
    return block[:alone], block[alone:]


def _goes_on(header: list[str], row: list[str]) -> bool:
    return len(header) == len(row) and any(cell[:1].isdigit() for cell in row)
