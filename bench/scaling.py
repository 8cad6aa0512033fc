"""What grows with the number of files in a reindex, part by part: `python -m bench.scaling [FILES]`."""

from __future__ import annotations

import asyncio
import resource
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from bench.figures import Figure, print_machine, print_table
from knowledge import Settings
from knowledge.adapters.folder_source import FolderSource
from knowledge.ids import content_id
from knowledge.indexing import BATCH_FILES, slices
from knowledge.ports import Listing
from knowledge.store import Store
from knowledge.store.corpus import DocumentVersion, SourceRecord
from knowledge.types import Audience, SourceFile

FILES = 100_000
A_FOLDER = 1000
TAKEN = 200


async def measure(files: int) -> list[Figure]:
    """Measure the walk, the manifest and the queue of shares."""
    with tempfile.TemporaryDirectory() as name:
        docs = Path(name) / "docs"
        _write(docs, files)
        start = perf_counter()
        listing = await FolderSource("bench", docs).list()
        walked = perf_counter() - start
        store = await Store.open(Settings(home=Path(name) / "home"))
        await _remember(store, listing)
        start = perf_counter()
        manifest = await store.corpus.manifest("bench")
        read = perf_counter() - start
        assert len(manifest) == len(listing.files) == files
        figures = [
            Figure(f"walk of {files:,} files", walked, "s"),
            Figure("manifest read", read, "s"),
            *await _queue(store, listing),
            Figure("memory at most", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB"),
        ]
        await store.close()
        return figures


def _write(docs: Path, files: int) -> None:
    for number in range(files):
        folder = docs / str(number // A_FOLDER)
        if number % A_FOLDER == 0:
            folder.mkdir(parents=True)
        (folder / f"{number}.md").write_bytes(b"Small.")


async def _remember(store: Store, listing: Listing) -> None:
    await store.corpus.put_source(SourceRecord("bench", "/bench", Audience(), configured=True))
    token = await store.corpus.acquire("bench", owner="bench", lease=15)
    assert token is not None
    for some in slices(listing.files, 1000):
        await store.corpus.publish("bench", token, [_version(file) for file in some])


def _version(file: SourceFile) -> DocumentVersion:
    key = content_id(file.path)
    return DocumentVersion(key, file.path, "", None, key, file.size, file.mtime_ns, file.inode, key, ())


async def _queue(store: Store, listing: Listing) -> list[Figure]:
    run = await store.runs.begin("bench", folder="", allow_empty=False, owner="bench", lease=15)
    known = [content_id("a"), "path.md", True, content_id("b"), 6, 1, 1, content_id("c"), "ok", "", 0, None]
    start = perf_counter()
    shares = [
        (len(lot), ["terms", *([[f.path, f.size, f.mtime_ns, f.inode], f.path, "r", known, False, False] for f in lot)])
        for lot in slices(listing.files, BATCH_FILES)
    ]
    await store.runs.plan(run, shares)
    planned = perf_counter() - start
    start = perf_counter()
    for _ in range(TAKEN):
        share = await store.runs.take_share(run, owner="bench", lease=15)
        assert share is not None
        await store.runs.finish_share(run, share.number, owner="bench", chunks=0, tally={})
    taken = (perf_counter() - start) / TAKEN
    start = perf_counter()
    await store.runs.shares_done(run)
    return [
        Figure(f"queue: {len(shares):,} shares of {BATCH_FILES} files written", planned, "s"),
        Figure("queue: one share taken and finished", taken * 1000, "ms"),
        Figure("queue: progress counted", (perf_counter() - start) * 1000, "ms"),
    ]


if __name__ == "__main__":
    print_machine()
    print_table("Files in number", asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else FILES)))
