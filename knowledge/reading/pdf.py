"""PDF files: page by page, with the page's own label and the bookmark that it stands under."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise

import pypdfium2
from pypdfium2 import raw

from knowledge.errors import UnreadableFileError
from knowledge.reading.composing import Composer
from knowledge.reading.outcomes import ReadOutcome
from knowledge.reading.titles import one_line, readable_name
from knowledge.types import ParsedDocument

MOST_PAGES = 20_000
PAGE_CHARACTERS = 400_000
"""Characters of one page; more is no page that people read."""
MOST_BOOKMARKS, DEEPEST_BOOKMARK = 5_000, 6
SHORT_PAGE = 6
"""Lines; a page with fewer keeps them all, one with twice as many may lose two at either edge."""
RUNNING_SHARE, FEWEST_PAGES = 0.5, 4
"""A line at the edge of so many pages is furniture; told only in documents of some length."""
FULL_LINE = 0.75
"""Part of the page's longest lines from which a line is full: its sentence goes on in the next."""
HYPHEN_BREAK = re.compile("(?:\u0002|\ufffe)[ \t]*\r?\n?")
"""What PDFium puts where a word was broken at the end of a line."""
ODD = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\u00ad]")
LEADERS = re.compile(r"(?:[ ]?\.){4,}[ ]?")
"""Dots that lead from a title to its page in a table of contents."""
LIST_MARK = re.compile(r"(?:[•‣▪●◦○–\-*]|\d{1,3}[.)]|[a-z][.)])\s+\S")
BULLET = re.compile(r"[•‣▪●◦○]\s*")
ENDS_SENTENCE = (".", "!", "?", ":", ";", "。", "”", '"')
MADE_UP = re.compile(r"\.\w{2,4}$|^(?:Microsoft |untitled|no title|\W*$)", re.IGNORECASE)
"""Titles that a program made of a file name."""
SCANNED = "no text: scanned?"


@dataclass(frozen=True, slots=True)
class _Bookmark:
    page: int
    """From 0."""
    level: int
    title: str


class PdfReader:
    """Reads the text of each page; a page that cannot be read is named, the others are kept."""

    def read(self, data: bytes, path: str) -> ParsedDocument:
        """Parse. Raises UnreadableFileError when the file is broken, locked or holds no text."""
        with closing(_opened(data)) as document:
            composer = Composer()
            pages = _lines_of_pages(document, composer)
            if not any(pages):
                raise UnreadableFileError(_nothing(pages, composer.missing), outcome=_outcome(composer.missing))
            _write(document, _without_furniture(document, pages), composer)
            return composer.document(_title(document) or readable_name(path))


def _opened(data: bytes) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as exc:
        if raw.FPDF_GetLastError() == raw.FPDF_ERR_PASSWORD:
            raise UnreadableFileError("needs a password", outcome=ReadOutcome.NEEDS_PASSWORD) from exc
        raise UnreadableFileError("damaged: no PDF that can be opened") from exc


def _nothing(pages: Sequence[list[str]], missing: Sequence[str]) -> str:
    if not pages:
        return "damaged: it has no pages"
    return f"damaged: {missing[0]}" if len(missing) == len(pages) else SCANNED


def _outcome(missing: Sequence[str]) -> ReadOutcome:
    return ReadOutcome.CORRUPT if missing else ReadOutcome.EMPTY


def _lines_of_pages(document: pypdfium2.PdfDocument, composer: Composer) -> list[list[str]]:
    pages = []
    for number in range(min(len(document), MOST_PAGES)):
        try:
            pages.append(_page_lines(document, number))
        except pypdfium2.PdfiumError:
            composer.missing.append(f"page {number + 1} is damaged")
            pages.append([])
    if len(document) > MOST_PAGES:
        composer.missing.append(f"pages after {MOST_PAGES:,}")
    return pages


def _page_lines(document: pypdfium2.PdfDocument, number: int) -> list[str]:
    page = document[number]
    try:
        text_page = page.get_textpage()
        try:
            count = min(text_page.count_chars(), PAGE_CHARACTERS)
            text = text_page.get_text_range(0, count) if count > 0 else ""
        finally:
            text_page.close()
    finally:
        page.close()
    lines = ODD.sub("", HYPHEN_BREAK.sub("", text)).splitlines()
    return [line for line in (" ".join(LEADERS.sub(" … ", line).split()) for line in lines) if line]


# --- What stands on every page ----------------------------------------------------------------------------------------


def _without_furniture(document: pypdfium2.PdfDocument, pages: list[list[str]]) -> list[list[str]]:
    """Take running titles and page numbers off the pages of a longer document."""
    filled = sum(map(bool, pages))
    if filled < FEWEST_PAGES:
        return pages
    seen = Counter(key for number, lines in enumerate(pages) for key in {*_edges(number, lines).values()})
    running = {key for key, count in seen.items() if count >= max(3, filled * RUNNING_SHARE)}
    return [_trimmed(number, lines, running, _printed(document, number)) for number, lines in enumerate(pages)]


def _trimmed(number: int, lines: list[str], running: set[str], printed: str) -> list[str]:
    """Peel a page from outside: what stands behind a line of the text is text."""
    edges = _edges(number, lines)
    start, end = 0, len(lines)
    while start in edges and (edges[start] in running or lines[start] == printed):
        start += 1
    while end - 1 in edges and end > start and (edges[end - 1] in running or lines[end - 1] == printed):
        end -= 1
    return lines[start:end]


def _edges(number: int, lines: Sequence[str]) -> dict[int, str]:
    """Map the lines at a page's edges to what makes them the same as those of other pages; none of a short page."""
    if len(lines) < SHORT_PAGE:
        return {}
    last = len(lines) - 1
    outermost = {place: _page_number(number, lines[place]) for place in (0, last)}
    within = {} if len(lines) < 2 * SHORT_PAGE else {place: lines[place] for place in (1, last - 1)}
    return outermost | within


def _page_number(number: int, line: str) -> str:
    """Write the first number of a line as what it is more than the page's, so that page numbers are all the same."""
    return re.sub(r"\d{1,6}", lambda found: f"#{int(found[0]) - number}", line, count=1)


# --- Lines → paragraphs under bookmarks -------------------------------------------------------------------------------


def _write(document: pypdfium2.PdfDocument, pages: Sequence[list[str]], composer: Composer) -> None:
    bookmarks = _bookmarks(document)
    parents = {above for above, below in pairwise(bookmarks) if below.level > above.level}
    path: list[_Bookmark] = []
    for number, lines in enumerate(pages):
        for start, end, mark in _segments(lines, [mark for mark in bookmarks if mark.page == number]):
            if mark is not None:
                path = [*(above for above in path if above.level < mark.level), mark]
            if mark in parents and _letters("".join(lines[start:end])) == _letters(mark.title):
                continue
            if start < end:
                composer.place(page=number + 1, location=_label(document, number), heading=[m.title for m in path])
            for paragraph in paragraphs(lines[start:end]):
                composer.block(paragraph, close=paragraph.startswith("- "))


def _segments(lines: Sequence[str], marks: Sequence[_Bookmark]) -> Iterator[tuple[int, int, _Bookmark | None]]:
    """Cut a page where its bookmarks stand; what is above the first belongs to the one before."""
    starts = _starts(lines, marks)
    cuts = zip([0, *starts], [None, *marks], [*starts, len(lines)], strict=True)
    yield from ((start, end, mark) for start, mark, end in cuts)


def _starts(lines: Sequence[str], marks: Sequence[_Bookmark]) -> list[int]:
    """Say in which lines of a page its bookmarks stand; one that is not found begins with the one before."""
    starts: list[int] = []
    for mark in marks:
        wanted = _letters(mark.title)
        begin = starts[-1] if starts else 0
        found = next((n for n in range(begin, len(lines)) if wanted and wanted == _letters(lines[n])), None)
        if found is None:
            found = next((n for n in range(begin, len(lines)) if wanted and wanted in _letters(lines[n])), begin)
        starts.append(found)
    return starts


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _bookmarks(document: pypdfium2.PdfDocument) -> list[_Bookmark]:
    found: list[_Bookmark] = []
    try:
        for mark in document.get_toc(max_depth=DEEPEST_BOOKMARK):
            destination = mark.get_dest()
            page = destination.get_index() if destination is not None else None
            title = one_line(mark.get_title())
            if page is not None and title:
                found.append(_Bookmark(page, mark.level, title))
            if len(found) == MOST_BOOKMARKS:
                break
    except pypdfium2.PdfiumError:
        return []
    return sorted(found, key=lambda mark: mark.page)


def _label(document: pypdfium2.PdfDocument, number: int) -> str:
    """Name a page as it is printed on it, where that differs from its number."""
    printed = _printed(document, number)
    return "" if printed == str(number + 1) else f"p. {printed}"


def _printed(document: pypdfium2.PdfDocument, number: int) -> str:
    return one_line(document.get_page_label(number) or "") or str(number + 1)


def _title(document: pypdfium2.PdfDocument) -> str:
    """The title in the file's properties, unless a program made it of a file name."""
    title = one_line(document.get_metadata_value("Title"))
    return title if " " in title and not MADE_UP.search(title) else ""


def paragraphs(lines: Sequence[str]) -> Iterator[str]:
    """Put lines that were broken at the margin together again."""
    full = FULL_LINE * max(map(len, lines), default=0)
    parts: list[str] = []
    for line in lines:
        if parts and not _goes_on(parts[-1], line, full):
            yield _paragraph(parts)
            parts = []
        parts.append(line)
    if parts:
        yield _paragraph(parts)


def _goes_on(above: str, line: str, full: float) -> bool:
    if LIST_MARK.match(line) or line[:1] in "•‣▪●◦○":
        return False
    if len(above) >= full:
        return True
    return line[:1].islower() and not above.endswith(ENDS_SENTENCE)


def _paragraph(parts: Sequence[str]) -> str:
    return BULLET.sub("- ", "\n".join(parts), count=1) if BULLET.match(parts[0]) else "\n".join(parts)
