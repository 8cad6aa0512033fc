# ruff: noqa: RUF001 - typographic signs and words of several languages
"""What a passage says, one readable statement at a time, each with the exact words that carry it (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby

from knowledge.language.plain_text import Block, Kind, PlainText
from knowledge.language.sentences import sentence_spans

LONGEST_LIST = 600
"""Characters of a list that is still given whole."""
LONGEST_CODE = 200
"""Characters of a code line that can be an answer."""
_MOST_COMMANDS = 4
"""Lines of a block of code that is still given whole."""


class Form(StrEnum):
    """What a statement was in its document."""

    SENTENCE = "sentence"
    ITEM = "item"
    LIST = "list"
    ROW = "row"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Statement:
    """Something a passage says that can stand in an answer by itself."""

    text: str
    """Readable, without markup."""
    quote: str
    """The words of the source that carry it, markup aside; contiguous."""
    form: Form
    start: int
    """Of the quote in the passage's plain text."""
    end: int
    lead: str = ""
    """What it is bound to: the sentence that opens its list, the names of its columns."""
    before: str = ""
    """The sentence before, in the same paragraph."""
    heading: str = ""
    """The nearest heading or question above it, in this passage."""
    previous: int | None = None
    """The number of the statement before in the same paragraph."""


def statements(plain: PlainText, heading: str = "") -> list[Statement]:
    """Return what a passage says, in order. Headings and questions are context, never statements.

    `heading` is the one that the passage stands under.
    """
    if len(plain.blocks) == 1 and plain.blocks[0].kind is Kind.CODE and plain.text.strip() == plain.source.strip():
        return list(_source_code(plain))
    said: list[Statement] = []
    lead = ""
    for (kind, _), group in groupby(plain.blocks, key=lambda block: _family(block, plain)):
        blocks = list(group)
        if kind is Kind.HEADING:
            heading, lead = " ".join(_flat(plain.slice(block)) for block in blocks), ""
            continue
        offset = len(said)
        said += [_placed(statement, heading, offset) for statement in _read(kind, blocks, plain, lead)]
        lead = _lead(kind, blocks, plain, lead)
    return said


def bound_to(statement: Statement) -> str:
    """Return what a statement cannot be read without: the opening of its list, its columns, the question it answers."""
    question = statement.heading if statement.heading.endswith("?") else ""
    return f"{question} {statement.lead}".strip()


def _family(block: Block, plain: PlainText) -> tuple[Kind, bool]:
    """Say what a block is read together with: rows with their header, steps with steps, points with points."""
    steps = block.kind is Kind.ITEM and plain.text[block.start].isdigit()
    return (Kind.ROW if block.kind is Kind.HEADER else block.kind), steps


def _placed(statement: Statement, heading: str, offset: int) -> Statement:
    previous = None if statement.previous is None else statement.previous + offset
    both = f"{heading} {statement.heading}".strip()
    return replace(statement, heading=both, previous=previous)


def _read(kind: Kind, blocks: Sequence[Block], plain: PlainText, lead: str) -> Iterator[Statement]:
    readers = {Kind.PARAGRAPH: _paragraphs, Kind.ITEM: _list, Kind.ROW: _table, Kind.CODE: _commands}
    return readers[kind](blocks, plain, lead)


def _lead(kind: Kind, blocks: Sequence[Block], plain: PlainText, lead: str) -> str:
    """Return the sentence that opens what follows: the last of the paragraph before it."""
    if kind is not Kind.PARAGRAPH:
        return lead if kind is Kind.CODE else ""
    words = plain.slice(blocks[-1])
    spans = sentence_spans(words)
    return _flat(words[slice(*spans[-1])]) if spans else ""


# --- prose ----------------------------------------------------------------------------------------------------------


def _paragraphs(blocks: Sequence[Block], plain: PlainText, _: str) -> Iterator[Statement]:
    count, question = 0, ""
    for block in blocks:
        before, previous = "", None
        for start, end in sentence_spans(plain.text[block.start : block.end]):
            quote = plain.text[block.start + start : block.start + end]
            text = _flat(quote)
            if text.endswith(("?", ":")):
                question = text if text.endswith("?") else question
                continue
            yield Statement(
                _sentence(text),
                text,
                Form.SENTENCE,
                block.start + start,
                block.start + end,
                lead="",
                before=before,
                heading=question,
                previous=previous,
            )
            before, previous = text, count
            count += 1


# --- lists ----------------------------------------------------------------------------------------------------------


def _list(blocks: Sequence[Block], plain: PlainText, lead: str) -> Iterator[Statement]:
    """Yield each item, then the whole list when it is short."""
    opening = lead if lead.endswith(":") else ""
    items = [_flat(plain.slice(block)) for block in blocks]
    for block, item in zip(blocks, items, strict=True):
        yield from _item(block, item, opening or lead, plain)
    whole = _enumerated(blocks, items, plain)
    if len(items) > 1 and len(whole) <= LONGEST_LIST:
        start = _opening_start(plain, blocks[0], opening)
        quote = "\n".join(_flat(line) for line in plain.text[start : blocks[-1].end].split("\n"))
        text = f"{opening} {whole}" if opening else whole
        yield Statement(_sentence(text), quote, Form.LIST, start, blocks[-1].end, lead=opening or lead)


def _item(block: Block, item: str, lead: str, plain: PlainText) -> Iterator[Statement]:
    """Yield the sentences of an item, or the item as one when it is a fragment."""
    spans = sentence_spans(plain.slice(block))
    if len(spans) == 1 or len(item) <= 80:
        spans = [(0, block.end - block.body)]
    for start, end in spans:
        words = _flat(plain.text[block.body + start : block.body + end])
        yield Statement(_sentence(words), words, Form.ITEM, block.body + start, block.body + end, lead=lead)


def _enumerated(blocks: Sequence[Block], items: Sequence[str], plain: PlainText) -> str:
    """Join items into one sentence; steps keep their numbers."""
    bare = [item.rstrip(".;,") for item in items]
    if plain.text[blocks[0].start].isdigit():
        return "; ".join(f"({number}) {item}" for number, item in enumerate(bare, 1))
    return "; ".join(bare)


def _opening_start(plain: PlainText, first: Block, opening: str) -> int:
    """Say where the quote of a whole list begins: with the sentence that opens it, when it stands directly above."""
    if not opening:
        return first.start
    above = [block for block in plain.blocks if block.end <= first.start][-1]
    spans = sentence_spans(plain.text[above.start : above.end])
    return above.start + spans[-1][0]


# --- tables ---------------------------------------------------------------------------------------------------------


def _table(blocks: Sequence[Block], plain: PlainText, lead: str) -> Iterator[Statement]:
    header: list[str] = []
    for block in blocks:
        cells = [_flat(cell) for cell in plain.slice(block).split(" | ")]
        if block.kind is Kind.HEADER:
            header = cells
            continue
        quote = _flat(plain.slice(block))
        text = _row(cells, header)
        if text:
            yield Statement(_sentence(text), quote, Form.ROW, block.start, block.end, lead=" ".join([lead, *header]))


def _row(cells: Sequence[str], header: Sequence[str]) -> str:
    """Write a row as a sentence: the first cell names what the others say something about."""
    named = header if len(header) == len(cells) else [""] * len(cells)
    rest = [f"{name}: {cell}" if name else cell for name, cell in zip(named[1:], cells[1:], strict=True) if cell]
    if not rest:
        return ""
    label = f"{named[0]}: {cells[0]}" if named[0] and cells[0] else cells[0]
    return f"{label} – {'; '.join(rest)}" if label else "; ".join(rest)


# --- code -----------------------------------------------------------------------------------------------------------

_PROMPT = re.compile(r"^\s*(?:\$|>|%)\s+")
_SHELL = frozenset(("", "bash", "sh", "shell", "console", "zsh", "powershell", "cmd", "shell-session", "terminal"))
_COMMENT = re.compile(
    r"^\s*(?:///?!?|//!|\#+!?(?![\[\w])|/?\*+/?|--|;+|%+|\"\"\"|''')\s?(?P<words>.*?)(?:\*/|\"\"\"|''')?\s*$"
)


def _commands(blocks: Sequence[Block], plain: PlainText, lead: str) -> Iterator[Statement]:
    """Yield each line of code, and a short block as a whole; comments belong to the line below."""
    for block in blocks:
        lines = list(_code_lines(plain, block))
        for start, end, code, comment in lines:
            yield Statement(_set_as_code(lead, [code]), code, Form.CODE, start, end, lead=f"{lead} {comment}".strip())
        if 1 < len(lines) <= _MOST_COMMANDS and block.language.lower() in _SHELL:
            start, end = lines[0][0], lines[-1][1]
            codes = [code for _, _, code, _ in lines]
            comments = " ".join(comment for *_, comment in lines)
            quote = plain.text[start:end]
            yield Statement(_set_as_code(lead, codes), quote, Form.CODE, start, end, lead=f"{lead} {comments}".strip())


def _code_lines(plain: PlainText, block: Block) -> Iterator[tuple[int, int, str, str]]:
    """Yield (start, end, code, comment above) of the lines of a block of code that do something."""
    position, comment = block.body, ""
    for line in plain.slice(block).split("\n"):
        prompt = _PROMPT.match(line)
        indent = prompt.end() if prompt else len(line) - len(line.lstrip())
        code = line[indent:].rstrip()
        if note := _COMMENT.match(line) if not prompt else None:
            comment = f"{comment} {note['words']}".strip()
        elif code and len(code) <= LONGEST_CODE and re.search(r"\w", code):
            yield position + indent, position + indent + len(code), code, comment
            comment = ""
        position += len(line) + 1


def _set_as_code(lead: str, codes: Sequence[str]) -> str:
    code = ", then ".join(f"`{code}`" for code in codes if "`" not in code)
    return f"{lead} {code}." if lead.endswith(":") and code else code


def _source_code(plain: PlainText) -> Iterator[Statement]:
    """Yield what the comments of a source file say, and the lines that define something."""
    block = plain.blocks[0]
    position, comment = block.body, ""
    said = 0
    lines = plain.slice(block).split("\n")
    below = _definitions_below(lines)
    for number, line in enumerate(lines):
        note = _COMMENT.match(line)
        indent = len(line) - len(line.lstrip())
        code = line.strip()
        start = position + indent
        if note and re.search(r"\w{2}", note["words"]):
            words = _flat(note["words"])
            first = position + note.start("words")
            quote = plain.text[first : first + len(note["words"])].rstrip()
            yield Statement(
                _sentence(words),
                _flat(quote),
                Form.SENTENCE,
                first,
                first + len(quote),
                lead=below[number],
                before=comment,
            )
            comment = words
            said += 1
        elif code and len(code) <= LONGEST_CODE and re.search(r"\w{2}", code):
            yield Statement(_set_as_code("", [code]), code, Form.CODE, start, start + len(code), lead=comment)
            if not code.startswith(("@", "#[")):
                comment = ""
        position += len(line) + 1


def _definitions_below(lines: Sequence[str]) -> list[str]:
    """Return for each line the next line that is no comment: what a comment speaks of."""
    below, found = "", []
    for line in reversed(lines):
        if line.strip() and not _COMMENT.match(line):
            below = line.strip()[:LONGEST_CODE]
        found.append(below)
    return found[::-1]


# --- writing --------------------------------------------------------------------------------------------------------


def _flat(text: str) -> str:
    return " ".join(text.split())


def _sentence(text: str) -> str:
    """End a fragment with a full stop; begin it with a capital where that changes no name or code."""
    text = text.rstrip(",;:– ")
    if not text:
        return ""
    first = text.split(maxsplit=1)[0]
    if first.isalpha() and first.islower() and first.isascii():
        text = text[0].upper() + text[1:]
    return text if text[-1] in '.!?…。！？:)"”»`' else f"{text}."
