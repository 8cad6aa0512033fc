"""The people, places, messages and views of a workspace, as plain data."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Team:
    """The workspace's own name."""

    id: str = "T0SANDBOX"
    name: str = "Sandbox"
    domain: str = "sandbox"


@dataclass(frozen=True)
class User:
    """A person, or somebody else's bot when `bot` is true."""

    id: str
    name: str
    real_name: str
    admin: bool = False
    bot: bool = False
    guest: bool = False


@dataclass(frozen=True)
class UserGroup:
    """A group of people that can be mentioned together."""

    id: str
    handle: str
    users: tuple[str, ...] = ()


@dataclass
class Channel:
    """A channel, a direct message with the app (`user` is set), or one of several people (`group`)."""

    id: str
    name: str
    members: set[str] = field(default_factory=set)
    private: bool = False
    shared: bool = False
    topic: str = ""
    user: str | None = None
    group: bool = False

    @property
    def is_im(self) -> bool:
        """Whether this is a direct message."""
        return self.user is not None

    @property
    def kind(self) -> str:
        """Slack's `channel_type`: channel, group, mpim or im."""
        if self.is_im:
            return "im"
        if self.group:
            return "mpim"
        return "group" if self.private else "channel"


@dataclass(frozen=True)
class Command:
    """A slash command of the app."""

    command: str
    description: str = ""
    usage_hint: str = ""
    should_escape: bool = True


BOT_SCOPES = frozenset(
    "app_mentions:read assistant:write channels:history channels:read chat:write commands groups:history groups:read "
    "im:history im:read im:write mpim:history mpim:read reactions:write usergroups:read users:read".split()
)
BOT_EVENTS = frozenset(
    "agent_session_stopped app_home_opened app_mention app_uninstalled message.channels message.groups message.im "
    "message.mpim tokens_revoked".split()
)


@dataclass(frozen=True)
class App:
    """The installed app: who it is, its secrets, and what its manifest asked for."""

    name: str = "footnote"
    description: str = "Answers from your team's documents, with sources"
    id: str = "A0SANDBOX"
    user_id: str = "U0BOT"
    bot_id: str = "B0BOT"
    bot_token: str = "xoxb-sandbox-bot-token"  # noqa: S105 - opens nothing but the sandbox
    app_token: str = "xapp-1-sandbox-app-token"  # noqa: S105 - opens nothing but the sandbox
    signing_secret: str = "sandbox-signing-secret"  # noqa: S105 - opens nothing but the sandbox
    verification_token: str = "sandbox-verification-token"  # noqa: S105 - opens nothing but the sandbox
    bot_scopes: frozenset[str] = BOT_SCOPES
    app_scopes: frozenset[str] = frozenset({"connections:write"})
    events: frozenset[str] = BOT_EVENTS
    commands: tuple[Command, ...] = (
        Command("/ask", "Ask your documents", "[question]"),
        Command("/reindex", "Reindex a folder (admins)", "[source or folder]", should_escape=False),
    )

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any], **overrides: Any) -> "App":
        """Build the app with exactly the scopes, events and commands that its manifest declares."""
        features = manifest.get("features", {})
        scopes = manifest.get("oauth_config", {}).get("scopes", {})
        events = manifest.get("settings", {}).get("event_subscriptions", {})
        declared: Json = {
            "name": features.get("bot_user", {}).get("display_name", cls.name),
            "description": manifest.get("display_information", {}).get("description", ""),
            "bot_scopes": frozenset([*scopes.get("bot", []), *scopes.get("bot_optional", [])]),
            "events": frozenset(events.get("bot_events", [])),
            "commands": tuple(_command(entry) for entry in features.get("slash_commands", [])),
        }
        return cls(**{**declared, **overrides})


def _command(entry: Mapping[str, Any]) -> Command:
    return Command(
        entry["command"],
        entry.get("description", ""),
        entry.get("usage_hint", ""),
        should_escape=bool(entry.get("should_escape", False)),
    )


@dataclass
class Message:
    """One message; `ephemeral_to` names the only person who sees it, `bot_id` the bot that wrote it."""

    channel: str
    ts: str
    user: str
    text: str = ""
    thread_ts: str | None = None
    blocks: list[Json] | None = None
    metadata: Json | None = None
    bot_id: str | None = None
    app_id: str | None = None
    subtype: str | None = None
    edited: Json | None = None
    client_msg_id: str | None = None
    ephemeral_to: str | None = None
    streaming: bool = False
    unfurl_links: bool | None = None
    unfurl_media: bool | None = None
    files: list[Json] | None = None
    reactions: list[Json] = field(default_factory=list)

    @property
    def root_ts(self) -> str:
        """The `ts` of the thread this message belongs to or would start."""
        return self.thread_ts or self.ts

    @property
    def is_reply(self) -> bool:
        """Whether it stands in a thread below a root message."""
        return self.thread_ts is not None and self.thread_ts != self.ts


@dataclass
class View:
    """An open modal or a published Home tab of one person; `body` is what the app sent, checked."""

    id: str
    user: str
    body: Json
    hash: str
    root_view_id: str
    previous_view_id: str | None = None

    @property
    def external_id(self) -> str:
        """The name that the app gave this view, or an empty string."""
        return str(self.body.get("external_id", ""))


@dataclass
class Stream:
    """A message that the app is still writing: its text and task cards in order of arrival."""

    channel: str
    ts: str
    started: float
    parts: list[Json] = field(default_factory=list)
    characters: int = 0


@dataclass(frozen=True)
class Status:
    """What the app says it is doing in a thread."""

    channel: str
    thread_ts: str
    text: str
    loading_messages: tuple[str, ...]
    expires: float


@dataclass
class Trigger:
    """The permission to open a modal that comes with one gesture."""

    id: str
    user: str
    created: float
    used: bool = False


@dataclass
class ResponseUrl:
    """Where an app may answer one gesture; `message` is what replace_original and delete_original act on."""

    token: str
    channel: str
    user: str
    created: float
    message: Message | None = None
    # a command's first reply becomes what replace_original replaces; a click's original is the clicked message
    from_command: bool = False
    uses: int = 0
    # set when the app's acknowledgement of the gesture has been shown
    acknowledged: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True)
class ApiCall:
    """A recorded call of the Web API: what was asked, when (seconds, wall clock) and what was answered."""

    method: str
    arguments: Json
    time: float
    response: Json


@dataclass(frozen=True)
class Change:
    """Something that happened in the workspace: `kind` is one of the types that `Workspace` publishes."""

    kind: str
    message: Message | None = None
    previous: Message | None = None
    view: View | None = None
    status: Status | None = None
    # who may see it; None means everybody in the message's channel
    user: str | None = None
    details: Json = field(default_factory=dict)
    # growth of a stream is shown to people but not sent to the app
    quiet: bool = False
