"""Fixtures build on each other: settings → store → knowledge base; documents that tests ask about."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import hypothesis
import pytest

from knowledge import Settings
from knowledge.store import Store
from tests.databases import BOTH
from tests.postgres import Cluster, cluster, programs

if TYPE_CHECKING:
    from knowledge import KnowledgeBase

REQUIRE_ALL = os.environ.get("FOOTNOTE_TEST_REQUIRE_ALL") == "1"
hypothesis.settings.register_profile("same every time", derandomize=True)
if REQUIRE_ALL:  # a run fails because of a change, not because of luck; chance goes on looking at developers' machines
    hypothesis.settings.load_profile("same every time")


MAY_BE_MISSING = re.compile(
    r"_KEY is not set|make test-live|root may read everything|weaviate|fastembed is installed|make test-train"
)
"""What no machine can be given by installing something: keys, another user, a store that needs a service."""


def missing(program: str) -> NoReturn:
    """Skip visibly where a program is not installed."""
    pytest.skip(f"{program} is not installed")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Fail instead of skipping where everything is said to be installed."""
    report = yield
    reason = str(report.longrepr[2]) if report.skipped and isinstance(report.longrepr, tuple) else ""
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail") and not MAY_BE_MISSING.search(reason):
        report.outcome, report.longrepr = "failed", f"{item.nodeid} must run here: {reason}"
    return report


@pytest.fixture(autouse=True)
def own_logs() -> Iterator[None]:
    """Commands send the logs of the whole process to a stream that ends with the test."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = [handler for handler in root.handlers if handler in handlers]
    root.setLevel(level)


@pytest.fixture(autouse=True)
def own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own configuration reaches a test, nothing of a test outlives it."""
    for name in list(os.environ):
        if name.startswith(("FOOTNOTE_", "SLACK_", "ANTHROPIC_", "PINECONE_")) or name in {"DATABASE_URL", "PORT"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("FOOTNOTE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FOOTNOTE_SAMPLE_RATINGS", "0")  # which answers are chosen is chance
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture(params=BOTH)
def on_both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Settings for an empty database of each kind; tests that are to run on both make them their `settings`."""
    if request.param == "sqlite":
        yield Settings(home=tmp_path / "home")
        return
    server: Cluster = request.getfixturevalue("postgres")
    url = server.migrated_database()
    yield Settings(home=tmp_path / "home", database_url=url)
    server.drop(url)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A running Postgres server."""
    found = programs()
    if found is None:
        missing("Postgres")
    with cluster(found) as server:
        yield server


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[Store]:
    opened = await Store.open(settings)
    yield opened
    await opened.close()


@pytest.fixture
def handbook(tmp_path: Path) -> Path:
    """A small company handbook."""
    root = tmp_path / "handbook"
    pages = {
        "leave.md": LEAVE,
        "travel/expenses.md": EXPENSES,
        "it/laptops.md": LAPTOPS,
        "office.html": OFFICE,
    }
    for path, text in pages.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, "utf-8")
    return root


@pytest.fixture
async def kb(settings: Settings, handbook: Path) -> AsyncIterator[KnowledgeBase]:
    """A knowledge base that has read the handbook."""
    from knowledge import KnowledgeBase

    opened = await KnowledgeBase.open(settings)
    await opened.reindex_folder(handbook)
    yield opened
    await opened.close()


LEAVE = """# Leave policy

## Annual leave

Full-time employees get 27 days of paid annual leave per calendar year. Part-time employees get a proportional share.
Unused days may be carried over until 31 March of the following year.

## Parental leave

Parents may take up to 14 months of parental leave. Tell your manager at least seven weeks before it begins.

## Sick leave

Call in sick before 9:30 on the first day. From the third day on we need a doctor's note.
"""

EXPENSES = """# Travel expenses

## Hotels

We reimburse hotels up to 140 euros per night, breakfast included. In London and Zurich the limit is 210 euros.

## Trains and flights

Book trains in second class. Flights under six hours are booked in economy.

| Kind | Limit | Receipt |
|---|---|---|
| Taxi | 60 euros per ride | yes |
| Meals | 45 euros per day | yes |
| Tips | 5 euros per day | no |

## Handing in

Send receipts to the finance team within 30 days. Refunds are paid with the next salary.
"""

LAPTOPS = """# Laptops

## Ordering a laptop

New laptops are ordered by Priya Raman in the IT team. Delivery takes ten working days.

## Encrypting the disk

Turn on disk encryption before you copy any customer data:

```bash
sudo fdesetup enable
```

Keep the recovery key in the password manager, never on the laptop itself.
"""

OFFICE = """<!doctype html><html><head><title>The office</title><script>var hidden = 1;</script></head><body>
<h1>The office</h1><h2>Opening hours</h2><p>The office in Leipzig is open from 7:00 to 21:00 on working days.</p>
<h2>Visitors</h2><p>Visitors sign in at the reception on the second floor.</p></body></html>
"""
