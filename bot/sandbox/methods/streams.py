"""chat.startStream, appendStream, stopStream: a message that grows while the app writes it."""

from collections.abc import Callable
from typing import Any

from bot.sandbox.block_kit import MARKDOWN_CHARACTERS, with_ids
from bot.sandbox.errors import SlackError
from bot.sandbox.methods.agents import SESSION_STATUSES
from bot.sandbox.methods.chat import app_message, unfurling
from bot.sandbox.methods.content import AUTHORSHIP, UNFURLING, checked_blocks, checked_markdown, checked_metadata
from bot.sandbox.methods.method import JSON, TEXT, Method, existing_thread, joined_channel, texts, visible_channel
from bot.sandbox.nouns import Channel, Json, Stream
from bot.sandbox.representations import message_json
from bot.sandbox.workspace import Workspace

DISPLAY_MODES = ("timeline", "plan", "dense")
TASK_STATUSES = ("pending", "in_progress", "complete", "error")


def _markdown(stream: Stream, chunk: Json) -> None:
    text = checked_markdown(chunk["text"])
    stream.characters += len(text)
    if stream.characters > MARKDOWN_CHARACTERS:
        raise SlackError("msg_too_long")
    if stream.parts and stream.parts[-1]["type"] == "markdown":
        stream.parts[-1] = {**stream.parts[-1], "text": stream.parts[-1]["text"] + text}
        return
    stream.parts.append({"type": "markdown", "text": text})


def _task(stream: Stream, chunk: Json) -> None:
    if chunk.get("status", "pending") not in TASK_STATUSES:
        raise SlackError("invalid_chunks")
    card = {**chunk, "type": "task_card", "task_id": chunk["id"]}
    del card["id"]
    for index, part in enumerate(stream.parts):
        if part.get("task_id") == card["task_id"]:
            stream.parts[index] = {**part, **card}
            return
    stream.parts.append(card)


def _plan(stream: Stream, chunk: Json) -> None:
    stream.parts = [part for part in stream.parts if part["type"] != "plan"]
    stream.parts.insert(0, {"type": "plan", "title": chunk["title"]})


def _blocks(stream: Stream, chunk: Json) -> None:
    stream.parts.extend(checked_blocks(chunk["blocks"]))


CHUNKS: dict[str, tuple[Callable[[Stream, Json], None], dict[str, type]]] = {
    "markdown_text": (_markdown, {"text": str}),
    "task_update": (_task, {"id": str, "title": str}),
    "plan_update": (_plan, {"title": str}),
    "blocks": (_blocks, {"blocks": list}),
}


def _chunks(arguments: Json) -> list[Json]:
    """Return the text and chunks of one call as chunks, after checking their form."""
    chunks: Any = arguments.get("chunks", [])
    if arguments.get("markdown_text") and chunks:
        raise SlackError("markdown_text_conflict")
    if arguments.get("markdown_text"):
        chunks = [{"type": "markdown_text", "text": arguments["markdown_text"]}]
    if not isinstance(chunks, list) or not all(_well_formed(chunk) for chunk in chunks):
        raise SlackError("invalid_chunks")
    return list(chunks)


def _well_formed(chunk: Any) -> bool:
    if not isinstance(chunk, dict) or chunk.get("type") not in CHUNKS:
        return False
    _, fields = CHUNKS[chunk["type"]]
    return all(isinstance(chunk.get(name), kind) for name, kind in fields.items())


def _grow(workspace: Workspace, stream: Stream, chunks: list[Json]) -> None:
    grown = Stream(stream.channel, stream.ts, stream.started, list(stream.parts), stream.characters)
    for chunk in chunks:
        add, _ = CHUNKS[chunk["type"]]
        add(grown, chunk)
    stream.parts, stream.characters = with_ids(grown.parts, workspace.new_block_id), grown.characters
    message = workspace.find(stream.channel, stream.ts)
    workspace.edit(message, by=workspace.app.user_id, quiet=True, text=_text(stream), blocks=list(stream.parts))


def _text(stream: Stream) -> str:
    return "".join(part["text"] for part in stream.parts if part["type"] == "markdown")


def _check_recipient(workspace: Workspace, channel: Channel, arguments: Json) -> None:
    if channel.is_im:
        return
    for name in ("recipient_team_id", "recipient_user_id"):
        if not arguments.get(name):
            raise SlackError(f"missing_{name}")
    if arguments["recipient_user_id"] not in channel.members & workspace.users.keys():
        raise SlackError("user_not_found")


def start(workspace: Workspace, arguments: Json) -> Json:
    """Begin a message that grows."""
    channel = joined_channel(workspace, arguments["channel"])
    _check_recipient(workspace, channel, arguments)
    thread_ts = existing_thread(workspace, channel, arguments["thread_ts"])
    if arguments.get("task_display_mode", "timeline") not in DISPLAY_MODES:
        raise SlackError.with_messages("invalid_arguments", ["must be one of timeline, plan, dense"])
    chunks = _chunks(arguments)
    message = app_message(workspace, channel.id, thread_ts=thread_ts, streaming=True, **unfurling(arguments))
    stream = Stream(channel.id, message.ts, workspace.now())
    for chunk in chunks:
        CHUNKS[chunk["type"]][0](stream, chunk)
    stream.parts = with_ids(stream.parts, workspace.new_block_id)
    message.blocks, message.text = list(stream.parts) or None, _text(stream)
    workspace.streams[channel.id, message.ts] = stream
    workspace.post(message)
    return {"channel": channel.id, "ts": message.ts}


def append(workspace: Workspace, arguments: Json) -> Json:
    """Add text or task updates."""
    channel = visible_channel(workspace, arguments["channel"])
    chunks = _chunks(arguments)
    if not chunks:
        raise SlackError("no_text")
    _grow(workspace, workspace.stream(channel.id, arguments["ts"]), chunks)
    return {"channel": channel.id, "ts": arguments["ts"]}


def stop(workspace: Workspace, arguments: Json) -> Json:
    """Finish the message, perhaps with blocks below its text."""
    channel = visible_channel(workspace, arguments["channel"])
    stream = workspace.stream(channel.id, arguments["ts"])
    blocks = checked_blocks(arguments["blocks"]) if arguments.get("blocks") else []
    metadata = checked_metadata(arguments.get("metadata"))
    if arguments.get("session_status", SESSION_STATUSES[0]) not in SESSION_STATUSES:
        raise SlackError.with_messages("invalid_arguments", [f"must be one of {', '.join(SESSION_STATUSES)}"])
    _grow(workspace, stream, _chunks(arguments))
    message = workspace.find(channel.id, arguments["ts"])
    if not stream.parts and not blocks:
        raise SlackError("no_text")
    del workspace.streams[channel.id, message.ts]
    finished: Json = {"blocks": [*stream.parts, *blocks], "metadata": metadata, "streaming": False}
    workspace.edit(message, by=workspace.app.user_id, marked=False, **finished, **unfurling(arguments))
    return {"channel": channel.id, "ts": message.ts, "message": message_json(workspace, message, with_metadata=True)}


GROWING = {"markdown_text": TEXT, "chunks": JSON}
STARTING = {
    **GROWING,
    **UNFURLING,
    **AUTHORSHIP,
    **texts("recipient_team_id", "recipient_user_id", "task_display_mode"),
}
STOPPING = {**GROWING, **UNFURLING, "blocks": JSON, "metadata": JSON, "session_status": TEXT}
WRITE = ("chat:write",)
METHODS = (
    Method("chat.startStream", start, texts("channel", "thread_ts"), STARTING, WRITE, tier=2),
    Method("chat.appendStream", append, texts("channel", "ts"), GROWING, WRITE, tier=4),
    Method("chat.stopStream", stop, texts("channel", "ts"), STOPPING, WRITE, tier=2),
)
