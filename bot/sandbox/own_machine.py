"""A guard for a server that only its own machine may use, and only its own page."""

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
