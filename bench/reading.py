"""How fast one reading process reads PDF files of a few pages, bytes to pieces."""

from __future__ import annotations

import asyncio
import io
import random
from time import perf_counter, process_time

from bench.figures import Figure, at_least
from knowledge.reading import ReadOutcome, reader_for
from knowledge.reading.pool import ReaderPool
from knowledge.splitting import SentenceSplitter

FILES, PAGES, LINES = 200, 6, 45
WORDS = (
    "the pump limit valve team leave travel must never euros week report office answer rule days after before".split()
)


def measure() -> list[Figure]:
    """Read the files in batches, as a reindex does."""
    return asyncio.run(_run())


async def _run() -> list[Figure]:
    files = [(f"{number}.pdf", _pdf(number)) for number in range(FILES)]
    async with ReaderPool() as pool:
        await pool.read(files[:10])
        start = perf_counter()
        results = [result for first in range(0, FILES, 64) for result in await pool.read(files[first : first + 64])]
        seconds = perf_counter() - start
    assert all(result.outcome is ReadOutcome.OK for result in results)
    return [
        at_least(f"PDF files of {PAGES} pages, one process", FILES / seconds, 40, "files/s"),
        Figure("… in pages", FILES * PAGES / seconds, "pages/s"),
        Figure("… for each second of the processor, whatever else runs", FILES / _processor_time(files), "files/s"),
    ]


def _processor_time(files: list[tuple[str, bytes]]) -> float:
    """Read and split in this process, and count only the time that the processor gave it."""
    reader, splitter = reader_for("a.pdf"), SentenceSplitter()
    start = process_time()
    for path, data in files:
        splitter.split(reader.read(data, path))
    return process_time() - start


def _pdf(seed: int) -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    words = random.Random(seed)
    target = io.BytesIO()
    canvas = Canvas(target, invariant=1)
    for page in range(PAGES):
        canvas.bookmarkPage(str(page))
        canvas.addOutlineEntry(f"Chapter {page}", str(page), 0)
        for line in range(LINES):
            canvas.drawString(72, 780 - 16 * line, " ".join(words.choices(WORDS, k=12)) + ".")
        canvas.showPage()
    canvas.save()
    return target.getvalue()
