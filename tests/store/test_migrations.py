"""Both databases go up and down; Postgres only when the release step says so."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path

import pytest

from knowledge import DatabaseVersionError, Settings
from knowledge.store import Store
from knowledge.tables import HEAD
from tests.databases import BOTH, rows
from tests.postgres import Cluster

ROOT = Path(__file__).parent.parent.parent
QUEUE_SCHEMA = "c70ec4b400a60ad9592787653aae5ae77ae41bf801d56b5bd2712751a07f2009"
FEEDBACK = [
    """INSERT INTO questions (id, surface, text, standalone, history, scope, asked_at)
    VALUES ('q', 'cli', 'why?', 'why?', '[]', '{}', '2026-01-01 00:00:00')""",
    """INSERT INTO answers (id, question_id, outcome, text, sentences, model, prompt_version, shortened, reason,
    timings_ms, usage, created_at)
    VALUES ('a', 'q', 'answered', 'so', '[]', 'm', '', false, '', '{}', '{}', '2026-01-01 00:00:00')""",
    "INSERT INTO feedback (answer_id, person, vote, via, at) VALUES "
    + ", ".join(f"('a', 'U{number}', 'up', 'slack', '2026-01-01 00:00:00')" for number in range(10_000)),
]


def alembic(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "alembic", *words]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False
    )


def fill(settings: Settings, statements: list[str]) -> None:
    for statement in statements:
        rows(settings, statement)


@pytest.fixture(params=BOTH)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'here.db'}"
    server: Cluster = request.getfixturevalue("postgres")
    return server.new_database()


def test_the_tables_are_what_the_migrations_make(url: str):
    up = alembic("upgrade", "head", DATABASE_URL=url)
    assert up.returncode == 0, up.stderr
    check = alembic("check", DATABASE_URL=url)
    assert check.returncode == 0, check.stdout + check.stderr


def test_the_migrations_go_down_and_up_again(url: str):
    for words in (("upgrade", "head"), ("downgrade", "base"), ("upgrade", "head")):
        done = alembic(*words, DATABASE_URL=url)
        assert done.returncode == 0, done.stderr
    assert HEAD in alembic("current", DATABASE_URL=url).stdout


def test_the_migrations_lose_nothing_of_what_people_said(url: str, tmp_path: Path):
    settings = Settings(home=tmp_path, database_url=url)
    assert alembic("upgrade", "0001", DATABASE_URL=url).returncode == 0
    fill(settings, FEEDBACK)
    before = rows(settings, "SELECT * FROM feedback ORDER BY id")
    assert len(before) == 10_000
    for words in (("upgrade", "head"), ("downgrade", "0001"), ("upgrade", "head")):
        done = alembic(*words, DATABASE_URL=url)
        assert done.returncode == 0, done.stderr
        assert rows(settings, "SELECT * FROM feedback ORDER BY id") == before


def test_going_down_leaves_nothing_of_the_queue_behind(postgres: Cluster, tmp_path: Path):
    url = postgres.new_database()
    settings = Settings(home=tmp_path, database_url=url)
    for words in (("upgrade", "head"), ("downgrade", "0001")):
        assert alembic(*words, DATABASE_URL=url).returncode == 0
    for catalog, column in (("pg_class", "relname"), ("pg_proc", "proname"), ("pg_type", "typname")):
        left = f"SELECT {column} FROM {catalog} WHERE {column} LIKE '%procrastinate%'"
        assert rows(settings, left) == []


def test_the_queues_tables_are_those_that_the_migration_was_written_for():
    # When this fails, Procrastinate has changed its tables: write a migration that takes 0002's to the new ones.
    schema = resources.files("procrastinate").joinpath("sql", "schema.sql").read_bytes()
    assert hashlib.sha256(schema).hexdigest() == QUEUE_SCHEMA


def test_the_code_knows_the_newest_revision():
    assert alembic("heads").stdout.split()[0] == HEAD


def test_several_release_steps_at_once_are_one(postgres: Cluster):
    url = postgres.new_database()
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: alembic("upgrade", "head", DATABASE_URL=url), range(4)))
    assert [run.returncode for run in done] == [0] * 4, [run.stderr for run in done]


async def test_postgres_is_migrated_by_the_release_step_only(postgres: Cluster, tmp_path: Path):
    url = postgres.new_database()
    settings = Settings(home=tmp_path, database_url=url)
    with pytest.raises(DatabaseVersionError, match="run `alembic upgrade head`"):
        await Store.open(settings)
    assert alembic("upgrade", "head", DATABASE_URL=url).returncode == 0
    store = await Store.open(settings)
    assert await store.corpus.counts() == (0, 0)
    await store.close()


async def test_sqlite_is_migrated_at_first_use(tmp_path: Path):
    settings = Settings(home=tmp_path / "home")
    store = await Store.open(settings)
    await store.close()
    with sqlite3.connect(settings.home / "footnote.db") as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
