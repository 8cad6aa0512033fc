"""conversations.info, history, replies, open, members, list."""

from collections.abc import Sequence

from bot.sandbox.errors import SlackError
from bot.sandbox.methods.method import (
    FLAG,
    NUMBER,
    TEXT,
    Method,
    joined_channel,
    require_scope,
    texts,
    visible_channel,
)
from bot.sandbox.nouns import Channel, Json, Message
from bot.sandbox.representations import channel_json, message_json, with_thread_figures
from bot.sandbox.workspace import Workspace

MOST_PER_PAGE = 1000
PAGE = 100
FAMILY = {"channel": "channels", "group": "groups", "mpim": "mpim", "im": "im"}


def info(workspace: Workspace, arguments: Json) -> Json:
    """Describe a conversation."""
    channel = visible_channel(workspace, arguments["channel"])
    require_scope(workspace, f"{FAMILY[channel.kind]}:read")
    return {"channel": channel_json(workspace, channel)}


def members(workspace: Workspace, arguments: Json) -> Json:
    """List who is in a conversation."""
    channel = visible_channel(workspace, arguments["channel"])
    require_scope(workspace, f"{FAMILY[channel.kind]}:read")
    return {"members": sorted(channel.members), "response_metadata": {"next_cursor": ""}}


def list_all(workspace: Workspace, _arguments: Json) -> Json:
    """List the public channels, and private ones the app is in."""
    require_scope(workspace, "channels:read")
    app = workspace.app.user_id
    listed = [c for c in workspace.channels.values() if not c.is_im and (not c.private or app in c.members)]
    return {"channels": [channel_json(workspace, c) for c in listed], "response_metadata": {"next_cursor": ""}}


def readable_channel(workspace: Workspace, arguments: Json) -> Channel:
    """Return a conversation whose messages the app may read."""
    channel = joined_channel(workspace, arguments["channel"])
    require_scope(workspace, f"{FAMILY[channel.kind]}:history")
    return channel


def _within(message: Message, arguments: Json) -> bool:
    ts, oldest, latest = float(message.ts), float(arguments.get("oldest", 0)), arguments.get("latest")
    if arguments.get("inclusive"):
        return ts >= oldest and (latest is None or ts <= float(latest))
    return ts > oldest and (latest is None or ts < float(latest))


def _page(workspace: Workspace, messages: Sequence[Message], arguments: Json) -> Json:
    """Return one page of messages and the cursor of the next."""
    limit = arguments.get("limit", PAGE)
    if not 0 < limit <= MOST_PER_PAGE:
        raise SlackError("invalid_limit")
    cursor = arguments.get("cursor") or "0"
    if not cursor.isdigit():
        raise SlackError("invalid_cursor")
    start = int(cursor)
    chosen, more = messages[start : start + limit], len(messages) > start + limit
    with_metadata = bool(arguments.get("include_all_metadata"))
    shown = [with_thread_figures(workspace, m, message_json(workspace, m, with_metadata=with_metadata)) for m in chosen]
    page: Json = {"messages": shown, "has_more": more}
    return page | ({"response_metadata": {"next_cursor": str(start + limit)}} if more else {})


def history(workspace: Workspace, arguments: Json) -> Json:
    """Return the top level of a conversation, newest first."""
    channel = readable_channel(workspace, arguments)
    public = [m for m in reversed(workspace.all_messages(channel.id)) if m.ephemeral_to is None]
    top = [m for m in public if not m.is_reply or m.subtype == "thread_broadcast"]
    return _page(workspace, [m for m in top if _within(m, arguments)], arguments)


def replies(workspace: Workspace, arguments: Json) -> Json:
    """Return a thread, root first and then oldest first."""
    channel = readable_channel(workspace, arguments)
    thread = workspace.thread(channel.id, arguments["ts"])
    if not thread:
        raise SlackError("thread_not_found")
    root, *below = thread
    return _page(workspace, [root, *(m for m in below if _within(m, arguments))], arguments)


def open_direct_message(workspace: Workspace, arguments: Json) -> Json:
    """Return the direct message with one person."""
    require_scope(workspace, "im:write")
    user = arguments.get("users", "")
    if arguments.get("channel"):
        user = visible_channel(workspace, arguments["channel"]).user or ""
    if not user:
        raise SlackError("users_list_not_supplied")
    if user not in workspace.users:
        raise SlackError("user_not_found")
    channel = workspace.direct_message(user)
    return {"channel": channel_json(workspace, channel) if arguments.get("return_im") else {"id": channel.id}}


READING = {
    **texts("cursor", "latest", "oldest"),
    "inclusive": FLAG,
    "include_all_metadata": FLAG,
    "limit": NUMBER,
}
LISTING = {"cursor": TEXT, "limit": NUMBER}
METHODS = (
    Method("conversations.info", info, texts("channel"), {"include_locale": FLAG, "include_num_members": FLAG}),
    Method("conversations.members", members, texts("channel"), LISTING, tier=4),
    Method("conversations.list", list_all, {}, {**LISTING, "types": TEXT, "exclude_archived": FLAG}, tier=2),
    Method("conversations.history", history, texts("channel"), READING),
    Method("conversations.replies", replies, texts("channel", "ts"), READING),
    Method("conversations.open", open_direct_message, {}, {"channel": TEXT, "users": TEXT, "return_im": FLAG}),
)
