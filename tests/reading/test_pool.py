"""Whatever a file does to the reading process, it is one line in the report and the rest goes on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from knowledge.reading import ReadLimits, ReadOutcome
from knowledge.reading.pool import ReaderPool


@pytest.fixture
async def pool() -> AsyncIterator[ReaderPool]:
    async with ReaderPool(limits=ReadLimits(seconds=1.5, memory=600 * 1024**2, text=2_000_000)) as opened:
        yield opened


async def test_results_come_in_the_order_of_the_files(pool: ReaderPool) -> None:
    results = await pool.read([(f"{number}.md", f"# T{number}\n\nText {number}.".encode()) for number in range(200)])
    assert [result.document.title for result in results if result.document] == [f"T{n}" for n in range(200)]
    assert [result.pieces[0].text for result in results] == [f"Text {number}." for number in range(200)]


async def test_a_piece_and_its_section_are_slices_of_the_text(pool: ReaderPool) -> None:
    (result,) = await pool.read([("a.html", b"<h1>Caf\xc3\xa9</h1><p>\xe4\xbc\x91\xe6\x9a\x87\xe3\x80\x82 Yes.</p>")])
    document, (piece,) = result.document, result.pieces
    assert document is not None
    assert piece.text == document.text[piece.start : piece.end] == document.sections[0].text == "休暇。 Yes."
    assert piece.heading == ("Café",)


async def test_a_file_that_hangs_is_given_up_and_the_others_are_read(pool: ReaderPool) -> None:
    bomb = b"<div>" * 200_000
    results = await pool.read([("a.md", b"One."), ("bomb.html", bomb), ("b.md", b"Two.")])
    assert [result.outcome for result in results] == [ReadOutcome.OK, ReadOutcome.TIMEOUT, ReadOutcome.OK]
    assert results[1].reason == "took longer than 1.5 s to read"


async def test_a_file_that_takes_all_memory_is_given_up_and_the_others_are_read() -> None:
    async with ReaderPool(limits=ReadLimits(memory=600 * 1024**2)) as pool:
        results = await pool.read([("a.md", b"One."), ("big.txt", b"a" * 300_000_000), ("b.md", b"Two.")])
    assert [result.outcome for result in results] == [ReadOutcome.OK, ReadOutcome.CRASHED, ReadOutcome.OK]


async def test_a_file_that_holds_too_much_text_is_named(pool: ReaderPool) -> None:
    (result,) = await pool.read([("a.txt", b"word " * 500_000)])
    assert (result.outcome, result.reason) == (ReadOutcome.TOO_LARGE, "holds more than 2,000,000 characters of text")


@pytest.mark.parametrize("data", [b"", b" \n\t\n", b"---\ntitle: Only a title\n---\n", "\ufeff".encode()])
async def test_empty_is_no_success(pool: ReaderPool, data: bytes) -> None:
    (result,) = await pool.read([("a.md", data)])
    assert (result.outcome, result.reason) == (ReadOutcome.EMPTY, "empty: no text in it")


async def test_a_killed_process_is_replaced(pool: ReaderPool) -> None:
    await pool.read([("a.md", b"One.")])
    process = pool._children[0]._process
    assert process is not None
    process.kill()
    await process.wait()
    (result,) = await pool.read([("a.md", b"One.")])
    assert result.outcome is ReadOutcome.OK


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
async def test_the_reading_process_knows_none_of_our_secrets(pool: ReaderPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")
    await pool.read([("a.md", b"One.")])
    process = pool._children[0]._process
    assert process is not None
    assert Path(f"/proc/{process.pid}/environ").read_bytes() == b""  # noqa: ASYNC240


async def test_closing_ends_the_processes() -> None:
    pool = ReaderPool(processes=2)
    batches = [[(f"{number}.md", b"Text.")] for number in range(4)]
    await asyncio.gather(*(pool.read(batch) for batch in batches))
    pids = [child._process.pid for child in pool._children if child._process]
    await pool.close()
    assert len(pids) == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_cancelled_read_leaves_a_pool_that_works(pool: ReaderPool) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(pool.read([("bomb.html", b"<div>" * 200_000)]), 0.8)
    (result,) = await pool.read([("a.md", b"Still here.")])
    assert result.pieces[0].text == "Still here."
