"""The tables of the SQL database, which holds the truth.

Facts are appended and never rewritten; only states (a chunk's, a document's, a lease's) change. `store/` is the only
reader and writer; `alembic/` makes and changes the tables.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
)

HEAD = "0008"
"""The revision of the database that this code reads and writes."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC; SQLite would forget the time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if dialect.name != "sqlite" else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


Serial = BigInteger().with_variant(Integer, "sqlite")

# --- What the sources say -------------------------------------------------------------------------------------------

sources = Table(
    "sources",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("root", Text, nullable=False),
    Column("configured", Boolean, nullable=False, doc="named in footnote.toml; false: a folder from the command line"),
    Column("active", Boolean, nullable=False, doc="false: footnote.toml no longer names it, so nobody may use it"),
    Column("audience", JSON, nullable=False, doc="{channels, users, usergroups}; all empty means everyone"),
    Column("url", Text, doc="where its documents can be opened"),
    Column("indexed_at", UtcDateTime),
    Column("last_report", JSON),
    Column("retired_at", UtcDateTime, doc="since when it is not active"),
)

source_leases = Table(
    "source_leases",
    metadata,
    Column("source", String(200), ForeignKey("sources.name", ondelete="CASCADE"), primary_key=True),
    Column("token", BigInteger, nullable=False, doc="fencing: grows with each run; an older run may not write"),
    Column("owner", String(200), doc="empty when no run holds the source"),
    Column("lease_until", Float, nullable=False, doc="seconds since the epoch"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("source", String(200), nullable=False),
    Column("folder", Text, nullable=False, doc="inside the source; empty: all of it"),
    Column("allow_empty", Boolean, nullable=False),
    Column("key", String(400), unique=True, doc="the delivery that asked for it: it gets this run's report, no other"),
    Column("slot", String(64), unique=True, doc="what is asked for, until it is done: who asks for the same joins"),
    Column("state", String(10), nullable=False, doc="queued | running | done | failed | cancelled"),
    Column("owner", String(200), doc="the process that runs it"),
    Column("lease_until", Float, nullable=False, doc="seconds since the epoch; then anybody may take it over"),
    Column("token", BigInteger, doc="of the source's lease; set while others may help"),
    Column("files_done", Integer, nullable=False),
    Column("files_total", Integer, nullable=False),
    Column("chunks", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("seconds_left", Float),
    Column("report", JSON),
    Column("error", Text, nullable=False, doc="the sentence for the person who asked"),
    Column("error_kind", String(60), nullable=False, doc="the class in errors.py"),
    Column("error_details", JSON, doc="what that class is made with besides the sentence"),
    Column("cancel_asked", Boolean, nullable=False, server_default=false(), doc="who works on it stops"),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Index("ix_runs_state", "state", "lease_until"),
)

run_batches = Table(
    "run_batches",
    metadata,
    Column("run_id", String(40), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("files", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False, doc="the files and what was known of them: JSON, zlib"),
    Column("owner", String(200)),
    Column("lease_until", Float, nullable=False, doc="seconds since the epoch"),
    Column("done", Boolean, nullable=False),
    Column("chunks", Integer, nullable=False),
    Column("tally", JSON, doc="what became of the files"),
)

documents = Table(
    "documents",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("source", String(200), ForeignKey("sources.name", ondelete="CASCADE"), nullable=False),
    Column("path", Text, nullable=False),
    Column("title", Text, nullable=False, default=""),
    Column("url", Text),
    Column("live", Boolean, nullable=False, doc="has chunks that answers may use"),
    Column("fingerprint", String(64), nullable=False, default="", doc="SHA-256 of the bytes last looked at"),
    Column("size", BigInteger, nullable=False, default=0),
    Column("mtime_ns", BigInteger, nullable=False, default=0),
    Column("inode", BigInteger, nullable=False, default=0),
    Column("recipe", String(64), nullable=False, default="", doc="hash of reader, splitter and embedder versions"),
    Column("outcome", String(20), nullable=False, default="ok", doc="of the last attempt"),
    Column("reason", Text, nullable=False, default=""),
    Column("attempts", Integer, nullable=False, default=0, doc="how often these bytes have failed in a row"),
    Column("retry_at", Float, doc="seconds since the epoch; empty: not before its bytes or its recipe change"),
    Column("chunk_count", Integer, nullable=False, default=0),
    Column("indexed_at", UtcDateTime),
    UniqueConstraint("source", "path"),
)

chunks = Table(
    "chunks",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("document_id", String(64), nullable=False),
    Column("source", String(200), nullable=False),
    Column("path", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("heading", Text, nullable=False),
    Column("page", Integer),
    Column("position", Integer, nullable=False),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("location", Text, nullable=False, server_default="", doc="slide, rows, lines, cell: as a footnote says it"),
    Column("text_hash", String(64), nullable=False, doc="of the embedded text: the key of its vector"),
    Column("state", String(8), nullable=False, doc="pending | live | dead"),
    Index("ix_chunks_document_state", "document_id", "state"),
    Index("ix_chunks_source_state", "source", "state"),
    sqlite_autoincrement=True,
)

vectors = Table(
    "vectors",
    metadata,
    Column("embedder", String(200), primary_key=True),
    Column("text_hash", String(64), primary_key=True),
    Column("vector", LargeBinary, nullable=False, doc="float32, little endian"),
)

index_generations = Table(
    "index_generations",
    metadata,
    Column("embedder", String(200), primary_key=True),
    Column("seq", BigInteger, nullable=False, doc="of the newest entry of index_log"),
)

index_log = Table(
    "index_log",
    metadata,
    Column("embedder", String(200), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("chunk_id", String(64), nullable=False),
    Column("added", Boolean, nullable=False, doc="false: the chunk leaves the index"),
    Index("ix_index_log_chunk", "chunk_id"),
)

generations = Table(
    "generations",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False, unique=True, doc="the index's place and the embedder: who has both is at it"),
    Column("index_choice", Text, nullable=False, doc="as FOOTNOTE_INDEX names it"),
    Column("embedder_choice", Text, nullable=False, doc="as FOOTNOTE_EMBEDDER names it"),
    Column("embedder_name", String(200), nullable=False, doc="model and version: the key of its vectors"),
    Column("options", JSON, nullable=False, doc="other settings that it was made with; no secrets"),
    Column("retired_at", UtcDateTime, doc="empty while it answers or is being filled"),
    sqlite_autoincrement=True,
)

generation_roles = Table(
    "generation_roles",
    metadata,
    Column("role", String(10), primary_key=True, doc="serving | filling"),
    Column("generation", Serial, ForeignKey("generations.id"), nullable=False, unique=True),
    Column("since", UtcDateTime, nullable=False),
)

generation_documents = Table(
    "generation_documents",
    metadata,
    Column("generation", Serial, ForeignKey("generations.id", ondelete="CASCADE"), primary_key=True),
    Column("document_id", String(64), primary_key=True, doc="all of its live chunks are in the generation's index"),
    Index("ix_generation_documents_document", "document_id"),
)

removals = Table(
    "removals",
    metadata,
    Column("generation", Serial, ForeignKey("generations.id", ondelete="CASCADE"), primary_key=True),
    Column("chunk_id", String(64), primary_key=True, doc="dead, and perhaps still in the generation's index"),
    Column("source", String(200), nullable=False),
)

installation = Table(
    "installation",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False, doc="always 1: there is one row"),
    Column("id", String(40), nullable=False, doc="tells this database from others that share a service with it"),
)

# --- What people asked and got --------------------------------------------------------------------------------------

blobs = Table(
    "blobs",
    metadata,
    Column("sha256", String(64), primary_key=True, doc="of the uncompressed bytes"),
    Column("codec", String(8), nullable=False, doc="raw | zlib"),
    Column("bytes", LargeBinary, nullable=False),
)

questions = Table(
    "questions",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("key", String(400), unique=True, doc="the delivery's identity; empty for the command line"),
    Column("team", String(40)),
    Column("channel", String(40)),
    Column("thread", String(40)),
    Column("asker", String(200)),
    Column("surface", String(20), nullable=False),
    Column("text", Text, nullable=False),
    Column("standalone", Text, nullable=False, doc="the question as it was searched"),
    Column("history", JSON, nullable=False),
    Column("scope", JSON, nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("embedder", String(200), doc="whose vector this is; empty when the question was never embedded"),
    Column("vector", LargeBinary, doc="of `standalone`: float32, little endian"),
    Index("ix_questions_asker_asked", "asker", "asked_at"),
    Index("ix_questions_thread_asked", "channel", "thread", "asked_at"),
)

prompt_versions = Table(
    "prompt_versions",
    metadata,
    Column("id", String(64), primary_key=True, doc="as in `answers.prompt_version`: it names the text by its hash"),
    Column("name", String(100), nullable=False),
    Column("texts", JSON, nullable=False, doc="{prompt: text}, in the order in which they make up the version"),
    Column("created_at", UtcDateTime, nullable=False),
)

answers = Table(
    "answers",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("question_id", String(40), ForeignKey("questions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("outcome", String(10), nullable=False, doc="answered | declined | failed"),
    Column("text", Text, nullable=False),
    Column("sentences", JSON, nullable=False),
    Column("model", String(200), nullable=False),
    Column("prompt_version", String(64), nullable=False),
    Column("request_sha256", String(64), ForeignKey("blobs.sha256")),
    Column("shortened", Boolean, nullable=False),
    Column("reason", Text, nullable=False, doc="why it was declined, or the cause of the failure"),
    Column("timings_ms", JSON, nullable=False),
    Column("usage", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("answerer", String(200), nullable=False, server_default="", doc="that rendered the request"),
    Column(
        "parameters",
        JSON,
        nullable=False,
        server_default="{}",
        doc="what besides prompt, passages and question made it",
    ),
    Column("verified_id", String(40), index=True, doc="the verified answer that was given again"),
    Column("erased_at", UtcDateTime, doc="somebody's words were taken out: the request cannot be rebuilt any more"),
    Index("ix_answers_outcome_created", "outcome", "created_at"),
)

hits = Table(
    "hits",
    metadata,
    Column("answer_id", String(40), ForeignKey("answers.id", ondelete="CASCADE"), primary_key=True),
    Column("rank", Integer, primary_key=True),
    Column("chunk_id", String(64), nullable=False, index=True),
    Column("score", Float, nullable=False),
    Column("scores", JSON, nullable=False, doc="raw score per search"),
    Column("shown", Boolean, nullable=False, doc="was there to be answered from"),
    Column("nearest", Boolean, nullable=False, doc="was named under a decline"),
    Column("stage", String(20), nullable=False, server_default="search", doc="how it was found: knowledge.Stage"),
    Column("position", Integer, doc="its place in the request, from 0; empty: no request held it"),
    Column("place", JSON, nullable=False, server_default="{}", doc="{page, position, start, end} of the chunk then"),
)

citations = Table(
    "citations",
    metadata,
    Column("answer_id", String(40), ForeignKey("answers.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("chunk_id", String(64), nullable=False, index=True),
    Column("quote", Text, nullable=False),
    Column("start", Integer, nullable=False, doc="in the document's text as it was then, in characters"),
    Column("end", Integer, nullable=False),
)

# --- What people think of it ----------------------------------------------------------------------------------------

feedback = Table(
    "feedback",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("answer_id", String(40), ForeignKey("answers.id", ondelete="CASCADE"), nullable=False),
    Column("person", String(200), nullable=False, doc="the Slack id, or the name given on the command line"),
    Column("vote", String(4), nullable=False, doc="up | down; a person's latest row counts"),
    Column("via", String(20), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index("ix_feedback_answer_person", "answer_id", "person"),
    sqlite_autoincrement=True,
)

remarks = Table(
    "remarks",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("answer_id", String(40), ForeignKey("answers.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("person", String(200), nullable=False),
    Column("reasons", JSON, nullable=False, doc="codes of knowledge.Reason"),
    Column("comment", Text, nullable=False),
    Column("correction", Text, nullable=False, doc="what would have been right"),
    Column("via", String(20), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("sources", JSON, nullable=False, server_default="[]", doc="that say so: paths or addresses, as typed"),
    sqlite_autoincrement=True,
)

reviews = Table(
    "reviews",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("answer_id", String(40), ForeignKey("answers.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("remark_id", Serial, ForeignKey("remarks.id", ondelete="CASCADE"), doc="the correction that is judged"),
    Column("reviewer", String(200), nullable=False),
    Column("verdict", String(8), nullable=False, doc="of knowledge.Verdict; a reviewer's latest per target counts"),
    Column("text", Text, nullable=False, doc="the answer as the reviewer would have it"),
    Column("note", Text, nullable=False),
    Column("via", String(20), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)

signals = Table(
    "signals",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("answer_id", String(40), ForeignKey("answers.id", ondelete="CASCADE"), nullable=False),
    Column("person", String(200), nullable=False),
    Column("kind", String(20), nullable=False, doc="of knowledge.SignalKind"),
    Column("value", String(200), nullable=False, doc="what the kind says it is"),
    Column("at", UtcDateTime, nullable=False),
    UniqueConstraint("answer_id", "person", "kind", "value"),
    sqlite_autoincrement=True,
)

consents = Table(
    "consents",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("subject", String(200), nullable=False, index=True, doc="user:U1 | channel:C1; its latest row counts"),
    Column("state", String(3), nullable=False, doc="in | out"),
    Column("text_version", String(40), nullable=False, doc="of the notice that was shown"),
    Column("at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)

raters = Table(
    "raters",
    metadata,
    Column("person", String(200), primary_key=True),
    Column("pseudonym", String(40), nullable=False, unique=True, doc="random: without this row nobody can join it"),
)

verified_answers = Table(
    "verified_answers",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("answer_id", String(40), ForeignKey("answers.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("remark_id", Serial, ForeignKey("remarks.id", ondelete="CASCADE"), doc="the correction that it is"),
    Column("text", Text, nullable=False),
    Column("sentences", JSON, nullable=False, doc="with the numbers of their citations"),
    Column("origin", String(12), nullable=False, doc="who wrote it: of knowledge.Origin"),
    Column("verified_by", String(200), nullable=False),
    Column("verified_at", UtcDateTime, nullable=False),
    Column("state", String(10), nullable=False, index=True, doc="active | expired | withdrawn"),
    Column("reason", Text, nullable=False, doc="why it is not active any more"),
    Column("ended_at", UtcDateTime),
)

verified_questions = Table(
    "verified_questions",
    metadata,
    Column("verified_id", String(40), ForeignKey("verified_answers.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("text", Text, nullable=False, doc="standing alone"),
    Column("embedder", String(200), nullable=False),
    Column("vector", LargeBinary, nullable=False, doc="float32, little endian"),
)

verified_citations = Table(
    "verified_citations",
    metadata,
    Column("verified_id", String(40), ForeignKey("verified_answers.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("chunk_id", String(64), nullable=False, index=True),
    Column("document_id", String(64), nullable=False, index=True),
    Column("text_hash", String(64), nullable=False, doc="of the chunk; the answer expires when no live one has it"),
    Column("quote", Text, nullable=False),
    Column("start", Integer, nullable=False, doc="in the document's text as it was then, in characters"),
    Column("end", Integer, nullable=False),
)

erasures = Table(
    "erasures",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column(
        "subject", String(200), nullable=False, doc="scrypt$salt$hash of the person's id: it can be checked, not read"
    ),
    Column("at", UtcDateTime, nullable=False),
    Column("counts", JSON, nullable=False, doc="rows per table"),
    Column("snapshots", JSON, nullable=False, doc="ids of the dataset snapshots that held the person's words"),
    sqlite_autoincrement=True,
)

# --- What was exported to learn from ----------------------------------------------------------------------------------

dataset_assignments = Table(
    "dataset_assignments",
    metadata,
    Column("answer_id", String(40), ForeignKey("answers.id", ondelete="CASCADE"), primary_key=True),
    Column("group_id", String(16), nullable=False, doc="what may not be parted"),
    Column("split", String(10), nullable=False, doc="train | validation | test; what is held out stays held out"),
)

dataset_snapshots = Table(
    "dataset_snapshots",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True, doc="hash of the rows and of how they were chosen"),
    Column("parent", String(64), doc="the snapshot before it"),
    Column("state", String(8), nullable=False, doc="frozen | revoked"),
    Column("reason", Text, nullable=False, doc="why it was revoked"),
    Column("manifest", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)

dataset_answers = Table(
    "dataset_answers",
    metadata,
    Column("snapshot_id", String(64), ForeignKey("dataset_snapshots.id", ondelete="CASCADE"), primary_key=True),
    Column("answer_id", String(40), primary_key=True, index=True, doc="on which rows of the snapshot rest"),
)

# --- What Slack delivered, and who takes care of it -----------------------------------------------------------------

deliveries = Table(
    "deliveries",
    metadata,
    Column("key", String(400), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("settled", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("lease_until", Float, nullable=False, doc="seconds since the epoch"),
    Column("received_at", UtcDateTime, nullable=False),
    Index("ix_deliveries_open", "settled", "lease_until"),
)

claims = Table(
    "claims",
    metadata,
    Column("key", String(400), primary_key=True),
    Column("delivery_key", String(400)),
    Column("owner", String(200), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("lease_until", Float, nullable=False),
    Column("done", Boolean, nullable=False),
    Column("posting", Boolean, nullable=False, doc="an owner was about to post and has not said that it had"),
    Column("channel", String(40)),
    Column("ts", String(40)),
    Column("answer_id", String(40)),
    Column("claimed_at", UtcDateTime, nullable=False),
)

# --- What people with power did, and what others were refused --------------------------------------------------------

audit = Table(
    "audit",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("person", String(200), nullable=False, doc="a Slack id, or what acted; empty once they were forgotten"),
    Column("act", String(40), nullable=False, doc="of knowledge.Act"),
    Column("subject", String(300), nullable=False, doc="the source, or the answer"),
    Column("outcome", String(200), nullable=False, doc="in a few words; never what people wrote"),
    sqlite_autoincrement=True,
)

# --- What was measured and learned ----------------------------------------------------------------------------------

evaluations = Table(
    "evaluations",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("kind", String(10), nullable=False, doc="gate | compare | learn"),
    Column("subject", String(64), nullable=False, doc="hash of the questions: only equal ones are compared"),
    Column("configuration", JSON, nullable=False, doc="what was measured: embedder, answerer, model"),
    Column("figures", JSON, nullable=False, doc="the means"),
    Column("cases", LargeBinary, nullable=False, doc="every figure of every question: JSON, zlib"),
    Column("ruling", String(10), nullable=False, doc="of knowledge.Ruling"),
    Column("details", JSON, nullable=False, doc="the differences with their intervals"),
    Column("at", UtcDateTime, nullable=False),
    Index("ix_evaluations_subject", "kind", "subject", "at"),
)

adapters = Table(
    "adapters",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("embedder", String(200), nullable=False, index=True, doc="whose question vectors it changes"),
    Column("dimensions", Integer, nullable=False),
    Column("matrix", LargeBinary, nullable=False, doc="float32, little endian, row by row"),
    Column("provenance", JSON, nullable=False, doc="what it was learned from, and how"),
    Column("evaluation_id", String(40), ForeignKey("evaluations.id"), doc="the gate that it had to pass"),
    Column("active", Boolean, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)
