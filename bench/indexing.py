"""How fast a folder is indexed, against the embedder alone and against LangChain's pipeline in the same run."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from time import perf_counter

from bench import corpus, langchain_pipeline
from bench.figures import Figure, at_least, at_most
from knowledge import KnowledgeBase, Question, Settings
from knowledge.reading.formats import reader_for
from knowledge.splitting import SentenceSplitter, embedded_text

FILES = 10_000
SAMPLE = 2_000


class Stopwatch:
    """Takes the time on the wall and the time that this process and those that it has ended spent computing."""

    def __init__(self) -> None:
        self._wall, self._computed = perf_counter(), _computed()

    def read(self) -> tuple[float, float]:
        """Return both in seconds."""
        return perf_counter() - self._wall, _computed() - self._computed


def _computed() -> float:
    return sum(used.ru_utime + used.ru_stime for used in map(getrusage, (RUSAGE_SELF, RUSAGE_CHILDREN)))


async def run(files: int = FILES) -> list[Figure]:
    """Index, index again with nothing changed, edit one file."""
    with tempfile.TemporaryDirectory() as name:
        docs, home = Path(name) / "docs", Path(name) / "home"
        corpus.write(docs, files)
        kb = await KnowledgeBase.open(Settings(home=home))
        try:
            return await _figures(kb, docs, files, Path(name) / "langchain")
        finally:
            await kb.close()


async def _figures(kb: KnowledgeBase, docs: Path, files: int, theirs: Path) -> list[Figure]:
    watch = Stopwatch()
    report = await kb.reindex_folder(docs)
    indexing, computed = watch.read()
    assert report.added == files, report.summary()
    alone, alone_computed = await _embedder_alone(docs, report.chunks)
    compared = await asyncio.to_thread(_against_langchain, docs, theirs, indexing, computed)
    start = perf_counter()
    report = await kb.reindex_folder(docs)
    unchanged = perf_counter() - start
    assert report.unchanged == files, report.summary()
    return [
        Figure(f"{files:,} Markdown files indexed", files / indexing, "files/s"),
        Figure("… in chunks", report.chunks / indexing, "chunks/s"),
        Figure("… CPU time", computed, "s"),
        at_least("… of the embedder's own speed on the same chunks", alone / indexing, 0.8, "x"),
        Figure("… in CPU time", alone_computed / computed, "x"),
        *compared,
        at_most("reindex with nothing changed", unchanged, 1.5, "s"),
        at_most("one file edited and reindexed until an answer has it", await _edit(kb, docs), 3, "s"),
    ]


def _against_langchain(docs: Path, home: Path, indexing: float, computed: float) -> list[Figure]:
    """Index the same files with LangChain: with Chroma, and with the least that a store can be."""
    chroma = langchain_pipeline.chroma()
    if chroma is None:
        found = [Figure("Chroma is not installed: `make bench` installs it", 0, "")]
    else:
        watch = Stopwatch()
        langchain_pipeline.index_folder(docs, home / "chroma", chroma)
        wall, spent = watch.read()
        found = [
            at_least("… of the speed of LangChain's pipeline with Chroma", wall / indexing, 3, "x"),
            Figure("… in CPU time", spent / computed, "x"),
        ]
    watch = Stopwatch()
    pieces = langchain_pipeline.index_folder(docs, home / "least")
    wall, spent = watch.read()
    return [
        *found,
        Figure(f"… of its speed with rows in a file for a store ({pieces:,} chunks)", wall / indexing, "x"),
        Figure("… in CPU time", spent / computed, "x"),
    ]


async def _embedder_alone(docs: Path, chunks: int) -> tuple[float, float]:
    """Embed as many chunk texts as were indexed, with nothing else to do, as wordllama itself does it."""
    import wordllama
    from wordllama import WordLlama

    sample = list(islice(_chunk_texts(docs), SAMPLE))
    model = WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)
    watch = Stopwatch()
    await asyncio.to_thread(model.embed, sample, norm=True)
    wall, computed = watch.read()
    return wall * chunks / len(sample), computed * chunks / len(sample)


def _chunk_texts(docs: Path) -> Iterator[str]:
    """Read and split as a reindex does it, so that the texts have the lengths that it embeds."""
    for path in docs.rglob("*.md"):
        document = reader_for(path.name).read(path.read_bytes(), path.name)
        for piece in SentenceSplitter().split(document):
            yield embedded_text(document.title, piece.heading, piece.text)


async def _edit(kb: KnowledgeBase, docs: Path) -> float:
    path = next(docs.rglob("*.md"))
    path.write_text("# The zebra rule\n\nThe zebra rule allows 4711 crossings per hour.\n", "utf-8")
    start = perf_counter()
    await kb.reindex_folder(docs)
    answer = await kb.ask(Question("How many crossings per hour does the zebra rule allow?"))
    assert "4711" in answer.text, answer.text
    return perf_counter() - start


def measure() -> list[Figure]:
    """Measure indexing."""
    return asyncio.run(run())
