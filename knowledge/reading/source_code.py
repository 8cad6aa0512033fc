"""Source code: the lines as they stand, cut at the outermost definitions."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import PurePosixPath

from knowledge.reading.decoding import decode
from knowledge.reading.slices import section
from knowledge.reading.titles import one_line
from knowledge.splitting import TARGET, estimated_tokens
from knowledge.types import ParsedDocument, Section

DEFINITION = re.compile(
    r"""(?:
        (?:(?:export|default|public|private|protected|internal|static|abstract|final|async|unsafe|extern|sealed|partial
            |open|data|override|inline|virtual|pub(?:\([^)]{0,40}\))?|declare|local)\s+)*
        (?:class|interface|struct|enum|trait|impl|module|namespace|object|record|protocol|extension|function\*?|func|fn
            |def|defp|defmodule|fun|sub|proc|type|union|macro|message|service)
        \s+(?:\([^)]{1,80}\)\s*)?(?P<name>[A-Za-z_$][\w$.:]{0,100})
      | (?:export\s+)?(?:const|let|var)\s+(?P<arrow>[A-Za-z_$][\w$]{0,100})\s*=\s*(?:async\s*)?
        (?:function|\([^)\n]{0,200}\)\s*=>|\w+\s*=>)
      | create\s+(?:or\s+replace\s+)?(?:table|view|function|procedure|trigger|index)\s+(?:if\s+not\s+exists\s+)?
        (?P<sql>[\w."`]{1,100})
      | (?P<shell>[A-Za-z_][\w-]{0,60})\s*\(\)\s*\{
      | (?!(?:if|for|while|switch|return|else|typedef|using)\b)[A-Za-z_][\w:<>,*&\t ]{0,120}?[\s*&]
        (?P<c>[A-Za-z_~][\w:~]{0,100})\s*\([^;{}\n]{0,300}\)?\s*\{?\s*$
    )""",
    re.VERBOSE | re.IGNORECASE,
)
"""A line that begins a definition, in the languages whose outermost definitions begin at the margin."""
COMMENT = ("#", "//", "/*", "*", " *", "--", ";", "%", '"""', "@", "[", "///", "'''")
PYTHON = frozenset({".py", ".pyi"})


@dataclass(frozen=True, slots=True)
class _Definition:
    """Where a definition begins and ends, in lines from 0, end exclusive, and what it is called."""

    first: int
    end: int
    names: tuple[str, ...]


class SourceCodeReader:
    """Reads code; a location is a range of lines, a heading the name of the definition around it."""

    def read(self, data: bytes, path: str) -> ParsedDocument:
        """Parse. Raises UnreadableFileError when the bytes are no text."""
        text = decode(data)
        lines = text.split("\n")
        found = _python(text, lines) if PurePosixPath(path).suffix.lower() in PYTHON else None
        definitions = list(_at_the_margin(lines)) if found is None else found
        return ParsedDocument(PurePosixPath(path).name, text, tuple(_sections(text, lines, definitions)))


def _python(text: str, lines: Sequence[str]) -> list[_Definition] | None:
    """Find classes and functions, and methods where a class is long; None when it does not compile."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return [definition for node in tree.body for definition in _defined(node, lines, ())]


def _defined(node: ast.stmt, lines: Sequence[str], above: tuple[str, ...]) -> Iterator[_Definition]:
    if not isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        return
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) - 1
    end, names = node.end_lineno or node.lineno, (*above, node.name)
    inner = [definition for child in node.body for definition in _defined(child, lines, names)]
    if isinstance(node, ast.ClassDef) and inner and estimated_tokens("\n".join(lines[first:end])) > TARGET:
        yield _Definition(first, inner[0].first, names)
        yield from inner
    else:
        yield _Definition(first, end, names)


def _at_the_margin(lines: Sequence[str]) -> Iterator[_Definition]:
    """Find definitions by their first line; each reaches to the next, comments above included."""
    begins = [
        (_with_comments(lines, number), one_line(next(filter(None, found.groups()))))
        for number, line in enumerate(lines)
        if line[:1].strip() and len(line) < 1000 and (found := DEFINITION.match(line))
    ]
    for (first, name), (end, _) in pairwise([*begins, (len(lines), "")]):
        yield _Definition(first, max(end, first), (name.strip('"`'),))


def _with_comments(lines: Sequence[str], number: int) -> int:
    while number > 0 and lines[number - 1].startswith(COMMENT):
        number -= 1
    return number


def _sections(text: str, lines: Sequence[str], definitions: Sequence[_Definition]) -> Iterator[Section]:
    starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
    done = 0
    for definition in [*definitions, _Definition(len(lines), len(lines), ())]:
        first = max(done, _with_comments(lines, definition.first))
        for begin, end, names in ((done, first, ()), (first, max(first, definition.end), definition.names)):
            found = section(text, starts[begin], min(starts[end], len(text)), names)
            if found:
                line = begin + text.count("\n", starts[begin], found.start) + 1
                yield Section(found.text, names, found.start, first_line=line)
        done = max(first, definition.end)
