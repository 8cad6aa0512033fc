"""The pace of requests: as many as the service takes, none before the time it named."""

from __future__ import annotations

import asyncio

import pytest

from knowledge.adapters.pinecone_pace import Pace


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


async def test_after_a_refusal_requests_start_as_often_as_they_were_taken():
    clock = Clock()
    pace = Pace(9, clock=clock)
    for _ in range(20):  # 20 in the first second, then none for 4 seconds: 4 per second
        async with pace.turn():
            clock.now += 0.05
        pace.worked()
    pace.refused(4)
    clock.now += 4
    starts = await spread(pace, clock, 11)  # the first may make up for what was not used in the pause
    assert 6 / (starts[10] - starts[4]) == pytest.approx(4.9, rel=0.1)


async def test_a_rate_that_was_found_too_low_is_left_behind():
    clock = Clock()
    pace = Pace(9, clock=clock)
    async with pace.turn():
        clock.now += 0.1
    pace.worked()
    pace.refused(1)  # somebody else had used it up: one in 1.1 seconds
    clock.now += 1
    starts = await spread(pace, clock, 400)
    assert starts[-1] - starts[-2] < 0.05


async def test_time_in_which_nobody_asked_says_nothing_about_the_rate():
    clock = Clock()
    pace = Pace(9, clock=clock)
    for _ in range(10):
        async with pace.turn():
            clock.now += 0.1
        pace.worked()
        clock.now += 600
    pace.refused(1)
    clock.now += 1
    starts = await spread(pace, clock, 10)
    assert starts[-1] - starts[0] < 610


async def spread(pace: Pace, clock: Clock, count: int) -> list[float]:
    """Make requests that all work, one after the other; the clock moves on by hundredths. Returns when they started."""
    starts = []
    while len(starts) < count:
        if pace._may_start():
            async with pace.turn():
                starts.append(clock.now)
            pace.worked()
        clock.now += 0.01
    return starts


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
