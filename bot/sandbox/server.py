"""The sandbox on a port of this machine, inside the event loop that starts it."""

import asyncio
import contextlib
import socket
from collections.abc import Generator
from typing import Any, Self

import uvicorn
from starlette.requests import Request
from uvicorn.protocols.http.h11_impl import H11Protocol

from bot.sandbox.application import create_sandbox
from bot.sandbox.sandbox import Sandbox
from bot.sandbox.workspace import Workspace

Transports = dict[tuple[str, int], asyncio.Transport]


def _protocol(transports: Transports) -> type[H11Protocol]:
    """Return uvicorn's HTTP protocol, remembering each connection so that a fault can cut it."""

    class Cuttable(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            transports[transport.get_extra_info("peername")[:2]] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            transports.pop(self.transport.get_extra_info("peername")[:2], None)
            super().connection_lost(exc)

    return Cuttable


class _Uvicorn(uvicorn.Server):
    """A server inside somebody else's event loop: no signal handlers, and it says when it is ready."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self.stopping = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the signals to the program around it."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start and tell."""
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        """Serve until told to stop, without looking at the clock ten times a second."""
        await self.stopping.wait()


class SandboxServer(Sandbox):
    """A sandbox that serves on 127.0.0.1 in the running event loop.

    Port 0 takes a free one. `api_url` is what the app's `SLACK_API_URL` must be; `page_url` is for people.

        async with SandboxServer() as sandbox:
            ...  # start the app with sandbox.api_url and the tokens of sandbox.workspace.app
            await sandbox.wait_until_connected()
            question = await sandbox.person("U0ADA").mention("C0GENERAL", "How many days of leave?")
            answer = await sandbox.wait_for_answer(question)
    """

    def __init__(self, workspace: Workspace | None = None, *, port: int = 0, **options: Any) -> None:
        super().__init__(workspace, **options)
        self.port = port
        self._transports: Transports = {}
        self._server: _Uvicorn | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The address with a slash at its end."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def api_url(self) -> str:
        """The base URL of the Web API."""
        return f"{self.url}api/"

    @property
    def page_url(self) -> str:
        """The address of the page, without a slash at its end."""
        return self.url.rstrip("/")

    def _cut(self, request: Request) -> None:
        if request.client and (transport := self._transports.get((request.client.host, request.client.port))):
            transport.abort()

    async def __aenter__(self) -> Self:
        """Bind, start, and return when requests are answered."""
        # Opened anew from its number, the socket knows that it speaks TCP, so that asyncio sends small answers at once.
        listening = socket.socket(fileno=socket.create_server(("127.0.0.1", self.port)).detach())
        self.port = listening.getsockname()[1]
        self.workspace.url = self.url
        config = uvicorn.Config(
            create_sandbox(self, cut=self._cut),
            http=_protocol(self._transports),
            ws="websockets-sansio",
            log_config=None,
            access_log=False,
            date_header=False,
            lifespan="on",
            timeout_graceful_shutdown=1,
        )
        self._server = _Uvicorn(config)
        self._serving = asyncio.ensure_future(self._server.serve([listening]))
        await self._server.ready.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the app's sockets and stop."""
        await self.sockets.disconnect("link_disabled")
        if self._server and self._serving:
            self._server.stopping.set()
            await self._serving
