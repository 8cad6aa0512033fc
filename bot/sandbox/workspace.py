"""The state of a local Slack workspace and the acts that change it."""

import random
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from typing import Any

from bot.sandbox.block_kit import with_ids
from bot.sandbox.errors import SlackError
from bot.sandbox.nouns import (
    ApiCall,
    App,
    Change,
    Channel,
    Json,
    Message,
    ResponseUrl,
    Status,
    Stream,
    Team,
    Trigger,
    User,
    UserGroup,
    View,
)
from bot.sandbox.rich_text import rich_text

MICROSECONDS = 1_000_000
SLACKBOT = "USLACKBOT"
TRIGGER_SECONDS = 3.0
STREAM_SECONDS = 300.0
STATUS_SECONDS = 120.0
MODAL_STACK = 3

Listener = Callable[[Change], None]


def default_users() -> tuple[User, ...]:
    """A small team: an admin, two colleagues and a guest."""
    return (
        User("U0ADA", "ada", "Ada Okafor", admin=True),
        User("U0BEN", "ben", "Ben Lindqvist"),
        User("U0CHLOE", "chloé", "Chloé Marchand"),
        User("U0GUS", "gus", "Gus Weber", guest=True),
    )


def default_channels(app_user: str) -> tuple[Channel, ...]:
    """Three public channels, a private one and one shared with another company; the app is in all but #random."""
    team = {"U0ADA", "U0BEN", "U0CHLOE"}
    return (
        Channel("C0GENERAL", "general", {*team, "U0GUS", app_user}, topic="Everything and everybody"),
        Channel("C0HELP", "help", {*team, app_user}, topic="Questions that people answer"),
        Channel("C0RANDOM", "random", {*team}, topic="The app is not in here"),
        Channel("C0LEADS", "leads", {"U0ADA", "U0BEN", app_user}, private=True, topic="Private"),
        Channel("C0PARTNER", "partner-acme", {*team, app_user}, shared=True, topic="Shared with Acme Inc."),
    )


class Workspace:
    """One workspace in memory; every act publishes a `Change` to the listeners.

    Kinds of changes: message, message_changed, message_deleted, status, view_opened, view_updated, view_closed, home,
    prompts, connected, call, delivery. `clock` returns wall-clock seconds and may be replaced to let time pass in a
    test.
    """

    def __init__(
        self,
        *,
        app: App | None = None,
        team: Team | None = None,
        users: Iterable[User] | None = None,
        channels: Iterable[Channel] | None = None,
        user_groups: Iterable[UserGroup] = (),
        suggestions: Sequence[str] = (),
        clock: Callable[[], float] = time.time,
        seed: int | None = None,
        url: str = "https://sandbox.slack.com/",
    ) -> None:
        self.app = app or App()
        self.team = team or Team()
        self.clock = clock
        self.random = random.Random(seed)  # noqa: S311 - order of deliveries, not a secret
        self.users = {user.id: user for user in (default_users() if users is None else users)}
        self.channels = {
            channel.id: channel for channel in (default_channels(self.app.user_id) if channels is None else channels)
        }
        self.user_groups = tuple(user_groups)
        self.suggestions = tuple(suggestions)
        # where the workspace is reached; a running server puts its own address here
        self.url = url
        self.messages: dict[str, list[Message]] = {}
        self.modals: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}
        self.streams: dict[tuple[str, str], Stream] = {}
        self.statuses: dict[tuple[str, str], Status] = {}
        self.sessions: dict[tuple[str, str], Json] = {}
        self.prompts: dict[str, Json] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.socket_tickets: set[str] = set()
        self.calls: list[ApiCall] = []
        self._listeners: list[Listener] = []
        self._last_ts = 0
        for user in [user for user in self.users.values() if not user.bot]:
            self.direct_message(user.id)

    # -- watching ---------------------------------------------------------------------------------------------

    @contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        """Call `listener` with every change while the block runs."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def publish(self, change: Change) -> None:
        """Tell everybody who listens."""
        for listener in tuple(self._listeners):
            listener(change)

    # -- names and times --------------------------------------------------------------------------------------

    def now(self) -> float:
        """Return the time in the workspace, in seconds."""
        return self.clock()

    def new_ts(self) -> str:
        """Return a timestamp that is later than every one before it, in Slack's form `seconds.microseconds`."""
        self._last_ts = max(int(self.now() * MICROSECONDS), self._last_ts + 1)
        return f"{self._last_ts // MICROSECONDS}.{self._last_ts % MICROSECONDS:06d}"

    def new_id(self, prefix: str) -> str:
        """Return an id that looks like Slack's: a letter or two and capital hexadecimal digits."""
        return prefix + secrets.token_hex(5).upper()

    def direct_message(self, user: str) -> Channel:
        """Return the direct message between a person and the app, opening it if needed."""
        channel_id = f"D{user.removeprefix('U')}"
        if channel_id not in self.channels:
            self.channels[channel_id] = Channel(channel_id, user, {user, self.app.user_id}, private=True, user=user)
        return self.channels[channel_id]

    def display_name(self, user: str) -> str:
        """Return the short name of a person or of the app."""
        if user == self.app.user_id:
            return self.app.name
        return self.users[user].name if user in self.users else "slackbot"

    # -- messages ---------------------------------------------------------------------------------------------

    def all_messages(self, channel: str) -> list[Message]:
        """Return every message of a channel, oldest first, ephemeral ones and replies included."""
        return list(self.messages.get(channel, ()))

    def thread(self, channel: str, ts: str, *, viewer: str | None = None) -> list[Message]:
        """Return a root and its replies, oldest first; ephemeral replies only for their `viewer`."""
        return [m for m in self.all_messages(channel) if ts in (m.ts, m.thread_ts) and m.ephemeral_to in (None, viewer)]

    def find(self, channel: str, ts: str) -> Message:
        """Return one message, or refuse with message_not_found."""
        for message in reversed(self.messages.get(channel, [])):
            if message.ts == ts:
                return message
        raise SlackError("message_not_found")

    def post(self, message: Message) -> Message:
        """Add a message that was built with `new_ts()`."""
        message.blocks = with_ids(message.blocks, self.new_block_id) if message.blocks else None
        self.messages.setdefault(message.channel, []).append(message)
        if message.user == self.app.user_id and message.ephemeral_to is None:
            self.clear_status(message.channel, message.root_ts)
        self.publish(Change("message", message=message, user=message.ephemeral_to))
        return message

    def post_as_person(self, user: str, channel: str, text: str, *, thread_ts: str | None = None) -> Message:
        """Post what a person (or somebody else's bot) wrote; `text` is in Slack's escaped form."""
        person = self.users[user]
        return self.post(
            Message(
                channel,
                self.new_ts(),
                user,
                text,
                thread_ts=thread_ts,
                blocks=[rich_text(text)],
                bot_id=f"B{user.removeprefix('U')}" if person.bot else None,
                client_msg_id=None if person.bot else secrets.token_hex(16),
            )
        )

    def post_as_slackbot(self, user: str, channel: str, text: str) -> Message:
        """Show one person an ephemeral message from Slack itself."""
        return self.post(Message(channel, self.new_ts(), SLACKBOT, text, ephemeral_to=user))

    def edit(self, message: Message, *, by: str, quiet: bool = False, marked: bool = True, **fields: Any) -> Message:
        """Change fields of a message in place and publish both versions.

        `quiet` changes are shown to people only; `marked` ones say that the message was edited.
        """
        previous = replace(message, blocks=deepcopy(message.blocks))
        for name, value in fields.items():
            setattr(message, name, value)
        message.blocks = with_ids(message.blocks, self.new_block_id) if message.blocks else None
        if marked and not quiet and message.ephemeral_to is None:
            message.edited = {"user": by, "ts": self.new_ts()}
        self.publish(
            Change("message_changed", message=message, previous=previous, user=message.ephemeral_to, quiet=quiet)
        )
        return message

    def delete(self, message: Message) -> None:
        """Remove a message."""
        self.messages[message.channel].remove(message)
        self.streams.pop((message.channel, message.ts), None)
        self.publish(Change("message_deleted", message=message, user=message.ephemeral_to))

    def new_block_id(self) -> str:
        """Return one of Slack's short random ids for blocks and their elements."""
        return secrets.token_urlsafe(4)

    # -- status, prompts --------------------------------------------------------------------------------------

    def set_status(self, channel: str, thread_ts: str, text: str, loading_messages: Sequence[str] = ()) -> None:
        """Show what the app is doing in a thread; an empty text clears it."""
        status = Status(channel, thread_ts, text, tuple(loading_messages), self.now() + STATUS_SECONDS)
        self.statuses[channel, thread_ts] = status
        if not text:
            del self.statuses[channel, thread_ts]
        self.publish(Change("status", status=status))

    def clear_status(self, channel: str, thread_ts: str) -> None:
        """Remove the status of a thread if there is one."""
        if (channel, thread_ts) in self.statuses:
            self.set_status(channel, thread_ts, "")

    def set_prompts(self, channel: str, title: str, prompts: Sequence[Json]) -> None:
        """Offer questions to click on in the app's direct message."""
        self.prompts[channel] = {"title": title, "prompts": list(prompts)}
        self.publish(Change("prompts", user=self.channels[channel].user, details={"channel": channel}))

    def expire(self) -> None:
        """Clear statuses older than two minutes and end streams older than five."""
        now = self.now()
        for status in [status for status in self.statuses.values() if status.expires <= now]:
            self.clear_status(status.channel, status.thread_ts)
        for stream in [stream for stream in self.streams.values() if now - stream.started >= STREAM_SECONDS]:
            self.end_stream(stream)

    # -- streams ----------------------------------------------------------------------------------------------

    def stream(self, channel: str, ts: str) -> Stream:
        """Return a stream that still takes text, or refuse."""
        self.expire()
        message = self.find(channel, ts)
        if message.user != self.app.user_id:
            raise SlackError("message_not_owned_by_app")
        if (channel, ts) not in self.streams:
            raise SlackError("message_not_in_streaming_state")
        return self.streams[channel, ts]

    def end_stream(self, stream: Stream) -> None:
        """Take a message out of its streaming state, leaving what it says."""
        self.streams.pop((stream.channel, stream.ts), None)
        self.edit(self.find(stream.channel, stream.ts), by=self.app.user_id, quiet=True, streaming=False)

    # -- gestures ---------------------------------------------------------------------------------------------

    def new_trigger(self, user: str) -> str:
        """Return a fresh trigger id, good for one modal within three seconds."""
        trigger_id = f"{int(self.now())}.{self.random.randrange(10**11)}.{secrets.token_hex(16)}"
        self.triggers[trigger_id] = Trigger(trigger_id, user, self.now())
        return trigger_id

    def use_trigger(self, trigger_id: str) -> str:
        """Return the person whose gesture this was; refuse unknown, used and late triggers."""
        trigger = self.triggers.get(trigger_id)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if self.now() - trigger.created > TRIGGER_SECONDS:
            raise SlackError("expired_trigger_id")
        trigger.used = True
        return trigger.user

    def new_socket_ticket(self) -> str:
        """Return the secret of one Socket Mode address; it opens one connection."""
        ticket = secrets.token_urlsafe(16)
        self.socket_tickets.add(ticket)
        return ticket

    def new_response_url(self, channel: str, user: str, *, clicked: Message | None = None) -> ResponseUrl:
        """Open a way to answer one gesture: a click on a message, or a command."""
        token, from_command = secrets.token_hex(12), clicked is None
        response_url = ResponseUrl(token, channel, user, self.now(), clicked, from_command)
        self.response_urls[response_url.token] = response_url
        return response_url

    # -- views ------------------------------------------------------------------------------------------------

    def new_view(self, user: str, body: Json, *, previous: View | None = None) -> View:
        """Build a view for a person; nothing is shown yet."""
        view_id = self.new_id("V")
        root = previous.root_view_id if previous else view_id
        return View(view_id, user, self._shown(body), self._hash(), root, previous.id if previous else None)

    def _shown(self, body: Json) -> Json:
        return {**body, "blocks": with_ids(body.get("blocks", []), self.new_block_id)}

    def _hash(self) -> str:
        return f"{self.new_ts()}.{secrets.token_hex(3)}"

    def open_view(self, user: str, body: Json) -> View:
        """Show a person a modal, instead of any that are open."""
        view = self.new_view(user, body)
        self.modals[user] = [view]
        self.publish(Change("view_opened", view=view, user=user))
        return view

    def push_view(self, user: str, body: Json) -> View:
        """Show a modal on top of the open ones; at most three."""
        stack = self.modals.get(user, [])
        if not stack:
            raise SlackError("not_found")
        if len(stack) >= MODAL_STACK:
            raise SlackError("push_limit_reached")
        view = self.new_view(user, body, previous=stack[-1])
        stack.append(view)
        self.publish(Change("view_opened", view=view, user=user))
        return view

    def update_view(self, view: View, body: Json) -> View:
        """Replace what an open modal shows."""
        view.body = self._shown(body)
        view.hash = self._hash()
        self.publish(Change("view_updated", view=view, user=view.user))
        return view

    def close_view(self, view: View) -> None:
        """Close one modal; the one below shows again."""
        self.modals[view.user].remove(view)
        self.publish(Change("view_closed", view=view, user=view.user))

    def close_all_views(self, user: str) -> None:
        """Close a person's whole stack."""
        for view in reversed(self.modals.get(user, []).copy()):
            self.close_view(view)

    def publish_home(self, user: str, body: Json) -> View:
        """Show a person's Home tab."""
        view = self.new_view(user, body)
        if user in self.homes:
            view.id = view.root_view_id = self.homes[user].id
        self.homes[user] = view
        self.publish(Change("home", view=view, user=user))
        return view

    def open_views(self) -> list[View]:
        """Return every open modal and published Home tab."""
        return [*(view for stack in self.modals.values() for view in stack), *self.homes.values()]

    # -- the record -------------------------------------------------------------------------------------------

    def record(self, method: str, arguments: Json, response: Json) -> None:
        """Remember a call of the Web API (never its token)."""
        call = ApiCall(method, arguments, self.now(), response)
        self.calls.append(call)
        self.publish(Change("call", details={"call": call}))

    def calls_of(self, method: str) -> list[ApiCall]:
        """Return the recorded calls of one method, oldest first."""
        return [call for call in self.calls if call.method == method]
