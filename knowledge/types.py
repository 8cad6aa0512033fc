"""The nouns of Footnote, as frozen values that every other module speaks in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
"""Embeddings: shape (n, dimensions) for documents, (dimensions,) for a question."""


class Outcome(StrEnum):
    """How a question ended; every question ends in exactly one of these."""

    ANSWERED = "answered"
    """Checked sentences with footnotes were shown."""
    DECLINED = "declined"
    """The documents do not say it; the nearest sources were shown."""
    FAILED = "failed"
    """A service broke; the person was told so and may try again."""


class Surface(StrEnum):
    """Where a question was asked, which decides who sees the answer."""

    CHANNEL = "channel"
    """A mention in a channel or its threads: everybody there sees the answer."""
    DIRECT = "direct"
    """A direct message with the bot."""
    COMMAND = "command"
    """`/ask`: only the asker sees the answer."""
    TERMINAL = "terminal"
    """The command line or a program."""


class Vote(StrEnum):
    """What a person thinks of an answer."""

    UP = "up"
    DOWN = "down"


class Reason(StrEnum):
    """What was wrong with an answer: a closed list, each naming what has to be mended."""

    WRONG_FACT = "wrong_fact"
    NOT_IN_SOURCES = "not_in_sources"
    OUTDATED_SOURCE = "outdated_source"
    WRONG_DOCUMENT = "wrong_document"
    MISSED_EXISTING_DOCUMENT = "missed_existing_document"
    INCOMPLETE = "incomplete"
    MISREAD_QUESTION = "misread_question"
    TOO_LONG_OR_STYLE = "too_long_or_style"
    SHOULD_HAVE_SAID_DONT_KNOW = "should_have_said_dont_know"
    REFUSED_BUT_ANSWER_EXISTS = "refused_but_answer_exists"
    NO_ACCESS_OR_LEAK = "no_access_or_leak"
    OTHER = "other"


class Stage(StrEnum):
    """How a passage came to be among those of an answer."""

    SEARCH = "search"
    """Found for the question."""
    NEIGHBOUR = "neighbour"
    """Stands beside one of the best in its document."""
    SECOND_SEARCH = "second_search"
    """Found by searching again while the answer was written."""
    VERIFIED = "verified"
    """Cited by the verified answer that was given."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Who may see a source: everyone when nothing is named, else anybody whom one of the names fits."""

    channels: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    usergroups: tuple[str, ...] = ()

    @property
    def everyone(self) -> bool:
        return not (self.channels or self.users or self.usergroups)

    def describe(self) -> str:
        """Say how many may see it, without naming anybody."""
        named = {"channel": self.channels, "person": self.users, "user group": self.usergroups}
        counts = [f"{len(ids)} {kind}{'s' if len(ids) > 1 else ''}" for kind, ids in named.items() if ids]
        return ", ".join(counts).replace("persons", "people") or "everyone"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a question may draw on: public sources always, others through the asker or the place."""

    channel: str | None = None
    """Set when the question was asked in that channel (`/ask` there included)."""
    user: str | None = None
    """Set only where nobody but this person sees the answer."""
    usergroups: tuple[str, ...] = ()
    """The person's user groups; used, like `user`, only where nobody else sees the answer."""
    operator: bool = False
    """Everything, for the person who runs the machine."""

    def admits(self, audience: Audience) -> bool:
        """Say whether a source with this audience may be used."""
        if self.operator or audience.everyone:
            return True
        return (
            (self.channel is not None and self.channel in audience.channels)
            or (self.user is not None and self.user in audience.users)
            or any(group in audience.usergroups for group in self.usergroups)
        )


PUBLIC = Scope()


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file as a source found it, before anything was read."""

    path: str
    """POSIX, relative to the source's root; surrogate-escaped where the name is not UTF-8."""
    size: int
    """Bytes."""
    mtime_ns: int
    inode: int = 0
    reader: str = ""
    """The reader for it as `module:class`, where its name does not tell."""
    url: str | None = None
    """Where it can be opened, where the source itself knows."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something in a source that is no document, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Section:
    """A run of a document's text under one heading path, the unit a splitter works on."""

    text: str
    """Markdown where the format has structure (fences, tables, lists), plain text otherwise."""
    heading: tuple[str, ...] = ()
    """From the outermost heading to the nearest."""
    start: int = 0
    """Where the text begins in `ParsedDocument.text`, in characters."""
    page: int | None = None
    """Counted from 1, for paged formats."""
    location: str = ""
    """Where it stands, as a footnote says it: `slide 4`, `Budget, rows 12-30`; empty when heading and page say it."""
    first_line: int | None = None
    """The number of its first line in the file, where lines are what people look for."""


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """What a reader made of a file's bytes."""

    title: str
    text: str
    """The whole text; every section is a slice of it."""
    sections: tuple[Section, ...]
    url: str | None = None
    missing: tuple[str, ...] = ()
    """What of the file could not be read, each in words for a person: `page 3 is damaged`."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A splitter's output: part of one section, small enough to embed."""

    text: str
    """`document.text[start:end]`; in a further part of a table the table's header stands before it."""
    heading: tuple[str, ...]
    start: int
    """Offsets into `ParsedDocument.text`."""
    end: int
    page: int | None = None
    location: str = ""
    """As in `Section`, narrowed down to the piece."""


@dataclass(frozen=True, slots=True)
class Document:
    """One live document of a source."""

    id: str
    source: str
    path: str
    title: str
    url: str | None
    fingerprint: str
    """SHA-256 of the bytes, hexadecimal."""
    audience: Audience = Audience()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document as it is stored, searched and cited; never changed once written."""

    id: str
    document_id: str
    source: str
    path: str
    title: str
    url: str | None
    heading: str
    """The heading path joined by ` > `; empty when there is none."""
    page: int | None
    position: int
    """The chunk's number within its document, from 0."""
    start: int
    """Offsets into the document's text."""
    end: int
    text: str
    location: str = ""
    """Where it stands, where heading and page do not say it: `slide 4`, `Budget, rows 12-30`, `lines 10-24`."""

    @property
    def where(self) -> str:
        """Say where below its headings it stands: its location, or its page; empty when the headings are all."""
        return self.location or ("" if self.page is None else f"p. {self.page}")

    @property
    def headings(self) -> tuple[str, ...]:
        """The headings, outermost first, without a last one that `where` repeats."""
        names = tuple(name for name in self.heading.split(" > ") if name.strip())
        return names[:-1] if names and f", {names[-1]}, " in f", {self.where}, " else names

    @property
    def repeated(self) -> int:
        """Characters at the beginning of the text that repeat a table's header and stand further up in the document."""
        return max(0, len(self.text) - (self.end - self.start)) if self.end > self.start else 0


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk as retrieved for one question."""

    chunk: Chunk
    rank: int
    """From 1, after fusion and reranking."""
    score: float
    """Fused score in 0..1 relative to the best hit of this question."""
    scores: dict[str, float] = field(default_factory=dict)
    """The raw score per search: `dense` is a cosine, `lexical` a BM25 score, `rerank` a model's."""
    stage: Stage = Stage.SEARCH


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier message of a conversation."""

    speaker: str
    """A person's id, or `assistant` for our own answers."""
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asked, where, and what may be used to answer it."""

    text: str
    key: str | None = None
    """The delivery's identity: the same key is answered once. None asks anew every time."""
    asker: str | None = None
    scope: Scope = PUBLIC
    surface: Surface = Surface.TERMINAL
    history: tuple[Turn, ...] = ()
    channel: str | None = None
    thread: str | None = None
    team: str | None = None


@dataclass(frozen=True, slots=True)
class Citation:
    """A footnote: a quote that stands word for word in a passage that was retrieved for the question."""

    number: int
    """As shown, from 1."""
    chunk: Chunk
    quote: str
    """As it stands in the source, Markdown markup aside."""
    start: int
    """Where the quote stands in the document's text, in characters."""
    end: int


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of an answer with the footnotes that carry it."""

    text: str
    citations: tuple[int, ...] = ()
    supported: bool = True
    """False when no true footnote is left: shown as unsupported, or not at all."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What an answerer proposes, before anything was checked."""

    sentences: tuple[DraftSentence, ...]
    complete: bool = True
    """False when the answerer stopped early (length, a cut stream)."""
    model: str = ""
    prompt_version: str = ""
    request: bytes = b""
    """The exact request, canonical JSON."""
    usage: dict[str, Any] = field(default_factory=dict)
    missing: str = ""
    """What of the question the passages do not say, in a few words of the question itself."""
    passages: tuple[Passage, ...] = ()
    """Found by searching again while answering: they follow those of the request."""
    answerer: str = ""
    """The name by which the adapter is known that can render the request again."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """What the request was made of besides the prompt, the passages and the question: JSON."""
    prompts: Mapping[str, str] = field(default_factory=dict)
    """The texts that the prompt version stands for, by name."""


@dataclass(frozen=True, slots=True)
class DraftSentence:
    """One proposed sentence and the quotes said to carry it."""

    text: str
    quotes: tuple[Quote, ...] = ()


@dataclass(frozen=True, slots=True)
class Quote:
    """A claimed quote: the passage's place in the list that was sent, and the words."""

    passage: int
    """Index into the passages of the request, from 0. Unchecked: may be out of range."""
    text: str


@dataclass(frozen=True, slots=True)
class Verification:
    """Who has found an answer right, and when."""

    by: str
    """A person's Slack id, or the name given on the command line."""
    at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person gets to see."""

    id: str
    outcome: Outcome
    text: str
    """Markdown with footnote marks `[1]`; for a decline or failure the sentence shown."""
    citations: tuple[Citation, ...] = ()
    sentences: tuple[Sentence, ...] = ()
    nearest: tuple[Chunk, ...] = ()
    """For a decline: the closest documents' chunks, at most three, one per document."""
    model: str = ""
    prompt_version: str = ""
    shortened: bool = False
    """True when the answer was cut and says so."""
    timings_ms: dict[str, float] = field(default_factory=dict)
    """`total` always; `search`, `answer`, `check`, `record` where they happened."""
    reason: str = ""
    """For a decline why; for a failure the cause, for the log and the database, not for people."""
    verified: Verification | None = None
    """Set when a reviewer's approved answer was given again."""


@dataclass(frozen=True, slots=True)
class Embedding:
    """A vector as it is stored, with the name of the embedder that made it."""

    embedder: str
    data: bytes
    """float32, little endian."""

    @property
    def vector(self) -> Vectors:
        """The vector, shape (dimensions,)."""
        return np.frombuffer(self.data, "<f4")

    @classmethod
    def of(cls, embedder: str, vector: Vectors) -> Embedding:
        """Pack a vector, shape (dimensions,)."""
        return cls(embedder, np.asarray(vector, "<f4").tobytes())


@dataclass(frozen=True, slots=True)
class Exchange:
    """Everything that is kept of one question: enough to rebuild the request byte for byte."""

    question: Question
    answer: Answer
    passages: tuple[Passage, ...]
    """As shown to the answerer, in order."""
    request: bytes
    """Exactly as it was sent; empty when nothing was."""
    asked_at: datetime
    standalone: str = ""
    """The question as it was searched; empty when it never was."""
    embedding: Embedding | None = None
    """Of `standalone`."""
    answerer: str = ""
    """That rendered the request; empty for those that do not say it."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """What the request was made of besides the prompt, the passages and the question."""
    verified_id: str | None = None
    """The verified answer that was given again."""
    erased: bool = False
    """Somebody's words were taken out of it later."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """One person's judgement of one answer."""

    answer_id: str
    person: str
    vote: Vote | None = None
    reasons: tuple[Reason, ...] = ()
    comment: str = ""
    correction: str = ""
    sources: tuple[str, ...] = ()
    """Documents that say so, as the person names them: paths or addresses."""
    via: str = "slack"


@dataclass(frozen=True, slots=True)
class FailedFile:
    """A file that could not be indexed, and why, in words for a person."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class PartlyRead:
    """A file that was indexed without the parts that could not be read, and which they are."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a reindex is."""

    source: str
    files_done: int
    files_total: int
    chunks: int
    seconds: float
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True)
class ReindexReport:
    """What a reindex did."""

    source: str
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    failed: tuple[FailedFile, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    chunks: int = 0
    """Live chunks of the source afterwards."""
    seconds: float = 0.0
    partial: tuple[PartlyRead, ...] = ()
    """Counted among the others; named because something of them is missing."""

    def summary(self) -> str:
        """Say it in the fixed words that people and programs read."""
        return (
            f"{self.added} added, {self.changed} changed, {self.unchanged} unchanged, "
            f"{self.removed} removed, {len(self.failed)} failed"
        )


@dataclass(frozen=True, slots=True)
class IndexAudit:
    """How far an index agreed with the database; what did not agree has been put right."""

    index: str
    embedder: str
    chunks: int
    """That it should hold."""
    missing: int
    unknown: int
    """That it held and the database does not call live."""
    wrong: int
    """Vectors that were not the database's, among those compared."""
    sampled: int
    """Vectors compared."""
    listed: bool
    """Whether it could say all that it holds; otherwise nothing unknown can be found."""

    @property
    def sound(self) -> bool:
        """Whether nothing had to be put right."""
        return not (self.missing or self.unknown or self.wrong)


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What an audit of the indexes found."""

    source: str
    """Empty: all of them."""
    indexes: tuple[IndexAudit, ...]
    seconds: float = 0.0

    @property
    def sound(self) -> bool:
        """Whether nothing had to be put right."""
        return all(index.sound for index in self.indexes)


class GenerationState(StrEnum):
    """What a generation, a pair of an index and an embedder, is there for."""

    SERVING = "serving"
    """Answers come from it."""
    FILLING = "filling"
    """It takes over when it holds everything."""
    RETIRED = "retired"
    """Kept for a while, should somebody want it back."""


@dataclass(frozen=True, slots=True)
class GenerationStatus:
    """How far a generation is filled."""

    index: str
    embedder: str
    state: GenerationState
    documents: int
    """So many of `documents_total` it holds."""
    documents_total: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Vanished:
    """What a run would have removed and did not: so much that a person has to say yes first."""

    vanished: int = 0
    """Of the documents that answers use."""
    live: int = 0
    """How many there are."""


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """A source as an admin sees it."""

    name: str
    root: str
    audience: Audience
    documents: int
    chunks: int
    failed: int
    indexed_at: datetime | None
    last_report: str = ""
    progress: Progress | None = None
    """How far the reindex is that is under way, in whichever process."""
    asks: Vanished | None = None
    """Set while the newest run waits for a yes, see `EmptySourceError`."""


@dataclass(frozen=True, slots=True)
class Disliked:
    """A document that was cited in answers which people did not like."""

    source: str
    path: str
    votes: int
    """👎 that count now."""


class Act(StrEnum):
    """What the audit keeps."""

    REINDEX_STARTED = "reindex.started"
    """Somebody had a source reindexed, or joined a run that was under way."""
    REINDEX_CANCELLED = "reindex.cancelled"
    REINDEX_REFUSED = "reindex.refused"
    """Somebody who is no admin wanted to reindex, to stop that, or to read its report."""
    SHARE_REFUSED = "share.refused"
    """An answer was not shared, because not everybody in the channel may see its sources."""
    AUDIENCE_CHANGED = "audience.changed"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what, when, and what came of it."""

    at: datetime
    person: str
    """A Slack id, `command line` or `footnote.toml`."""
    act: Act
    subject: str
    outcome: str


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Ranked passages and what it took to find them."""

    passages: tuple[Passage, ...]
    timings_ms: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out when one part was tried."""

    part: str
    ok: bool
    says: str
    """What is there; or what is wrong, and what to do about it."""
