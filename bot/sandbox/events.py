"""Which events Slack sends the app for what happens in the workspace, and their envelope (pure)."""

from bot.sandbox.nouns import Change, Channel, Json, Message, View
from bot.sandbox.representations import message_json, view_json
from bot.sandbox.workspace import Workspace

CHANNEL_EVENTS = {"channel": "message.channels", "group": "message.groups", "mpim": "message.mpim", "im": "message.im"}


def events_of(workspace: Workspace, change: Change) -> list[Json]:
    """Return the events that this change sends to the app; none for what it may not see or did not subscribe to."""
    makers = {"message": _posted, "message_changed": _changed, "message_deleted": _deleted}
    message = change.message
    if change.kind not in makers or message is None or change.quiet or message.ephemeral_to is not None:
        return []
    channel = workspace.channels[message.channel]
    if workspace.app.user_id not in channel.members:
        return []
    subscribed = workspace.app.events
    made = [event for name, event in makers[change.kind](workspace, change, channel) if name in subscribed]
    workspace.random.shuffle(made)
    return made


def _posted(workspace: Workspace, change: Change, channel: Channel) -> list[tuple[str, Json]]:
    message = _required(change.message)
    event = {**message_json(workspace, message), **_place(channel, message.ts), "channel_type": channel.kind}
    return [(CHANNEL_EVENTS[channel.kind], event), *_mention(workspace, message, channel)]


def _mention(workspace: Workspace, message: Message, channel: Channel) -> list[tuple[str, Json]]:
    """Return the app_mention event of a person's message in a channel that names the app."""
    if channel.is_im or message.user == workspace.app.user_id or not _mentions_app(workspace, message):
        return []
    event = {**message_json(workspace, message), "type": "app_mention", **_place(channel, message.ts)}
    return [("app_mention", event)]


def _mentions_app(workspace: Workspace, message: Message | None) -> bool:
    user = workspace.app.user_id
    return message is not None and (f"<@{user}>" in message.text or f"<@{user}|" in message.text)


def _changed(workspace: Workspace, change: Change, channel: Channel) -> list[tuple[str, Json]]:
    message, previous = _required(change.message), _required(change.previous)
    ts = workspace.new_ts()
    event = {
        "type": "message",
        "subtype": "message_changed",
        "hidden": True,
        "message": message_json(workspace, message),
        "previous_message": message_json(workspace, previous),
        "channel_type": channel.kind,
        "ts": ts,
        **_place(channel, ts),
    }
    mention = [] if _mentions_app(workspace, previous) else _mention(workspace, message, channel)
    return [(CHANNEL_EVENTS[channel.kind], event), *mention]


def _deleted(workspace: Workspace, change: Change, channel: Channel) -> list[tuple[str, Json]]:
    message, ts = _required(change.message), workspace.new_ts()
    event = {
        "type": "message",
        "subtype": "message_deleted",
        "hidden": True,
        "deleted_ts": message.ts,
        "previous_message": message_json(workspace, message),
        "channel_type": channel.kind,
        "ts": ts,
        **_place(channel, ts),
    }
    return [(CHANNEL_EVENTS[channel.kind], event)]


def _place(channel: Channel, ts: str) -> Json:
    return {"channel": channel.id, "event_ts": ts}


def _required(message: Message | None) -> Message:
    if message is None:
        raise TypeError("a change of a message carries the message")
    return message


def home_opened(workspace: Workspace, user: str, tab: str, home: View | None) -> Json:
    """Return the event of a person opening the app's Home or Messages tab."""
    event: Json = {
        "type": "app_home_opened",
        "user": user,
        "channel": workspace.direct_message(user).id,
        "tab": tab,
        "event_ts": workspace.new_ts(),
    }
    return event | ({"view": view_json(workspace, home)} if home and tab == "home" else {})


def session_stopped(workspace: Workspace, user: str, channel: str, thread_ts: str) -> Json:
    """Return the event of a person pressing Stop in a thread."""
    streaming = [stream.ts for stream in workspace.streams.values() if stream.channel == channel]
    in_thread = [ts for ts in streaming if workspace.find(channel, ts).root_ts == thread_ts]
    return {
        "type": "agent_session_stopped",
        "channel": channel,
        "thread_ts": thread_ts,
        "user": user,
        "streaming_message_ts": in_thread,
        "event_ts": workspace.new_ts(),
    }


def event_callback(workspace: Workspace, event: Json) -> Json:
    """Wrap an event as Slack posts it; each wrapping has an `event_id` of its own."""
    app, team = workspace.app, workspace.team
    channel = workspace.channels.get(str(event.get("channel", "")))
    authorization = {
        "enterprise_id": None,
        "team_id": team.id,
        "user_id": app.user_id,
        "is_bot": True,
        "is_enterprise_install": False,
    }
    return {
        "token": app.verification_token,
        "team_id": team.id,
        "context_team_id": team.id,
        "context_enterprise_id": None,
        "api_app_id": app.id,
        "event": event,
        "type": "event_callback",
        "event_id": workspace.new_id("Ev"),
        "event_time": int(workspace.now()),
        "authorizations": [authorization],
        "is_ext_shared_channel": channel.shared if channel else False,
        "event_context": f"4-{workspace.new_id('EC')}",
    }
