"""What a person types, as Slack stores it: escaped text with mentions, and the rich text block beside it."""

import re
from collections.abc import Mapping
from typing import Any

BROADCASTS = {"here": "<!here>", "channel": "<!channel>", "everyone": "<!everyone>"}
TOKEN = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")
BARE_URL = re.compile(r"(?<![<|\w])https?://[^\s<>|]+")


def as_stored(typed: str, people: Mapping[str, str], channels: Mapping[str, str]) -> str:
    """Turn typed text into Slack's form: `& < >` escaped, @names, #names and URLs made references.

    `people` and `channels` map names to ids; the longest known name wins, whatever its case.
    """
    text = typed.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    mentions = {**BROADCASTS, **{name: f"<@{user}>" for name, user in people.items()}}
    text = _refer(text, "@", mentions)
    text = _refer(text, "#", {name: f"<#{channel}>" for name, channel in channels.items()})
    return BARE_URL.sub(lambda match: f"<{match[0]}>", text)


def _refer(text: str, sign: str, references: Mapping[str, str]) -> str:
    if not references:
        return text
    lowered = {name.lower(): reference for name, reference in references.items()}
    names = "|".join(re.escape(name) for name in sorted(lowered, key=len, reverse=True))
    pattern = re.compile(rf"(?<![\w<]){sign}({names})(?!\w)", re.IGNORECASE)
    return pattern.sub(lambda match: lowered[match[1].lower()], text)


def unescaped(text: str) -> str:
    """Return text with Slack's three entities resolved."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _reference(match: re.Match[str]) -> dict[str, Any]:
    sign, target, label = match[1], match[2], match[3]
    if sign == "@":
        return {"type": "user", "user_id": target}
    if sign == "#":
        return {"type": "channel", "channel_id": target}
    if sign == "!":
        return {"type": "broadcast", "range": target}
    return {"type": "link", "url": unescaped(target)} | ({"text": unescaped(label)} if label else {})


def rich_text(text: str) -> dict[str, Any]:
    """Return the rich text block that Slack sends along with a person's message."""
    elements: list[dict[str, Any]] = []
    position = 0
    for match in TOKEN.finditer(text):
        if match.start() > position:
            elements.append({"type": "text", "text": unescaped(text[position : match.start()])})
        elements.append(_reference(match))
        position = match.end()
    if position < len(text):
        elements.append({"type": "text", "text": unescaped(text[position:])})
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}
