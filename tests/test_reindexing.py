"""An index that is exact: after every run, however it ended, the database says what the folder says."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from knowledge.adapters.embedded_index import EmbeddedIndex
from knowledge.errors import EmbedderUnavailableError, EmptySourceError, LostLeaseError, SourceError
from knowledge.ports import IndexEntry, IndexHits, IndexQuery
from knowledge.reading import ReadLimits, ReadOutcome, ReadResult
from knowledge.reading.pool import ReaderPool
from knowledge.reindexing import reindex
from knowledge.settings import Settings
from knowledge.splitting import SentenceSplitter
from knowledge.store import Store
from knowledge.store.corpus import SourceRecord
from knowledge.types import Audience, ParsedDocument, Piece, Progress, ReindexReport, Vectors
from tests.databases import rows
from tests.one_generation import only


class HashEmbedder:
    """Embeds a text as its hash, and remembers what it was asked to embed."""

    name = "hash-1"
    dimensions = 8

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.broken = False

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        if self.broken:
            raise EmbedderUnavailableError
        self.texts += texts
        rows = [np.frombuffer(hashlib.sha256(text.encode()).digest(), dtype="<u4") for text in texts]
        return np.array(rows, dtype=np.float32) / 2**32

    async def embed_query(self, text: str) -> Vectors:
        return (await self.embed_documents([text]))[0]


class DistantEmbedder(HashEmbedder):
    """Takes some calls at once, and is done last with what it was given first."""

    calls_at_once = 4

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = self.begun = 0
        self.all_there = asyncio.Event()
        self.breaks_at = -1

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        self.begun += 1
        number = self.begun
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            if self.now == self.calls_at_once:
                self.all_there.set()
            await self.all_there.wait()
            await asyncio.sleep(0.1 / number)
            if number == self.breaks_at:
                raise EmbedderUnavailableError
            return await super().embed_documents(texts)
        finally:
            self.now -= 1


class SetIndex:
    """Keeps entries in a dictionary, and counts what it was asked to do."""

    def __init__(self) -> None:
        self.entries: dict[str, IndexEntry] = {}
        self.calls = 0
        self.upserted: list[str] = []
        self.deleted: list[str] = []

    async def upsert(self, entries: Sequence[IndexEntry]) -> None:
        self.calls += 1
        self.upserted += [entry.text for entry in entries]
        self.entries |= {entry.chunk_id: entry for entry in entries}

    async def delete(self, chunk_ids: Sequence[str]) -> None:
        self.calls += 1
        self.deleted += [self.entries[chunk_id].text for chunk_id in chunk_ids if chunk_id in self.entries]
        for chunk_id in chunk_ids:
            self.entries.pop(chunk_id, None)

    async def search(self, query: IndexQuery) -> IndexHits:
        return IndexHits()


class Bench:
    """A folder, a database and the parts of a run."""

    def __init__(self, settings: Settings, store: Store, root: Path, pool: ReaderPool) -> None:
        self.settings, self.store, self.root, self.pool = settings, store, root, pool
        self.embedder, self.index = HashEmbedder(), SetIndex()
        self.record = SourceRecord("handbook", str(root), Audience(), configured=True)
        self.splitter = SentenceSplitter()

    def write(self, path: str, text: str | bytes) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())

    async def run(self, **options: object) -> ReindexReport:
        return await reindex(
            self.record,
            corpus=self.store.corpus,
            backends=only(self.store, self.embedder, self.index),
            splitter=self.splitter,
            owner="test",
            **({"pool": self.pool, "lease": 5.0} | options),  # type: ignore[arg-type]
        )

    def rows(self, query: str) -> list[tuple[object, ...]]:
        return rows(self.settings, query)

    def live(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path, text in self.rows("SELECT path, text FROM chunks WHERE state = 'live' ORDER BY path, position"):
            found.setdefault(str(path), []).append(str(text))
        return found

    def agrees(self) -> bool:
        """Say whether the index holds the live chunks and nothing else."""
        live = {str(row[0]) for row in self.rows("SELECT id FROM chunks WHERE state = 'live'")}
        return live == set(self.index.entries)


@pytest.fixture
async def bench(tmp_path: Path, on_both: Settings) -> AsyncIterator[Bench]:
    root = tmp_path / "docs"
    root.mkdir()
    store = await Store.open(on_both)
    async with ReaderPool(limits=ReadLimits(seconds=5.0)) as pool:
        yield Bench(on_both, store, root, pool)
    await store.close()


async def test_a_first_run_makes_every_document_live(bench: Bench) -> None:
    bench.write("leave.md", "# Leave\n\nYou get 25 days.")
    bench.write("it/vpn.txt", "Use the VPN.")
    report = await bench.run()
    assert report.summary() == "2 added, 0 changed, 0 unchanged, 0 removed, 0 failed"
    assert report.chunks == 2
    assert bench.live() == {"leave.md": ["You get 25 days."], "it/vpn.txt": ["Use the VPN."]}
    assert bench.agrees()


async def test_a_run_with_nothing_changed_touches_no_model_and_no_index(bench: Bench) -> None:
    for number in range(5):
        bench.write(f"{number}.md", f"# Page {number}\n\nText {number}.")
    await bench.run()
    embedded, calls = len(bench.embedder.texts), bench.index.calls
    report = await bench.run()
    assert report.summary() == "0 added, 0 changed, 5 unchanged, 0 removed, 0 failed"
    assert (len(bench.embedder.texts), bench.index.calls) == (embedded, calls)


async def test_only_the_changed_chunk_is_embedded_again(bench: Bench) -> None:
    body = "A sentence that makes the section long enough to stand alone in its own piece of text. " * 4
    bench.write("a.md", f"# A\n\n## One\n\n{body}\n\n## Two\n\n{body}")
    await bench.run()
    bench.embedder.texts.clear()
    bench.write("a.md", f"# A\n\n## One\n\n{body}\n\n## Two\n\n{body} And more.")
    report = await bench.run()
    assert (report.changed, report.added) == (1, 0)
    assert len(bench.embedder.texts) == 1
    assert bench.agrees()


async def test_a_text_that_only_moved_keeps_its_chunk_and_gets_its_new_place(bench: Bench) -> None:
    body = "A sentence that makes the section long enough to stand alone in its own piece of text. " * 4
    bench.write("a.md", f"# A\n\n## Old\n\n{body}")
    await bench.run()
    before = bench.rows("SELECT id FROM chunks WHERE state = 'live'")
    bench.embedder.texts.clear()
    bench.write("a.md", f"# A\n\n## New\n\nA first word. {body}\n\n## Old\n\n{body}")
    await bench.run()
    after = bench.rows("SELECT id, position, start FROM chunks WHERE state = 'live' ORDER BY position")
    assert after[1][0] == before[0][0]
    assert after[1][1] == 1
    assert len(bench.embedder.texts) == 1


async def test_a_touched_file_with_the_same_bytes_is_unchanged(bench: Bench) -> None:
    bench.write("a.md", "Text.")
    await bench.run()
    os.utime(bench.root / "a.md", ns=(1, 1))
    calls = bench.index.calls
    report = await bench.run()
    assert (report.unchanged, report.changed, bench.index.calls) == (1, 0, calls)
    assert bench.rows("SELECT mtime_ns FROM documents") == [(1,)]


async def test_a_change_that_keeps_size_and_time_is_seen_when_it_came_right_after_the_walk(bench: Bench) -> None:
    bench.write("a.md", "Old text.")
    await bench.run()
    status = (bench.root / "a.md").stat()
    (bench.root / "a.md").write_text("New text.")
    os.utime(bench.root / "a.md", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (await bench.run()).changed == 1
    assert bench.live() == {"a.md": ["New text."]}


async def test_a_vanished_document_is_retired_and_a_renamed_one_moves(bench: Bench) -> None:
    for number in range(8):
        bench.write(f"{number}.md", f"Text number {number}.")
    await bench.run()
    (bench.root / "0.md").unlink()
    (bench.root / "1.md").rename(bench.root / "renamed.md")
    report = await bench.run()
    assert (report.removed, report.added, report.unchanged) == (2, 1, 6)
    assert "0.md" not in bench.live()
    assert bench.live()["renamed.md"] == ["Text number 1."]
    assert bench.agrees()


async def test_an_empty_root_changes_nothing_unless_allowed(bench: Bench) -> None:
    bench.write("a.md", "Text.")
    await bench.run()
    (bench.root / "a.md").unlink()
    with pytest.raises(EmptySourceError, match=r"empty.*--allow-empty"):
        await bench.run()
    assert bench.live() == {"a.md": ["Text."]}
    assert (await bench.run(allow_empty=True)).removed == 1
    assert bench.live() == {}


async def test_a_first_run_over_an_empty_folder_leaves_no_source_behind(bench: Bench) -> None:
    with pytest.raises(EmptySourceError):
        await bench.run()
    assert await bench.store.corpus.source_records() == []


async def test_a_third_of_the_documents_does_not_vanish_without_permission(bench: Bench) -> None:
    for number in range(9):
        bench.write(f"{number}.md", f"Text {number}.")
    await bench.run()
    for number in range(3):
        (bench.root / f"{number}.md").unlink()
    with pytest.raises(EmptySourceError, match=r"3 of 9 documents have vanished.*--allow-empty"):
        await bench.run()
    assert len(bench.live()) == 9
    assert (await bench.run(allow_empty=True)).removed == 3


async def test_a_failed_file_keeps_its_last_good_version_and_is_named_in_every_report(bench: Bench) -> None:
    bench.write("a.md", "Good text.")
    bench.write("b.md", "Other text.")
    await bench.run()
    bench.write("a.md", b"\x89PNG\r\n\x1a\n\x00\x00")
    for _ in range(2):
        report = await bench.run()
        assert report.summary() == "0 added, 0 changed, 1 unchanged, 0 removed, 1 failed"
        assert [(failure.path, failure.reason) for failure in report.failed] == [
            ("a.md", "not text: it is a PNG image")
        ]
        assert bench.live()["a.md"] == ["Good text."]
    bench.write("a.md", "Good text again.")
    assert (await bench.run()).changed == 1


async def test_a_failed_file_that_never_worked_is_added_only_when_it_works(bench: Bench) -> None:
    bench.write("a.md", b"\x00\x01\x02")
    bench.write("b.md", "Fine.")
    assert (await bench.run()).summary() == "1 added, 0 changed, 0 unchanged, 0 removed, 1 failed"
    assert (await bench.run()).summary() == "0 added, 0 changed, 1 unchanged, 0 removed, 1 failed"
    bench.write("a.md", "Fine now.")
    assert (await bench.run()).summary() == "1 added, 0 changed, 1 unchanged, 0 removed, 0 failed"


class Flaky:
    """Reads as the reading processes do; files with this word in their name end the process, until it is mended."""

    def __init__(self, pool: ReaderPool) -> None:
        self._pool = pool
        self.broken = True
        self.tries = 0

    async def read(self, files: Sequence[tuple[str, bytes]]) -> list[ReadResult]:
        results = list(await self._pool.read(files))
        for place, (path, _) in enumerate(files):
            self.tries += "flaky" in path
            if "flaky" in path and self.broken:
                results[place] = ReadResult(ReadOutcome.CRASHED, "the reading process ended")
        return results


async def test_a_failure_that_may_pass_is_tried_again_after_growing_pauses_but_not_forever(bench: Bench) -> None:
    bench.write("a.md", "Fine.")
    bench.write("flaky.md", "Good text.")
    await bench.run()
    bench.write("flaky.md", "Better text.")
    flaky, now = Flaky(bench.pool), time.time()
    tries = []
    for minutes in (0, 0.5, 1, 5, 6, 7, 31, 60, 156, 800, 100_000, 200_000):
        clock = now + minutes * 60
        report = await bench.run(pool=flaky, clock=lambda clock=clock: clock)
        assert report.summary() == "0 added, 0 changed, 1 unchanged, 0 removed, 1 failed"
        assert bench.live()["flaky.md"] == ["Good text."]
        tries.append(flaky.tries)
    assert tries == [1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 6, 6]
    bench.write("flaky.md", "Better text than ever.")
    await bench.run(pool=flaky, clock=lambda: now)
    assert flaky.tries == 7
    assert bench.rows("SELECT attempts FROM documents WHERE path = 'flaky.md'") == [(1,)]
    flaky.broken = False
    assert (await bench.run(pool=flaky, clock=lambda: now + 60)).changed == 1
    assert bench.rows("SELECT attempts, retry_at FROM documents WHERE path = 'flaky.md'") == [(0, None)]


async def test_a_failed_file_is_tried_at_once_in_another_recipe(bench: Bench) -> None:
    bench.write("flaky.md", "Good text.")
    flaky, now = Flaky(bench.pool), time.time()
    await bench.run(pool=flaky, clock=lambda: now)
    await bench.run(pool=flaky, clock=lambda: now)
    assert flaky.tries == 1
    bench.splitter = SentenceSplitter()
    bench.record = replace(bench.record, url="https://wiki.example.com")
    await bench.run(pool=flaky, clock=lambda: now)
    assert flaky.tries == 2


async def test_edits_are_seen_and_nothing_is_done_twice_after_the_clock_went_back(bench: Bench) -> None:
    now = time.time()
    for number in range(3):
        bench.write(f"{number}.md", f"Text {number}.")
        os.utime(bench.root / f"{number}.md", (now, now))
    await bench.run(clock=lambda: now + 60)
    embedded = len(bench.embedder.texts)
    bench.write("0.md", "Text A.")
    os.utime(bench.root / "0.md", (now - 86_400, now - 86_400))
    assert (await bench.run(clock=lambda: now - 86_399)).summary() == (
        "0 added, 1 changed, 2 unchanged, 0 removed, 0 failed"
    )
    bench.write("0.md", "Text B.")
    os.utime(bench.root / "0.md", (now - 86_400, now - 86_400))
    assert (await bench.run(clock=lambda: now - 86_390)).changed == 1
    assert (await bench.run(clock=lambda: now - 86_380)).unchanged == 3
    assert len(bench.embedder.texts) == embedded + 2


async def test_an_emptied_file_is_no_longer_answered_from(bench: Bench) -> None:
    bench.write("a.md", "Old text.")
    bench.write("b.md", "Other text.")
    await bench.run()
    bench.write("a.md", "\n")
    report = await bench.run()
    assert [(failure.path, failure.reason) for failure in report.failed] == [("a.md", "empty: no text in it")]
    assert bench.live() == {"b.md": ["Other text."]}
    assert bench.agrees()


async def test_what_no_reader_reads_is_skipped_with_its_type(bench: Bench) -> None:
    bench.write("a.md", "Text.")
    bench.write("film.mp4", b"\x00")
    (bench.root / "link.md").symlink_to("/etc/passwd")
    report = await bench.run()
    assert [(skipped.path, skipped.reason) for skipped in report.skipped] == [
        ("film.mp4", "unsupported type .mp4"),
        ("link.md", "a link; links are not followed"),
    ]
    assert report.failed == ()


async def test_a_file_above_the_limit_fails_without_being_read(bench: Bench) -> None:
    bench.write("a.md", "Text.")
    with (bench.root / "huge.txt").open("wb") as file:
        file.truncate(60 * 1024**2)
    report = await bench.run()
    assert [(failure.path, failure.reason) for failure in report.failed] == [("huge.txt", "larger than 50 MB")]


async def test_a_name_that_is_not_utf8_is_indexed_under_a_printable_form(bench: Bench) -> None:
    (bench.root / os.fsdecode(b"caf\xe9.md")).write_text("Coffee.")
    await bench.run()
    assert bench.live() == {"caf\\xe9.md": ["Coffee."]}
    assert (await bench.run()).unchanged == 1


async def test_a_folder_inside_a_source_is_all_that_such_a_run_looks_at(bench: Bench) -> None:
    bench.write("hr/a.md", "About leave.")
    bench.write("it/b.md", "About computers.")
    await bench.run()
    (bench.root / "hr" / "a.md").write_text("More about leave.")
    (bench.root / "it" / "b.md").unlink()
    report = await bench.run(folder="hr")
    assert report.summary() == "0 added, 1 changed, 0 unchanged, 0 removed, 0 failed"
    assert set(bench.live()) == {"hr/a.md", "it/b.md"}
    with pytest.raises(SourceError, match="no folder 'nowhere'"):
        await bench.run(folder="nowhere")


async def test_two_documents_with_the_same_text_are_embedded_once(bench: Bench) -> None:
    for number in range(3):
        bench.write(f"{number}/a.md", "# Same\n\nThe same text.")
    await bench.run()
    assert len(bench.embedder.texts) == 1
    assert len(bench.index.entries) == 3


async def test_an_embedder_at_a_distance_is_called_as_often_at_once_as_it_takes(bench: Bench) -> None:
    for number in range(64 * 6):
        bench.write(f"{number:03}/a.md", f"# Page\n\nText {number % 300}.")  # some texts stand in files of two calls
    bench.embedder = DistantEmbedder()
    assert (await bench.run()).added == 64 * 6
    assert bench.embedder.most == 4
    assert len(bench.embedder.texts) == len(set(bench.embedder.texts)) == 300
    assert bench.agrees()


async def test_one_of_several_calls_that_fails_ends_the_run_and_the_next_one_finishes(bench: Bench) -> None:
    for number in range(64 * 6):
        bench.write(f"{number:03}.md", f"Text {number}.")
    bench.embedder = DistantEmbedder()
    bench.embedder.breaks_at = 3
    with pytest.raises(EmbedderUnavailableError):
        await bench.run()
    assert bench.embedder.now == 0  # nothing goes on behind the back of who was told
    await bench.run()
    assert len(bench.live()) == 64 * 6
    assert bench.agrees()


async def test_another_splitter_is_another_recipe_and_used(bench: Bench) -> None:
    class LineSplitter:
        name = "lines-1"

        def split(self, document: ParsedDocument) -> list[Piece]:
            lines = [line for line in document.text.split("\n") if line]
            return [Piece(line, (), (at := document.text.index(line)), at + len(line)) for line in lines]

    bench.write("a.md", "One.\n\nTwo.")
    await bench.run()
    bench.splitter = LineSplitter()  # type: ignore[assignment]
    assert (await bench.run()).changed == 1
    assert bench.live() == {"a.md": ["One.", "Two."]}
    assert bench.agrees()


class LineSplitter:
    """One piece a line; longer lines are cut."""

    def __init__(self, longest: int) -> None:
        self.name = f"lines-{longest}"
        self._longest = longest

    def split(self, document: ParsedDocument) -> list[Piece]:
        pieces, at = [], 0
        for line in document.text.split("\n"):
            for start in range(0, len(line), self._longest):
                text = line[start : start + self._longest]
                pieces.append(Piece(text, (), at + start, at + start + len(text)))
            at += len(line) + 1
        return pieces


async def test_another_recipe_embeds_and_tells_the_index_of_exactly_the_chunks_that_it_changes(bench: Bench) -> None:
    bench.write("a.md", "Short line.\n\nA line that is twice as long.")
    bench.write("b.md", "As short.")
    bench.splitter = LineSplitter(40)  # type: ignore[assignment]
    await bench.run()
    bench.embedder.texts.clear()
    bench.index.upserted.clear()
    bench.splitter = LineSplitter(16)  # type: ignore[assignment]
    report = await bench.run()
    assert (report.added, report.changed, report.chunks) == (0, 2, 4)
    assert sorted(bench.index.upserted) == ["A line that is t", "wice as long."]
    assert sorted(bench.embedder.texts) == ["A\n\nA line that is t", "A\n\nwice as long."]
    assert bench.index.deleted == ["A line that is twice as long."]
    assert bench.agrees()


async def test_a_recipe_that_changes_no_chunk_costs_no_model_and_no_index(bench: Bench) -> None:
    bench.write("a.md", "Text.")
    bench.write("b.md", "Other text.")
    await bench.run()
    embedded, calls = len(bench.embedder.texts), bench.index.calls
    bench.record = replace(bench.record, url="https://wiki.example.com")
    assert (await bench.run()).changed == 2
    assert (len(bench.embedder.texts), bench.index.calls) == (embedded, calls)
    assert bench.rows("SELECT url FROM documents ORDER BY url") == [
        ("https://wiki.example.com/a.md",),
        ("https://wiki.example.com/b.md",),
    ]


async def test_a_run_that_breaks_gives_the_source_back_and_the_next_one_finishes(bench: Bench) -> None:
    bench.write("a.md", "Text.")
    bench.embedder.broken = True
    with pytest.raises(EmbedderUnavailableError):
        await bench.run()
    assert bench.live() == {}
    bench.embedder.broken = False
    assert (await asyncio.wait_for(bench.run(), 5)).added == 1


async def test_two_runs_at_once_take_turns_and_the_second_finds_nothing_to_do(bench: Bench) -> None:
    for number in range(70):
        bench.write(f"{number}.md", f"Text {number}.")
    async with ReaderPool() as other:
        reports = await asyncio.gather(bench.run(), bench.run(pool=other))
    assert sorted(report.added for report in reports) == [0, 70]
    assert len(bench.embedder.texts) == 70


async def test_a_run_that_lost_its_source_to_another_stops_and_writes_nothing(bench: Bench) -> None:
    bench.write("a.md", "Text.")

    async def steal(_: Progress) -> None:
        bench.rows("UPDATE source_leases SET token = token + 1")

    with pytest.raises(LostLeaseError):
        await bench.run(on_progress=steal)
    assert bench.live() == {}


async def test_progress_counts_up_to_all_files(bench: Bench) -> None:
    for number in range(130):
        bench.write(f"{number}.md", f"Text {number}.")
    seen: list[Progress] = []

    async def watch(progress: Progress) -> None:
        seen.append(progress)

    await bench.run(on_progress=watch)
    assert (seen[0].files_done, seen[-1].files_done, seen[-1].files_total) == (0, 130, 130)
    assert [progress.files_done for progress in seen] == sorted(progress.files_done for progress in seen)


async def test_a_missing_folder_is_said_in_one_sentence(bench: Bench) -> None:
    bench.record = SourceRecord("handbook", "/nowhere/at/all", Audience(), configured=True)
    with pytest.raises(SourceError, match=r"The folder /nowhere/at/all does not exist\."):
        await bench.run()


# --- Killed anywhere, and run again -----------------------------------------------------------------------------------


class Fatal:
    """Passes every call on to a part of the run; with the n-th one the process dies, at once or a moment later."""

    calls = 0
    name = EmbeddedIndex.name

    def __init__(self, part: object, die_at: int) -> None:
        self._part, self._die_at = part, die_at

    def __getattr__(self, name: str) -> object:
        method = getattr(self._part, name)

        async def call(*args: object, **options: object) -> object:
            Fatal.calls += 1
            if Fatal.calls == self._die_at:
                threading.Timer((self._die_at % 4) * 0.002, os.kill, (os.getpid(), signal.SIGKILL)).start()
            return await method(*args, **options)

        return call


async def run_to_the_end(settings: Settings, root: Path, *, die_at: int = -1) -> None:
    store = await Store.open(settings)
    embedder = HashEmbedder()
    index = EmbeddedIndex.build(settings=settings, corpus=store.corpus, embedder=embedder)
    await reindex(
        SourceRecord("s", str(root), Audience(), configured=True),
        corpus=Fatal(store.corpus, die_at),  # type: ignore[arg-type]
        backends=only(store, embedder, Fatal(index, die_at)),  # type: ignore[arg-type]
        splitter=SentenceSplitter(),
        owner="test",
        lease=0.5,
    )
    await index.close()
    await store.close()


def run_and_die(settings: Settings, root: Path, die_at: int) -> int:
    """Run in a process that dies with the n-th call; return its exit code."""
    code = (
        "import asyncio, sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path; "
        "from knowledge import Settings; from tests.test_reindexing import run_to_the_end; "
        "settings = Settings(home=Path(sys.argv[2]), database_url=sys.argv[3] or None); "
        "asyncio.run(run_to_the_end(settings, Path(sys.argv[4]), die_at=int(sys.argv[5])))"
    )
    here = Path(__file__).parents[1]
    given = [here, settings.home, settings.database_url or "", root, str(die_at)]
    return subprocess.run([sys.executable, "-c", code, *given], check=False).returncode


STATE = {
    "chunks": """
        SELECT c.id, c.document_id, c.path, c.title, c.heading, c.position, c.start, c."end", c.text, v.vector
        FROM chunks c JOIN vectors v ON v.text_hash = c.text_hash WHERE c.state = 'live' ORDER BY c.id
    """,
    "documents": "SELECT id, path, live, fingerprint, size, chunk_count, outcome FROM documents ORDER BY id",
    "index": "SELECT chunk_id FROM index_log WHERE added ORDER BY chunk_id",
    "unfinished": "SELECT id FROM chunks WHERE state != 'live'",
    "removals": "SELECT chunk_id FROM removals",
    "held": "SELECT document_id FROM generation_documents",
}


def state(settings: Settings) -> dict[str, list[tuple[object, ...]]]:
    return {name: sorted(rows(settings, query)) for name, query in STATE.items()}


def write_generation(root: Path, generation: int) -> None:
    """Change the folder: some files new, some edited, some gone, some the same."""
    for number in range(100):
        file = root / f"{number}.md"
        if (number + generation) % 7 == 0:
            file.unlink(missing_ok=True)
        elif not file.exists() or number % 3 == generation % 3:
            parts = (
                f"## Part {part}\n\n" + f"Text {part} of {number} in {generation // 2}. " * 16 for part in range(4)
            )
            file.write_text("\n\n".join([f"# Page {number}", *parts]))


async def test_after_kills_at_random_moments_the_next_run_ends_where_a_fresh_index_would(
    tmp_path: Path, on_both: Settings
) -> None:
    root, fresh = tmp_path / "docs", Settings(home=tmp_path / "fresh")
    root.mkdir()
    moments = random.Random(7)
    for generation in range(5):
        write_generation(root, generation)
        assert await asyncio.to_thread(run_and_die, on_both, root, moments.randint(5, 18)) == -signal.SIGKILL
        if generation % 2:  # every other kill is followed by a changed folder and another kill instead
            await run_to_the_end(on_both, root)
    await run_to_the_end(on_both, root)
    await run_to_the_end(fresh, root)
    assert state(on_both) == state(fresh)
    assert len(state(fresh)["chunks"]) > 100
    assert state(fresh)["unfinished"] == []
