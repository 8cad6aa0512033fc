"""The two databases that tests run on, and a way to look into them past our own code."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import psycopg

from knowledge import Settings

BOTH = ("sqlite", "postgres")


def rows(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    """Run one statement outside of our own code; returns its rows, none for a change."""
    if not settings.on_postgres:
        path = (settings.database_url or f"sqlite:///{settings.home / 'footnote.db'}").removeprefix("sqlite:///")
        with closing(sqlite3.connect(path)) as file, file:
            return file.execute(query).fetchall()
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        cursor = connection.execute(query)  # type: ignore[call-overload]
        return cursor.fetchall() if cursor.description else []
