"""Rich Text Format: the words, without fonts, pictures and what else stands in its groups."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field

from knowledge.errors import UnreadableFileError
from knowledge.reading.composing import Composer
from knowledge.reading.titles import readable_name
from knowledge.types import ParsedDocument

TOKEN = re.compile(
    rb"\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})? ?|\\'(?P<hex>[0-9a-fA-F]{2})|\\(?P<sign>[^a-zA-Z])"
    rb"|(?P<brace>[{}])|[\r\n]+|(?P<text>[^\\{}\r\n]+)"
)
UNSEEN = frozenset(
    b"annotation atnauthor atnid bkmkend bkmkstart colorschememapping colortbl datastore filetbl fldinst fonttbl "
    b"footer footerf footerl footerr generator header headerf headerl headerr info latentstyles listoverridetable "
    b"listtable nonshppict object pict revtbl rsidtbl stylesheet themedata xmlnstbl".split()
)
"""Groups whose words nobody sees on the page."""
SIGNS = {
    b"tab": "\t", b"line": "\n", b"emdash": "\u2014", b"endash": "\u2013", b"lquote": "\u2018", b"rquote": "\u2019",
    b"ldblquote": "\u201c", b"rdblquote": "\u201d", b"bullet": "\u2022", b"cell": " | ", b"~": "\u00a0", b"_": "-",
}  # fmt: skip
PARAGRAPHS = frozenset((b"par", b"row", b"sect", b"page"))
DEEPEST = 2_000


@dataclass(slots=True)
class _State:
    """What holds in a group: whether it is seen, and how many fallback characters follow a Unicode one."""

    unseen: bool = False
    fallback: int = 1


@dataclass(slots=True)
class _Words:
    codepage: str = "cp1252"
    states: list[_State] = field(default_factory=lambda: [_State()])
    skip: int = 0
    parts: list[str] = field(default_factory=list)
    pending: bytearray = field(default_factory=bytearray)
    """Bytes of the codepage: one character may take two."""

    def put(self, text: str) -> None:
        self.flush()
        if not self.states[-1].unseen:
            self.parts.append(text)

    def put_bytes(self, data: bytes) -> None:
        taken = min(self.skip, len(data))
        self.skip -= taken
        if not self.states[-1].unseen:
            self.pending += data[taken:]

    def flush(self) -> None:
        if self.pending:
            self.parts.append(self.pending.decode(self.codepage, "replace"))
            self.pending.clear()


class RtfReader:
    """Reads .rtf, and Word documents that were saved as such."""

    def read(self, data: bytes, path: str) -> ParsedDocument:
        """Parse. Raises UnreadableFileError when it is no rich text."""
        if not data.lstrip().startswith(b"{\\rtf"):
            raise UnreadableFileError("damaged: no rich text in it")
        words = _Words()
        for token in TOKEN.finditer(data):
            _take(token, words)
        words.flush()
        composer = Composer()
        for paragraph in "".join(words.parts).split("\0"):
            composer.block(paragraph.strip().removesuffix("|").rstrip())
        return composer.document(readable_name(path))


def _take(token: re.Match[bytes], words: _Words) -> None:
    if token["brace"]:
        _group(token["brace"], words)
    elif token["text"] is not None:
        words.put_bytes(token["text"])
    elif token["hex"]:
        words.put_bytes(bytes([int(token["hex"], 16)]))
    elif token["sign"]:
        _sign(token["sign"], words)
    elif token["word"]:
        _word(token["word"], token["number"], words)


def _group(brace: bytes, words: _Words) -> None:
    words.flush()
    if brace == b"{":
        if len(words.states) > DEEPEST:
            raise UnreadableFileError("nested too deeply to read")
        words.states.append(_State(words.states[-1].unseen, words.states[-1].fallback))
    elif len(words.states) > 1:
        words.states.pop()


def _sign(sign: bytes, words: _Words) -> None:
    if sign == b"*":
        words.states[-1].unseen = True  # a group that older programs may pass over
    elif sign in b"\\{}":
        words.put_bytes(sign)
    elif sign in SIGNS:
        words.put(SIGNS[sign])
    elif sign in b"\r\n":
        words.put("\0")


def _word(word: bytes, number: bytes | None, words: _Words) -> None:
    if word in UNSEEN:
        words.states[-1].unseen = True
    elif word in PARAGRAPHS:
        words.put("\0")
    elif word in SIGNS:
        words.put(SIGNS[word])
    elif word == b"u" and number:
        words.put(_character(int(number)))
        words.skip = words.states[-1].fallback
    elif word == b"uc" and number:
        words.states[-1].fallback = min(max(0, int(number)), 8)
    elif word == b"ansicpg" and number:
        words.codepage = _codepage(f"cp{int(number)}")


def _character(number: int) -> str:
    point = number % 65_536
    return chr(point) if point and not 0xD800 <= point <= 0xDFFF else "\ufffd"


def _codepage(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "cp1252"
