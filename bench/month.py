"""A month of a made-up team: from an empty database to datasets, verified answers, a gap report and proof of learning.

People ask, vote, correct and review in the sandbox workspace, where the real bot answers them; then the documented
commands are run as a person would run them. Everything happens within minutes: after each simulated day everything that
is stored becomes a day older (`a_day_passes`). Nothing else is made up about it.

    python -m bench month          everything in a folder that is removed afterwards
    python -m bench.month DIR      the same in a new folder that stays, with the page, the datasets and the database
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

from pydantic import SecretStr

from bench import dataset_checks
from bench.figures import Figure, at_least, at_most
from bench.made_up_people import (
    ADMIN,
    HELP,
    PEOPLE,
    PUBLIC,
    QUIET,
    REVIEWER,
    SILENT,
    Asking,
    Team,
    channels,
    plan,
    users,
)
from bench.made_up_team import Fact, make_offices_too, write_questions
from bot import weekly_report
from bot.gap_blocks import REPORT_EVENT, TITLE
from bot.sandbox import App, SandboxServer, Workspace
from bot.server import Server
from knowledge import GapKind, KnowledgeBase, Settings, TeamFile

ROOT = Path(__file__).parent.parent
DAYS, A_DAY = 30, 10
REVIEWED_EVERY = 2
KEPT_OUT = 0.3
"""Share of the facts about systems that nobody asks: the proof is made with them."""
SHOWN = 24
"""Lines of a command's output that are printed."""

TEAM = f"""
[sources.systems]
path = "documents/systems"
owner = "Platform team"

[sources.offices]
path = "documents/offices"
owner = "Office team"

[sources.pay]
path = "documents/pay"
owner = "People team"
channels = ["C0LEADS"]

[admins]
users = ["{ADMIN}"]

[reviewers]
users = ["{REVIEWER}"]

[escalation]
channel = "{HELP}"

[feedback]
without_channels = ["{QUIET}"]

[report]
channel = "{PUBLIC[0]}"
"""

ON_THIS_MACHINE: dict[str, Any] = {
    "index": "embedded",
    "embedder": "wordllama",
    "reranker": "none",
    "database_url": None,
    "answerer": "extractive",
    "understander": "words",
    "fallback": None,
    "anthropic_api_key": None,
    "pinecone_api_key": None,
}
"""Whatever keys happen to be in the shell."""
AGES = {
    "questions": ("asked_at",),
    "answers": ("created_at",),
    "feedback": ("at",),
    "remarks": ("at",),
    "reviews": ("at",),
    "signals": ("at",),
    "consents": ("at",),
    "verified_answers": ("verified_at",),
    "documents": ("indexed_at",),
    "sources": ("indexed_at",),
}
"""Table → columns that say when something happened to people or documents."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a team's documents, settings and database are."""

    folder: Path

    @property
    def home(self) -> Path:
        """FOOTNOTE_HOME."""
        return self.folder / "home"

    def a_day_passes(self) -> None:
        """Make everything that is stored a day older."""
        with closing(sqlite3.connect(self.home / "footnote.db", timeout=30)) as database, database:
            for table, columns in AGES.items():
                for column in columns:
                    older = f"strftime('%Y-%m-%d %H:%M:%f', {column}, '-1 day') || '000'"
                    database.execute(f"UPDATE {table} SET {column} = {older}")

    async def footnote(self, *words: str) -> str:
        """Run a command as a person would; print it with the beginning of what it says, return all of that."""
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "FOOTNOTE_HOME": str(self.home)}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", *words),
            cwd=self.folder,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said = (await process.communicate())[0].decode()
        lines = said.rstrip().splitlines()
        shown = [*lines[:SHOWN], *([f"… {len(lines) - SHOWN} more lines"] if len(lines) > SHOWN else [])]
        print("\n".join(["", f"$ footnote {' '.join(words)}", *shown]), flush=True)
        return said


def prepare(folder: Path, *, seed: int) -> tuple[Place, list[Fact], list[Fact]]:
    """Write documents and settings; return where, what people may ask, and what they never do."""
    facts = make_offices_too(folder / "documents", seed=seed)
    (folder / "footnote.toml").write_text(TEAM, "utf-8")
    systems = [fact for fact in facts if fact.source == "systems"]
    kept_out = random.Random(seed).sample(systems, int(KEPT_OUT * len(systems)))
    write_questions(folder / "nobody-asked.jsonl", kept_out)
    return Place(folder), [fact for fact in facts if fact not in kept_out], kept_out


@dataclass(frozen=True, slots=True)
class Lived:
    """What came of a month in Slack."""

    done: dict[str, int]
    asked_again: dict[str, bool]
    """What was approved, in other words → whether the verified answer was given."""
    admins_home: str
    weekly_messages: int


async def live(place: Place, facts: Sequence[Fact], *, days: int, a_day: int, seed: int) -> Lived:
    """Let the team live through so many days with the bot, and ask what was approved once more at the end."""
    manifest = json.loads((ROOT / "bot" / "manifest.json").read_text("utf-8"))
    app = App.from_manifest(manifest)
    workspace = Workspace(app=app, users=users(), channels=channels(app.user_id))
    async with SandboxServer(workspace) as sandbox:
        settings = Settings(
            **ON_THIS_MACHINE,
            home=place.home,
            slack_bot_token=SecretStr(app.bot_token),
            slack_app_token=SecretStr(app.app_token),
            slack_api_url=sandbox.api_url,
            sample_ratings=0.1,
        ).with_team(TeamFile.load(place.folder / "footnote.toml"))
        kb = await KnowledgeBase.open(settings)
        try:
            async with Server(kb, settings) as server:
                await sandbox.wait_until_connected()
                team = Team(sandbox, {wording: fact for fact in facts for wording in fact.questions})
                await team.opt_out(SILENT)
                await _live(team, server, place, plan(facts, days=days, a_day=a_day, seed=seed))
                return await _looked_at(team, sandbox)
        finally:
            await kb.close()


async def _looked_at(team: Team, sandbox: SandboxServer) -> Lived:
    asked_again = await team.ask_again()
    homes, messages = sandbox.workspace.homes, sandbox.workspace.all_messages(PUBLIC[0])
    await sandbox.person(ADMIN).open_home()
    await sandbox.wait_until(lambda: ADMIN in homes and " questions from " in str(homes[ADMIN].body), 30)
    weekly = [each for each in messages if (each.metadata or {}).get("event_type") == REPORT_EVENT]
    return Lived(dict(team.done), asked_again, str(homes[ADMIN].body), len(weekly))


async def _live(team: Team, server: Server, place: Place, planned: Sequence[Sequence[Asking]]) -> None:
    first = datetime.now(UTC) - timedelta(days=len(planned))
    told = Counter(team.done)
    for number, askings in enumerate(planned):
        today = first + timedelta(days=number)
        if today.weekday() == 0:
            await weekly_report.begin(server.app.parts, now=today.replace(hour=weekly_report.HOUR, minute=5))
        await team.day(askings)
        if number % REVIEWED_EVERY == REVIEWED_EVERY - 1:
            await team.review()
        await asyncio.gather(*(job.task for job in server.app.parts.inbox.jobs() if job.task))
        if today.weekday() == 6 or number == len(planned) - 1:
            print(f"until {today:%a %-d %B}: {_told(team.done - told)}", flush=True)
            told = Counter(team.done)
        place.a_day_passes()


def _told(done: Counter[str]) -> str:
    asked = f"{done['questions']} questions, {done['declined']} declined; {done['👍']} 👍, {done['👎']} 👎"
    helped = f"{done['corrections']} corrections, {done['ask_human']} to a human"
    judged = ", ".join(f"{done[f'review_{verdict}']} {verdict}" for verdict in ("approve", "edit", "reject", "unsure"))
    return f"{asked}; {helped}; reviewed: {judged}"


@dataclass(slots=True)
class Checks:
    """What must have come of it."""

    failed: list[str] = field(default_factory=list)
    count: int = 0

    def that(self, what: str, held: object) -> None:
        """Print and remember whether something is as it should be."""
        self.count += 1
        print(f"  {'ok    ' if held else 'FAILED'} {what}", flush=True)
        if not held:
            self.failed.append(what)


async def run(folder: Path, *, days: int = DAYS, a_day: int = A_DAY, seed: int = 1) -> Checks:
    """Live a month in this folder, run the commands, and look at what they made."""
    place, facts, kept_out = prepare(folder, seed=seed)
    for source in ("systems", "offices", "pay"):
        await place.footnote("reindex", source)
    measured = ("eval", "nobody-asked.jsonl", "--search-only", "--gate")
    await place.footnote(*measured)
    print(f"\nA month in Slack: {len(facts)} things to ask, {len(kept_out)} more that nobody asks", flush=True)
    lived, checks = await live(place, facts, days=days, a_day=a_day, seed=seed), Checks()
    _look_at_slack(lived, checks)
    await place.footnote("report", "--html", "gaps.html")
    _look_at_the_page((folder / "gaps.html").read_text("utf-8"), checks)
    _look_at_the_datasets(folder / "dataset", await place.footnote("export", "dataset"), checks)
    _look_at_learning(await place.footnote("learn"), checks)
    proof = await place.footnote(*measured)
    checks.that("search finds more of what nobody asked than before the month", _gain(proof) > 0)
    approved = await place.footnote("eval", "--approved")
    checks.that("what was approved is still found and answered", "Passed: nothing is worse." in approved)
    _look_at_forgetting(await place.footnote("forget", "--user", PEOPLE[0]), checks)
    return checks


def _look_at_slack(lived: Lived, checks: Checks) -> None:
    print("\nIn Slack")
    given = [question for question, verified in lived.asked_again.items() if verified]
    for question, verified in lived.asked_again.items():
        print(f"         “{question}”: {'verified answer' if verified else 'answered anew'}")
    checks.that(f"{len(given)} of {len(lived.asked_again)} approved answers are given to a paraphrase", given)
    checks.that("the admin's Home tab shows what was left open", TITLE in lived.admins_home)
    checks.that(f"{lived.weekly_messages} weekly messages were posted", lived.weekly_messages)


def _look_at_the_page(page: str, checks: Checks) -> None:
    kinds = [kind for kind in GapKind if f">{kind.value}</span>" in page]
    checks.that(f"the page tells gaps of several kinds: {', '.join(kinds)}", len(kinds) > 2)
    checks.that("it names documents with their owners", "owner Platform team" in page)
    checks.that("it has plots and loads nothing", "<svg" in page and "http" not in page and "<script" not in page)
    checks.that("it names nobody", not [each for each in PEOPLE if each in page])


def _look_at_the_datasets(folder: Path, said: str, checks: Checks) -> None:
    for kind in dataset_checks.COLUMNS:
        rows = sum(path.read_bytes().count(b"\n") for path in (folder / kind).glob("*.jsonl"))
        checks.that(f"{kind} has rows or a reason ({rows} rows)", rows or re.search(rf"{kind} +empty: \w", said))
    wrong = dataset_checks.problems(folder, private=[*PEOPLE, ADMIN, REVIEWER, *PUBLIC, QUIET, str(folder)])
    checks.that(f"the files are as documented {wrong or ''}".rstrip(), not wrong)


def _look_at_learning(said: str, checks: Checks) -> None:
    checks.that("learning was judged by held-out questions, with an interval", "recall@5" in said and "cases)" in said)
    checks.that("what was learned is in use", "In use from now on." in said)


def _look_at_forgetting(said: str, checks: Checks) -> None:
    checks.that("whoever is forgotten revokes the datasets with their words", "revoked" in said)


def _gain(said: str) -> float:
    """Read from a gate's lines how much recall@5 has changed."""
    found = re.search(r"^recall@5 +([\d.]+) → ([\d.]+)", said, re.MULTILINE)
    return float(found[2]) - float(found[1]) if found else 0.0


def measure() -> list[Figure]:
    """Live a month."""
    began = perf_counter()
    with tempfile.TemporaryDirectory() as name:
        checks = asyncio.run(run(Path(name)))
    seconds = perf_counter() - began
    return [
        at_most("a month, with all commands", seconds, 120, "s"),
        at_least("of the checks above hold", checks.count - len(checks.failed), checks.count, ""),
    ]


if __name__ == "__main__":
    kept = Path(sys.argv[1])
    kept.mkdir(parents=True)
    sys.exit(bool(asyncio.run(run(kept.resolve())).failed))
