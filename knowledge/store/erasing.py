"""Forgetting a person: takes their words and their id out of every table, in one transaction, and says how much."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Row,
    String,
    Table,
    Text,
    cast,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from knowledge.citing import only_quoted, render
from knowledge.labels import Origin
from knowledge.settings import SLACK_ID
from knowledge.store.database import Database
from knowledge.store.evaluations import mark_forgotten
from knowledge.tables import (
    answers,
    audit,
    blobs,
    citations,
    claims,
    consents,
    deliveries,
    erasures,
    feedback,
    metadata,
    questions,
    raters,
    remarks,
    reviews,
    signals,
    verified_answers,
    verified_questions,
)
from knowledge.types import Outcome, Sentence

AT_ONCE = 500
"""Ids in one statement: SQLite takes a few thousand."""
SOMEONE = "someone"
"""What stands in other people's words where the person's id stood."""
REVIEWER = "a reviewer"
"""Who has verified an answer, once that person is forgotten."""
FORGOTTEN = "somebody whose words it holds was forgotten"
ASSISTANT = "assistant"

Revoke = Callable[[Connection, Sequence[str], str], list[str]]
"""(transaction, ids of answers, why) → ids of the snapshots that rest on them, marked as revoked."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was removed or made nobody's."""

    rows: Mapping[str, int]
    """Per table."""
    snapshots: tuple[str, ...] = ()
    """Exported datasets that held the person's words: marked as revoked."""
    learned: int = 0
    """Adapters of `footnote learn` in use that learned from the person: the next `learn` begins without them."""

    @property
    def total(self) -> int:
        """All rows together."""
        return sum(self.rows.values())


def _no_snapshots(_: Connection, __: Sequence[str], ___: str) -> list[str]:
    return []


class Erasures:
    """Forgets people, and keeps of that only how much it was and a hash by which an id can be checked."""

    def __init__(self, database: Database, *, revoke: Revoke = _no_snapshots) -> None:
        self._database = database
        self._revoke = revoke

    async def forget(self, person: str) -> Forgotten:
        """Remove or make nobody's everything of this person; nothing is done by halves.

        On SQLite the file is written anew afterwards, because removed rows would stay readable in it.
        """
        subject = await asyncio.to_thread(_hashed, person)

        def work(connection: Connection) -> Forgotten:
            done = _Eraser(connection, person).run(self._revoke)
            if done.total:
                row = {"subject": subject, "at": datetime.now(UTC), "counts": dict(done.rows)}
                connection.execute(insert(erasures), row | {"snapshots": list(done.snapshots)})
            return done

        done = await self._database.write(work)
        if done.total:
            await self._database.compact()
        return done


def _hashed(person: str) -> str:
    """Hash an id so slowly that trying all of a workspace's ids is work, and so that one id can be checked."""
    salt = secrets.token_bytes(16)
    digest = hashlib.scrypt(person.encode(), salt=salt, n=2**14, r=8, p=1)
    return f"scrypt${salt.hex()}${digest.hex()}"


@dataclass(slots=True)
class _Eraser:
    """One erasure inside its transaction."""

    connection: Connection
    person: str
    counts: Counter[str] = field(default_factory=Counter)
    touched: set[str] = field(default_factory=set)
    """Answers that datasets may have learned the person's words from."""

    def run(self, revoke: Revoke) -> Forgotten:
        own = self._rows(select(questions).where(questions.c.asker == self.person))
        self.touched |= self._judged() | self._answers_to(row.id for row in own)
        repeated = self._end_verified(own)
        threads = {(row.channel, row.thread) for row in own} | self._threads_of(repeated)
        others = self._strip_histories(threads, {row.id for row in own})
        self._empty_answers(self._answers_to([*(row.id for row in own), *others]) | repeated)
        self._strip_questions(own)
        self._remove_sayings()
        self._remove_deliveries(own)
        self._leave_the_audit()
        self._remove_mentions()
        snapshots = revoke(self.connection, sorted(self.touched), FORGOTTEN)
        learned = mark_forgotten(self.connection, self.touched)
        counts = {name: count for name, count in sorted(self.counts.items()) if count}
        return Forgotten(counts, tuple(snapshots), learned)

    # --- what is theirs ---------------------------------------------------------------------------------------------

    def _judged(self) -> set[str]:
        """Return the answers of which the person said something."""
        said = {feedback: "person", remarks: "person", reviews: "reviewer", signals: "person"}
        queries = (select(table.c.answer_id).where(table.c[who] == self.person) for table, who in said.items())
        return {answer_id for query in queries for answer_id in self.connection.execute(query).scalars()}

    def _end_verified(self, own: Sequence[Row[Any]]) -> set[str]:
        """Remove verified answers in the person's words, or found by their questions only.

        Returns the answers in which those texts were given again.
        """
        corrections = select(remarks.c.id).where(remarks.c.person == self.person)
        asked = self._answers_to(row.id for row in own)
        edited = (verified_answers.c.origin == Origin.HUMAN_EDIT) & (verified_answers.c.verified_by == self.person)
        gone = set(
            self.connection.execute(
                select(verified_answers.c.id).where(or_(edited, verified_answers.c.remark_id.in_(corrections)))
            ).scalars()
        )
        written = verified_answers.c.origin == Origin.MODEL
        for some in _slices(asked):
            mine = verified_answers.c.answer_id.in_(some) & written
            gone |= set(self.connection.execute(select(verified_answers.c.id).where(mine)).scalars())
        given = self._in(answers.c.id, answers.c.verified_id, gone)
        gone |= self._without_questions({text for row in own for text in (row.text, row.standalone)})
        self._delete(verified_answers, verified_answers.c.id, gone)
        by_them = update(verified_answers).where(verified_answers.c.verified_by == self.person)
        self._count(verified_answers, self.connection.execute(by_them.values(verified_by=REVIEWER)))
        return given

    def _without_questions(self, texts: Collection[str]) -> set[str]:
        """Take the person's wordings out of the memory; return the verified answers that nothing finds any more."""
        self._delete(verified_questions, verified_questions.c.text, texts)
        left = select(verified_questions.c.verified_id)
        unfound = select(verified_answers.c.id).where(verified_answers.c.id.not_in(left))
        return set(self.connection.execute(unfound).scalars())

    def _threads_of(self, answer_ids: Collection[str]) -> set[tuple[str | None, str | None]]:
        question_ids = self._in(answers.c.question_id, answers.c.id, answer_ids)
        rows: list[Row[Any]] = []
        for some in _slices(question_ids):
            rows += self._rows(select(questions.c.channel, questions.c.thread).where(questions.c.id.in_(some)))
        return {(row.channel, row.thread) for row in rows}

    def _strip_histories(self, threads: Collection[tuple[str | None, str | None]], own: Collection[str]) -> list[str]:
        """Take the person's turns out of what others asked, and ours beside them, which may repeat their words.

        Returns the questions that were changed. What was searched for was made of those turns, so it goes as well.
        """
        named = cast(questions.c.history, Text).contains(json.dumps(self.person), autoescape=True)
        rows = {row.id: row for row in self._rows(select(questions).where(named))}
        for channel, thread in threads:
            if thread is not None:
                here = (questions.c.channel == channel) & (questions.c.thread == thread)
                rows |= {row.id: row for row in self._rows(select(questions).where(here))}
        changed = [row for row in rows.values() if row.id not in own and row.history]
        for row in changed:
            left = [turn for turn in row.history if turn["speaker"] not in {self.person, ASSISTANT}]
            values = {"history": left, "standalone": row.text, "embedder": None, "vector": None}
            self._update(questions, questions.c.id == row.id, values)
        return [row.id for row in changed]

    def _empty_answers(self, answer_ids: Collection[str]) -> None:
        """Remove the requests, and every text of ours that may repeat the person's words."""
        self.touched |= set(answer_ids)
        requests = self._in(answers.c.request_sha256, answers.c.id, answer_ids)
        for some in _slices(answer_ids):
            for row in self._rows(select(answers).where(answers.c.id.in_(some))):
                self._update(answers, answers.c.id == row.id, self._emptied(row))
        for some in _slices(requests - {None}):
            used = select(answers.c.request_sha256).where(answers.c.request_sha256.in_(some))
            unused = set(some) - set(self.connection.execute(used).scalars())
            self._delete(blobs, blobs.c.sha256, unused)

    def _emptied(self, row: Row[Any]) -> dict[str, Any]:
        values: dict[str, Any] = {"request_sha256": None, "parameters": {}, "erased_at": datetime.now(UTC)}
        if row.outcome == Outcome.DECLINED:
            return values  # says one of our own sentences
        cited = self._rows(select(citations.c.number, citations.c.quote).where(citations.c.answer_id == row.id))
        sentences = [Sentence(s["text"], tuple(s["citations"]), s["supported"]) for s in row.sentences]
        if sentences and only_quoted(sentences, {each.number: each.quote for each in cited}):
            return values | {"text": " ".join(render(sentence) for sentence in sentences)}
        return values | {"text": "", "sentences": [], "reason": ""}

    def _strip_questions(self, own: Sequence[Row[Any]]) -> None:
        for row in own:
            nobody: dict[str, Any] = {
                "text": "",
                "standalone": "",
                "history": [],
                "asker": None,
                "key": None,
                "thread": None,
            }
            nobody |= {"scope": {**row.scope, "user": None, "usergroups": []}, "embedder": None, "vector": None}
            # A direct message's channel is as good as the person's id.
            direct = (row.channel or "").startswith("D")
            self._update(questions, questions.c.id == row.id, nobody | ({"channel": None} if direct else {}))

    def _remove_sayings(self) -> None:
        theirs = {
            reviews: reviews.c.reviewer == self.person,
            remarks: remarks.c.person == self.person,
            feedback: feedback.c.person == self.person,
            signals: signals.c.person == self.person,
            consents: consents.c.subject == f"user:{self.person}",
            raters: raters.c.person == self.person,
        }
        for table, mine in theirs.items():
            self._count(table, self.connection.execute(delete(table).where(mine)))

    def _remove_deliveries(self, own: Sequence[Row[Any]]) -> None:
        """Remove what still waits in the inbox, and where the answers to their questions were posted."""
        self._delete(claims, claims.c.key, {row.key for row in own if row.key})
        value = json.dumps(self.person).encode()
        waiting = self._rows(select(deliveries.c.key, deliveries.c.body).where(func.length(deliveries.c.body) > 0))
        self._delete(deliveries, deliveries.c.key, {row.key for row in waiting if value in bytes(row.body)})

    # --- where others name them -------------------------------------------------------------------------------------

    def _leave_the_audit(self) -> None:
        """Let what the person did stand as nobody's: the audit is never shortened."""
        for row in self._rows(select(audit).where(audit.c.person == self.person)):
            self._update(audit, audit.c.id == row.id, {"person": ""})

    def _remove_mentions(self) -> None:
        """Replace the id in other people's words; a name given on the command line may be any word, so it stays."""
        if not SLACK_ID["users"].fullmatch(self.person):
            return
        self._empty_answers(self._answers_to(self._replace(questions)))
        for table in metadata.sorted_tables:
            if table.name not in _NOT_ABOUT_PEOPLE:
                self._replace(table)

    def _replace(self, table: Table) -> list[str]:
        """Return the keys of the rows that named the person."""
        columns = [column for column in table.c if isinstance(column.type, String | JSON)]
        named = or_(*(cast(column, Text).contains(self.person, autoescape=True) for column in columns))
        changed = []
        for row in self._rows(select(table).where(named)):
            values = {column.name: self._without_id(getattr(row, column.name)) for column in columns}
            values = {name: value for name, value in values.items() if value != getattr(row, name)}
            if values:
                self._update(table, _same_row(table, row), values)
                changed.append(str(getattr(row, table.primary_key.columns[0].name)))
        return changed

    def _without_id(self, value: Any) -> Any:
        token = re.compile(rf"(?<![A-Za-z0-9]){re.escape(self.person)}(?![A-Za-z0-9])")
        if value is None or isinstance(value, str):
            return token.sub(SOMEONE, value) if value else value
        return json.loads(token.sub(SOMEONE, json.dumps(value)))

    # --- small ------------------------------------------------------------------------------------------------------

    def _rows(self, query: Any) -> Sequence[Row[Any]]:
        return self.connection.execute(query).all()

    def _answers_to(self, question_ids: Iterable[str]) -> set[str]:
        return self._in(answers.c.id, answers.c.question_id, set(question_ids))

    def _in(self, wanted: Column[Any], column: Column[Any], values: Collection[Any]) -> set[Any]:
        found: set[Any] = set()
        for some in _slices(values):
            found |= set(self.connection.execute(select(wanted).where(column.in_(some))).scalars())
        return found

    def _update(self, table: Any, which: Any, values: Mapping[str, Any]) -> None:
        self._count(table, self.connection.execute(update(table).where(which).values(**values)))

    def _delete(self, table: Any, column: Column[Any], values: Collection[Any]) -> None:
        for some in _slices(values):
            self._count(table, self.connection.execute(delete(table).where(column.in_(some))))

    def _count(self, table: Any, result: Any) -> None:
        self.counts[table.name] += result.rowcount


_NOT_ABOUT_PEOPLE = frozenset(
    (
        *(
            "sources",
            "source_leases",
            "run_batches",
            "documents",
            "chunks",
            "vectors",
            "index_generations",
            "index_log",
        ),
        *("generations", "generation_roles", "generation_documents", "removals", "installation", "blobs"),
        *("prompt_versions", "hits", "citations", "evaluations", "adapters", "erasures"),
        *("dataset_assignments", "dataset_snapshots", "dataset_answers"),
    )
)
"""What documents say, and who may see them, is for their owners to change. Every other table is looked through."""


def _same_row(table: Table, row: Row[Any]) -> Any:
    first, *rest = (column == getattr(row, column.name) for column in table.primary_key.columns)
    for each in rest:
        first &= each
    return first


def _slices(values: Iterable[Any]) -> list[list[Any]]:
    listed = sorted(value for value in values if value is not None)
    return [listed[start : start + AT_ONCE] for start in range(0, len(listed), AT_ONCE)]
