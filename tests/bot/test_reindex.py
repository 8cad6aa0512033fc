"""`/reindex`: for admins, one message, the fixed words."""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import reindex_message
from bot.sandbox import SandboxServer
from bot.sandbox.nouns import Message
from bot.server import Server
from knowledge import AdminSettings, KnowledgeBase, Settings, SourceSettings, TeamFile, runs
from tests.bot.answerers import QuotingAnswerer
from tests.bot.conftest import BotFactory
from tests.bot.test_reliability import finished, other_process
from tests.bot.test_surfaces import answers, whisper
from tests.databases import rows
from tests.jobs.parts import GatedEmbedder, SlowEmbedder, until


async def test_alone_it_lists_the_sources_that_one_may_know_of(sandbox: SandboxServer, bot: Server) -> None:
    await sandbox.person("U0BEN").command("C0GENERAL", "/reindex")
    listed = await sandbox.wait_for_message("C0GENERAL", whisper("handbook: 3 documents"))
    assert "salaries" not in listed.text
    await sandbox.person("U0ADA").command("C0GENERAL", "/reindex")
    assert await sandbox.wait_for_message("C0GENERAL", whisper("salaries: 1 document, ", to="U0ADA"))


async def test_an_admin_gets_the_report_in_the_same_message(
    sandbox: SandboxServer, either_bot: Server, company: Path
) -> None:
    ada = sandbox.person("U0ADA")
    await ada.command("C0GENERAL", "/reindex handbook")
    report = "0 added, 0 changed, 3 unchanged, 0 removed, 0 failed"
    await sandbox.wait_for_message("C0GENERAL", whisper(report, to="U0ADA"), timeout=20)
    assert len(ada.sees("C0GENERAL")) == 1
    assert answers(sandbox, "C0GENERAL") == []


async def test_others_are_refused_for_their_eyes_only_and_it_is_logged(
    sandbox: SandboxServer, bot: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        await sandbox.person("U0BEN").command("C0GENERAL", "/reindex handbook")
        await sandbox.wait_for_message("C0GENERAL", whisper("Only the people listed as admins"))
    assert [record.user for record in caplog.records if record.message == "reindex.denied"] == ["U0BEN"]


@pytest.mark.parametrize("name", ["nothing", "../private", "handbook/../../private", "/etc"])
async def test_what_is_no_source_is_refused_in_words(sandbox: SandboxServer, bot: Server, name: str) -> None:
    await sandbox.person("U0ADA").command("C0GENERAL", f"/reindex {name}")
    assert await sandbox.wait_for_message("C0GENERAL", whisper("was not reindexed", to="U0ADA"))


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A source of 200 files in two folders, two of which cannot be read."""
    for number in range(200):
        file = tmp_path / "library" / ("policies" if number % 4 else "guides") / f"{number}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"# Page {number}\n\nThe room number of team {number} is {number + 1000}.\n", "utf-8")
    for number in range(7):
        (tmp_path / "library" / f"broken{number}.pdf").write_bytes(b"%PDF-1.7 and nothing more")
    return tmp_path / "library"


@pytest.fixture
def slow() -> GatedEmbedder:
    return GatedEmbedder()


@pytest.fixture
async def busy(
    tmp_path: Path, bot_settings: Settings, library: Path, slow: GatedEmbedder, start: BotFactory
) -> AsyncIterator[Server]:
    """A bot whose reindex of `library` waits in the middle until it may go on."""
    team = TeamFile(sources={"library": SourceSettings(path=library)}, admins=AdminSettings(users=("U0ADA", "U0CHLOE")))
    settings = bot_settings.model_copy(update={"home": tmp_path / "other"}).with_team(team)
    kb = await KnowledgeBase.open(settings, embedder=slow, answerer=QuotingAnswerer())
    async with start(knowledge=kb, home=settings.home, team=team) as server:
        yield server
        slow.go.set()
    await kb.close()


def shows(*texts: str, to: str = "U0ADA"):
    """Match a message for one person, or in their direct message, that says all of this."""
    return lambda m: m.ephemeral_to in (to, None) and all(text in str((m.text, m.blocks)) for text in texts)


def in_general(sandbox: SandboxServer, who: str = "U0ADA") -> list[Message]:
    return [m for m in sandbox.person(who).sees("C0GENERAL") if m.ephemeral_to == who]


async def test_one_message_shows_progress_and_ends_with_the_report_and_its_reasons(
    sandbox: SandboxServer, busy: Server, slow: GatedEmbedder
) -> None:
    ada = sandbox.person("U0ADA")
    await ada.command("C0GENERAL", "/reindex library")
    shown = await sandbox.wait_for_message("C0GENERAL", shows("of 207 files", "chunks", "stop_reindex"), timeout=30)
    slow.go.set()
    words = "200 added, 0 changed, 0 unchanged, 0 removed, 7 failed"
    report = await sandbox.wait_for_message(
        "C0GENERAL", shows(words, "broken0.pdf", "and 2 more that failed"), timeout=30
    )
    assert report.ts == shown.ts
    assert len(in_general(sandbox)) == 1
    await ada.click(report, "show_report")
    modal = await sandbox.wait_for_modal("U0ADA")
    assert all(f"broken{number}.pdf" in str(modal.body) for number in range(7))


async def test_the_lists_of_failures_say_how_many_more_there_are(
    sandbox: SandboxServer, busy: Server, slow: GatedEmbedder, library: Path
) -> None:
    """More than a modal holds: 700 broken files and 1,200 skipped ones with long names in Cyrillic."""
    slow.go.set()
    broken = library / ("в" * 60)
    broken.mkdir()
    for number in range(700):
        (broken / f"{'я' * 40} {number}.pdf").write_bytes(b"%PDF-1.7 and nothing more")
    for number in range(1200):
        (library / f"{'ж' * 60} {number}.bin").write_bytes(b"\0\1")
    ada = sandbox.person("U0ADA")
    await ada.command("C0GENERAL", "/reindex library")
    report = await sandbox.wait_for_message("C0GENERAL", shows("200 added", "707 failed", "1,200 skipped"), timeout=60)
    await ada.click(report, "show_report")
    everything = await sandbox.wait_for_modal("U0ADA")
    assert_counts(str(everything.body), {"Failed": 707, "Skipped": 1200})
    await ada.close(everything)
    await ada.open_home()
    home = await sandbox.wait_until(lambda: sandbox.workspace.homes.get("U0ADA"))
    await ada.click_in_view(home, "show_failures")
    failures = await sandbox.wait_for_modal("U0ADA")
    assert "Failures" in str(failures.body["title"])
    assert_counts(str(failures.body), {"Failed": 707})


def assert_counts(shown: str, lists: dict[str, int]) -> None:
    """Every entry of a list is either in it or counted in its last line."""
    for part, (title, count) in zip(re.split(r"(?=\*(?:Failed|Skipped)\* \()", shown)[1:], lists.items(), strict=True):
        assert part.startswith(f"*{title}* ({count:,})")
        more = re.search(r"… and ([\d,]+) more, which `footnote reindex library --json` names", part)
        assert more is not None
        listed = part.count("• ")
        assert listed > 90
        assert listed + int(more[1].replace(",", "")) == count


async def test_a_long_reindex_goes_on_in_the_direct_message_and_both_end_with_the_report(
    sandbox: SandboxServer, busy: Server, slow: GatedEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reindex_message, "URL_MOMENTS", (0.0,))
    monkeypatch.setattr(reindex_message, "PAUSE_SECONDS", 0.1)
    ada = sandbox.person("U0ADA")
    await ada.command("C0GENERAL", "/reindex library")
    private = await sandbox.wait_for_message(ada.direct_message, shows("of 207 files", "stop_reindex"), timeout=30)
    await sandbox.wait_for_message("C0GENERAL", shows("stands in our direct message"))
    sandbox.workspace.response_urls.clear()  # as if half an hour had passed
    slow.go.set()
    report = await sandbox.wait_for_message(ada.direct_message, shows("200 added", "7 failed"), timeout=30)
    assert report.ts == private.ts
    assert len(ada.sees(ada.direct_message)) == 1


async def test_stop_ends_a_reindex_and_its_message_says_so(
    sandbox: SandboxServer, busy: Server, slow: GatedEmbedder
) -> None:
    ada = sandbox.person("U0ADA")
    await ada.command("C0GENERAL", "/reindex library/policies")
    shown = await sandbox.wait_for_message("C0GENERAL", shows("of 150 files", "stop_reindex"), timeout=30)
    await ada.click(shown, "stop_reindex")
    stopped = await sandbox.wait_for_message("C0GENERAL", shows("Stopped reindexing library/policies"), timeout=10)
    assert stopped.ts == shown.ts
    acts = [(entry.person, entry.act, entry.subject, entry.outcome) for entry in await busy.app.parts.kb.audit.latest()]
    assert acts == [
        ("U0ADA", "reindex.cancelled", "library/policies", "stopped"),
        ("U0ADA", "reindex.started", "library/policies", "started"),
    ]


async def test_a_run_is_stopped_from_the_home_tab_too(
    sandbox: SandboxServer, busy: Server, slow: GatedEmbedder
) -> None:
    ada = sandbox.person("U0ADA")
    await ada.command("C0GENERAL", "/reindex library")
    shown = await sandbox.wait_for_message("C0GENERAL", shows("of 207 files", "stop_reindex"), timeout=30)
    await ada.open_home()
    home = await sandbox.wait_until(lambda: sandbox.workspace.homes.get("U0ADA"))
    assert "reindexing now" in str(home.body)
    await ada.click_in_view(home, "stop_reindex", value="library")
    told = await sandbox.wait_until(
        lambda: "Stopped reindexing library" in (body := str(sandbox.workspace.homes["U0ADA"].body)) and body
    )
    assert "reindexing now" not in told
    stopped = await sandbox.wait_for_message("C0GENERAL", shows("Stopped reindexing library"), timeout=10)
    assert stopped.ts == shown.ts
    assert ada.sees(ada.direct_message) == []


async def test_a_second_request_joins_and_says_so(sandbox: SandboxServer, busy: Server, slow: GatedEmbedder) -> None:
    await sandbox.person("U0ADA").command("C0GENERAL", "/reindex library")
    await asyncio.wait_for(slow.come.wait(), 30)
    await sandbox.person("U0CHLOE").command("C0GENERAL", "/reindex library")
    await sandbox.wait_for_message("C0GENERAL", shows("under way already", to="U0CHLOE"), timeout=10)
    slow.go.set()
    for who in ("U0ADA", "U0CHLOE"):
        await sandbox.wait_for_message("C0GENERAL", whisper("200 added", to=who), timeout=30)
    outcomes = {entry.person: entry.outcome for entry in await busy.app.parts.kb.audit.latest()}
    assert outcomes == {"U0ADA": "started", "U0CHLOE": "joined"}


async def test_before_most_of_a_source_is_removed_it_asks(
    sandbox: SandboxServer, busy: Server, slow: GatedEmbedder, library: Path
) -> None:
    slow.go.set()
    ada = sandbox.person("U0ADA")
    await ada.command("C0GENERAL", "/reindex library")
    await sandbox.wait_for_message("C0GENERAL", shows("200 added"), timeout=30)
    for number in range(150):
        (library / ("policies" if number % 4 else "guides") / f"{number}.md").unlink()
    after = sandbox.workspace.new_ts()
    await ada.command("C0GENERAL", "/reindex library")
    asked = await sandbox.wait_for_message(
        "C0GENERAL", shows("150 of the 200 documents of library have vanished", "Nothing was changed"), after=after
    )
    await ada.click(asked, "reindex_anyway")
    done = await sandbox.wait_for_message("C0GENERAL", shows("150 removed"), after=after, timeout=30)
    assert done.ts == asked.ts
    assert "reindex_anyway" not in str(done.blocks)


async def test_what_watching_will_not_remove_by_itself_waits_for_an_admin_in_the_home_tab(
    sandbox: SandboxServer, busy: Server, slow: GatedEmbedder, library: Path
) -> None:
    slow.go.set()
    ada, ben = sandbox.person("U0ADA"), sandbox.person("U0BEN")
    await ada.command("C0GENERAL", "/reindex library")
    await sandbox.wait_for_message("C0GENERAL", shows("200 added"), timeout=30)
    for number in range(150):
        (library / ("policies" if number % 4 else "guides") / f"{number}.md").unlink()
    watching = asyncio.create_task(busy.app.parts.kb.keep_fresh())

    async def home(of: str, words: str) -> str:
        async def says() -> bool:
            await sandbox.person(of).open_home()
            shown = sandbox.workspace.homes.get(of)
            return shown is not None and words in str(shown.body)

        await until(says, within=20)
        return str(sandbox.workspace.homes[of].body)

    waiting = await home("U0ADA", "Waiting for your yes: 150 of its 200 documents have vanished from the folder")
    watching.cancel()
    assert "reindex_anyway" in waiting
    for_ben = await home("U0BEN", "library: 200 documents")
    assert "Waiting" not in for_ben
    assert "reindex_anyway" not in for_ben
    after = sandbox.workspace.new_ts()
    for person in (ada, ben):
        await person.command("C0GENERAL", "/reindex")
    await sandbox.wait_for_message("C0GENERAL", shows("1 of them waits for your yes"), after=after)
    listed = await sandbox.wait_for_message("C0GENERAL", whisper("library: 200 documents"), after=after)
    assert "waits" not in listed.text
    await ada.click_in_view(sandbox.workspace.homes["U0ADA"], "reindex_anyway")
    done = await sandbox.wait_until(
        lambda: "150 removed" in (body := str(sandbox.workspace.homes["U0ADA"].body)) and body, timeout=20
    )
    assert "Waiting" not in done
    assert "reindex_anyway" not in done
    assert ada.sees(ada.direct_message) == []


async def test_an_empty_folder_asks_too(
    sandbox: SandboxServer, busy: Server, library: Path, slow: GatedEmbedder
) -> None:
    slow.go.set()
    await sandbox.person("U0ADA").command("C0GENERAL", "/reindex library/guides")
    await sandbox.wait_for_message("C0GENERAL", shows("50 added"), timeout=30)
    for folder in ("guides", "policies"):
        shutil.rmtree(library / folder)
    for number in range(7):
        (library / f"broken{number}.pdf").unlink()
    after = sandbox.workspace.new_ts()
    await sandbox.person("U0ADA").command("C0GENERAL", "/reindex library")
    asked = await sandbox.wait_for_message(
        "C0GENERAL", shows("The folder of library is empty: its 50 documents would be removed"), after=after
    )
    assert "Remove them anyway" in str(asked.blocks)


@pytest.mark.parametrize("user", ["U0BEN", "U0GUS"])
async def test_every_refusal_is_one_line_of_the_audit_and_starts_nothing(
    sandbox: SandboxServer, bot: Server, kb: KnowledgeBase, user: str
) -> None:
    await sandbox.person(user).command("C0GENERAL", "/reindex handbook")
    await sandbox.wait_for_message("C0GENERAL", whisper("Only the people listed as admins", to=user))
    entries = [(entry.person, entry.act, entry.subject) for entry in await kb.audit.latest()]
    assert entries[0] == (user, "reindex.refused", "handbook")
    assert not [entry for entry in entries if entry[0] == user and entry[1] != "reindex.refused"]


@pytest.mark.parametrize("knows", [True, False], ids=["knowing", "doubting"])
async def test_when_the_process_dies_the_next_ends_the_same_messages_with_one_report(
    sandbox: SandboxServer,
    start: BotFactory,
    bot_settings: Settings,
    library: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    knows: bool,
) -> None:
    """Killed once its direct message stands: whether it knew where, or had lost the connection while posting it."""
    monkeypatch.setattr(runs, "PATIENCE_SECONDS", 0.5)
    team = TeamFile(sources={"library": SourceSettings(path=library)}, admins=AdminSettings(users=("U0ADA",)))
    settings = bot_settings.model_copy(update={"home": tmp_path / "other"}).with_team(team)
    ada = sandbox.person("U0ADA")
    if not knows:
        sandbox.faults.drop_after("chat.postMessage")
    async with other_process(sandbox, settings, embedder="GatedEmbedder") as process:
        await ada.command("C0GENERAL", "/reindex library")
        begun = await sandbox.wait_for_message(ada.direct_message, shows("Reindexing library"), timeout=30)
        claims = f"SELECT count(*) FROM claims WHERE {'ts IS NOT NULL' if knows else 'posting'}"
        await sandbox.wait_until(lambda: rows(settings, claims) == [(1,)], timeout=10)
        process.kill()
        await process.wait()
    for table in ("source_leases", "runs", "deliveries", "claims"):  # as if time had passed
        rows(settings, f"UPDATE {table} SET lease_until = 0")
    kb = await KnowledgeBase.open(settings, embedder=SlowEmbedder(), answerer=QuotingAnswerer())
    async with start(knowledge=kb, home=settings.home, team=team) as server:
        report = shows("added, 0 changed", "0 removed, 7 failed")
        reported = await sandbox.wait_for_message("C0GENERAL", report, timeout=30)
        await finished(sandbox, server)
    await kb.close()
    assert in_general(sandbox) == [reported]
    direct = ada.sees(ada.direct_message)
    assert [message.ts for message in direct] == [begun.ts]
    assert report(direct[0]) is knows  # nobody can know where the other one stands
    assert rows(settings, "SELECT state FROM runs") == [("done",)]


async def test_who_is_no_admin_any_more_is_told_so(sandbox: SandboxServer, busy: Server, slow: GatedEmbedder) -> None:
    slow.go.set()
    ada, kb = sandbox.person("U0ADA"), busy.app.parts.kb
    await ada.command("C0GENERAL", "/reindex library")
    await sandbox.wait_for_message("C0GENERAL", shows("7 failed"), timeout=30)
    await ada.open_home()
    home = await sandbox.wait_until(lambda: sandbox.workspace.homes.get("U0ADA"))
    team = kb.settings.team.model_copy(update={"admins": AdminSettings(users=("U0CHLOE",))})
    kb.settings = kb.settings.with_team(team)
    await ada.click_in_view(home, "show_failures")
    assert await sandbox.wait_for_message(ada.direct_message, shows("Only the people listed as admins"))
    assert ada.modal is None
    assert ((await kb.audit.latest())[0].person, (await kb.audit.latest())[0].act) == ("U0ADA", "reindex.refused")


async def test_a_change_of_audience_is_written_down_without_naming_anybody(
    kb: KnowledgeBase, bot_settings: Settings
) -> None:
    closed = bot_settings.team.sources["salaries"].model_copy(update={"users": ("U0BEN", "U0ADA"), "channels": ()})
    team = bot_settings.team.model_copy(update={"sources": {**bot_settings.team.sources, "salaries": closed}})
    await (await KnowledgeBase.open(bot_settings.with_team(team))).close()
    newest = (await kb.audit.latest())[0]
    assert (newest.act, newest.subject) == ("audience.changed", "salaries")
    assert newest.outcome == "1 channel, 1 person → 2 people"
    assert not re.search("U0", newest.outcome)
