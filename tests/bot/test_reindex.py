"""`/reindex`: for admins, one message, the fixed words."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from bot.sandbox import SandboxServer
from bot.server import Server
from tests.bot.test_surfaces import answers, whisper


async def test_alone_it_lists_the_sources_that_one_may_know_of(sandbox: SandboxServer, bot: Server) -> None:
    await sandbox.person("U0BEN").command("C0GENERAL", "/reindex")
    listed = await sandbox.wait_for_message("C0GENERAL", whisper("handbook: 3 documents"))
    assert "salaries" not in listed.text
    await sandbox.person("U0ADA").command("C0GENERAL", "/reindex")
    assert await sandbox.wait_for_message("C0GENERAL", whisper("salaries: 1 documents", to="U0ADA"))


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
