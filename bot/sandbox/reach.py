"""Whom a message would ping and where its links lead, as Slack's clients read text, mrkdwn and markdown (pure)."""

import re
from collections.abc import Iterator

from bot.sandbox.nouns import Json, Message

PING = re.compile(r"<(!(?:here|channel|everyone|subteam\^\w+)|@\w+)(?:\|[^>]*)?>")
ANGLE_LINK = re.compile(r"<((?:https?|mailto|slack):[^|>]+)(?:\|[^>]*)?>")
MARKDOWN_LINK = re.compile(r"(?<!\\)\]\(\s*<?((?:https?|mailto|slack):[^\s)>]+)")
BARE_LINK = re.compile(r"(?<![\w/])https?://[^\s<>|)\]\"'`]+")
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)


def pings(message: Message) -> set[str]:
    """Return the mentions that would notify somebody: `@U1`, `!channel`, `!subteam^S1`."""
    return {found for text in _texts(message) for found in PING.findall(text)}


def links(message: Message) -> set[str]:
    """Return every address that a person could reach by clicking in this message, buttons included."""
    patterns = (ANGLE_LINK, MARKDOWN_LINK, BARE_LINK)
    written = {link for text in _texts(message) for pattern in patterns for link in pattern.findall(text)}
    return written | {entry["url"] for entry in _objects(message.blocks or []) if isinstance(entry.get("url"), str)}


def _texts(message: Message) -> Iterator[str]:
    """Yield every text that Slack formats, without the code in it; plain_text is never formatted."""
    yield CODE.sub(" ", message.text)
    for entry in _objects(message.blocks or []):
        if entry.get("type") in ("mrkdwn", "markdown") and isinstance(entry.get("text"), str):
            yield CODE.sub(" ", entry["text"])


def _objects(value: object) -> Iterator[Json]:
    if isinstance(value, dict):
        yield value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        yield from _objects(part)
