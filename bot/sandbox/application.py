"""The sandbox as an ASGI application: Slack's API, Socket Mode, response_urls and the page."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from bot.sandbox.own_machine import OwnMachineOnly
from bot.sandbox.page_api import PageApi
from bot.sandbox.response_urls import ResponseUrls
from bot.sandbox.sandbox import Sandbox
from bot.sandbox.web_api import WebApi

PAGE = Path(__file__).parent / "page"


def create_sandbox(sandbox: Sandbox, *, cut: Callable[[Request], None] = lambda _: None) -> Starlette:
    """Return the ASGI application of a sandbox; it refuses whatever does not come from this machine's own address.

    `cut` drops the connection that a request came on; without one an injected drop is answered with 503.
    """
    page = PageApi(sandbox.workspace, sandbox.gestures)
    responses = _endpoint(ResponseUrls(sandbox.workspace, sandbox.faults, cut))
    api = WebApi(sandbox.workspace, sandbox.faults, sandbox.rate_limits, cut)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with sandbox.running():
            yield

    routes = [
        Route("/", _index),
        Route("/archives/{channel}/{message}", _permalink),
        Route("/api/{method}", _endpoint(api), methods=["GET", "POST"]),
        Route("/commands/{team}/{token}", responses, methods=["POST"]),
        Route("/actions/{team}/{token}", responses, methods=["POST"]),
        WebSocketRoute("/link/", sandbox.sockets.endpoint),
        *page.routes(),
        Mount("/static", StaticFiles(directory=PAGE, check_dir=False)),
    ]
    return Starlette(routes=routes, middleware=[Middleware(OwnMachineOnly)], lifespan=lifespan)


def _endpoint(call: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Return a plain function for Starlette, which takes a callable object for an ASGI application."""

    async def answer(request: Request) -> Response:
        return await call(request)

    return answer


async def _index(_: Request) -> Response:
    return FileResponse(PAGE / "index.html")


async def _permalink(request: Request) -> Response:
    digits = request.path_params["message"].removeprefix("p")
    return RedirectResponse(f"/?channel={request.path_params['channel']}&ts={digits[:-6]}.{digits[-6:]}")
