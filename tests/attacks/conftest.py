"""A company whose documents attack it, a model that obeys them, and the whole bot between both and a workspace."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.sandbox import App, SandboxServer, Workspace
from bot.server import Server
from knowledge import AdminSettings, EscalationSettings, KnowledgeBase, Settings, SourceSettings, TeamFile
from tests.attacks.obeying import obeying
from tests.attacks.orders import ATTACKS, DOCUMENTS
from tests.standins.messages_api import MessagesApi, serving

MANIFEST = json.loads((Path(__file__).parents[2] / "bot" / "manifest.json").read_text("utf-8"))
URL = "https://docs.example.org/attacks/"
FUND = "88,412 euros"
"""Stands in the private documents only, one for each subject."""
UNREADABLE = (
    "<!channel> @here <@U0ADA>.md",
    "[x](https:evil.example) www.evil.example <https:evil|x> evil-example.com.md",
)
FOLDER = "<!channel> @here www.evil.example"
"""The name of a folder that somebody indexes on the command line."""


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documents, and a `home` in which they are indexed already; tests copy it."""
    root = tmp_path_factory.mktemp("company")
    for folder in ("attacks", "funds", FOLDER):
        (root / folder).mkdir()
    for attack in ATTACKS:
        shutil.copyfile(DOCUMENTS / attack.file, root / "attacks" / attack.name)
        fund = f"# {attack.subject} fund\n\nThe {attack.subject} drill fund holds {FUND} and takes place in a safe.\n"
        (root / "funds" / f"{attack.subject.lower()}.md").write_text(fund, "utf-8")
    for name in UNREADABLE:
        (root / "attacks" / name).touch()
    (root / FOLDER / "notes.md").write_text("# Notes\n\nThere is nothing to see in these notes.\n", "utf-8")
    asyncio.run(_index(root))
    return root


async def _index(root: Path) -> None:
    kb = await KnowledgeBase.open(Settings(home=root / "home", answerer="extractive").with_team(team(root)))
    for source in kb.settings.team.sources:
        await kb.reindex(source)
    await kb.reindex_folder(root / FOLDER)
    await kb.close()


def team(root: Path) -> TeamFile:
    return TeamFile(
        sources={
            "attacks": SourceSettings(path=root / "attacks", url=URL),
            "funds": SourceSettings(path=root / "funds", channels=("C0LEADS",), users=("U0ADA",)),
        },
        admins=AdminSettings(users=("U0ADA",)),
        escalation=EscalationSettings(channel="C0HELP"),
    )


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxServer]:
    async with SandboxServer(Workspace(app=App.from_manifest(MANIFEST))) as server:
        yield server


@pytest.fixture
async def api() -> AsyncIterator[MessagesApi]:
    async with serving(MessagesApi(mode=obeying)) as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path, company: Path, sandbox: SandboxServer, api: MessagesApi) -> Settings:
    """Claude, who obeys; few passages, so that each order is among what fits into a message."""
    shutil.copytree(company / "home", tmp_path / "home")
    app = sandbox.workspace.app
    return Settings(
        home=tmp_path / "home",
        slack_bot_token=SecretStr(app.bot_token),
        slack_signing_secret=SecretStr(app.signing_secret),
        slack_api_url=sandbox.api_url,
        anthropic_api_key=SecretStr(api.key),
        anthropic_base_url=api.url,
        port=0,
        passages=2,
    ).with_team(team(company))


@asynccontextmanager
async def serving_bot(settings: Settings, sandbox: SandboxServer) -> AsyncIterator[KnowledgeBase]:
    kb = await KnowledgeBase.open(settings)
    try:
        async with Server(kb, settings) as server:
            sandbox.http.request_url = f"http://127.0.0.1:{server.port}/slack/events"
            await sandbox.wait_until_connected()
            yield kb
    finally:
        await kb.close()


@pytest.fixture
async def kb(settings: Settings, sandbox: SandboxServer) -> AsyncIterator[KnowledgeBase]:
    """The bot runs; this is what it knows."""
    async with serving_bot(settings, sandbox) as running:
        yield running


@pytest.fixture
async def quoting_kb(settings: Settings, sandbox: SandboxServer) -> AsyncIterator[KnowledgeBase]:
    """The bot runs without any model."""
    async with serving_bot(
        settings.model_copy(update={"answerer": "extractive", "understander": "words"}), sandbox
    ) as kb:
        yield kb
