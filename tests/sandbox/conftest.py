"""A sandbox, a real Slack client, and a real Bolt app connected over Socket Mode or HTTP."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Person, SandboxServer, Workspace


@dataclass
class Seen:
    """What the Bolt app received."""

    events: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxServer]:
    async with SandboxServer(Workspace(seed=1), retry_delays=(0.0, 0.0), ack_timeout=1.0) as server:
        yield server


@pytest.fixture
def workspace(sandbox: SandboxServer) -> Workspace:
    return sandbox.workspace


@pytest.fixture
def ada(sandbox: SandboxServer) -> Person:
    return sandbox.person("U0ADA")


@pytest.fixture
def client(sandbox: SandboxServer) -> AsyncWebClient:
    return AsyncWebClient(sandbox.workspace.app.bot_token, base_url=sandbox.api_url, retry_handlers=[])


@pytest.fixture
def refused() -> Callable[..., Any]:
    """Await a call that must fail and return the response."""

    async def refusal(call: Any) -> Any:
        with pytest.raises(SlackApiError) as caught:
            await call
        return caught.value.response

    return refusal


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def app(sandbox: SandboxServer, client: AsyncWebClient, seen: Seen) -> AsyncApp:
    """A Bolt app that records every event and lets a test add listeners."""
    bolt = AsyncApp(
        client=client, signing_secret=sandbox.workspace.app.signing_secret, ignoring_self_events_enabled=False
    )

    async def record(event: dict[str, Any], body: dict[str, Any]) -> None:
        seen.events.append(event)
        seen.bodies.append(body)

    for kind in ("app_mention", "message", "app_home_opened", "agent_session_stopped"):
        bolt.event(kind)(record)
    return bolt


@contextlib.asynccontextmanager
async def over_http(bolt: AsyncApp, sandbox: SandboxServer) -> AsyncIterator[None]:
    runner = web.AppRunner(bolt.web_app("/slack/events", 0))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    sandbox.http.request_url = f"http://127.0.0.1:{port}/slack/events"
    try:
        yield
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def over_socket(bolt: AsyncApp, sandbox: SandboxServer) -> AsyncIterator[AsyncSocketModeHandler]:
    web_client = AsyncWebClient(sandbox.workspace.app.app_token, base_url=sandbox.api_url)
    handler = AsyncSocketModeHandler(bolt, sandbox.workspace.app.app_token, web_client=web_client, ping_interval=0.5)
    open_before = len(sandbox.sockets.connections)
    await handler.connect_async()
    await sandbox.wait_until(lambda: len(sandbox.sockets.connections) > open_before)
    try:
        yield handler
    finally:
        await handler.close_async()


@pytest.fixture
def connected(app: AsyncApp, sandbox: SandboxServer) -> Callable[[str], Any]:
    """Connect the app by the transport of that name."""
    transports: dict[str, Callable[..., Any]] = {"http": over_http, "socket": over_socket}
    return lambda name: transports[name](app, sandbox)
