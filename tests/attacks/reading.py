"""What Slack's clients may make of all that the bot sends, read as strictly as any of them: pings, links, unfurling."""

from __future__ import annotations

import base64
import codecs
import contextlib
import html
import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from markdown_it import MarkdownIt

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
CONTROL = re.compile(r"<([^<>\n]*)>")
MENTION = re.compile(r"<\s*[!@#]")
BROADCAST = re.compile(r"(?<![\w.])@(?:channel|here|everyone|group)\b", re.IGNORECASE)
BARE = re.compile(
    r"[a-z][a-z0-9+.-]*:/+[^\s/]|(?:https?|mailto|tel|sms|javascript|vbscript|callto|data):[^\s]|www\.\w|\w@[\w-]+\.\w"
    r"|\w\.(?:com|net|org|ru|live)\b|(?<![\w\u2236])//\w[\w-]*\.\w",
    re.IGNORECASE,
)
"""What a client may make clickable although no markup says so."""
LOOKALIKES = str.maketrans("аеорсухһнԁісⅽеѕӏ", "aeopcyxhhdiccesl")
NARROW = str.maketrans({chr(code + 0xFEE0): chr(code) for code in range(0x21, 0x7F) if chr(code) != "@"})
MARKS = re.compile(r"\[\d+\](?:\([^)\s]*\))?|_\(unsupported\)_")
BLOB = re.compile(r"[A-Za-z0-9+/]{60,}")
POSTING = ("chat.postMessage", "chat.postEphemeral", "chat.update", "response_url")


@dataclass(frozen=True)
class Said:
    """One text as it left the building, and how it is formatted where it arrives."""

    method: str
    format: str
    text: str


def sayings(method: str, arguments: dict[str, Any]) -> Iterator[Said]:
    """Yield every text of one call."""
    for name, value in arguments.items():
        given = _decoded(value)
        if name == "text":
            yield Said(method, "mrkdwn", str(given))
        elif name == "markdown_text":
            yield Said(method, "markdown", str(given))
        elif isinstance(given, str):
            yield Said(method, "plain", given)
        else:
            yield from _inside(method, given)


def _decoded(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _inside(method: str, value: Any) -> Iterator[Said]:
    if isinstance(value, list):
        for part in value:
            yield from _inside(method, part)
    if not isinstance(value, dict):
        return
    kind = {"mrkdwn": "mrkdwn", "markdown": "markdown"}.get(str(value.get("type")), "plain")
    for name, part in value.items():
        if name in ("url", "image_url", "thumb_url"):
            yield Said(method, "address", str(part))
        elif isinstance(part, str):
            yield Said(method, kind if name == "text" else "plain", part)
        else:
            yield from _inside(method, part)


def pings(said: Said) -> list[str]:
    """Return what would notify somebody, or look to a person as if it did; code protects from nothing here."""
    plain = html.unescape(said.text) if said.format == "markdown" else said.text
    texts = {said.text, plain, folded(plain)}
    return sorted(
        {_around(found) for text in texts for pattern in (MENTION, BROADCAST) for found in pattern.finditer(text)}
    )


def folded(text: str) -> str:
    """Write a text as the eye reads it: nothing invisible, letters narrow and plain, look-alikes Latin."""
    seen = "".join(
        letter for letter in unicodedata.normalize("NFKD", text) if unicodedata.category(letter) not in ("Cf", "Mn")
    )
    return seen.lower().translate(LOOKALIKES)


def links(said: Said) -> list[str]:
    """Return what could be clicked or would be fetched."""
    return READERS[said.format](said.text)


def _markdown_links(text: str) -> list[str]:
    tokens = [part for token in PARSER.parse(text) for part in [token, *(token.children or [])]]
    marked = [
        str(token.attrs.get("href") or token.attrs.get("src"))
        for token in tokens
        if token.type in ("link_open", "image")
    ]
    active = [token.content for token in tokens if token.type in ("html_block", "html_inline")]
    shown = ["".join(part.content for part in token.children or [] if part.type == "text") for token in tokens]
    return [*marked, *active, *(found for part in shown for found in _bare(part))]


def _mrkdwn_links(text: str) -> list[str]:
    marked = [found.partition("|")[0] for found in CONTROL.findall(text)]
    return marked + _bare(html.unescape(CODE.sub(" ", CONTROL.sub(" ", text))))


def _bare(text: str) -> list[str]:
    return [_around(found) for form in (text, text.translate(NARROW)) for found in BARE.finditer(form)]


def _around(found: re.Match[str]) -> str:
    """Return what was found with a little of what stands around it, for a person to see why."""
    return found.string[max(0, found.start() - 24) : found.end() + 24]


READERS: dict[str, Callable[[str], list[str]]] = {
    "markdown": _markdown_links,
    "mrkdwn": _mrkdwn_links,
    "plain": lambda text: [],
    "address": lambda text: [text],
}


def unseen(said: Said) -> list[str]:
    """Return the characters that nobody sees; joiners that scripts and emoji need are seen."""
    return [f"U+{ord(letter):04X}" for letter in said.text if letter not in "\n\t\u200c\u200d" and _hidden(letter)]


def _hidden(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cf", "Co", "Cs") or letter in "\u3164\u115f\u1160\uffa0\u034f\u2800"


def letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def decoded(text: str) -> Iterator[str]:
    """Yield what a text says in each form that an attacker may have asked for; our own marks are no part of it."""
    bare = MARKS.sub("", text)
    yield from (bare, bare[::-1], codecs.encode(bare, "rot13"), "\n".join(line[::-1] for line in bare.splitlines()))
    for blob in BLOB.findall(bare):
        with contextlib.suppress(ValueError):
            yield base64.b64decode(blob[: len(blob) // 4 * 4]).decode("utf-8", "replace")
        with contextlib.suppress(ValueError):
            yield bytes.fromhex(blob[: len(blob) // 2 * 2]).decode("utf-8", "replace")


def unfurls(method: str, arguments: dict[str, Any]) -> bool:
    """Say whether a posting call leaves previews on."""
    return method in POSTING and not all(
        arguments.get(name) in (False, "false", "0", 0) for name in ("unfurl_links", "unfurl_media")
    )
