"""A workspace, a knowledge base on a small handbook, and the whole bot between them."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.sandbox import App, SandboxServer, Workspace
from bot.server import Server
from knowledge import AdminSettings, EscalationSettings, KnowledgeBase, Settings, SourceSettings, TeamFile
from tests.bot.answerers import QuotingAnswerer
from tests.conftest import EXPENSES, LAPTOPS, LEAVE
from tests.standins import messages_api, pinecone_api
from tests.standins.messages_api import MessagesApi
from tests.standins.pinecone_api import PineconeApi

MANIFEST = json.loads((Path(__file__).parents[2] / "bot" / "manifest.json").read_text("utf-8"))
SECRETS = """# Salaries

## Bands

The salary band for engineers at level four begins at 71,000 euros per year.
"""

BotFactory = Callable[..., AbstractAsyncContextManager[Server]]


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documents, and a `home` in which they are indexed already; tests copy it."""
    root = tmp_path_factory.mktemp("company")
    for path, text in {
        "handbook/leave.md": LEAVE,
        "handbook/expenses.md": EXPENSES,
        "handbook/laptops.md": LAPTOPS,
        "private/salaries.md": SECRETS,
    }.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(text, "utf-8")
    asyncio.run(_index(root))
    return root


async def _index(root: Path) -> None:
    settings = Settings(home=root / "home").with_team(_team(root))
    kb = await KnowledgeBase.open(settings, answerer=QuotingAnswerer())
    for source in settings.team.sources:
        await kb.reindex(source)
    await kb.close()


def _team(root: Path) -> TeamFile:
    """Everybody may read the handbook; the leads' channel and Ada may read about salaries."""
    return TeamFile(
        sources={
            "handbook": SourceSettings(path=root / "handbook", url="https://docs.example.org/handbook/"),
            "salaries": SourceSettings(path=root / "private", channels=("C0LEADS",), users=("U0ADA",)),
        },
        admins=AdminSettings(users=("U0ADA",)),
        escalation=EscalationSettings(channel="C0HELP"),
    )


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxServer]:
    """A Slack that grants exactly what the manifest asks for."""
    async with SandboxServer(Workspace(app=App.from_manifest(MANIFEST)), retry_delays=(0.2, 0.5, 1.0)) as server:
        yield server


@pytest.fixture
def bot_settings(tmp_path: Path, company: Path, sandbox: SandboxServer) -> Settings:
    shutil.copytree(company / "home", tmp_path / "home")
    app = sandbox.workspace.app
    return Settings(
        home=tmp_path / "home",
        slack_bot_token=SecretStr(app.bot_token),
        slack_signing_secret=SecretStr(app.signing_secret),
        slack_api_url=sandbox.api_url,
        port=0,
        lease=2.0,
    ).with_team(_team(company))


@pytest.fixture
def answerer() -> QuotingAnswerer:
    """Who writes the answers; a test that needs another one overrides this."""
    return QuotingAnswerer()


@pytest.fixture
async def kb(bot_settings: Settings, answerer: QuotingAnswerer) -> AsyncIterator[KnowledgeBase]:
    opened = await KnowledgeBase.open(bot_settings, answerer=answerer)
    yield opened
    await opened.close()


@pytest.fixture
def start(kb: KnowledgeBase, bot_settings: Settings, sandbox: SandboxServer) -> BotFactory:
    """Start a bot, over HTTP unless told otherwise, on the shared knowledge base unless given another."""

    @asynccontextmanager
    async def starting(
        *, socket_mode: bool = False, knowledge: KnowledgeBase | None = None, **changes: Any
    ) -> AsyncIterator[Server]:
        if socket_mode:
            changes["slack_app_token"] = SecretStr(sandbox.workspace.app.app_token)
        settings = bot_settings.model_copy(update=changes)
        asked = knowledge or kb
        if "team" in changes:
            asked.settings = asked.settings.with_team(changes["team"])
        async with Server(asked, settings) as server:
            if not socket_mode:
                sandbox.http.request_url = f"http://127.0.0.1:{server.port}/slack/events"
            await sandbox.wait_until_connected()
            yield server

    return starting


@pytest.fixture
async def bot(start: BotFactory) -> AsyncIterator[Server]:
    """The bot over HTTP."""
    async with start() as server:
        yield server


@pytest.fixture(params=["http", "socket"])
async def either_bot(start: BotFactory, request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    """The bot over each transport."""
    async with start(socket_mode=request.param == "socket") as server:
        yield server


@pytest.fixture
def pinecone() -> Iterator[PineconeApi]:
    with pinecone_api.serving(PineconeApi()) as api:
        yield api


@pytest.fixture
async def claude() -> AsyncIterator[MessagesApi]:
    async with messages_api.serving(MessagesApi()) as api:
        yield api


@pytest.fixture
def production(bot_settings: Settings, sandbox: SandboxServer, pinecone: PineconeApi, claude: MessagesApi) -> Settings:
    """Everything that can be configured, all of it as it should be."""
    changes: dict[str, Any] = {
        "slack_app_token": SecretStr(sandbox.workspace.app.app_token),
        "pinecone_api_key": SecretStr(pinecone.key),
        "pinecone_host": pinecone.url,
        "index": "pinecone",
        "embedder": "pinecone",
        "reranker": "pinecone",
        "embedder_dimensions": 384,
        "anthropic_api_key": SecretStr(claude.key),
        "anthropic_base_url": claude.url,
        "answerer": "claude",
        "understander": "claude",
    }
    return bot_settings.model_copy(update=changes)
