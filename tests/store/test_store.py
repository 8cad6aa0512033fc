"""The database decides: what is live, who may see it, who holds what."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from knowledge import (
    PUBLIC,
    Answer,
    Audience,
    Chunk,
    Citation,
    DatabaseVersionError,
    Delivery,
    Exchange,
    Feedback,
    LostLeaseError,
    Outcome,
    Passage,
    Question,
    Reason,
    Scope,
    Sentence,
    Settings,
    Surface,
    Turn,
    UnknownAnswerError,
    Vote,
)
from knowledge.store import Store
from knowledge.store.corpus import DocumentVersion, FailedAttempt, NewChunk, SourceRecord
from tests.databases import rows


def version(document: str, *texts: str) -> DocumentVersion:
    chunks = tuple(
        NewChunk(f"{document}/{text}", f"hash of {text}", "Part", None, i, 0, len(text), text)
        for i, text in enumerate(texts)
    )
    return DocumentVersion(document, f"{document}.md", document, None, "f", 1, 1, 1, "recipe", chunks)


async def indexed(store: Store, source: str, *versions: DocumentVersion, audience: Audience = Audience()) -> int:
    await store.corpus.put_source(SourceRecord(source, f"/{source}", audience, configured=True))
    token = await store.corpus.acquire(source, owner="me", lease=60)
    assert token is not None
    vectors = {chunk.text_hash: b"\0\0\0\0" for v in versions for chunk in v.chunks}
    await store.corpus.intend(source, token, versions, new_vectors={"e": vectors})
    await store.corpus.publish(source, token, versions)
    return token


async def live(store: Store, *ids: str, scope: Scope = PUBLIC) -> set[str]:
    usable = await store.corpus.usable_sources(scope)
    return set(await store.corpus.live_chunks(ids, in_sources=usable))


async def test_a_chunk_is_usable_only_once_it_is_published(store: Store):
    await store.corpus.put_source(SourceRecord("s", "/s", Audience(), configured=True))
    token = await store.corpus.acquire("s", owner="me", lease=60)
    assert token is not None
    intended = await store.corpus.intend("s", token, [version("d", "one")], new_vectors={})
    assert intended.fresh == ["d/one"]
    assert await live(store, "d/one") == set()
    await store.corpus.publish("s", token, [version("d", "one")])
    assert await live(store, "d/one") == {"d/one"}


async def test_publishing_a_new_version_retires_what_it_no_longer_says(store: Store):
    token = await indexed(store, "s", version("d", "one", "two"))
    await store.corpus.intend("s", token, [version("d", "two", "three")], new_vectors={})
    dead = await store.corpus.publish("s", token, [version("d", "two", "three")])
    assert dead == ["d/one"]
    assert await live(store, "d/one", "d/two", "d/three") == {"d/two", "d/three"}


async def test_a_retired_document_is_gone_at_the_commit(store: Store):
    token = await indexed(store, "s", version("d", "one"))
    assert await store.corpus.retire("s", token, ["d"]) == ["d/one"]
    assert await live(store, "d/one") == set()
    assert await store.corpus.manifest("s") == []


async def test_a_failed_file_keeps_its_last_good_version(store: Store):
    token = await indexed(store, "s", version("d", "one"))
    await store.corpus.fail(
        "s", token, [FailedAttempt("d", "d.md", "g", 2, 2, 2, "recipe", "corrupt", "broken", 1, None)]
    )
    assert await live(store, "d/one") == {"d/one"}
    (entry,) = await store.corpus.manifest("s")
    assert (entry.outcome, entry.reason, entry.live, entry.attempts) == ("corrupt", "broken", True, 1)


async def test_a_source_is_held_by_one_run_at_a_time(store: Store):
    await store.corpus.put_source(SourceRecord("s", "/s", Audience(), configured=True))
    first = await store.corpus.acquire("s", owner="one", lease=60)
    assert first is not None
    assert await store.corpus.acquire("s", owner="two", lease=60) is None
    await store.corpus.release("s", first)
    assert await store.corpus.acquire("s", owner="two", lease=60) == first + 1


async def test_a_run_that_was_given_up_for_dead_may_not_write_any_more(store: Store):
    await store.corpus.put_source(SourceRecord("s", "/s", Audience(), configured=True))
    old = await store.corpus.acquire("s", owner="one", lease=-1)
    new = await store.corpus.acquire("s", owner="two", lease=60)
    assert old is not None
    assert new == old + 1
    with pytest.raises(LostLeaseError):
        await store.corpus.publish("s", old, [version("d", "one")])
    with pytest.raises(LostLeaseError):
        await store.corpus.renew("s", old, lease=60)


@pytest.mark.parametrize(
    ("audience", "scope", "may"),
    [
        (Audience(), PUBLIC, True),
        (Audience(channels=("C1",)), PUBLIC, False),
        (Audience(channels=("C1",)), Scope(channel="C1"), True),
        (Audience(channels=("C1",)), Scope(channel="C2"), False),
        (Audience(users=("U1",)), Scope(user="U1"), True),
        (Audience(users=("U1",)), Scope(channel="U1"), False),
        (Audience(usergroups=("S1",)), Scope(usergroups=("S1",)), True),
        (Audience(channels=("C1",), users=("U1",)), Scope(user="U1"), True),
        (Audience(users=("U1",)), Scope(operator=True), True),
    ],
)
async def test_a_source_is_used_only_for_its_audience(store: Store, audience: Audience, scope: Scope, may: bool):
    await indexed(store, "s", version("d", "one"), audience=audience)
    assert await live(store, "d/one", scope=scope) == ({"d/one"} if may else set())


async def test_a_change_of_audience_holds_for_the_next_question(store: Store):
    await indexed(store, "s", version("d", "one"))
    await store.corpus.put_source(SourceRecord("s", "/s", Audience(users=("U1",)), configured=True))
    assert await live(store, "d/one") == set()


async def test_a_source_that_the_file_no_longer_names_is_not_used(store: Store):
    await indexed(store, "s", version("d", "one"))
    await store.corpus.configure_sources([SourceRecord("other", "/other", Audience(), configured=True)])
    assert await live(store, "d/one", scope=Scope(operator=True)) == set()


async def test_a_public_folder_is_not_used_once_a_configured_source_covers_it(store: Store):
    await store.corpus.put_source(SourceRecord("loose", "/team/board/minutes", Audience(), configured=False))
    assert await store.corpus.usable_sources(PUBLIC) == ("loose",)
    private = SourceRecord("board", "/team/board", Audience(users=("U1",)), configured=True)
    await store.corpus.configure_sources([private])
    assert await store.corpus.usable_sources(PUBLIC) == ()


# --- exchanges and feedback ------------------------------------------------------------------------------------------


async def exchange(store: Store, *, key: str | None = None, outcome: Outcome = Outcome.ANSWERED) -> Exchange:
    await indexed(store, "s", version("d", "one"))
    chunk = (await store.corpus.chunks_by_id(["d/one"]))["d/one"]
    answer = Answer(
        id=f"answer to {key}",
        outcome=outcome,
        text="One. [1]",
        citations=(Citation(1, chunk, "one", 0, 3),),
        sentences=(Sentence("One.", (1,)),),
        nearest=(chunk,) if outcome is Outcome.DECLINED else (),
        model="m",
        timings_ms={"total": 1.0},
    )
    question = Question(
        "what?",
        key=key,
        asker="U1",
        scope=Scope(channel="C1", usergroups=("S1",)),
        surface=Surface.CHANNEL,
        history=(Turn("U1", "before"),),
        channel="C1",
    )
    passage = Passage(chunk, 1, 1.0, {"dense": 0.5, "lexical": 3.0})
    return Exchange(question, answer, (passage,), b'{"request": 1}' * 100, datetime.now(UTC), standalone="what?")


async def test_an_exchange_is_read_back_as_it_was_recorded(store: Store):
    kept = await exchange(store, key="k")
    assert await store.exchanges.record(kept, usage={"tokens": 1})
    assert await store.exchanges.get(kept.answer.id) == kept
    assert await store.exchanges.answered_before("k") == kept.answer.id


async def test_one_delivery_has_one_answer(store: Store):
    kept = await exchange(store, key="k")
    assert await store.exchanges.record(kept, usage={})
    assert not await store.exchanges.record(kept, usage={})


async def test_what_was_shown_stays_readable_after_its_document_is_gone(store: Store):
    kept = await exchange(store, key="k")
    await store.exchanges.record(kept, usage={})
    await store.corpus.release("s", 1)
    token = await store.corpus.acquire("s", owner="me", lease=60)
    assert token is not None
    dead = await store.corpus.retire("s", token, ["d"])
    await store.corpus.removed("s", token, 1, dead)
    again = await store.exchanges.get(kept.answer.id)
    assert again.answer.citations[0].quote == "one"
    assert isinstance(again.passages[0].chunk, Chunk)


async def test_twenty_equal_thumbs_at_once_leave_one_vote(store: Store, settings: Settings):
    kept = await exchange(store, key="k")
    await store.exchanges.record(kept, usage={})
    vote = Feedback(kept.answer.id, "U1", Vote.UP)
    stored = await asyncio.gather(*(store.feedback.add(vote) for _ in range(20)))
    assert stored.count(True) == 1
    assert rows(settings, "SELECT answer_id, person, vote FROM feedback") == [(kept.answer.id, "U1", "up")]


async def test_the_last_vote_counts_and_the_history_stays(store: Store, settings: Settings):
    kept = await exchange(store, key="k")
    await store.exchanges.record(kept, usage={})
    for vote in (Vote.UP, Vote.DOWN, Vote.DOWN, Vote.UP):
        await store.feedback.add(Feedback(kept.answer.id, "U1", vote))
    assert await store.feedback.current_vote(kept.answer.id, "U1") is Vote.UP
    assert await store.feedback.current_vote(kept.answer.id, "U2") is None
    assert rows(settings, "SELECT vote FROM feedback ORDER BY id") == [("up",), ("down",), ("up",)]


async def test_reasons_and_corrections_are_kept_beside_the_vote(store: Store, settings: Settings):
    kept = await exchange(store, key="k")
    await store.exchanges.record(kept, usage={})
    remark = Feedback(kept.answer.id, "U1", None, (Reason.OUTDATED_SOURCE,), "old", "28 days")
    assert await store.feedback.add(remark)
    assert not await store.feedback.add(remark)
    (kept_remark,) = rows(settings, "SELECT CAST(reasons AS TEXT), comment, correction FROM remarks")
    assert kept_remark == ('["outdated_source"]', "old", "28 days")


async def test_feedback_on_an_answer_that_is_gone_is_refused(store: Store):
    with pytest.raises(UnknownAnswerError):
        await store.feedback.add(Feedback("nothing", "U1", Vote.UP))


# --- deliveries ------------------------------------------------------------------------------------------------------


async def test_a_delivery_is_recorded_once_however_often_it_arrives(store: Store):
    delivery = Delivery("event:T1:E1", "event", b"{}")
    first = await asyncio.gather(*(store.deliveries.record(delivery) for _ in range(5)))
    assert first.count(True) == 1
    assert await store.deliveries.record(delivery) is False


async def test_a_question_is_claimed_by_one_process(settings: Settings):
    stores = [await Store.open(settings) for _ in range(4)]
    claims = await asyncio.gather(*(s.deliveries.claim("msg:T1:C1:1.0", lease=60) for s in stores for _ in range(5)))
    assert sum(claim is not None for claim in claims) == 1
    for opened in stores:
        await opened.close()


async def test_a_silent_owners_claim_is_taken_over_with_what_it_left_behind(settings: Settings):
    dead, alive = await Store.open(settings), await Store.open(settings)
    await dead.deliveries.record(Delivery("e", "event", b"body"))
    assert await dead.deliveries.claim("m", delivery_key="e", lease=-1)
    await dead.deliveries.note("m", channel="C1", answer_id="A", posting=True)
    claim = await alive.deliveries.claim("m", delivery_key="e", lease=60)
    assert claim is not None
    assert (claim.attempts, claim.channel, claim.answer_id, claim.posting) == (2, "C1", "A", True)
    await alive.deliveries.finish("m")
    assert await dead.deliveries.claim("m") is None
    for opened in (dead, alive):
        await opened.close()


async def test_a_delivery_whose_process_went_silent_is_found_until_it_is_settled(settings: Settings):
    store = await Store.open(settings.model_copy(update={"lease": -1.0}))
    await store.deliveries.record(Delivery("e", "event", b"body"))
    (found,) = await store.deliveries.abandoned()
    assert (found.key, found.body) == ("e", b"body")
    assert await store.deliveries.hold("e", lease=30)
    assert not await store.deliveries.hold("e", lease=30)
    assert await store.deliveries.abandoned() == []
    await store.deliveries.settle("e")
    await store.close()


async def test_a_living_owner_keeps_its_claim_and_its_delivery(settings: Settings):
    store = await Store.open(settings.model_copy(update={"lease": -1.0}))
    await store.deliveries.record(Delivery("e", "event", b"body"))
    await store.deliveries.claim("m", delivery_key="e", lease=-1)
    await store.deliveries.renew(["m"], lease=30)
    assert await store.deliveries.abandoned() == []
    assert await store.deliveries.claim("m") is None
    await store.deliveries.release("m")
    assert await store.deliveries.claim("m") is not None
    await store.close()


async def test_the_text_of_a_delivery_is_erased_once_it_is_settled(store: Store, settings: Settings):
    await store.deliveries.record(Delivery("e", "event", b"private words"))
    await store.deliveries.claim("m", delivery_key="e")
    await store.deliveries.finish("m")
    assert rows(settings, "SELECT body FROM deliveries") == [(b"",)]
    assert await store.deliveries.prune(before=datetime.now(UTC) + timedelta(seconds=1)) == 1


# --- the database's version ------------------------------------------------------------------------------------------


async def test_many_processes_may_open_a_new_home_at_once(settings: Settings):
    stores = await asyncio.gather(*(Store.open(settings) for _ in range(4)))
    assert [await opened.corpus.counts() for opened in stores] == [(0, 0)] * 4
    for opened in stores:
        await opened.close()


async def test_a_database_of_a_newer_version_is_refused_in_one_sentence(store: Store, settings: Settings):
    rows(settings, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseVersionError, match=r"newer version of Footnote \(revision 9999"):
        await Store.open(settings)
