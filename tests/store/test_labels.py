"""What people say of answers and do after them is appended, read back whole, and withheld where they want it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from knowledge import (
    Answer,
    Embedding,
    Exchange,
    Feedback,
    LabelledExchange,
    Outcome,
    Question,
    Reason,
    Review,
    Signal,
    SignalKind,
    Surface,
    Turn,
    UnknownAnswerError,
    Verdict,
    Vote,
    Withheld,
    new_id,
)
from knowledge.store import Store

START = datetime(2026, 11, 2, 9, tzinfo=UTC)


async def asked(store: Store, question: Question, *, minute: int = 0) -> str:
    answer = Answer(id=new_id(), outcome=Outcome.ANSWERED, text="So.")
    vector = Embedding.of("e", np.array([0.25, -1.0], dtype=np.float32))
    exchange = Exchange(
        question, answer, (), b"", START + timedelta(minutes=minute), standalone="alone?", embedding=vector
    )
    await store.exchanges.record(exchange, usage={})
    return answer.id


@pytest.fixture
async def answer_id(store: Store) -> str:
    return await asked(store, Question("what?", asker="U1", channel="C1", surface=Surface.CHANNEL))


async def everything(records: AsyncIterator[LabelledExchange]) -> list[LabelledExchange]:
    return [record async for record in records]


async def the_only(store: Store) -> LabelledExchange:
    (record,) = await everything(store.records.iterate())
    return record


async def test_a_reviewers_latest_verdict_on_each_target_counts(store: Store, answer_id: str):
    await store.feedback.add(Feedback(answer_id, "U2", correction="rather so", sources=("leave.md",)))
    (remark,) = (await the_only(store)).remarks
    first = Review(answer_id, "U9", Verdict.UNSURE)
    for review in (first, replace(first, verdict=Verdict.APPROVE), replace(first, remark_id=remark.id)):
        assert await store.reviews.add(review)
    found = await store.reviews.of_answer(answer_id)
    assert [(review.remark_id, review.verdict) for review in found] == [
        (None, Verdict.APPROVE),
        (remark.id, Verdict.UNSURE),
    ]


async def test_the_same_verdict_again_says_nothing_new(store: Store, answer_id: str):
    edit = Review(answer_id, "U9", Verdict.EDIT, text="Better.")
    assert sorted(await asyncio.gather(*(store.reviews.add(edit) for _ in range(5)))) == [False] * 4 + [True]
    assert len(await store.reviews.of_answer(answer_id)) == 1
    assert await store.reviews.add(replace(edit, text="Better still."))


async def test_only_what_is_there_can_be_reviewed(store: Store, answer_id: str):
    other = await asked(store, Question("else?"))
    await store.feedback.add(Feedback(other, "U2", correction="rather so"))
    remark = (await store.records.get(other)).remarks[0]
    for review in (Review("nothing", "U9", Verdict.APPROVE), Review(answer_id, "U9", Verdict.APPROVE, remark.id)):
        with pytest.raises(UnknownAnswerError):
            await store.reviews.add(review)


async def test_a_signal_is_kept_once(store: Store, answer_id: str):
    shared = Signal(answer_id, "U1", SignalKind.SHARED, "C1")
    assert [await store.signals.add(shared), await store.signals.add(shared)] == [True, False]
    (signal,) = await store.signals.of_answer(answer_id)
    assert (signal.kind, signal.value) == (SignalKind.SHARED, "C1")
    with pytest.raises(UnknownAnswerError):
        await store.signals.add(replace(shared, answer_id="nothing"))


async def test_a_record_carries_everything_that_was_said_of_the_answer(store: Store, answer_id: str):
    for person, vote in (("U2", Vote.UP), ("U3", Vote.UP), ("U2", Vote.DOWN)):
        await store.feedback.add(Feedback(answer_id, person, vote))
    said = Feedback(answer_id, "U2", reasons=(Reason.WRONG_FACT,), correction="rather so", sources=("leave.md", "b.md"))
    await store.feedback.add(said)
    await store.reviews.add(Review(answer_id, "U9", Verdict.REJECT, note="no"))
    await store.signals.add(Signal(answer_id, "U1", SignalKind.WENT_TO_HUMAN))
    record = await the_only(store)
    assert [(vote.person, vote.vote) for vote in record.votes] == [("U3", Vote.UP), ("U2", Vote.DOWN)]
    assert (record.remarks[0].correction, record.remarks[0].sources) == ("rather so", ("leave.md", "b.md"))
    assert [review.note for review in record.reviews] == ["no"]
    assert [signal.kind for signal in record.signals] == [SignalKind.WENT_TO_HUMAN]
    assert record.exchange.embedding is not None
    assert record.exchange.embedding.vector.tolist() == [0.25, -1.0]
    assert (record.exchange.standalone, record.withheld) == ("alone?", None)


async def test_records_come_in_one_order_and_within_the_time_asked_for(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("knowledge.store.records.AT_ONCE", 2)
    ids = [await asked(store, Question(f"{minute}?"), minute=minute) for minute in range(5)]
    assert [record.exchange.answer.id for record in await everything(store.records.iterate())] == sorted(ids)
    some = store.records.iterate(since=START + timedelta(minutes=1), until=START + timedelta(minutes=4))
    assert {record.exchange.answer.id for record in await everything(some)} == set(ids[1:4])
    await store.feedback.add(Feedback(ids[2], "U1", Vote.UP))
    labelled = await everything(store.records.iterate(labelled_only=True))
    assert [record.exchange.answer.id for record in labelled] == [ids[2]]


@pytest.mark.parametrize(
    ("question", "subject", "withheld"),
    [
        (Question("?", asker="U1", channel="D1", surface=Surface.DIRECT), "", Withheld.DIRECT_MESSAGE),
        (Question("?", asker="U1", channel="D1", surface=Surface.COMMAND), "", Withheld.DIRECT_MESSAGE),
        (Question("?", asker="U1", channel="C1", surface=Surface.CHANNEL), "user:U1", Withheld.PERSON_OPTED_OUT),
        (Question("?", asker="U2", history=(Turn("U1", "so"),)), "user:U1", Withheld.PERSON_OPTED_OUT),
        (Question("?", asker="U1", channel="C1", surface=Surface.CHANNEL), "channel:C1", Withheld.CHANNEL_OPTED_OUT),
        (Question("?", asker="U2", channel="C2", surface=Surface.CHANNEL), "user:U1", None),
    ],
)
async def test_what_may_not_be_used_is_withheld(
    store: Store, question: Question, subject: str, withheld: Withheld | None
):
    await asked(store, question)
    if subject:
        await store.consents.choose(subject, takes_part=False)
    record = await the_only(store)
    assert record.withheld is withheld
    assert (record.for_dataset() is None) is (withheld is not None)


async def test_a_dataset_gets_no_word_of_people_who_opted_out(store: Store, answer_id: str):
    for person in ("U2", "U3"):
        await store.feedback.add(Feedback(answer_id, person, Vote.UP, comment="so"))
        await store.reviews.add(Review(answer_id, person, Verdict.APPROVE))
        await store.signals.add(Signal(answer_id, person, SignalKind.WENT_TO_HUMAN))
    await store.consents.choose("user:U3", takes_part=False)
    record = (await the_only(store)).for_dataset()
    assert record is not None
    people = [
        *(label.person for label in (*record.votes, *record.remarks, *record.signals)),
        record.reviews[0].reviewer,
    ]
    assert people == ["U2"] * 4


async def test_the_last_choice_counts(store: Store):
    assert await store.consents.takes_part("user:U1")
    assert not await store.consents.choose("user:U1", takes_part=True)
    assert await store.consents.choose("user:U1", takes_part=False)
    assert not await store.consents.choose("user:U1", takes_part=False)
    assert not await store.consents.takes_part("user:U1")
    assert await store.consents.choose("user:U1", takes_part=True)
    assert await store.consents.opted_out() == frozenset()


async def test_a_pseudonym_stays_and_says_nothing_of_the_person(store: Store):
    first = await store.reviews.pseudonyms(["U1", "U2"])
    assert await store.reviews.pseudonyms(["U2"]) == {"U2": first["U2"]}
    assert len({*first.values()}) == 2
    assert not any("U" in name for name in first.values())
