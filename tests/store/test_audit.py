"""The audit on both databases: entries come on top, and what stands there stays."""

from __future__ import annotations

import sqlite3

import psycopg
import pytest

from knowledge import Act, Settings
from knowledge.store import Store
from tests.databases import rows

REFUSED = (sqlite3.IntegrityError, psycopg.errors.RaiseException)


async def test_the_audit_is_only_appended_to(store: Store, settings: Settings) -> None:
    for subject in ("handbook", "board"):
        await store.audit.add(Act.REINDEX_REFUSED, person="U0BEN", subject=subject, outcome="is no admin")
    for statement in (
        "DELETE FROM audit",
        "DELETE FROM audit WHERE subject = 'board'",
        "UPDATE audit SET outcome = 'done'",
        "UPDATE audit SET at = NULL",
        "UPDATE audit SET person = '', subject = ''",
    ):
        with pytest.raises(REFUSED, match="only appended to"):
            rows(settings, statement)
    rows(settings, "UPDATE audit SET person = ''")  # a person may be forgotten
    entries = [(entry.person, entry.act, entry.subject, entry.outcome) for entry in await store.audit.latest()]
    assert entries == [("", "reindex.refused", subject, "is no admin") for subject in ("board", "handbook")]
