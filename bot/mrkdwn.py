"""What may appear in a message: nothing that came from outside can ping, link or format its way out."""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from urllib.parse import quote, urlsplit

NO_LINKS: Mapping[int, str] = MappingProxyType({})

_MAX_URL = 2000
_MAX_ENTITY_DEPTH = 5
_LINE_ENDS = re.compile(r"\r\n?|[\u2028\u2029\x0b\x0c\x85]")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")

_ZWNJ, _ZWJ, _EMOJI_STYLE = "\u200c", "\u200d", "\ufe0f"
_JOINING_SCRIPTS = re.compile(
    "[\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u17ff\u1800-\u18af\ua840-\uabff\ufb50-\ufdff]"
)
"""Arabic, Indic and other scripts in which a joiner changes how neighbours are drawn."""
_BLANK_LETTERS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\ufe00-\ufe0e\U000e0000-\U000e0fff]"
)
"""Drawn as nothing although they are no format characters: fillers, variation selectors, tags."""

_FENCE = re.compile(r"^\s*(?P<mark>`{3,}|~{3,})\s*(?P<language>[\w+.#-]{0,20})[^`]*$")
_BACKTICKS = re.compile(r"`+")
_FENCE_LINE = re.compile(r"^```", re.MULTILINE)
_CLOSING = "\n```"

_OPENING = re.compile(r"[<\uff1c\ufe64](?![\s\d=<-])|[<\uff1c\ufe64](?=\s*[@!#\uff20\uff01\uff03])")
_OPENING_IN_CODE = re.compile(
    r"[<\uff1c\ufe64](?=\s*[@!#\uff20\uff01\uff03]|[a-z][a-z0-9+.-]*:|[^<>|\s]*\|)", re.IGNORECASE
)
_ESCAPED_OPENING = re.compile(r"&(?:lt|LT|#0*60|#[xX]0*3[cC]);?(?=[@!#])")
_OPENED = re.compile(r"\u2039([^\u2039<>\n]*)[>\uff1e\ufe65]")
_AT = re.compile("[@\uff20\ufe6b]")
_MARKS = "[\u0300-\u036f\u0483-\u0487\u20d0-\u20f0]*"
_CALLS = "|".join(_MARKS.join(word) for word in ("channel", "here", "everyone", "group"))
_BROADCAST = re.compile(rf"(?<![\w.])@(?={_MARKS}(?:{_CALLS}){_MARKS}\b)")
"""For text in which every look-alike is the letter that it looks like."""
_LATIN = str.maketrans("аеорсухһңԁіӏνսցոѵɡɑıοερϲⅼ", "aeopcyxhhdilvugnvgaioepcl")
_NARROW = str.maketrans({chr(code + 0xFEE0): chr(code) for code in range(0x21, 0x7F)} | {"\u3002": ".", "\uff61": "."})
"""Wide forms that a client may read as ASCII, character by character."""

_LINK = re.compile(r"!?\[([^\[\]]*)\]\(\s*<?([^\s<>()]*)>?(?:\s+[^()]*)?\)")
_REFERENCE = re.compile(r"\](?=[(\[:])")
_MARK = re.compile(r"(?<![!\\])\[(\d{1,3})\]")
_TOP_LEVEL = (
    "com|net|org|edu|gov|mil|info|biz|io|dev|app|ai|co|uk|de|fr|eu|xyz|online|site|shop|cloud|tech|link|click|ru|cn|su|"
    "top|zone|live|world|today|news|blog|store|page|website|space|fun|pro|club|vip|win|work|icu|buzz|tv|gg|ca|nl|ch|dk|"
    "se|cz|br|mx|au|nz|jp|kr|tw|hk|sg|za|pt|ua|tk|ml|ga|cf|gq"
)
_REST = r"[^\s<>\"|`\u2039\u203a]"
_ADDRESS = re.compile(
    rf"[a-z][a-z0-9+.\-]{{1,31}}:/+{_REST}+"
    rf"|(?:https?|ftps?|file|slack|mailto|tel|sms|callto|skype|facetime|javascript|vbscript|data|blob|about|view-source):{_REST}+"
    rf"|www\.{_REST}+"
    rf"|(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    rf"|(?<![^\W_])(?:[^\W_][\w-]{{0,62}}\.){{1,10}}(?:(?:{_TOP_LEVEL})(?![\w-])(?:[:/?#]{_REST}*)?|[a-z]{{2,24}}/{_REST}+)",
    re.IGNORECASE,
)
_ADDRESS_TAIL = ".,;:!?'\")]}*_~"
_LOOKALIKES = str.maketrans("*`~|", "\u2217'\u223c\u2223")
_UNLINKED = str.maketrans(":\uff1a.\uff0e\u3002\uff61@", "\u2236\u2236\u2024\u2024\u2024\u2024\uff20")
_WEB = re.compile(r"(?:[a-z][a-z0-9+.\-]*:|//|www\.)", re.IGNORECASE)


def clean(text: str) -> str:
    """Remove what cannot be seen: control, format, bidirectional, tag and private characters.

    Joiners stay where a script or an emoji needs them.
    """
    text = _LINE_ENDS.sub("\n", text).replace("\u2800", " ")
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(text))


def _visible(text: str) -> Iterator[str]:
    for place, character in enumerate(text):
        if character in "\n\t":
            yield character
        elif character in (_ZWNJ, _ZWJ, _EMOJI_STYLE):
            if _is_needed(character, text[place - 1 : place], text[place + 1 : place + 2]):
                yield character
        elif unicodedata.category(character) == "Cs":
            yield "\ufffd"
        elif unicodedata.category(character) not in ("Cc", "Cf", "Co") and not _BLANK_LETTERS.match(character):
            yield character


def _is_needed(joiner: str, before: str, after: str) -> bool:
    if joiner == _EMOJI_STYLE:
        return bool(before) and (
            unicodedata.category(before) in ("So", "Sm", "Po") or before in "0123456789#*\u00a9\u00ae\u2139"
        )
    if _JOINING_SCRIPTS.match(before) and _JOINING_SCRIPTS.match(after):
        return True
    return joiner == _ZWJ and _is_emoji(before) and _is_emoji(after)


def _is_emoji(character: str) -> bool:
    return bool(character) and (unicodedata.category(character) in ("So", "Sk") or character == _EMOJI_STYLE)


def markdown(text: str, *, links: Mapping[int, str] = NO_LINKS) -> str:
    """Make text safe for a `markdown` block.

    `links` maps footnote numbers to addresses of our own sources: only a mark such as `[1]` becomes a link. Every other
    address is shown as code, which Slack neither links nor fetches.
    """
    return "\n".join(_safe_lines(clean(text).split("\n"), links))


def _safe_lines(lines: list[str], links: Mapping[int, str]) -> Iterator[str]:
    fence = ""
    for line in lines:
        found = _FENCE.match(line)
        if fence:
            closes = found is not None and found["mark"].startswith(fence) and not found["language"]
            yield "```" if closes else _inert_code(line).replace("```", "'''")
            fence = "" if closes else fence
        elif found:
            fence = found["mark"]
            # At the left edge a fence opens a code block in every dialect, whatever stands around it.
            yield f"```{found['language']}"
        else:
            yield _safe_line(line, links)
    if fence:
        yield "```"


def _safe_line(line: str, links: Mapping[int, str]) -> str:
    written = ""
    for is_code, piece in _code_spans(line):
        for code, part in [(True, piece)] if is_code else _addresses(_prose(piece)):
            # Single backticks pair up in every dialect, unless something before them escapes or lengthens them.
            safe = f"`{_inert_code(part)}`" if code else _linked_marks(_REFERENCE.sub("] ", part), links)
            written += f" {safe}" if _would_merge(written[-1:], safe[:1]) else safe
    # Once more for the whole: "@channel" may have come together from a word and what followed it.
    return _without_broadcasts(written)


def _would_merge(last: str, first: str) -> bool:
    return (first == "`" and last in ("`", "\\")) or (last == "]" and first in ("(", "[", ":"))


def _code_spans(line: str) -> Iterator[tuple[bool, str]]:
    """Split a line into (is code, text); a backtick without a partner is left to become an apostrophe."""
    runs = deque(run for run in _BACKTICKS.finditer(line) if not _is_escaped(line, run.start()))
    partners = Counter(len(run[0]) for run in runs)
    place = 0
    while runs:
        opening = runs.popleft()
        partners[len(opening[0])] -= 1
        if not partners[len(opening[0])]:
            continue
        closing = _drop_until(runs, partners, len(opening[0]))
        code = line[opening.end() : closing.start()].replace("`", "'").strip()
        yield False, line[place : opening.start()]
        # An empty span must not bring its neighbours together: "<" and "@U1>" would meet.
        yield bool(code), code or " "
        place = closing.end()
    yield False, line[place:]


def _drop_until(runs: deque[re.Match[str]], partners: Counter[int], length: int) -> re.Match[str]:
    while True:
        run = runs.popleft()
        partners[len(run[0])] -= 1
        if len(run[0]) == length:
            return run


def _is_escaped(line: str, place: int) -> bool:
    escaped = False
    while place and line[place - 1] == "\\":
        escaped, place = not escaped, place - 1
    return escaped


def _prose(text: str) -> str:
    """Decode entities (they hide syntax from us, not from Slack); drop stray backticks and foreign link markup."""
    for _ in range(_MAX_ENTITY_DEPTH):
        decoded = _ENTITY.sub(lambda found: html.unescape(found[0]), text)
        if decoded == text:
            break
        text = clean(decoded).replace("\n", " ")
    return _inert(_LINK.sub(_without_link, _ENTITY.sub(" ", text).replace("`", "'")))


def _without_link(found: re.Match[str]) -> str:
    label, address = found[1].strip(), found[2]
    if not _WEB.match(address) or label == address:
        return label or address
    return f"{label} ({address})" if label else address


def _addresses(text: str) -> Iterator[tuple[bool, str]]:
    place = 0
    for found in _ADDRESS.finditer(text if text.isascii() else text.translate(_NARROW)):
        address = text[found.start() : found.start() + len(found[0].rstrip(_ADDRESS_TAIL))]
        if not address:
            continue
        yield False, text[place : found.start()]
        yield True, address
        place = found.start() + len(address)
    yield False, text[place:]


def _inert(text: str) -> str:
    """Take the power from everything that Slack or Markdown reads as a mention, a broadcast, a link or a tag."""
    return _quiet(_OPENING.sub("\u2039", _ESCAPED_OPENING.sub("\u2039", text)))


def _inert_code(text: str) -> str:
    """Do the same to code, where tags and generics mean nothing and may stay."""
    return _quiet(_OPENING_IN_CODE.sub("\u2039", _ESCAPED_OPENING.sub("\u2039", text)))


def _quiet(text: str) -> str:
    return _without_broadcasts(_OPENED.sub("\u2039\\1\u203a", text))


def _without_broadcasts(text: str) -> str:
    """Part the sign from the word in "@channel" and in all that looks like it."""
    if not _AT.search(text):
        return text
    seen = text.lower() if text.isascii() else "".join(map(_looks_like, text))
    parts = [found.end() for found in _BROADCAST.finditer(seen)]
    return " ".join(text[start:end] for start, end in zip([0, *parts], [*parts, len(text)], strict=True))


@cache
def _looks_like(character: str) -> str:
    """Return the one ASCII letter that a character looks like, else the character."""
    first = (unicodedata.normalize("NFKD", character) or character)[0].lower()
    return (first if len(first) == 1 else character).translate(_LATIN)


def _linked_marks(text: str, links: Mapping[int, str]) -> str:
    def linked(found: re.Match[str]) -> str:
        url = links.get(int(found[1]))
        return f"[{found[1]}]({url})" if url else found[0]

    return _MARK.sub(linked, text) if links else text


def own_link(url: str | None) -> str | None:
    """Return the address of one of our sources, unable to break out of markup; None when it is no web link."""
    if url is None or len(url) > _MAX_URL:
        return None
    safe = quote(clean(url), safe="%/:?#!$&+,;=-._~")
    try:
        parts = urlsplit(safe)
    except ValueError:
        return None
    return safe if parts.scheme in ("http", "https") and parts.netloc else None


def mrkdwn(text: str, limit: int | None = None) -> str:
    """Make text safe for a mrkdwn text or a message's `text`; Markdown's bold and headings become Slack's.

    With a limit it is cut to so many characters, never inside of code: half a code span would be live again.
    """
    safe = markdown(text)
    safe = re.sub(r"(?m)^#{1,6} +(.+?) *#*$", r"**\1**", safe)
    safe = escape(re.sub(r"\*\*([^*\n]+)\*\*", r"*\1*", safe))
    return safe if limit is None or len(safe) <= limit else _cut(safe, limit)


def _cut(safe: str, limit: int) -> str:
    cut = shortened(safe, limit - len(_CLOSING))
    if len(_FENCE_LINE.findall(cut)) % 2:
        return f"{cut}{_CLOSING}"
    begin = cut.rfind("\n") + 1
    return cut[: cut.rindex("`")].rstrip() + "…" if cut.count("`", begin) % 2 else cut


def escape(text: str) -> str:
    """Escape the three characters that are control characters in Slack's text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def plain(text: str, limit: int) -> str:
    """Make one line of text for a place that knows no markup, cut to `limit` characters."""
    return shortened(_inert(" ".join(clean(text).split())), limit)


def label(text: str, limit: int) -> str:
    """Make text for a mrkdwn link's visible part or a mrkdwn line: no markup and no address of its own survives."""
    flat = "".join(
        part.translate(_UNLINKED) if address else part for address, part in _addresses(plain(text, limit))
    ).translate(_LOOKALIKES)
    return escape(re.sub(r"(?<!\w)_|_(?!\w)", "ˍ", flat))


def shortened(text: str, limit: int) -> str:
    """Cut at `limit` characters, at a space where there is one, and show the cut."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    at_space = cut.rsplit(" ", 1)[0]
    return (at_space if len(at_space) > limit // 2 else cut).rstrip() + "…"
