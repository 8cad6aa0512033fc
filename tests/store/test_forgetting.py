"""Who is forgotten is in no row of any table any more, and what others said stays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pytest

from knowledge import (
    Answer,
    Chunk,
    Citation,
    Delivery,
    Embedding,
    Exchange,
    Feedback,
    KnowledgeBase,
    Outcome,
    Passage,
    Question,
    Reason,
    Review,
    Scope,
    Sentence,
    Settings,
    Signal,
    SignalKind,
    Surface,
    Turn,
    Verdict,
    Vote,
    new_id,
)
from knowledge.gates import GateResult, Ruling
from knowledge.linear_adapter import LinearAdapter
from knowledge.store import Store
from knowledge.store.erasing import _NOT_ABOUT_PEOPLE
from knowledge.store.evaluations import LEARNED_FROM
from knowledge.tables import metadata
from tests.databases import rows

GONE = "U0GONE"
PHRASE = "heliotrope-4711"
CORRECTION = "You get 27 days of annual leave, and part-time employees a proportional share."
EVERYTHING = Scope(operator=True)


def cells(settings: Settings) -> Iterator[tuple[str, str]]:
    """Every value of every table as text."""
    for table in metadata.sorted_tables:
        for row in rows(settings, f'select * from "{table.name}"'):
            for value in row:
                raw = bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
                yield table.name, raw.decode("utf-8", "replace")


def holding(settings: Settings, *texts: str) -> set[str]:
    return {table for table, cell in cells(settings) if any(text in cell for text in texts)}


async def record(store: Store, question: Question, text: str, *, request: bytes = b"", standalone: str = "") -> str:
    """Store an answer that a model wrote."""
    vector = Embedding("e", b"\0\0\0\0")
    answer = Answer(id=new_id(), outcome=Outcome.ANSWERED, text=text, sentences=(Sentence(text, (), False),), model="m")
    exchange = Exchange(
        question,
        answer,
        (),
        request,
        datetime.now(UTC),
        standalone=standalone or question.text,
        embedding=vector,
        parameters={"asked": question.text},
    )
    assert await store.exchanges.record(exchange, usage={})
    return answer.id


async def say_everything(store: Store, answer_id: str, person: str, words: str) -> None:
    said = Feedback(answer_id, person, Vote.DOWN, reasons=(Reason.OTHER,), comment=words, correction=words)
    await store.feedback.add(said)
    await store.reviews.add(Review(answer_id, person, Verdict.EDIT, text=words, note=words))
    await store.signals.add(Signal(answer_id, person, SignalKind.SHARED, "C1"))
    await store.consents.choose(f"user:{person}", takes_part=False)
    await store.reviews.pseudonyms([person])


async def test_every_table_is_free_of_a_forgotten_person(store: Store, settings: Settings):
    place = {"team": "T1", "channel": "C1", "thread": "1.1", "surface": Surface.CHANNEL}
    theirs = Question(f"Where is {PHRASE}?", key="msg:T1:C1:1.1", asker=GONE, scope=Scope(user=GONE), **place)
    await record(store, theirs, f"{PHRASE} is there.", request=f"<{PHRASE}>".encode() * 100)
    direct = Question(f"{PHRASE}?", asker=GONE, channel="D0GONE", thread="2.2", surface=Surface.DIRECT)
    await record(store, direct, "No idea.", request=f"<{PHRASE}>".encode())
    history = (Turn(GONE, f"Where is {PHRASE}?"), Turn("assistant", f"{PHRASE} is there."), Turn("U2", "Aha."))
    follows = Question("And then?", asker="U2", history=history, **place)
    others = await record(store, follows, f"After {PHRASE}.", request=PHRASE.encode(), standalone=f"After {PHRASE}?")
    later = Question("More?", asker="U3", history=(Turn("assistant", f"After {PHRASE}."),), **place)
    await record(store, later, "Less.", request=PHRASE.encode())
    naming = Question(f"Is @{GONE} on leave?", asker="U2", channel="C2")
    named = await record(store, naming, f"{GONE} is.", request=GONE.encode())
    await store.feedback.add(Feedback(named, "U2", Vote.DOWN, comment=f"ask {GONE}", correction=f"<@{GONE}> is not"))
    for answer_id in (others, named):
        await say_everything(store, answer_id, GONE, f"rather {PHRASE}")
        await say_everything(store, answer_id, "U2", "as it was")
    await store.deliveries.record(Delivery("event:1", "event_callback", json.dumps({"user": GONE}).encode()))
    await store.deliveries.claim("msg:T1:C1:1.1")
    columns = "id, source, folder, allow_empty, state, lease_until, files_done, files_total, chunks, seconds, error"
    values = f"'r', 's', '', false, 'failed', 0, 0, 0, 0, 0, 'for <@{GONE}>'"
    rows(
        settings,
        f"insert into runs ({columns}, error_kind, asked_at) values ({values}, '', '2026-01-01 00:00:00')",
    )
    assert len(holding(settings, GONE, PHRASE)) >= 10

    done = await store.erasures.forget(GONE)

    assert holding(settings, GONE, PHRASE, "D0GONE") == set()
    assert set(done.rows) >= {"questions", "answers", "blobs", "feedback", "remarks", "reviews", "signals", "consents"}
    assert all(count > 0 for count in done.rows.values())
    assert [vote.person for vote in (await store.records.get(named)).votes] == ["U2"]
    assert (await store.exchanges.get(named)).question.text == "Is @someone on leave?"
    assert (await store.exchanges.get(others)).question.history == (Turn("U2", "Aha."),)
    assert (await store.exchanges.get(others)).erased
    assert not await store.consents.takes_part("user:U2")


async def test_what_learned_from_a_forgotten_person_is_marked_and_ends_with_the_next_learning(store: Store):
    theirs = await record(store, Question("Why?", asker="U2"), "So.")
    await say_everything(store, theirs, GONE, PHRASE)
    passed = await store.evaluations.add(
        "learn", subject="s", configuration={}, cases=[], result=GateResult(Ruling.PASSED)
    )
    adapter = LinearAdapter(np.zeros((1, 1), np.float32))
    for embedder, learned_from in (("theirs", {LEARNED_FROM: [theirs]}), ("others", {LEARNED_FROM: []}), ("old", {})):
        await store.adapters.put(embedder, adapter, provenance=learned_from, evaluation_id=passed, active=True)
    assert (await store.erasures.forget("U0STRANGER")).learned == 0
    assert (await store.erasures.forget(GONE)).learned == 2
    assert await store.adapters.active("theirs") is not None
    assert await store.adapters.switch_off_forgotten() == 2
    assert [await store.adapters.active(name) is None for name in ("theirs", "others", "old")] == [True, False, True]


async def test_an_erasure_is_written_down_without_the_id(store: Store, settings: Settings):
    answer_id = await record(store, Question("Why?", asker="U2"), "So.")
    await say_everything(store, answer_id, GONE, PHRASE)
    done = await store.erasures.forget(GONE)
    ((subject, counts),) = rows(settings, "select subject, counts from erasures")
    kind, salt, digest = subject.split("$")
    hashed = hashlib.scrypt(GONE.encode(), salt=bytes.fromhex(salt), n=2**14, r=8, p=1)
    assert (kind, digest) == ("scrypt", hashed.hex())
    assert (json.loads(counts) if isinstance(counts, str) else counts) == dict(done.rows)
    again = await store.erasures.forget(GONE)
    assert (again.total, rows(settings, "select count(*) from erasures")) == (0, [(1,)])


def test_every_table_is_either_looked_through_or_known_to_hold_no_words_of_people():
    assert set(metadata.tables) >= _NOT_ABOUT_PEOPLE
    told_apart = {"questions", "answers", "feedback", "remarks", "reviews", "signals", "consents", "raters", "claims"}
    assert not told_apart & _NOT_ABOUT_PEOPLE


async def test_one_persons_erasure_leaves_another_whose_id_begins_alike(store: Store):
    other = f"{GONE}2"
    answer_id = await record(store, Question(f"Who is {other}?", asker=other, history=(Turn(other, "Hm."),)), "I.")
    await say_everything(store, answer_id, other, "as it was")
    await say_everything(store, answer_id, GONE, "gone")
    before = await store.records.get(answer_id)
    await store.erasures.forget(GONE)
    after = await store.records.get(answer_id)
    assert after.exchange == before.exchange
    assert [vote.person for vote in after.votes] == [other]


async def test_a_request_that_somebody_else_sent_as_well_stays_theirs(store: Store):
    await record(store, Question("What?", asker=GONE), "So.", request=b"the same")
    theirs = await record(store, Question("What?", asker="U2"), "So.", request=b"the same")
    await store.erasures.forget(GONE)
    exchange = await store.exchanges.get(theirs)
    assert (exchange.request, exchange.erased, exchange.answer.text) == (b"the same", False, "So.")


async def test_words_of_the_documents_stay_where_a_persons_words_go(store: Store):
    chunk = Chunk(
        id="c1",
        document_id="d1",
        source="s",
        path="a.md",
        title="A",
        url=None,
        heading="",
        page=None,
        position=0,
        start=0,
        end=9,
        text="27 days.",
    )
    sentence = Sentence("27 days.", (1,), True)
    answer = Answer(
        id=new_id(),
        outcome=Outcome.ANSWERED,
        text=f"27 days. [1]\n\nThe documents do not say: {PHRASE}.",
        citations=(Citation(1, chunk, "27 days.", 0, 8),),
        sentences=(sentence,),
        model="extractive",
    )
    await store.exchanges.record(
        Exchange(Question(PHRASE, asker=GONE), answer, (Passage(chunk, 1, 1.0),), b"", datetime.now(UTC)), usage={}
    )
    await store.erasures.forget(GONE)
    assert (await store.exchanges.get(answer.id)).answer.text == "27 days. [1]"


@pytest.fixture
def corrected() -> Question:
    return Question("How many days of annual leave do I get?", asker="U1", channel="C1", surface=Surface.CHANNEL)


async def test_a_verified_answer_in_their_words_is_given_no_longer(
    kb: KnowledgeBase, settings: Settings, corrected: Question
):
    answer = await kb.ask(corrected)
    await kb.give_feedback(Feedback(answer.id, GONE, Vote.DOWN, correction=CORRECTION, sources=("leave.md",)))
    remark = await kb.latest_correction(answer.id)
    judged = await kb.review(Review(answer.id, "U9", Verdict.APPROVE, remark), scope=EVERYTHING)
    assert judged.verified is not None
    again = Question("How much annual leave do I have per year?", asker="U2")
    assert "You get 27 days" in (await kb.ask(again)).text
    await kb.forget(GONE)
    assert holding(settings, GONE, "You get 27 days") == set()
    assert (await kb.ask(again)).model == "extractive"


async def test_what_they_verified_in_others_words_is_given_on_without_their_name(
    kb: KnowledgeBase, settings: Settings, corrected: Question
):
    answer = await kb.ask(corrected)
    await kb.review(Review(answer.id, GONE, Verdict.APPROVE), scope=EVERYTHING)
    again = Question("How much annual leave do I have per year?", asker="U2")
    given = await kb.ask(again)
    await kb.forget(GONE)
    assert holding(settings, GONE) == set()
    given = await kb.ask(again)
    assert given.verified is not None
    assert (given.model, given.verified.by) == ("verified", "a reviewer")


async def test_a_verified_answer_to_their_question_alone_is_found_no_longer(kb: KnowledgeBase, corrected: Question):
    answer = await kb.ask(Question(corrected.text, asker=GONE))
    await kb.review(Review(answer.id, "U9", Verdict.APPROVE), scope=EVERYTHING)
    await kb.forget(GONE)
    assert (await kb.ask(Question("How much annual leave do I have per year?"))).model == "extractive"
