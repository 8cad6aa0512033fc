"""Hostile files: each is one line with a reason, the file after it is read, and memory stays within bounds."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from knowledge.reading import ReadLimits, ReadOutcome
from knowledge.reading.pool import ReaderPool
from tests.reading import made_files as made

MEGABYTE = 1024**2
MORE_LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
LAUGHS = f'<!DOCTYPE x [<!ENTITY a0 "ha">{MORE_LAUGHS}]>'
FAR = made.xlsx(rows=3, far=True)


@pytest.fixture
async def pool() -> AsyncIterator[ReaderPool]:
    async with ReaderPool(limits=ReadLimits(seconds=8.0)) as opened:
        yield opened


async def outcome(pool: ReaderPool, path: str, data: bytes) -> tuple[ReadOutcome, str]:
    """Read a file, and one after it that is as good as ever."""
    result, after = await pool.read([(path, data), ("after.md", b"# After\n\nFine.")])
    assert after.outcome is ReadOutcome.OK
    return result.outcome, result.reason


@pytest.mark.parametrize(
    ("path", "data", "reason"),
    [
        ("zeros.docx", made.package({"word/document.xml": bytes(100 * MEGABYTE)}), "as in a ZIP bomb"),
        ("large.docx", made.package({f"{n}.xml": b"ab" * 19 * MEGABYTE for n in range(11)}), "unpacks to 418 MB"),
        ("far.xlsx", FAR, "a cell at XFD1048576"),
        ("line.txt", b"word " * 6_000_000, "more than 20,000,000 characters"),
        ("line.html", b"<p>" + b"a " * 15_000_000, "more than 20,000,000 characters"),
    ],
)
async def test_what_is_too_large_is_told_before_it_takes_the_memory(
    pool: ReaderPool, path: str, data: bytes, reason: str
) -> None:
    found, said = await outcome(pool, path, data)
    assert found is ReadOutcome.TOO_LARGE
    assert reason in said


async def test_a_pdf_that_aborts_its_reader_is_one_line(pool: ReaderPool) -> None:
    bomb = made.packed_pdf(b"BT /F 12 Tf 10 10 Td (hello world) Tj ET " * 11_000_000)
    found, said = await outcome(pool, "bomb.pdf", bomb)
    assert found in {ReadOutcome.CRASHED, ReadOutcome.TOO_LARGE}
    assert said.startswith("the reader crashed on it")


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("laughs.docx", made.word_package("<w:p><w:r><w:t>&a9;</w:t></w:r></w:p>", LAUGHS)),
        ("deep.docx", made.package({"word/document.xml": f"<w:document {made.WORD}><w:body>" + "<w:sdt>" * 50_000})),
        ("deep.xlsx", made.package({"xl/workbook.xml": "<a>" * 1_000_000})),
        ("deep.rtf", b"{\\rtf1 " + b"{" * 1_000_000),
        ("quote.csv", b'"' + b"a," * 1_000_000),
        ("cut.pdf", made.pdf([["x"]])[:300]),
        ("binary.docx", b"\x00\x01\x02" * 1000),
        ("empty-package.xlsx", made.package({})),
        ("wrong.ipynb", b'{"cells": 3}'),
    ],
)
async def test_what_is_broken_says_so(pool: ReaderPool, path: str, data: bytes) -> None:
    found, said = await outcome(pool, path, data)
    assert found in {ReadOutcome.CORRUPT, ReadOutcome.UNSUPPORTED}
    assert said
    assert "Error" not in said


async def test_an_outside_entity_reads_no_file(pool: ReaderPool) -> None:
    entity = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    data = made.word_package("<w:p><w:r><w:t>before &a; after</w:t></w:r></w:p>", entity)
    (result,) = await pool.read([("a.docx", data)])
    assert "root" not in (result.document.text if result.document else "")


@pytest.mark.parametrize(
    "path", ["a.docx", "a.pdf", "a.xlsx", "a.pptx", "a.eml", "a.csv", "a.json", "a.ipynb", "a.txt"]
)
async def test_nothing_in_a_file_is_empty(pool: ReaderPool, path: str) -> None:
    assert await outcome(pool, path, b"") == (ReadOutcome.EMPTY, "empty: no text in it")


async def test_a_part_that_could_not_be_read_makes_the_rest_partial(pool: ReaderPool) -> None:
    data = made.eml({"plan.pdf": made.pdf([["x"]], password="secret")})
    (result,) = await pool.read([("m.eml", data)])
    assert (result.outcome, result.reason) == (
        ReadOutcome.PARTIAL,
        "partly read: the attachment plan.pdf: needs a password",
    )
    assert result.pieces


@pytest.mark.parametrize(
    "data",
    [b"[" * 200_000, b"[" + b"1," * 1_000_000 + b"1]", json.dumps({"a": "b" * 3_000_000}).encode()],
    ids=["deep", "many", "long"],
)
async def test_data_of_any_shape_is_read_in_time(pool: ReaderPool, data: bytes) -> None:
    found, _ = await outcome(pool, "a.json", data)
    assert found in {ReadOutcome.OK, ReadOutcome.CORRUPT}
