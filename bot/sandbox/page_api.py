"""The API of the sandbox's web page: the same workspace as its people see it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.sandbox.errors import GestureError, SlackError
from bot.sandbox.gestures import Gestures
from bot.sandbox.nouns import Change, Channel, Json, Message
from bot.sandbox.representations import app_user, view_json, with_thread_figures
from bot.sandbox.workspace import Workspace

BAD_REQUEST = 400
NOT_HERE = 1008
Handler = Callable[[Json], Awaitable[Json]]


class PageApi:
    """Answers `/page/...` for whoever the page plays (`as`)."""

    def __init__(self, workspace: Workspace, gestures: Gestures) -> None:
        self.workspace = workspace
        self.gestures = gestures
        views = dict.fromkeys(("view_opened", "view_updated", "view_closed", "home"), self._view)
        messages = dict.fromkeys(("message", "message_changed"), self._message)
        self._showing: dict[str, Callable[[Change], Json]] = {
            **views,
            **messages,
            "message_deleted": _deleted,
            "status": _status,
            "prompts": self._prompts,
            "connected": lambda _: self._connected(),
        }

    def routes(self) -> list[Route | WebSocketRoute]:
        """Return the routes below `/page`."""
        reads: dict[str, Handler] = {"state": self.state, "messages": self.messages, "home": self.home}
        acts: dict[str, Handler] = {
            "message": self.say,
            "edit": self.edit,
            "delete": self.delete,
            "command": self.command,
            "action": self.act,
            "view/submit": self.submit,
            "view/close": self.close,
            "home": self.open_tab,
            "stop": self.stop,
        }
        return [
            *(Route(f"/page/{path}", _answering(handler, _query), methods=["GET"]) for path, handler in reads.items()),
            *(Route(f"/page/{path}", _answering(handler, _json), methods=["POST"]) for path, handler in acts.items()),
            WebSocketRoute("/page/live", self.live),
        ]

    # -- reading ----------------------------------------------------------------------------------------------

    async def state(self, given: Json) -> Json:
        """Return everything that the page shows around the messages."""
        workspace = self.workspace
        # a page that has not chosen anybody yet begins as the first person
        me = self.gestures.person(given.get("as") or next(iter(workspace.users)))
        users = [*workspace.users.values(), app_user(workspace)]
        app = workspace.app
        return {
            "team": {"id": workspace.team.id, "name": workspace.team.name},
            "me": me,
            "users": [
                {"id": u.id, "name": u.name, "real_name": u.real_name, "admin": u.admin, "bot": u.bot} for u in users
            ],
            "channels": [self._channel(channel, me) for channel in self._channels_of(me)],
            "commands": [
                {"command": c.command, "description": c.description, "usage_hint": c.usage_hint} for c in app.commands
            ],
            "app": {"user_id": app.user_id, "name": app.name, "description": app.description},
            "suggestions": list(workspace.suggestions),
            "connected": self.gestures.deliveries.connected,
        }

    def _channels_of(self, me: str) -> list[Channel]:
        seen = self.workspace.channels.values()
        return [c for c in seen if (me in c.members or not c.private) and c.user in (None, me)]

    def _channel(self, channel: Channel, me: str) -> Json:
        return {
            "id": channel.id,
            "name": self.workspace.app.name if channel.is_im else channel.name,
            "kind": "im" if channel.is_im else "channel",
            "private": channel.private,
            "shared": channel.shared,
            "topic": channel.topic,
            "member": me in channel.members,
            "bot_member": self.workspace.app.user_id in channel.members,
        }

    async def messages(self, given: Json) -> Json:
        """Return the top level of a conversation, or one thread."""
        me = given["as"]
        channel = self.gestures.channel_for(me, given["channel"])
        if "thread_ts" in given:
            chosen = self.workspace.thread(channel.id, given["thread_ts"], viewer=me)
        else:
            everything = self.workspace.all_messages(channel.id)
            top = [m for m in everything if not m.is_reply or m.subtype == "thread_broadcast"]
            chosen = [m for m in top if m.ephemeral_to in (None, me)]
        return {"messages": [page_message(self.workspace, message) for message in chosen]}

    async def home(self, given: Json) -> Json:
        """Return the Home tab as the app published it."""
        view = self.workspace.homes.get(self.gestures.person(given["as"]))
        return {"view": view_json(self.workspace, view) if view else None}

    # -- acting -----------------------------------------------------------------------------------------------

    async def say(self, given: Json) -> Json:
        """Post a message."""
        message = self.gestures.say(given["as"], given["channel"], given["text"], given.get("thread_ts"))
        return {"ts": message.ts}

    async def edit(self, given: Json) -> Json:
        """Edit a message."""
        self.gestures.edit(given["as"], given["channel"], given["ts"], given["text"])
        return {"ok": True}

    async def delete(self, given: Json) -> Json:
        """Delete a message."""
        self.gestures.delete(given["as"], given["channel"], given["ts"])
        return {"ok": True}

    async def command(self, given: Json) -> Json:
        """Run a slash command."""
        await self.gestures.command(given["as"], given["channel"], given["text"])
        return {"ok": True}

    async def act(self, given: Json) -> Json:
        """Use an element of a message or of a view."""
        ids = (given["block_id"], given["action_id"], given["action"])
        if "view_id" in given:
            await self.gestures.click_in_view(given["as"], given["view_id"], *ids)
        else:
            message = self.gestures.message_for(given["as"], given["channel"], given["message_ts"])
            await self.gestures.click(given["as"], message, *ids)
        return {"ok": True}

    async def submit(self, given: Json) -> Json:
        """Send a modal's form."""
        return await self.gestures.submit(given["as"], given["view_id"], given.get("values", {}))

    async def close(self, given: Json) -> Json:
        """Close a modal."""
        await self.gestures.close(given["as"], given["view_id"])
        return {"ok": True}

    async def open_tab(self, given: Json) -> Json:
        """Open the app's Home or Messages tab."""
        self.gestures.open_tab(self.gestures.person(given["as"]), given["tab"])
        return {"ok": True}

    async def stop(self, given: Json) -> Json:
        """Press Stop."""
        self.gestures.stop(given["as"], given["channel"], given["thread_ts"])
        return {"ok": True}

    # -- live -------------------------------------------------------------------------------------------------

    async def live(self, websocket: WebSocket) -> None:
        """Send one person everything that changes and that they may see, as it happens."""
        me = websocket.query_params.get("as", "")
        if me not in self.workspace.users:
            await websocket.close(code=NOT_HERE)
            return
        changes: asyncio.Queue[Change] = asyncio.Queue()
        with self.workspace.listening(changes.put_nowait):
            await websocket.accept()
            await websocket.send_json(self._connected())
            sending = asyncio.ensure_future(self._send_changes(websocket, me, changes))
            try:
                while True:
                    await websocket.receive_text()
            except (WebSocketDisconnect, RuntimeError):
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)

    async def _send_changes(self, websocket: WebSocket, me: str, changes: asyncio.Queue[Change]) -> None:
        while True:
            change = await changes.get()
            if self._sees(me, change):
                await websocket.send_json(self._shown(change))

    def _sees(self, me: str, change: Change) -> bool:
        if change.kind not in self._showing or change.user not in (None, me):
            return False
        channel_id = change.message.channel if change.message else change.status.channel if change.status else None
        channel = self.workspace.channels[channel_id] if channel_id else None
        return channel is None or not channel.private or me in channel.members

    def _shown(self, change: Change) -> Json:
        return {"type": change.kind, **self._showing[change.kind](change)}

    def _message(self, change: Change) -> Json:
        return {"message": page_message(self.workspace, change.message)} if change.message else {}

    def _view(self, change: Change) -> Json:
        return {"view": view_json(self.workspace, change.view)} if change.view else {}

    def _prompts(self, change: Change) -> Json:
        channel = change.details["channel"]
        return {"channel": channel, **self.workspace.prompts[channel]}

    def _connected(self) -> Json:
        return {"type": "connected", "connected": self.gestures.deliveries.connected}


def page_message(workspace: Workspace, message: Message) -> Json:
    """Return a message as the page shows it."""
    shown: Json = {
        "channel": message.channel,
        "ts": message.ts,
        "user": message.user,
        "bot": message.bot_id is not None,
        "text": message.text,
        "ephemeral": message.ephemeral_to is not None,
        "edited": message.edited is not None,
        "streaming": message.streaming,
        "reactions": message.reactions,
    }
    shown |= {name: value for name in ("thread_ts", "blocks", "subtype") if (value := getattr(message, name))}
    figures = with_thread_figures(workspace, message, {})
    return shown | {name: value for name, value in figures.items() if name != "thread_ts"}


def _deleted(change: Change) -> Json:
    message = change.message
    return {"channel": message.channel, "ts": message.ts, "thread_ts": message.thread_ts} if message else {}


def _status(change: Change) -> Json:
    status = change.status
    if status is None:
        return {}
    return {
        "channel": status.channel,
        "thread_ts": status.thread_ts,
        "status": status.text,
        "loading_messages": list(status.loading_messages),
    }


async def _query(request: Request) -> Json:
    return dict(request.query_params)


async def _json(request: Request) -> Json:
    try:
        given = await request.json()
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise GestureError("invalid_json", "The request must be a JSON object.")
    return given


def _answering(handler: Handler, read: Callable[[Request], Awaitable[Json]]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        try:
            return JSONResponse(await handler(await read(request)))
        except KeyError as error:
            return _refusal("missing_argument", f"The argument {error} is missing.")
        except GestureError as error:
            return _refusal(error.code, error.sentence)
        except SlackError as error:
            return _refusal(error.code, f"Slack refused this: {error.code}.")

    return endpoint


def _refusal(code: str, sentence: str) -> Response:
    return JSONResponse({"error": code, "message": sentence}, status_code=BAD_REQUEST)
