"""What is done now and then: verified answers end when their documents change, what is too old is removed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from knowledge import (
    Answer,
    Exchange,
    Feedback,
    KnowledgeBase,
    Outcome,
    Question,
    Review,
    Scope,
    Settings,
    TeamFile,
    UnknownAnswerError,
    Verdict,
    Vote,
    new_id,
)
from knowledge.maintenance import Maintenance
from knowledge.settings import FeedbackSettings
from knowledge.store import Store
from tests.databases import rows
from tests.jobs.parts import SlowEmbedder

ASKED, AGAIN = "How many days of annual leave do I get?", "How much annual leave do I have per year?"
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
EVERYTHING = Scope(operator=True)


@pytest.fixture
def settings(on_both: Settings) -> Settings:
    return on_both


def maintenance(store: Store, *, days: int | None, ended: list[datetime] | None = None) -> Maintenance:
    async def refresh() -> int:
        (ended if ended is not None else []).append(NOW)
        return 0

    async def embedder() -> str:
        return "e"

    return Maintenance(refresh, embedder, store.retention, days)


async def asked(store: Store, days_ago: float, *, request: bytes = b"") -> str:
    answer = Answer(id=new_id(), outcome=Outcome.ANSWERED, text="So.", model="m")
    question = Question("Why?", key=new_id(), asker="U1", channel="C1")
    await store.exchanges.record(Exchange(question, answer, (), request, NOW - timedelta(days=days_ago)), usage={})
    await store.feedback.add(Feedback(answer.id, "U2", Vote.DOWN, comment="no"))
    return answer.id


async def test_what_is_too_old_is_removed_with_all_that_was_said_of_it(store: Store, settings: Settings):
    old, new = await asked(store, 31, request=b"old"), await asked(store, 29, request=b"new")
    await maintenance(store, days=30).look(NOW)
    with pytest.raises(UnknownAnswerError):
        await store.exchanges.get(old)
    assert (await store.exchanges.get(new)).request == b"new"
    for table in ("questions", "answers", "feedback", "remarks", "blobs"):
        assert rows(settings, f"select count(*) from {table}") == [(1,)]


async def test_without_a_limit_everything_is_kept(store: Store):
    old = await asked(store, 3650)
    await maintenance(store, days=None).look(NOW)
    assert (await store.exchanges.get(old)).answer.id == old


async def test_it_is_done_once_an_hour_and_when_another_embedder_answers(store: Store):
    done: list[datetime] = []
    keeper = maintenance(store, days=None, ended=done)
    looks = [await keeper.look(NOW + timedelta(minutes=minute)) for minute in (0, 1, 59, 60, 61)]
    assert looks == [True, False, False, True, False]
    name = "f"

    async def embedder() -> str:
        return name

    keeper.embedder = embedder
    assert await keeper.look(NOW + timedelta(minutes=62))
    assert not await keeper.look(NOW + timedelta(minutes=63))


async def test_a_verified_answer_outlives_its_exchange_as_nobodys(kb: KnowledgeBase, settings: Settings):
    answer = await kb.ask(Question(ASKED, asker="U1", channel="C1"))
    await kb.review(Review(answer.id, "Ann", Verdict.APPROVE), scope=EVERYTHING)
    store = kb._store
    done = await store.retention.expire(datetime.now(UTC) + timedelta(days=1))
    assert dict(done) == {"make_nobodys": 1}
    question = (await kb.exchange(answer.id)).question
    assert (question.asker, question.channel, question.scope) == (None, None, Scope())
    given = await kb.ask(Question(AGAIN))
    assert given.model == "verified"
    await kb.review(Review(answer.id, "Ann", Verdict.REJECT), scope=EVERYTHING)
    await store.retention.expire(datetime.now(UTC) + timedelta(days=1))
    assert rows(settings, "select count(*) from questions") == [(0,)]


async def test_the_sweep_ends_what_has_changed_without_being_asked(
    kb: KnowledgeBase, settings: Settings, handbook: Path
):
    answer = await kb.ask(Question(ASKED))
    await kb.review(Review(answer.id, "Ann", Verdict.APPROVE), scope=EVERYTHING)
    page = handbook / "leave.md"
    page.write_text(page.read_text("utf-8").replace("27 days", "30 days"), "utf-8")
    await kb.reindex_folder(handbook)
    await kb._maintenance.look(NOW)
    assert rows(settings, "select state, reason from verified_answers") == [
        ("expired", "a cited document says something else now")
    ]


@pytest.fixture
async def other_embedder(settings: Settings, handbook: Path, kb: KnowledgeBase) -> AsyncIterator[KnowledgeBase]:
    opened = await KnowledgeBase.open(settings, embedder=SlowEmbedder())
    yield opened
    await opened.close()


async def test_a_switch_of_the_embedder_embeds_verified_questions_anew(
    kb: KnowledgeBase, other_embedder: KnowledgeBase, settings: Settings, handbook: Path
):
    answer = await kb.ask(Question(ASKED))
    await kb.review(Review(answer.id, "Ann", Verdict.APPROVE), scope=EVERYTHING)
    await other_embedder.reindex_folder(handbook)
    ((embedder,),) = rows(settings, "select embedder from verified_questions")
    assert embedder == SlowEmbedder().name
    assert (await other_embedder.ask(Question(ASKED))).model == "verified"


async def test_channels_that_the_configuration_leaves_out_are_left_out(settings: Settings):
    team = TeamFile(feedback=FeedbackSettings(without_channels=("C0HR",)))
    kb = await KnowledgeBase.open(settings.with_team(team))
    assert not await kb.takes_part("channel:C0HR")
    assert await kb.takes_part("channel:C0GENERAL")
    await kb.close()
