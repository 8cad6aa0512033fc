"""The made-up month (`bench/month.py`), made small: what people do in Slack leads to a report and to datasets."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from bench import dataset_checks, month
from bench.made_up_people import ADMIN, PEOPLE, PUBLIC, REVIEWER, SILENT


async def test_a_few_days_in_slack_lead_to_a_report_and_to_datasets(tmp_path: Path) -> None:
    place, facts, _ = month.prepare(tmp_path, seed=3)
    await place.footnote("reindex", "offices")
    asked = [fact for fact in facts if fact.heading in {"Opening", "Garage"} or not fact.path]
    lived = await month.live(place, asked, days=4, a_day=8, seed=3)
    assert lived.done["questions"] == 32
    assert any(lived.asked_again.values())
    with closing(sqlite3.connect(place.home / "footnote.db")) as database:
        days = database.execute("SELECT count(DISTINCT date(asked_at)) FROM questions").fetchone()[0]
        votes = database.execute("SELECT count(*) FROM feedback").fetchone()[0]
        silent = database.execute("SELECT state FROM consents WHERE subject = ?", [f"user:{SILENT}"]).fetchall()
    assert (days >= 4, votes, silent) == (True, lived.done["👍"] + lived.done["👎"], [("out",)])
    said, _ = await asyncio.gather(place.footnote("export", "dataset"), place.footnote("report", "--html", "gaps.html"))
    assert "rows in dataset" in said
    private = [*PEOPLE, *PUBLIC, ADMIN, REVIEWER, str(tmp_path)]
    assert dataset_checks.problems(tmp_path / "dataset", private=private) == []
    page = (tmp_path / "gaps.html").read_text("utf-8")
    assert "no document</span>" in page
    assert not [person for person in PEOPLE if person in page]
