"""Deliveries over Socket Mode: the app's WebSockets, envelopes and acknowledgements."""

import asyncio
import contextlib
import itertools
import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.sandbox.nouns import Change, Json
from bot.sandbox.transport import OK, Acknowledgement, Delivery, DeliveryError, Kind
from bot.sandbox.workspace import Workspace

MOST_CONNECTIONS = 10


@dataclass(eq=False)
class Connection:
    """One WebSocket of the app and the envelopes it has not acknowledged."""

    websocket: WebSocket
    number: int
    waiting: dict[str, asyncio.Future[Any]] = field(default_factory=dict)
    leaving: bool = False

    def fail_waiting(self) -> None:
        """Give up on everything that was sent and not acknowledged."""
        for future in self.waiting.values():
            if not future.done():
                future.set_exception(DeliveryError("connection_failed"))


class SocketMode:
    """The app's open connections; each delivery goes to exactly one of them, in turn."""

    name = "socket"

    def __init__(self, workspace: Workspace, *, timeout: float = 3.0) -> None:
        self.workspace = workspace
        self.timeout = timeout
        self.connections: list[Connection] = []
        self._numbers = itertools.count(1)
        self._turn = itertools.count()

    @property
    def ready(self) -> bool:
        """Whether at least one connection takes deliveries."""
        return any(not connection.leaving for connection in self.connections)

    async def endpoint(self, websocket: WebSocket) -> None:
        """Serve one connection from its hello to its end."""
        ticket = websocket.query_params.get("ticket", "")
        if ticket not in self.workspace.socket_tickets:
            await websocket.close(code=1008, reason="invalid ticket")
            return
        self.workspace.socket_tickets.remove(ticket)
        await websocket.accept()
        if len(self.connections) >= MOST_CONNECTIONS:
            await self._refuse(websocket)
            return
        connection = Connection(websocket, next(self._numbers))
        self.connections.append(connection)
        try:
            await websocket.send_json(self._hello())
            self._announce()
            await self._listen(connection)
        finally:
            self.connections.remove(connection)
            connection.fail_waiting()
            self._announce()

    async def _refuse(self, websocket: WebSocket) -> None:
        await websocket.send_json(_disconnect("too_many_websockets"))
        await websocket.close()

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self.connections),
            "connection_info": {"app_id": self.workspace.app.id},
            "debug_info": {"host": "sandbox", "build_number": 1, "approximate_connection_time": 18060},
        }

    def _announce(self) -> None:
        self.workspace.publish(Change("connected", details={"connected": self.ready}))

    async def _listen(self, connection: Connection) -> None:
        while True:
            try:
                self._acknowledge(connection, await connection.websocket.receive_text())
            except (WebSocketDisconnect, RuntimeError):
                return

    def _acknowledge(self, connection: Connection, text: str) -> None:
        try:
            sent = json.loads(text)
        except json.JSONDecodeError:
            return
        future = connection.waiting.get(sent.get("envelope_id", "")) if isinstance(sent, dict) else None
        if future is not None and not future.done():
            future.set_result(sent.get("payload", ""))

    async def deliver(self, delivery: Delivery) -> Acknowledgement:
        """Send one envelope to one connection and wait for its acknowledgement."""
        open_ones = [connection for connection in self.connections if not connection.leaving]
        if not open_ones:
            raise DeliveryError("connection_failed")
        connection = open_ones[next(self._turn) % len(open_ones)]
        envelope = _envelope(delivery)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        connection.waiting[envelope["envelope_id"]] = future
        try:
            await connection.websocket.send_json(envelope)
            async with asyncio.timeout(self.timeout):
                return Acknowledgement(OK, await future)
        except TimeoutError:
            raise DeliveryError("timeout") from None
        except (WebSocketDisconnect, RuntimeError):
            raise DeliveryError("connection_failed") from None
        finally:
            del connection.waiting[envelope["envelope_id"]]

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Ask every connection to go and close it, as Slack does from time to time."""
        for connection in self.connections.copy():
            connection.leaving = True
            # one whose process is dead cannot be told
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await connection.websocket.send_json(_disconnect(reason))
                await connection.websocket.close()

    async def warn(self) -> None:
        """Announce that the connections will be closed soon, leaving them open."""
        for connection in self.connections.copy():
            await connection.websocket.send_json(_disconnect("warning"))


def _disconnect(reason: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": "sandbox"}}


def _envelope(delivery: Delivery) -> Json:
    envelope: Json = {
        "envelope_id": str(uuid.uuid4()),
        "payload": delivery.body,
        "type": delivery.kind.value,
        "accepts_response_payload": delivery.kind is not Kind.EVENT,
    }
    if delivery.kind is not Kind.EVENT:
        return envelope
    return {**envelope, "retry_attempt": delivery.retry_num, "retry_reason": delivery.retry_reason}
