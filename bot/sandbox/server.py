"""The sandbox as a web server: Slack's API, Socket Mode, response_urls, the page, on this machine only."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from bot.sandbox import response_urls
from bot.sandbox.deliveries import RETRY_DELAYS, Deliveries
from bot.sandbox.faults import Faults
from bot.sandbox.gestures import Gestures
from bot.sandbox.http_transport import HttpTransport
from bot.sandbox.nouns import Message as SlackMessage
from bot.sandbox.nouns import View
from bot.sandbox.page_api import PageApi
from bot.sandbox.people import Person, Predicate, Watcher
from bot.sandbox.rate_limits import RateLimits
from bot.sandbox.socket_mode import SocketMode
from bot.sandbox.web_api import WebApi
from bot.sandbox.workspace import Workspace

PAGE = Path(__file__).parent / "page"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
CONTENT_SECURITY = (
    "default-src 'self'; connect-src 'self' ws:; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
HOUSEKEEPING_SECONDS = 1.0
Transports = dict[tuple[str, int], asyncio.Transport]


class Sandbox:
    """A workspace with everything that runs around it; `SandboxServer` puts it on a port.

    `request_url`: where the app takes events, commands and clicks over HTTP; a connected socket goes first.
    `ack_timeout`: seconds the app has to acknowledge. `retry_delays`: seconds before each retry of an event.
    """

    def __init__(
        self,
        workspace: Workspace | None = None,
        *,
        request_url: str | None = None,
        ack_timeout: float = 3.0,
        retry_delays: Sequence[float] = RETRY_DELAYS,
        rate_limited: bool = False,
    ) -> None:
        self.workspace = workspace or Workspace()
        self.faults = Faults()
        self.rate_limits = RateLimits(self.workspace.clock, enabled=rate_limited)
        self.sockets = SocketMode(self.workspace, timeout=ack_timeout)
        self.http = HttpTransport(
            self.workspace.app.signing_secret, self.workspace.clock, request_url, timeout=ack_timeout
        )
        self.deliveries = Deliveries(self.workspace, (self.sockets, self.http), retry_delays=retry_delays)
        self.gestures = Gestures(self.workspace, self.deliveries)
        self._watcher = Watcher(self.workspace)

    def person(self, user: str) -> Person:
        """Return somebody to act as."""
        return Person(user, self.gestures)

    async def wait_until(self, find: Callable[[], Any], timeout: float = 5.0, what: str = "a condition") -> Any:  # noqa: ASYNC109
        """Return what `find` returns as soon as it is true, looking again at every change."""
        return await self._watcher.until(find, timeout, what)

    async def wait_for_message(
        self,
        channel: str,
        predicate: Predicate = bool,
        timeout: float = 5.0,  # noqa: ASYNC109
        *,
        after: str = "0",
    ) -> SlackMessage:
        """Return the first message (later than the ts `after`) that fits, as soon as it is there."""
        return await self._watcher.message(channel, predicate, timeout, after=after)

    async def wait_for_answer(
        self,
        to: SlackMessage,
        predicate: Predicate = bool,
        timeout: float = 5.0,  # noqa: ASYNC109
    ) -> SlackMessage:
        """Return the first finished message of the app in the thread of `to` that fits."""

        def fits(message: SlackMessage) -> bool:
            ours = message.user == self.workspace.app.user_id and message.thread_ts == to.root_ts
            return ours and not message.streaming and predicate(message)

        return await self._watcher.message(to.channel, fits, timeout, after=to.ts)

    async def wait_for_modal(self, user: str, timeout: float = 5.0) -> View:  # noqa: ASYNC109
        """Return the modal on top of a person's window as soon as there is one."""
        return await self._watcher.until(lambda: self.person(user).modal, timeout, f"a modal for {user}")

    async def wait_until_connected(self, timeout: float = 10.0) -> None:  # noqa: ASYNC109
        """Return when the app can be reached."""
        await self._watcher.until(lambda: self.deliveries.connected, timeout, "the app's connection")

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Deliver events and let statuses and streams end in time while the block runs."""
        housekeeping = asyncio.ensure_future(self._keep_house())
        with self.workspace.listening(self.deliveries.watch):
            try:
                yield
            finally:
                housekeeping.cancel()
                await self.deliveries.close()

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(HOUSEKEEPING_SECONDS)
            self.workspace.expire()


def create_sandbox(sandbox: Sandbox, *, cut: Callable[[Request], None] = lambda _: None) -> Starlette:
    """Return the ASGI application of a sandbox; it refuses whatever does not come from this machine's own address.

    `cut` drops the connection that a request came on; without one an injected drop is answered with 503.
    """
    page = PageApi(sandbox.workspace, sandbox.gestures)
    api = WebApi(sandbox.workspace, sandbox.faults, sandbox.rate_limits, cut)

    async def respond(request: Request) -> Response:
        return await response_urls.endpoint(sandbox.workspace, request)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with sandbox.running():
            yield

    routes = [
        Route("/", _index),
        Route("/archives/{channel}/{message}", _permalink),
        Route("/api/{method}", _endpoint(api), methods=["GET", "POST"]),
        Route("/commands/{team}/{token}", respond, methods=["POST"]),
        Route("/actions/{team}/{token}", respond, methods=["POST"]),
        WebSocketRoute("/link/", sandbox.sockets.endpoint),
        *page.routes(),
        Mount("/static", StaticFiles(directory=PAGE, check_dir=False)),
    ]
    return Starlette(routes=routes, middleware=[Middleware(OwnMachineOnly)], lifespan=lifespan)


def _endpoint(api: WebApi) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        return await api(request)

    return answer


async def _index(_: Request) -> Response:
    return FileResponse(PAGE / "index.html")


async def _permalink(request: Request) -> Response:
    digits = request.path_params["message"].removeprefix("p")
    return RedirectResponse(f"/?channel={request.path_params['channel']}&ts={digits[:-6]}.{digits[-6:]}")


class OwnMachineOnly:
    """Refuses foreign Host and Origin headers (DNS rebinding, posts from other sites) and adds the page's headers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what comes from this machine's own address."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif not _is_own(HTTPConnection(scope)):
            await _refuse(scope, receive, send)
        else:
            await self.app(scope, receive, _with_headers(send))


def _is_own(connection: HTTPConnection) -> bool:
    host, origin = connection.headers.get("host", ""), connection.headers.get("origin")
    loopback = urlsplit(f"//{host}").hostname in LOOPBACK
    return loopback and (origin is None or origin == f"http://{host}")


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    body = {"error": "foreign_origin", "message": "The sandbox answers only its own page on this machine."}
    await JSONResponse(body, status_code=403)(scope, receive, send)


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            extra = [(name.lower().encode(), value.encode()) for name, value in PAGE_HEADERS.items()]
            message["headers"] = [*message.get("headers", []), *extra]
        await send(message)

    return sending


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
    """A sandbox that serves on 127.0.0.1 in the running event loop: `async with SandboxServer() as sandbox:`.

    Port 0 takes a free one. `api_url` is what the app's `SLACK_API_URL` must be; `page_url` is for people.
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
        listening = socket.create_server(("127.0.0.1", self.port))
        self.port = listening.getsockname()[1]
        self.workspace.url = self.url
        config = uvicorn.Config(
            create_sandbox(self, cut=self._cut),
            http=_protocol(self._transports),
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
