"""Processes that write to one SQLite file take turns."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from knowledge import Settings
from knowledge.store.database import Database
from knowledge.store.writing_turn import WritingTurn

HOLDS = """
import sys, time
from pathlib import Path
from knowledge.store.writing_turn import WritingTurn

turn = WritingTurn(Path(sys.argv[1]))
assert turn.try_to_take()
print("taken", flush=True)
time.sleep(600)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "footnote.db"


def test_one_at_a_time(file: Path) -> None:
    one, other = WritingTurn(file), WritingTurn(file)
    assert one.try_to_take()
    assert not other.try_to_take()
    one.give()
    assert other.try_to_take()
    for turn in (one, other):
        turn.give()
        turn.close()


async def test_the_turn_of_a_killed_process_is_free(file: Path) -> None:
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDS, str(file), cwd=Path(__file__).parents[2], stdout=asyncio.subprocess.PIPE
    )
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"taken\n"
    turn = WritingTurn(file)
    assert not turn.try_to_take()
    waiting = asyncio.create_task(asyncio.to_thread(turn.take))
    holder.kill()
    await holder.wait()
    await asyncio.wait_for(waiting, 5)
    other = WritingTurn(file)
    assert not other.try_to_take()
    for each in (turn, other):
        each.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_where_no_file_can_be_made_one_writes_without(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert WritingTurn(tmp_path / "footnote.db").try_to_take()


async def test_who_stands_back_lets_another_write_in_between(settings: Settings) -> None:
    order: list[str] = []
    busy, other = (Database(f"sqlite+aiosqlite:///{settings.prepare_home() / 'x.db'}") for _ in range(2))
    busy.stands_back = True

    async def write_again_and_again() -> None:
        for _ in range(20):
            await busy.write(lambda connection: connection.exec_driver_sql("SELECT 1"))
            order.append("busy")

    async def write_once() -> None:
        async with other.writing():
            order.append("other")

    writing = asyncio.create_task(write_again_and_again())
    await write_once()
    assert "other" in order
    assert order.count("busy") < 20
    await writing
    for database in (busy, other):
        await database.close()
