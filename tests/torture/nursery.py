"""A process that forks processes which reindex: they begin at once, and can be killed without a word.

`python -m tests.torture.nursery`, then one line of JSON per process on standard input, its id on standard output.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from knowledge import KnowledgeBase, Settings, SourceSettings, TeamFile, content_id, indexing, runs
from knowledge.adapters.embedded_index import EmbeddedIndex
from knowledge.reading.pool import ReaderPool
from knowledge.reindexing import reindex
from knowledge.splitting import SentenceSplitter
from knowledge.store import Store
from knowledge.store.corpus import SourceRecord
from knowledge.types import Audience, ReindexReport, Vectors
from tests.one_generation import only

HERE = Path(__file__).parents[2]
FILES_AT_ONCE = 8
SWEEP = 0.3


@dataclass(frozen=True, slots=True)
class Order:
    """What a process is to do."""

    home: str
    database_url: str | None
    root: str
    log: str
    """Where it writes down what it has embedded."""
    works: bool
    """Do background work until killed; otherwise reindex once."""

    @property
    def settings(self) -> Settings:
        team = TeamFile(sources={"handbook": SourceSettings(path=Path(self.root))})
        return Settings(home=Path(self.home), database_url=self.database_url).with_team(team)


class NotingEmbedder:
    """Embeds a text as its hash, and writes down which process has embedded it before anybody gets the vector."""

    name = "noting-1"
    dimensions = 8

    def __init__(self, log: str) -> None:
        self._log = log

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        await asyncio.sleep(0.01)
        hashes = [content_id(text) for text in texts]
        with Path(self._log).open("ab", buffering=0) as log:  # noqa: ASYNC230 - one short write, whole or not at all
            log.write("".join(f"{os.getpid()} {found}\n" for found in hashes).encode())
        return np.array([_vector(found) for found in hashes])

    async def embed_query(self, text: str) -> Vectors:
        return _vector(content_id(text))


def _vector(text_hash: str) -> Vectors:
    return np.frombuffer(bytes.fromhex(text_hash), dtype="<u4").astype(np.float32) / np.float32(2**32)


def hurry() -> None:
    """Work in small lots and look around often, so that a kill meets a run in the middle."""
    indexing.BATCH_FILES = FILES_AT_ONCE
    runs.SWEEP_SECONDS = SWEEP


async def reindex_once(order: Order, *, pool: ReaderPool | None = None) -> ReindexReport:
    """Reindex the source in this process."""
    store = await Store.open(order.settings)
    embedder = NotingEmbedder(order.log)
    index = EmbeddedIndex.build(settings=order.settings, corpus=store.corpus, embedder=embedder)
    try:
        return await reindex(
            SourceRecord("handbook", order.root, Audience(), configured=True),
            corpus=store.corpus,
            backends=only(store, embedder, index),
            splitter=SentenceSplitter(),
            owner=store.deliveries.owner,
            pool=pool,
            allow_empty=True,
        )
    finally:
        await index.close()
        await store.close()


async def _work(order: Order) -> None:
    kb = await KnowledgeBase.open(order.settings, embedder=NotingEmbedder(order.log))
    await kb.work()


class Nursery:
    """Begins processes, and knows which of them live."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._living: set[int] = set()
        self.killed: set[int] = set()

    def begin(self, order: Order) -> int:
        """Begin a process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(order)) + "\n")
        self._process.stdin.flush()
        pid = int(self._process.stdout.readline())
        self._living.add(pid)
        return pid

    def lives(self, pid: int) -> bool:
        """Say whether a process has not ended."""
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            self._living.discard(pid)
            return False
        return True

    def kill(self, pid: int) -> bool:
        """Kill a process; False when it has ended already."""
        if pid not in self._living or not self.lives(pid):
            return False
        os.kill(pid, signal.SIGKILL)
        self._living.discard(pid)
        self.killed.add(pid)
        return True

    def kill_all(self) -> None:
        """Kill whatever lives."""
        for pid in list(self._living):
            self.kill(pid)


@contextmanager
def nursery() -> Iterator[Nursery]:
    """Have a nursery; what it began and still lives is killed at the end."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.torture.nursery"],
        cwd=HERE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        made = Nursery(process)
        try:
            yield made
        finally:
            made.kill_all()
            assert process.stdin is not None
            process.stdin.close()


def main() -> None:
    """Fork a process per line."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _live(Order(**json.loads(line)))
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _live(order: Order) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    hurry()
    with suppress(KeyboardInterrupt):
        asyncio.run(_work(order) if order.works else reindex_once(order))
    os._exit(0)


if __name__ == "__main__":
    main()
