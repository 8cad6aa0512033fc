"""Which reader reads which file: a table from file name to reader."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import PurePosixPath
from typing import cast

from knowledge.errors import UnreadableFileError
from knowledge.ports import Reader

READING_VERSION = "1"
"""To be raised when a reader makes something else of the same bytes: then everything is read again."""

MARKDOWN = "knowledge.reading.markdown:MarkdownReader"
HTML = "knowledge.reading.html:HtmlReader"
TEXT = "knowledge.reading.plain_text:PlainTextReader"

PROSE_SUFFIXES = ".txt .text .log .rst .adoc .asciidoc .org .tex .srt .vtt"
CODE_SUFFIXES = """
    .asm .awk .bash .bat .c .cc .clj .cljs .cmake .cmd .cpp .cs .css .cxx .dart .diff .ex .exs .erl .f90 .fish .go
    .gql .gradle .graphql .groovy .h .hh .hpp .hs .hxx .java .jl .js .jsx .kt .kts .less .lisp .lua .m .mjs .cjs .ml
    .mm .nim .nix .patch .php .pl .pm .proto .ps1 .py .pyi .r .rb .rs .sass .scala .scm .scss .sh .sol .sql .svelte
    .swift .tcl .tf .thrift .toml .ts .tsx .v .vb .vhdl .vim .vue .zig .zsh
"""
DATA_SUFFIXES = """
    .cfg .cnf .conf .config .csv .desktop .editorconfig .geojson .hcl .ini .json .json5 .jsonc .jsonl .ldif
    .ndjson .plist .po .properties .service .tsv .xml .xsd .yaml .yml
"""

READERS: dict[str, str] = {
    **dict.fromkeys((".md", ".markdown", ".mdx", ".mdown", ".mkd"), MARKDOWN),
    **dict.fromkeys((".html", ".htm", ".xhtml"), HTML),
    **dict.fromkeys(f"{PROSE_SUFFIXES} {CODE_SUFFIXES} {DATA_SUFFIXES}".split(), TEXT),
}
"""Suffix → `module:class` of its reader, imported when a file needs it."""

TEXT_NAMES = frozenset(
    "authors build changelog changes codeowners contributing copying dockerfile gemfile install jenkinsfile justfile "
    "license makefile notice procfile rakefile readme todo vagrantfile version".split()
)
"""Files without a suffix that are text by custom."""


def reader_name(path: str) -> str:
    """Name the reader of a path as `module:class`. Raises UnreadableFileError for an unknown type."""
    name = PurePosixPath(path).name
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in READERS:
        return READERS[suffix]
    if not suffix and name.lower() in TEXT_NAMES:
        return TEXT
    kind = suffix or "without a suffix"
    raise UnreadableFileError(f"unsupported type {kind}")


def reader_for(path: str) -> Reader:
    """Return the reader of a path. Raises UnreadableFileError for an unknown type."""
    return _load(reader_name(path))


@cache
def _load(dotted: str) -> Reader:
    module, _, name = dotted.partition(":")
    return cast(Reader, getattr(import_module(module), name)())
