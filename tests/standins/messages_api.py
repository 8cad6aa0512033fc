"""A strict stand-in for Anthropic's Messages API on a free port of this machine: streams, cites, calls tools, fails.

By itself, for the sandbox: `python -m tests.standins.messages_api --port 9700 --mode honest`, then start the bot with
`ANTHROPIC_BASE_URL=http://127.0.0.1:9700` and any `ANTHROPIC_API_KEY`. A question that holds `fault:overloaded` (or
any other name below) meets that failure.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import re
import socket
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.standins.messages_replies import Reply, Search, Text, Thinking, cited, honest, obedient, question, standalone
from tests.standins.messages_rules import MODELS, VERSION, complaints, signature

SMALL_MODEL = "claude-haiku-5-5"
CACHEABLE = 1024
"""Tokens from which on a prefix is kept: the documented minimum of Sonnet; other models need up to 4,096."""
PIECE = 17
"""Characters per delta."""


class Fault(StrEnum):
    """Ways to fail, each as the service, a proxy or the network does it."""

    RATE_LIMITED = "rate_limited"
    RETRY_AFTER_AN_HOUR = "retry_after_an_hour"
    SPEND_LIMIT = "spend_limit"
    USAGE_LIMIT = "usage_limit"
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server_error"
    BAD_GATEWAY = "bad_gateway"
    """A proxy's page, no JSON."""
    BAD_KEY = "bad_key"
    SILENT = "silent"
    """Never answers."""
    HANGS_UP = "hangs_up"
    """Closes the connection instead of answering."""
    STALLS = "stalls"
    """Stops in the middle and stays connected."""
    DROPS = "drops"
    """The connection breaks in the middle."""
    ENDS_EARLY = "ends_early"
    """The body ends cleanly in the middle, before message_stop."""
    ENDS_AT_ONCE = "ends_at_once"
    """The body ends cleanly before the first event."""
    ERROR_EVENT = "error_event"
    """An `error` event in the stream, after 200."""
    GARBLED = "garbled"
    """Something that is no JSON in the stream."""
    REFUSES = "refuses"
    MAX_TOKENS = "max_tokens"
    PAUSES = "pauses"
    CONTEXT_FULL = "context_full"


_STATUS: dict[Fault, tuple[int, str, str, dict[str, str], dict[str, str]]] = {
    Fault.RATE_LIMITED: (
        429,
        "rate_limit_error",
        "Number of requests has exceeded your limit",
        {"retry-after": "0.05"},
        {},
    ),
    Fault.RETRY_AFTER_AN_HOUR: (429, "rate_limit_error", "Too many requests", {"retry-after": "3600"}, {}),
    Fault.SPEND_LIMIT: (429, "rate_limit_error", "Spend cap", {}, {"error_code": "enforced_spend_limit_reached"}),
    Fault.USAGE_LIMIT: (400, "invalid_request_error", "You have reached your specified API usage limits.", {}, {}),
    Fault.OVERLOADED: (529, "overloaded_error", "Overloaded", {}, {}),
    Fault.SERVER_ERROR: (500, "api_error", "Internal server error", {}, {}),
    Fault.BAD_KEY: (401, "authentication_error", "invalid x-api-key", {}, {}),
}
_STOPS = {
    Fault.REFUSES: "refusal",
    Fault.MAX_TOKENS: "max_tokens",
    Fault.PAUSES: "pause_turn",
    Fault.CONTEXT_FULL: "model_context_window_exceeded",
}
_IN_STREAM = {Fault.STALLS, Fault.DROPS, Fault.ENDS_EARLY, Fault.ERROR_EVENT, Fault.GARBLED}


@dataclass(frozen=True)
class Received:
    """A request as it came in."""

    headers: dict[str, str]
    raw: bytes
    body: dict[str, Any]


@dataclass
class MessagesApi:
    """The stand-in. What it is to say comes from a queue, and when that is empty from `mode`."""

    key: str = "sk-ant-test"
    """Empty: any key will do."""
    mode: Callable[[dict[str, Any]], Reply] = honest
    queue: deque[Reply | Fault] = field(default_factory=deque)
    always: Fault | None = None
    latency: float = 0.0
    """Seconds before the first event."""
    pace: float = 0.0
    """Seconds between text deltas."""
    received: list[Received] = field(default_factory=list)
    first_words: list[float] = field(default_factory=list)
    """When the first words of each streamed reply were sent, in seconds since the epoch."""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once a request has come in."""
    url: str = ""
    small_model_delay: float = 0.0
    lists_models: bool = True
    """A proxy may answer about no models."""
    lifecycles: dict[str, str] = field(default_factory=dict)
    """Of models that are deprecated or retired."""
    _cached: set[str] = field(default_factory=set)
    _closing: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [request.body for request in self.received]

    def will(self, *steps: Reply | Fault) -> None:
        """Say or do this for the next requests, one each."""
        self.queue.extend(steps)

    def app(self) -> Starlette:
        """Return the server as an ASGI application."""
        routes = [Route("/v1/messages", self._messages, methods=["POST"])]
        if self.lists_models:
            routes.append(Route("/v1/models/{model}", self._model, methods=["GET"]))
        return Starlette(routes=routes)

    async def _model(self, request: Request) -> Response:
        name = request.path_params["model"]
        refused = self._unknown_key(request)
        if refused is not None:
            return refused
        if name not in MODELS:
            return _error(404, "not_found_error", f"model: {name}", {}, {})
        lifecycle = self.lifecycles.get(name, "active")
        told = {"id": name, "type": "model", "display_name": name, "created_at": "2026-09-28T00:00:00Z"}
        return JSONResponse(told | {"lifecycle": lifecycle})

    async def _messages(self, request: Request) -> Response:
        raw = await request.body()
        refused = self._refused(request, raw)
        if refused is not None:
            return refused
        body = json.loads(raw)
        self.received.append(Received(dict(request.headers), raw, body))
        self.asked.set()
        small = body["model"] == SMALL_MODEL and "tools" not in body and not body.get("stream")
        step = self.always or (self.queue.popleft() if self.queue else _wished(body))
        if small:
            await asyncio.sleep(self.small_model_delay)
        if step is None:
            step = (standalone if small else self.mode)(body)
        return await self._act(request, body, step)

    async def _act(self, request: Request, body: dict[str, Any], step: Reply | Fault) -> Response:
        if isinstance(step, Fault) and step in _STATUS:
            return _error(*_STATUS[step])
        if step is Fault.BAD_GATEWAY:
            return Response("<html>502 Bad Gateway</html>", 502, media_type="text/html")
        if step is Fault.SILENT:
            await self._until_gone(request)
        if step in {Fault.HANGS_UP, Fault.SILENT}:
            _hang_up(request)
            return Response()
        fault = step if isinstance(step, Fault) else None
        reply = self.mode(body) if fault else step
        assert isinstance(reply, Reply)
        if fault in _STOPS:
            reply = Reply(() if fault is Fault.REFUSES else reply.blocks, _STOPS[fault])
        if not body.get("stream"):
            return JSONResponse(self._message(body, reply))
        events = self._events(request, body, reply, fault)
        return StreamingResponse(events, media_type="text/event-stream", headers={"request-id": "req_test"})

    def _unknown_key(self, request: Request) -> Response | None:
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        given = bearer or request.headers.get("x-api-key", "")
        if not given or (self.key and given != self.key):
            return _error(401, "authentication_error", "invalid credentials", {}, {})
        return None

    def _refused(self, request: Request, raw: bytes) -> Response | None:
        refused = self._unknown_key(request)
        if refused is not None:
            return refused
        if request.headers.get("anthropic-version") != VERSION:
            return _error(400, "invalid_request_error", f"anthropic-version: must be {VERSION}", {}, {})
        try:
            body = json.loads(raw)
        except ValueError:
            return _error(400, "invalid_request_error", "the body is no JSON", {}, {})
        for complaint in complaints(body):
            return _error(400, "invalid_request_error", complaint, {}, {})
        if body["model"] not in MODELS:
            return _error(404, "not_found_error", f"model: {body['model']}", {}, {})
        return None

    async def _events(
        self, request: Request, body: dict[str, Any], reply: Reply, fault: Fault | None
    ) -> AsyncIterator[bytes]:
        await asyncio.sleep(self.latency)
        if fault is Fault.ENDS_AT_ONCE:
            return
        events = list(_stream(body, reply, self._usage(body)))
        breaks_at = max(3, len(events) - 4) if fault in _IN_STREAM else len(events)
        words_at = next((n for n, (_, data) in enumerate(events) if "text" in data.get("delta", {})), -1)
        for number, (name, data) in enumerate(events):
            if number == breaks_at:
                if fault is not None and (last := await self._break(request, fault)):
                    yield last
                return
            if self.pace and name == "content_block_delta":
                await asyncio.sleep(self.pace)
            if number == words_at:
                self.first_words.append(time.time())
            yield f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()

    async def _break(self, request: Request, fault: Fault) -> bytes:
        if fault is Fault.STALLS:
            await self._until_gone(request)
        if fault is Fault.DROPS:
            await asyncio.sleep(0.02)
            _hang_up(request)
        if fault is Fault.ERROR_EVENT:
            error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
            return f"event: error\ndata: {json.dumps(error)}\n\n".encode()
        return b"event: content_block_delta\ndata: {broken\n\n" if fault is Fault.GARBLED else b""

    async def _until_gone(self, request: Request) -> None:
        """Wait until the client hangs up, or the test is over."""
        while not self._closing.is_set():
            if await request.is_disconnected():
                return
            await asyncio.sleep(0.02)

    def _message(self, body: dict[str, Any], reply: Reply) -> dict[str, Any]:
        content = [
            {"type": "text", "text": block.text} if isinstance(block, Text) else _finished(block)
            for block in reply.blocks
        ]
        usage = self._usage(body) | {"output_tokens": 12}
        return _envelope(body, usage) | {"content": content, "stop_reason": reply.stop_reason}

    def _usage(self, body: dict[str, Any]) -> dict[str, int]:
        """Count input as the service does: what stands before a breakpoint is cached once, then read."""
        whole = _tokens(json.dumps(body, ensure_ascii=False))
        read = written = 0
        for prefix in _prefixes(body):
            name, size = hashlib.sha256(prefix.encode()).hexdigest(), _tokens(prefix)
            if size < CACHEABLE:
                continue
            if name in self._cached:
                read, written = size, 0
            else:
                self._cached.add(name)
                written = size - read
        fresh = whole - read - written
        return {"input_tokens": fresh, "cache_creation_input_tokens": written, "cache_read_input_tokens": read}


@asynccontextmanager
async def serving(api: MessagesApi) -> AsyncIterator[MessagesApi]:
    """Serve the stand-in on a free port for as long as the block lasts."""
    # Opened anew from its number, the socket knows that it speaks TCP, so that asyncio sends small answers at once.
    listener = socket.socket(fileno=socket.create_server(("127.0.0.1", 0), backlog=512).detach())
    api.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(api.app(), log_level="error", lifespan="off")
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    try:
        yield api
    finally:
        await _stop(server, api)


async def _stop(server: uvicorn.Server, api: MessagesApi) -> None:
    """Stop at once, as nobody is waited for: uvicorn's own way takes tenths of a second."""
    api._closing.set()
    for listening in server.servers:
        listening.close()
    for connection in list(server.server_state.connections):
        connection.transport.abort()
    for task in (tasks := list(server.server_state.tasks)):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _stream(body: dict[str, Any], reply: Reply, usage: dict[str, int]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the events of a whole message."""
    start = _envelope(body, usage | {"output_tokens": 1})
    yield "message_start", {"type": "message_start", "message": start}
    yield "ping", {"type": "ping"}
    written = 0
    for index, block in enumerate(reply.blocks):
        for name, data in _block_events(body, block):
            yield name, {"type": name, "index": index} | data
        written += _tokens(block.query if isinstance(block, Search) else block.text)
    final = {"output_tokens": max(1, written)} | usage
    delta = {"stop_reason": reply.stop_reason, "stop_sequence": None}
    yield "message_delta", {"type": "message_delta", "delta": delta, "usage": final}
    yield "message_stop", {"type": "message_stop"}


def _block_events(body: dict[str, Any], block: Text | Thinking | Search) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "content_block_start", {"content_block": _begun(block)}
    for delta in _deltas(body, block):
        yield "content_block_delta", {"delta": delta}
    yield "content_block_stop", {}


def _deltas(body: dict[str, Any], block: Text | Thinking | Search) -> list[dict[str, Any]]:
    if isinstance(block, Thinking):
        return [{"type": "signature_delta", "signature": signature(block.text)}]
    if isinstance(block, Search):
        written = json.dumps({"query": block.query})
        return [
            {"type": "input_json_delta", "partial_json": written[at : at + PIECE]}
            for at in range(0, len(written), PIECE)
        ]
    words = [{"type": "text_delta", "text": block.text[at : at + PIECE]} for at in range(0, len(block.text), PIECE)]
    cites = [{"type": "citations_delta", "citation": cited(body, cite)} for cite in block.cites]
    return [*cites, *words] if block.cites_first else [*words, *cites]


def _begun(block: Text | Thinking | Search) -> dict[str, Any]:
    if isinstance(block, Text):
        return {"type": "text", "text": ""} | ({"citations": []} if block.cites else {})
    if isinstance(block, Thinking):
        return {"type": "thinking", "thinking": block.text, "signature": ""}
    return {"type": "tool_use", "id": block.id, "name": "search", "input": {}}


def _finished(block: Thinking | Search) -> dict[str, Any]:
    if isinstance(block, Thinking):
        return {"type": "thinking", "thinking": block.text, "signature": signature(block.text)}
    return {"type": "tool_use", "id": block.id, "name": "search", "input": {"query": block.query}}


def _envelope(body: dict[str, Any], usage: dict[str, int]) -> dict[str, Any]:
    return {
        "id": "msg_test",
        "type": "message",
        "role": "assistant",
        "model": f"{body['model']}-20260928",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }


def _prefixes(body: dict[str, Any]) -> Iterator[str]:
    """Yield what stands before each breakpoint, in the order tools, system, messages."""
    parts = [*body.get("tools", []), *(body["system"] if isinstance(body.get("system"), list) else [])]
    seen = body["model"]
    for part in parts:
        seen += json.dumps(part, ensure_ascii=False, sort_keys=True)
        if "cache_control" in part:
            yield seen


def _error(status: int, kind: str, message: str, headers: dict[str, str], details: dict[str, str]) -> Response:
    error = {"type": kind, "message": message} | ({"details": details} if details else {})
    return JSONResponse({"type": "error", "error": error, "request_id": "req_test"}, status, headers=headers)


def _hang_up(request: Request) -> None:
    """Break the connection under the server: uvicorn's request cycle knows the transport."""
    receive: Any = request._receive
    while not hasattr(receive, "__self__"):
        receive = next(cell.cell_contents for cell in receive.__closure__ if callable(cell.cell_contents))
    receive.__self__.transport.abort()


def _wished(body: dict[str, Any]) -> Fault | None:
    wish = re.search(r"fault:(\w+)", question(body))
    return Fault(wish[1]) if wish and wish[1] in set(Fault) else None


def _tokens(text: str) -> int:
    return (len(text) + 3) // 4


def main() -> None:
    """Serve until interrupted."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, default=9700)
    options.add_argument("--mode", choices=["honest", "obedient"], default="honest")
    options.add_argument("--latency", type=float, default=0.3)
    options.add_argument("--pace", type=float, default=0.03)
    chosen = options.parse_args()
    mode = obedient if chosen.mode == "obedient" else honest
    api = MessagesApi(key="", mode=mode, latency=chosen.latency, pace=chosen.pace)
    uvicorn.run(api.app(), host="127.0.0.1", port=chosen.port, log_level="warning", lifespan="off")


if __name__ == "__main__":
    main()
