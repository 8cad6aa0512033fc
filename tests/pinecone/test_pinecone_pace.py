"""The pace of requests: as many as the service takes, none before the time it named."""

from __future__ import annotations

import asyncio
import selectors

import pytest

from knowledge.adapters.pinecone_pace import Pace
from tests.standins.pinecone_models import RateLimit


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def holders(pace: Pace, wanted: int) -> tuple[list[asyncio.Task[None]], asyncio.Event, list[int]]:
    """Start so many requests that keep their turn until the event; the list grows with each that got one."""
    done, got = asyncio.Event(), []

    async def hold(number: int) -> None:
        async with pace.turn():
            got.append(number)
            await done.wait()

    tasks = [asyncio.create_task(hold(number)) for number in range(wanted)]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks, done, got


async def test_at_most_so_many_have_a_turn_at_once():
    tasks, done, got = await holders(Pace(3), 10)
    assert len(got) == 3
    done.set()
    await asyncio.gather(*tasks)
    assert len(got) == 10


async def test_nobody_goes_before_the_time_that_was_named():
    pace = Pace(4)
    began = asyncio.get_running_loop().time()
    pace.refused(0.2)
    pace.refused(0.1)
    async with pace.turn():
        assert asyncio.get_running_loop().time() - began >= 0.19


async def test_pauses_grow_where_none_is_named_but_not_with_refusals_of_the_same_moment():
    clock = Clock()
    pace = Pace(4, clock=clock)
    lengths = []
    for _ in range(8):
        for _ in range(4):
            pace.refused(None)
        began = clock.now
        clock.now += pace.fruitless - (began - 100.0)
        lengths.append(clock.now - began)
    assert lengths == [0.5, 1, 2, 4, 8, 16, 30, 30]
    pace.worked()
    pace.refused(None)
    assert pace.fruitless == 0.5


async def test_fruitless_time_is_counted_from_the_first_refusal_not_from_long_ago():
    clock = Clock()
    pace = Pace(4, clock=clock)
    pace.worked()
    clock.now += 3600
    pace.refused(7)
    assert pace.fruitless == 7


class Hurried(selectors.DefaultSelector):
    """Does not wait: what would have been waited for has passed."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list:
        self.passed += timeout or 0.0
        return super().select(0)


def hurried_loop() -> asyncio.SelectorEventLoop:
    """An event loop in which sleeping takes no time, and its clock goes on as if it had."""
    selector = Hurried()
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: selector.passed  # type: ignore[method-assign]
    return loop


@pytest.mark.parametrize("latency", [0.05, 0.6])
@pytest.mark.parametrize("texts_per_second", [200, 600, 2000])
@pytest.mark.parametrize("batch", [64, 96])
def test_a_service_is_kept_busy_within_its_rate_and_never_asked_too_early(
    texts_per_second: int, latency: float, batch: int
):
    minutes = 2
    with asyncio.Runner(loop_factory=hurried_loop) as runner:
        limit = RateLimit(texts_per_second, clock=runner.get_loop().time)
        runner.run(use_up(limit, latency, batch, seconds=minutes * 60))
    possible = min(texts_per_second, 8 * batch / latency) * minutes * 60
    assert limit.accepted / possible >= 0.95
    assert limit.impatient == 0


def test_requests_start_at_the_intervals_that_were_allowed_until_nobody_asks_any_more():
    async def a_minute_and_an_hour_later() -> tuple[float, float]:
        pace = await use_up(limit, 0.08, 64, seconds=60)
        learned = pace.interval
        await asyncio.sleep(3600)
        async with pace.turn():
            return learned, pace.interval

    with asyncio.Runner(loop_factory=hurried_loop) as runner:
        limit = RateLimit(400, clock=runner.get_loop().time)
        learned, later = runner.run(a_minute_and_an_hour_later())
    assert learned == pytest.approx(64 / 400, rel=0.2)
    assert later == 0


async def use_up(limit: RateLimit, latency: float, batch: int, *, seconds: float) -> Pace:
    """Ask for as much as there is, as the embedder does."""
    clock = asyncio.get_running_loop().time
    pace = Pace(8, clock=clock)

    async def ask() -> None:
        while clock() < seconds:
            async with pace.turn():
                await asyncio.sleep(0.01)
                limit.watch()
                if pause := limit.take(batch):
                    limit.told(pause)
                    await asyncio.sleep(0.01)
                    pace.refused(pause)
                    continue
                await asyncio.sleep(latency - 0.01)
                pace.worked()

    await asyncio.gather(*(ask() for _ in range(11)))
    return pace
