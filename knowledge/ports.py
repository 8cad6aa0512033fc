"""The ports: what a backend must be able to do to take part. All asynchronous, one to three methods each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from knowledge.types import (
    Draft,
    DraftSentence,
    ParsedDocument,
    Passage,
    Piece,
    Question,
    Skipped,
    SourceFile,
    Vectors,
)


@dataclass(frozen=True, slots=True)
class Listing:
    """A complete walk of a source: every file, and everything that was passed over."""

    files: tuple[SourceFile, ...]
    skipped: tuple[Skipped, ...] = ()
    unseen: tuple[str, ...] = ()
    """Files and folders that are there but could not be looked into: what is known of them stays."""


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """What the index keeps of a chunk: enough to find and filter it, nothing that decides."""

    chunk_id: str
    source: str
    vector: Vectors
    """Shape (dimensions,)."""
    text: str
    title: str
    """Document title, path and heading path as one line; searched with a low weight."""


@dataclass(frozen=True, slots=True)
class IndexQuery:
    """One hybrid query: the vector and the words search the same entries."""

    text: str
    vector: Vectors
    """Shape (dimensions,)."""
    k: int
    """How many hits per search."""
    sources: tuple[str, ...] | None = None
    """Only entries of these sources; None means all of them."""


@dataclass(frozen=True, slots=True)
class IndexHits:
    """Hits per search, best first, as (chunk id, score); fused by `ranking`, never by the index."""

    dense: tuple[tuple[str, float], ...] = ()
    lexical: tuple[tuple[str, float], ...] = ()
    term_weights: Mapping[str, float] = field(default_factory=dict)
    """How rare each term of the question is (inverse document frequency), where the index can tell."""


@dataclass(frozen=True, slots=True)
class AnswerRequest:
    """What an answerer gets: the question and the only passages it may use."""

    question: Question
    passages: tuple[Passage, ...]
    deadline: float = 60.0
    """Seconds for the whole answer."""
    on_status: Callable[[str], Awaitable[None]] | None = None
    """Called with a few words when something worth showing begins."""
    asked: str = ""
    """The person's own words, where `question.text` was rewritten to stand alone."""
    search: Callable[[str], Awaitable[tuple[Passage, ...]]] | None = None
    """Searches again in the same scope, read only; the answerer may use it a few times. Raises ServiceError."""
    spent: Callable[[Mapping[str, Any]], None] | None = None
    """Told what the answer has cost when it ends without a draft: a failed answer is paid for as well."""


@dataclass(frozen=True, slots=True)
class AnswerEvent:
    """One step of an answer in the making: a finished sentence, or at the end the whole draft."""

    opening: DraftSentence | None = None
    """The first words of the next sentence, while it is still written, with the quotes that are known by then."""
    sentence: DraftSentence | None = None
    passages: tuple[Passage, ...] = ()
    """Found by searching again: they continue the request's list, and later quotes count on from there."""
    draft: Draft | None = field(default=None)
    """Set on the last event, and only there."""


@runtime_checkable
class Source(Protocol):
    """A place documents come from."""

    name: str

    async def list(self) -> Listing:
        """Walk everything. Raises SourceError when the walk could not be completed."""
        ...

    async def read(self, file: SourceFile) -> bytes:
        """Return the bytes of a listed file. Raises UnreadableFileError with a reason."""
        ...


@runtime_checkable
class Reader(Protocol):
    """Turns the bytes of one family of formats into text with structure."""

    def read(self, data: bytes, path: str) -> ParsedDocument:
        """Parse; runs in a child process, hence not asynchronous. Raises UnreadableFileError."""
        ...


@runtime_checkable
class Splitter(Protocol):
    """Cuts a document into pieces small enough to embed."""

    name: str
    """With the version: part of the recipe that decides what must be indexed again."""

    def split(self, document: ParsedDocument) -> list[Piece]:
        """Cut; the pieces cover the sections' text in order."""
        ...


@runtime_checkable
class Embedder(Protocol):
    """Turns text into vectors. With an attribute `calls_at_once`, a reindex calls it so many times at once."""

    name: str
    """Model and version: vectors of different names are never compared."""
    dimensions: int

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Embed chunks: float32, shape (len(texts), dimensions)."""
        ...

    async def embed_query(self, text: str) -> Vectors:
        """Embed a question: float32, shape (dimensions,)."""
        ...


@runtime_checkable
class Index(Protocol):
    """Proposes chunks for a question. The database decides which of them may be used."""

    async def upsert(self, entries: Sequence[IndexEntry]) -> None:
        """Add or replace; returns when a search would find them."""
        ...

    async def delete(self, chunk_ids: Sequence[str]) -> None:
        """Remove; unknown ids are ignored."""
        ...

    async def search(self, query: IndexQuery) -> IndexHits:
        """Search by vector and by words side by side. Raises IndexUnavailableError."""
        ...


@runtime_checkable
class Listable(Protocol):
    """What an index can do besides: say all that it holds, so that it can be compared with the database."""

    def ids(self) -> AsyncIterator[Sequence[str]]:
        """List the ids of all its chunks, some at a time. Raises IndexUnavailableError."""
        ...


@runtime_checkable
class Fetchable(Protocol):
    """What an index can do besides: say what it holds of some chunks."""

    async def fetch(self, chunk_ids: Sequence[str]) -> Mapping[str, Vectors | None]:
        """Return those of the chunks that it holds, each with its vector where that can be told.

        Raises IndexUnavailableError.
        """
        ...


@runtime_checkable
class Reranker(Protocol):
    """Orders fused passages anew."""

    async def rerank(self, question: str, passages: Sequence[Passage]) -> list[Passage]:
        """Return the same passages, best first."""
        ...


@runtime_checkable
class Answerer(Protocol):
    """Writes an answer from passages. Nothing it writes is shown before `citing` has checked it.

    One with a true attribute `reads_neighbours` is also given the chunks beside the best passages.
    """

    name: str

    def answer(self, request: AnswerRequest) -> AsyncIterator[AnswerEvent]:
        """Yield each sentence when it is finished, then the draft.

        A draft without sentences declines. Raises AnswererUnavailableError.
        """
        ...


@runtime_checkable
class Understander(Protocol):
    """Turns a follow-up into a question that stands alone."""

    async def standalone(self, question: Question) -> str:
        """Return the question as it is searched. Never raises for a broken service: it has a way without one."""
        ...


@runtime_checkable
class Checkable(Protocol):
    """What a part that talks to a service can do besides: look whether what is configured fits."""

    async def check(self) -> str:
        """Try the service and say what was found, in a few words.

        Raises ConfigurationError when what is configured does not fit, ServiceError when the service does not answer.
        """
        ...


Task = Callable[..., Awaitable[None]]
"""Work of one kind, called with the arguments it was enqueued with."""


@runtime_checkable
class Jobs(Protocol):
    """Background work: wakes whoever does it and spreads it. What must not be lost stands in the database besides."""

    most_helpers: int
    """How many other processes may help with one reindex."""

    async def open(self, tasks: Mapping[str, Task]) -> None:
        """Learn how each kind of work is done; nothing is connected yet."""
        ...

    async def enqueue(self, task: str, *, lock: str, arguments: Mapping[str, Any]) -> bool:
        """Hand work over unless work with this lock waits already; say whether it was. Raises ServiceError."""
        ...

    def is_relieved(self, lock: str) -> bool:
        """Say whether somebody else does the work of this lock, so that whoever handed it over only follows it."""
        ...

    async def work(self) -> None:
        """Do what is handed over, until cancelled."""
        ...

    async def close(self) -> None:
        """Stop; what was begun and not finished is handed back."""
        ...
