"""What a Web API method declares, and the checks that several methods share."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.errors import SlackError
from bot.sandbox.nouns import Channel, Json
from bot.sandbox.workspace import Workspace

Run = Callable[[Workspace, Json], Json]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a string")  # noqa: TRY004 - one kind of refusal for all converters
    return value


def _flag(value: Any) -> bool:
    flags = {True: True, False: False, "true": True, "false": False, "1": True, "0": False}
    if isinstance(value, bool | str | int) and value in flags:
        return flags[value]
    raise ValueError("must be a boolean")


def _number(value: Any) -> int:
    if isinstance(value, str) and value.lstrip("-").isdecimal():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("must be an integer")


def _json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        raise ValueError("must be valid JSON") from None


TEXT, FLAG, NUMBER, JSON = "text", "flag", "number", "json"
CONVERTERS: dict[str, Callable[[Any], Any]] = {TEXT: _text, FLAG: _flag, NUMBER: _number, JSON: _json}


@dataclass(frozen=True)
class Method:
    """One method: what it takes, what it needs, and the function that does it.

    `scopes`: any one of them is enough. `tier`: Slack's rate limit tier; None has a limit of its own.
    """

    name: str
    run: Run
    required: Mapping[str, str] = field(default_factory=dict)
    optional: Mapping[str, str] = field(default_factory=dict)
    scopes: tuple[str, ...] = ()
    token: str | None = "bot"  # noqa: S105 - the kind of token, not one
    tier: int | None = 3

    def read(self, given: Json) -> Json:
        """Return the arguments in their types; refuse missing, unknown and malformed ones."""
        # Bolt's client adds the team to every call
        kinds = {**self.required, **self.optional, "team_id": TEXT}
        problems = [f"missing required field: {name}" for name in self.required if given.get(name) in (None, "")]
        problems += [f"unknown argument: {name}" for name in given if name not in kinds]
        read: Json = {}
        for name in kinds.keys() & given.keys():
            try:
                read[name] = CONVERTERS[kinds[name]](given[name])
            except ValueError as error:
                problems.append(f"{error} [json-pointer:/{name}]")
        if problems:
            raise SlackError.with_messages("invalid_arguments", problems)
        return read


def texts(*names: str) -> dict[str, str]:
    """Declare text arguments."""
    return dict.fromkeys(names, TEXT)


def require_scope(workspace: Workspace, *any_of: str) -> None:
    """Refuse with missing_scope unless the bot token has one of these scopes."""
    provided = workspace.app.bot_scopes
    if any_of and provided.isdisjoint(any_of):
        raise SlackError("missing_scope", needed=any_of[0], provided=",".join(sorted(provided)))


def visible_channel(workspace: Workspace, name: str) -> Channel:
    """Return a channel that the app may know of, by id or `#name`."""
    if name.startswith("#"):
        name = next((c.id for c in workspace.channels.values() if c.name == name[1:]), name)
    channel = workspace.channels.get(name)
    if channel is None or (channel.private and workspace.app.user_id not in channel.members):
        raise SlackError("channel_not_found")
    return channel


def joined_channel(workspace: Workspace, name: str) -> Channel:
    """Return a channel that the app is a member of."""
    channel = visible_channel(workspace, name)
    if workspace.app.user_id not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def postable_channel(workspace: Workspace, name: str) -> Channel:
    """Return a channel that the app may post in; a person's id means their direct message."""
    if name in workspace.users:
        return workspace.direct_message(name)
    channel = visible_channel(workspace, name)
    everywhere = "chat:write.public" in workspace.app.bot_scopes and not channel.private
    return channel if everywhere else joined_channel(workspace, name)


def existing_thread(workspace: Workspace, channel: Channel, ts: str | None) -> str | None:
    """Return the thread's `ts` after checking that a root message stands there."""
    if ts is None:
        return None
    try:
        root = workspace.find(channel.id, ts)
    except SlackError:
        raise SlackError("thread_not_found") from None
    if root.is_reply:
        raise SlackError("cannot_reply_to_message")
    return ts
