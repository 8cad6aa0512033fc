"""chat.postMessage, postEphemeral, update, delete, getPermalink."""

from typing import Any

from bot.sandbox.errors import SlackError
from bot.sandbox.methods.content import AUTHORSHIP, CONTENT, UNFURLING, checked_content, checked_metadata
from bot.sandbox.methods.method import (
    FLAG,
    JSON,
    TEXT,
    Method,
    existing_thread,
    joined_channel,
    postable_channel,
    texts,
    visible_channel,
)
from bot.sandbox.nouns import Json, Message
from bot.sandbox.representations import message_json
from bot.sandbox.workspace import Workspace


def app_message(workspace: Workspace, channel: str, **fields: Any) -> Message:
    """Build a message that the app writes."""
    app = workspace.app
    return Message(channel, workspace.new_ts(), app.user_id, bot_id=app.bot_id, app_id=app.id, **fields)


def unfurling(arguments: Json) -> Json:
    """Return what the call says about previews of links."""
    return {name: arguments[name] for name in UNFURLING if name in arguments}


def post_message(workspace: Workspace, arguments: Json) -> Json:
    """Post a message for everybody in a conversation."""
    channel = postable_channel(workspace, arguments["channel"])
    content = checked_content(arguments)
    metadata = checked_metadata(arguments.get("metadata"))
    thread_ts = existing_thread(workspace, channel, arguments.get("thread_ts"))
    broadcast = bool(thread_ts and arguments.get("reply_broadcast"))
    message = app_message(
        workspace,
        channel.id,
        **content,
        metadata=metadata,
        thread_ts=thread_ts,
        subtype="thread_broadcast" if broadcast else None,
        **unfurling(arguments),
    )
    workspace.post(message)
    return {"channel": channel.id, "ts": message.ts, "message": message_json(workspace, message, with_metadata=True)}


def post_ephemeral(workspace: Workspace, arguments: Json) -> Json:
    """Show a message to one person only."""
    channel = joined_channel(workspace, arguments["channel"])
    content = checked_content(arguments)
    if arguments["user"] not in channel.members:
        raise SlackError("user_not_in_channel")
    place = {"thread_ts": arguments.get("thread_ts"), "ephemeral_to": arguments["user"]}
    message = app_message(workspace, channel.id, **content, **place, **unfurling(arguments))
    workspace.post(message)
    return {"message_ts": message.ts}


def own_message(workspace: Workspace, arguments: Json, refusal: str) -> Message:
    """Return a public message that the app itself wrote."""
    channel = visible_channel(workspace, arguments["channel"])
    message = workspace.find(channel.id, arguments["ts"])
    if message.ephemeral_to is not None:
        raise SlackError("message_not_found")
    if message.user != workspace.app.user_id:
        raise SlackError(refusal)
    return message


def update(workspace: Workspace, arguments: Json) -> Json:
    """Replace what one of the app's messages says; text without blocks drops the blocks."""
    workspace.expire()
    message = own_message(workspace, arguments, "cant_update_message")
    if message.streaming:
        raise SlackError("streaming_state_conflict")
    content = checked_content(arguments)
    if "metadata" in arguments:
        content["metadata"] = checked_metadata(arguments["metadata"] or None)
    workspace.edit(message, by=workspace.app.user_id, **content, **unfurling(arguments))
    shown = message_json(workspace, message, with_metadata=True)
    return {"channel": message.channel, "ts": message.ts, "text": message.text, "message": shown}


def delete(workspace: Workspace, arguments: Json) -> Json:
    """Remove one of the app's messages."""
    message = own_message(workspace, arguments, "cant_delete_message")
    workspace.delete(message)
    return {"channel": message.channel, "ts": message.ts}


def permalink(workspace: Workspace, arguments: Json) -> Json:
    """Return a link to a message that works in the sandbox's page."""
    channel = visible_channel(workspace, arguments["channel"])
    message = workspace.find(channel.id, arguments["message_ts"])
    link = f"{workspace.url}archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


POSTING = {
    **CONTENT,
    **AUTHORSHIP,
    "thread_ts": TEXT,
    "reply_broadcast": FLAG,
    **UNFURLING,
    "mrkdwn": FLAG,
    "container_id": TEXT,
    "metadata": JSON,
}
WRITE = ("chat:write",)
METHODS = (
    Method("chat.postMessage", post_message, texts("channel"), POSTING, WRITE, tier=None),
    Method(
        "chat.postEphemeral",
        post_ephemeral,
        texts("channel", "user"),
        {**CONTENT, **UNFURLING, **AUTHORSHIP, "thread_ts": TEXT},
        WRITE,
        tier=4,
    ),
    Method(
        "chat.update",
        update,
        texts("channel", "ts"),
        {**CONTENT, **UNFURLING, "metadata": JSON, "reply_broadcast": FLAG, "file_ids": JSON},
        WRITE,
    ),
    Method("chat.delete", delete, texts("channel", "ts"), {"as_user": FLAG}, WRITE),
    Method("chat.getPermalink", permalink, texts("channel", "message_ts"), tier=4),
)
