"""Both databases go up and down; Postgres only when the release step says so."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from knowledge import DatabaseVersionError, Settings
from knowledge.store import Store
from knowledge.tables import HEAD
from tests.postgres import Cluster

ROOT = Path(__file__).parent.parent.parent


def alembic(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "alembic", *words]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture(params=["sqlite", "postgres"])
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


async def test_sqlite_is_migrated_at_first_use(settings: Settings):
    store = await Store.open(settings)
    await store.close()
    with sqlite3.connect(settings.home / "footnote.db") as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
