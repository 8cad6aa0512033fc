"""The content of a message as an app sends it, checked as Slack checks it."""

import json
from typing import Any

from bot.sandbox.block_kit import MARKDOWN_CHARACTERS, block_problems, text_too_long
from bot.sandbox.errors import SlackError
from bot.sandbox.methods.method import FLAG, JSON, TEXT
from bot.sandbox.nouns import Json

TEXT_CHARACTERS = 40_000
METADATA_BYTES = 16_000
METADATA = {"event_type": str, "event_payload": dict}

CONTENT = {
    "text": TEXT,
    "blocks": JSON,
    "attachments": JSON,
    "markdown_text": TEXT,
    "link_names": FLAG,
    "parse": TEXT,
    "as_user": FLAG,
}
# documented for chat.postMessage, passed over in silence by Slack elsewhere
UNFURLING = {"unfurl_links": FLAG, "unfurl_media": FLAG}
AUTHORSHIP = {"icon_emoji": TEXT, "icon_url": TEXT, "username": TEXT}


def checked_blocks(blocks: Any) -> list[Json]:
    """Return blocks that Slack accepts in a message, or refuse."""
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    if problems := block_problems(blocks):
        raise SlackError.with_messages("invalid_blocks", problems)
    if text_too_long(blocks):
        raise SlackError("msg_blocks_too_long")
    return blocks


def checked_metadata(metadata: Any) -> Json | None:
    """Return message metadata that Slack accepts, or refuse."""
    if metadata is None:
        return None
    if not isinstance(metadata, dict) or not metadata.keys() <= METADATA.keys():
        raise SlackError("invalid_metadata_format")
    if not all(isinstance(metadata.get(name), kind) for name, kind in METADATA.items()):
        raise SlackError("invalid_metadata_format")
    if len(json.dumps(metadata).encode()) > METADATA_BYTES:
        raise SlackError("metadata_too_large")
    return dict(metadata)


def checked_markdown(text: str) -> str:
    """Return Markdown text within the limit of one call, or refuse."""
    if len(text) > MARKDOWN_CHARACTERS:
        raise SlackError("msg_too_long")
    return text


def checked_content(arguments: Json) -> Json:
    """Return `text` and `blocks` of a message; refuse a message that says nothing."""
    text, blocks, markdown = arguments.get("text", ""), arguments.get("blocks"), arguments.get("markdown_text")
    if markdown and (text or blocks):
        raise SlackError("markdown_text_conflict")
    if markdown:
        return {"text": markdown, "blocks": [{"type": "markdown", "text": checked_markdown(markdown)}]}
    if blocks in (None, []) and not text.strip() and not arguments.get("attachments"):
        raise SlackError("no_text")
    return {"text": text[:TEXT_CHARACTERS], "blocks": checked_blocks(blocks) if blocks else None}
