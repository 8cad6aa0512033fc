"""A clock that is set back blocks nothing and hides nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from knowledge import Audience, Delivery, Settings
from knowledge.store import Store
from knowledge.store.corpus import SourceRecord

DAY = 86_400.0


class SetBack:
    """A clock that somebody turns."""

    now = 2e9

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> SetBack:
    return SetBack()


@pytest.fixture
async def store(on_both: Settings, clock: SetBack) -> AsyncIterator[Store]:
    opened = await Store.open(on_both, clock=clock)
    await opened.corpus.put_source(SourceRecord("handbook", "/handbook", Audience(), configured=True))
    yield opened
    await opened.close()


async def test_a_source_held_by_a_dead_run_is_free_after_the_clock_went_back(store: Store, clock: SetBack):
    first = await store.corpus.acquire("handbook", owner="dead", lease=15)
    assert await store.corpus.acquire("handbook", owner="next", lease=15) is None
    clock.now -= DAY
    token = await store.corpus.acquire("handbook", owner="next", lease=15)
    assert first is not None
    assert token == first + 1


async def test_a_run_that_lives_keeps_its_source_by_renewing_with_the_new_clock(store: Store, clock: SetBack):
    token = await store.corpus.acquire("handbook", owner="living", lease=15)
    assert token is not None
    clock.now -= DAY
    await store.corpus.renew("handbook", token, lease=15)
    assert await store.corpus.acquire("handbook", owner="next", lease=15) is None


async def test_a_run_of_a_dead_process_is_taken_over_after_the_clock_went_back(store: Store, clock: SetBack):
    asked = await store.runs.request("handbook")
    assert await store.runs.take(asked.run_id, owner="dead", lease=12) is not None
    assert (await store.runs.waiting(), (await store.runs.get(asked.run_id)).free) == ([], False)
    clock.now -= DAY
    assert (await store.runs.waiting(), (await store.runs.get(asked.run_id)).free) == ([asked.run_id], True)
    assert await store.runs.active() == {}
    assert await store.runs.take(asked.run_id, owner="next", lease=12) is not None


async def test_a_share_of_a_dead_helper_is_taken_over_after_the_clock_went_back(store: Store, clock: SetBack):
    run = await store.runs.begin("handbook", folder="", allow_empty=False, owner="run", lease=12)
    await store.runs.plan(run, [(1, ["terms"])])
    assert await store.runs.take_share(run, owner="dead", lease=15) is not None
    assert await store.runs.take_share(run, owner="next", lease=15) is None
    clock.now -= DAY
    assert await store.runs.take_share(run, owner="next", lease=15) is not None


async def test_a_run_nobody_is_at_can_be_cancelled_after_the_clock_went_back(store: Store, clock: SetBack):
    asked = await store.runs.request("handbook")
    await store.runs.take(asked.run_id, owner="dead", lease=12)
    clock.now -= DAY
    assert await store.runs.cancel("handbook")
    assert (await store.runs.get(asked.run_id)).state == "cancelled"


async def test_a_delivery_and_a_claim_of_a_dead_process_are_taken_over_after_the_clock_went_back(
    store: Store, clock: SetBack
):
    await store.deliveries.record(Delivery("event:T1:E1", "event", b"{}"))
    assert await store.deliveries.claim("T1:C1:1", delivery_key="event:T1:E1") is not None
    assert await store.deliveries.abandoned() == []
    assert await store.deliveries.claim("T1:C1:1") is None
    clock.now -= DAY
    assert [delivery.key for delivery in await store.deliveries.abandoned()] == ["event:T1:E1"]
    assert await store.deliveries.hold("event:T1:E1", lease=30)
    assert not await store.deliveries.hold("event:T1:E1", lease=30)
    claim = await store.deliveries.claim("T1:C1:1")
    assert claim is not None
    assert claim.attempts == 2


async def test_a_clock_that_goes_back_a_little_leaves_leases_as_they_are(store: Store, clock: SetBack):
    await store.corpus.acquire("handbook", owner="living", lease=15)
    clock.now -= 5
    assert await store.corpus.acquire("handbook", owner="next", lease=15) is None
