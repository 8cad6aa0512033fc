"""Serving: `/slack/events` over HTTP or Slack's Socket Mode, health and metrics beside it, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import logging
import signal
import socket
import time
from collections.abc import AsyncGenerator, Coroutine, Generator, Mapping
from typing import Any, Self

import uvicorn
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.adapter.socket_mode.async_internals import send_async_response
from slack_bolt.adapter.socket_mode.internals import build_headers
from slack_bolt.adapter.starlette.async_handler import to_starlette_response
from slack_bolt.async_app import AsyncBoltRequest
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot import payloads, weekly_report
from bot.app import FootnoteApp, create_app
from bot.payloads import MalformedPayloadError
from bot.slack_client import SLACK_ERRORS, error_code, is_denied
from knowledge import ConfigurationError, FootnoteError, KnowledgeBase, Settings

logger = logging.getLogger(__name__)

EVENTS_PATH = "/slack/events"
DEFAULT_PORT = 3000
LARGEST_BODY = 4 * 1024 * 1024
"""Bytes. Slack's largest events, 40,000 characters as text and as blocks, stay below one megabyte."""
SIGNATURE_SECONDS = 300
SHUTDOWN_SECONDS = 18.0
"""For work that is under way; with closing the doors before and handing back after it stays below 25."""
_INTAKE_SECONDS = 3
_READY_SECONDS = 3.0
_PING_SECONDS = 3.0
_RETRY_SECONDS = 2.0


def is_signed(headers: Mapping[str, str], raw: bytes, secret: str) -> bool:
    """Say whether Slack signed this request within the last five minutes; whatever else it holds, never raise."""
    timestamp, signature = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 15):
        return False
    if abs(time.time() - int(timestamp)) > SIGNATURE_SECONDS:
        return False
    signed = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + raw, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"v0={signed}".encode(), signature.encode("utf-8", "replace"))


class Endpoints:
    """What is served on the port."""

    def __init__(
        self, app: FootnoteApp, settings: Settings, *, link: SocketLink | None = None, takes_events: bool = True
    ) -> None:
        self._app = app
        self._link = link
        self._takes_events = takes_events and link is None
        secret = settings.slack_signing_secret
        self._secret = secret.get_secret_value() if secret else ""

    def starlette(self) -> Starlette:
        """Return the ASGI application; events only where they do not come through a socket."""
        routes = [
            Route("/healthz", self.health, methods=["GET"]),
            Route("/readyz", self.ready, methods=["GET"]),
            Route("/metrics", self.metrics, methods=["GET"]),
        ]
        if self._takes_events:
            routes.append(Route(EVENTS_PATH, self.events, methods=["POST"]))
        return Starlette(routes=routes)

    async def health(self, _: Request) -> Response:
        """Say that this process lives."""
        return PlainTextResponse("ok")

    async def ready(self, _: Request) -> Response:
        """Say whether each part works now, and in words what does not."""
        parts = await self._check_parts()
        status = 200 if all(told == "ok" for told in parts.values()) else 503
        return JSONResponse(parts, status_code=status)

    async def _check_parts(self) -> dict[str, str]:
        slack = asyncio.create_task(self._app.parts.directory.check())
        try:
            async with asyncio.timeout(_READY_SECONDS):
                parts = await self._app.parts.kb.ready()
        except TimeoutError:
            parts = {"knowledge": "The knowledge base does not answer."}
        told = await slack
        if told == "ok" and self._link is not None and not await self._link.connected():
            told = "The connection for Socket Mode is down and being made again."
        return {**parts, "slack": told}

    async def metrics(self, _: Request) -> Response:
        """Return the metrics; the sources' age is looked up now."""
        with contextlib.suppress(FootnoteError, TimeoutError):
            async with asyncio.timeout(1):
                self._app.parts.metrics.sources(await self._app.parts.kb.sources())
        return Response(self._app.parts.metrics.text(), media_type="text/plain; version=0.0.4")

    async def events(self, request: Request) -> Response:
        """Take what Slack sends; answer nonsense with 4xx whatever it is."""
        began = time.monotonic()
        raw = await _read(request)
        if raw is None:
            return self._refused("size", 413)
        if not is_signed(request.headers, raw, self._secret):
            return self._refused("signature", 401)
        try:
            body = payloads.parse(raw, request.headers.get("content-type", ""))
            if not payloads.is_handshake(body):
                payloads.delivery(body)
            response = await self._dispatch(body, request)
        except MalformedPayloadError:
            return self._refused("malformed", 400)
        self._app.parts.metrics.acknowledged.observe(time.monotonic() - began)
        return response

    async def _dispatch(self, body: payloads.Body, request: Request) -> Response:
        # Bolt's own reading of a form loses every command whose text holds the word "payload": it gets the read body.
        try:
            bolt_request = AsyncBoltRequest(mode="socket_mode", body=body, headers=dict(request.headers))
        except (AttributeError, IndexError, KeyError, TypeError) as exc:
            raise MalformedPayloadError from exc
        answered = await self._app.bolt.async_dispatch(bolt_request)
        response = to_starlette_response(answered)
        response.background = BackgroundTask(_acknowledged, bolt_request)
        return response

    def _refused(self, why: str, status: int) -> Response:
        self._app.parts.metrics.blocks.labels(why).inc()
        return PlainTextResponse(why, status_code=status)


async def _read(request: Request) -> bytes | None:
    """Read the body; None when it is too large."""
    raw = bytearray()
    async for part in request.stream():
        raw += part
        if len(raw) > LARGEST_BODY:
            return None
    return bytes(raw)


async def _acknowledged(request: AsyncBoltRequest) -> None:
    """Let the work begin: what it shows must come after what the acknowledgement showed."""
    acknowledged = request.context.get("acknowledged")
    if acknowledged is not None:
        acknowledged.set()


class SocketLink(AsyncSocketModeHandler):
    """Slack's Socket Mode: what was not kept is not acknowledged, and a lost connection is made again."""

    def __init__(self, app: FootnoteApp, app_token: str) -> None:
        super().__init__(app.bolt, app_token, web_client=app.parts.slack, ping_interval=_PING_SECONDS)
        self._slack = app.parts.slack
        self._metrics = app.parts.metrics
        self._tasks: list[asyncio.Task[Any]] = []

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        """Give an envelope to Bolt, acknowledge it, then let the work begin."""
        began = time.monotonic()
        request = AsyncBoltRequest(mode="socket_mode", body=req.payload, headers=build_headers(req))
        answered = await self.app.async_dispatch(request)
        try:
            await send_async_response(client, req, answered, time.time())
        finally:
            await _acknowledged(request)
        self._metrics.acknowledged.observe(time.monotonic() - began)

    async def open(self) -> None:
        """Connect. Raises ConfigurationError when Slack refuses the token; an absent Slack is tried again and again."""
        try:
            answer = await self._slack.apps_connections_open(app_token=self.app_token)
            self.client.wss_uri = answer["url"]
        except SLACK_ERRORS as exc:
            if is_denied(exc) or error_code(exc) == "missing_scope":
                raise ConfigurationError(
                    f"Slack refuses SLACK_APP_TOKEN ({error_code(exc)}): "
                    "set it to an app-level token (xapp-…) with the scope connections:write."
                ) from exc
            logger.warning("slack.unreachable", extra={"error": error_code(exc)})
        connecting = self.client.connect()  # type: ignore[no-untyped-call]
        self._tasks = [asyncio.create_task(connecting), asyncio.create_task(self._renew_address())]

    async def _renew_address(self) -> None:
        """Forget the socket's address while it is down: the client would try the old, expired one for ever."""
        while True:
            await asyncio.sleep(_PING_SECONDS * 2)
            if not await self.connected():
                self.client.wss_uri = None

    async def connected(self) -> bool:
        """Say whether the socket is open."""
        return await self.client.is_connected()

    async def close(self) -> None:
        """Take nothing more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.client.close()  # type: ignore[no-untyped-call]


class _Uvicorn(uvicorn.Server):
    """A server that leaves the signals to us: SIGTERM is an orderly end, not a death by signal."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class Server:
    """The bot, serving: `async with Server(kb, settings) as server:`; `server.port` is where health and metrics are."""

    def __init__(self, kb: KnowledgeBase, settings: Settings, *, listen: bool = True) -> None:
        self._settings = settings
        self._kb = kb
        self._takes_new = listen
        self.app = create_app(kb, settings)
        self.port: int | None = None
        self._link: SocketLink | None = None
        self._web: _Uvicorn | None = None
        self._tasks: list[asyncio.Task[Any]] = []

    async def __aenter__(self) -> Self:
        """Start. Raises ConfigurationError with one sentence that says what to set."""
        token, secret = self._settings.slack_app_token, self._settings.slack_signing_secret
        if self._takes_new and token is None and secret is None:
            raise ConfigurationError(
                "Set SLACK_APP_TOKEN (xapp-…, Socket Mode) or SLACK_SIGNING_SECRET (HTTP), so that Slack can reach us."
            )
        await self.app.parts.slack.open()
        try:
            await self._identify()
            if self._takes_new and token is not None:
                self._link = SocketLink(self.app, token.get_secret_value())
            self._listen()
            await self.app.parts.inbox.open()
            if self._link is not None:
                await self._link.open()
            self._tasks.append(asyncio.create_task(self._kb.maintain(), name="maintain"))
            self._tasks.append(asyncio.create_task(weekly_report.keep_watch(self.app.parts), name="weekly report"))
            if not self._takes_new:
                self._tasks.append(asyncio.create_task(self._kb.work(), name="work"))
        except BaseException:
            await self._close()
            raise
        mode = "socket" if self._link else "http" if self._takes_new else "worker"
        logger.info("server.started", extra={"mode": mode, "port": self.port})
        return self

    async def _identify(self) -> None:
        try:
            await self.app.parts.directory.identify()
        except SLACK_ERRORS as exc:
            logger.warning("slack.unreachable", extra={"error": error_code(exc)})
            self._tasks.append(asyncio.create_task(self._identify_later(), name="identify"))

    async def _identify_later(self) -> None:
        while await self.app.parts.directory.check() != "ok":  # noqa: ASYNC110 - Slack sends no event when it is back
            await asyncio.sleep(_RETRY_SECONDS)

    def _listen(self) -> None:
        port = self._settings.port
        if port is None and (self._link is not None or not self._takes_new):
            return
        try:
            listening = socket.create_server(
                (self._settings.host, DEFAULT_PORT if port is None else port), backlog=1024
            )
        except OSError as exc:
            raise ConfigurationError(
                f"PORT {port or DEFAULT_PORT} on {self._settings.host} cannot be used: {exc.strerror}."
            ) from exc
        # Opened anew from its number, the socket knows that it speaks TCP: only then does asyncio send small answers at
        # once. Else the second packet of each waits up to 40 ms for the receipt of the first.
        listening = socket.socket(fileno=listening.detach())
        self.port = listening.getsockname()[1]
        endpoints = Endpoints(self.app, self._settings, link=self._link, takes_events=self._takes_new)
        config = uvicorn.Config(
            endpoints.starlette(),
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=_INTAKE_SECONDS,
        )
        self._web = _Uvicorn(config)
        self._tasks.append(asyncio.create_task(self._web.serve([listening]), name="web"))

    async def __aexit__(self, *_: object) -> None:
        """Stop intake, finish or hand back, close."""
        await self._close()
        logger.info("server.stopped")

    async def _close(self) -> None:
        if self._link is not None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._link.close(), _INTAKE_SECONDS)
        if self._web is not None:
            self._web.should_exit = True
        for task in self._tasks:
            if task.get_name() != "web":
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.app.close(within=SHUTDOWN_SECONDS)


async def serve(
    kb: KnowledgeBase, settings: Settings, *, stop: asyncio.Event | None = None, listen: bool = True
) -> None:
    """Answer in Slack until `stop` is set or SIGTERM or SIGINT arrives, then end within 25 seconds.

    Without `listen` this is a worker: nothing new is taken from Slack, the background work is done, and what other
    processes left behind is finished.

    An app token means Socket Mode, a signing secret alone HTTP. Raises ConfigurationError with one sentence when a
    token is missing or refused; a Slack that cannot be reached is waited for.
    """
    stop = stop or asyncio.Event()
    with _signals(stop):
        async with Server(kb, settings, listen=listen), _beside(kb.keep_fresh()):
            await stop.wait()


@contextlib.asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncGenerator[None]:
    """Do something for as long as we serve."""
    doing = asyncio.create_task(work, name="keep_fresh")
    try:
        yield
    finally:
        doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)


@contextlib.contextmanager
def _signals(stop: asyncio.Event) -> Generator[None, None, None]:
    loop, caught = asyncio.get_running_loop(), []
    for number in (signal.SIGTERM, signal.SIGINT):
        # Outside the main thread nobody can listen to signals; then `stop` is the way.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, stop.set)
            caught.append(number)
    try:
        yield
    finally:
        for number in caught:
            loop.remove_signal_handler(number)
