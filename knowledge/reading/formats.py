"""Which reader reads which file: a table from file name to reader."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import PurePosixPath
from typing import cast

from knowledge.errors import UnreadableFileError
from knowledge.ports import Reader

READING_VERSION = "3"
"""To be raised when a reader makes something else of the same bytes: then everything is read again."""

MARKDOWN = "knowledge.reading.markdown:MarkdownReader"
HTML = "knowledge.reading.html:HtmlReader"
TEXT = "knowledge.reading.plain_text:PlainTextReader"
RESTRUCTURED = "knowledge.reading.restructured_text:RestructuredTextReader"
CODE = "knowledge.reading.source_code:SourceCodeReader"
STRUCTURED = "knowledge.reading.structured:StructuredReader"
DELIMITED = "knowledge.reading.delimited:DelimitedReader"
NOTEBOOK = "knowledge.reading.notebooks:NotebookReader"
MAIL = "knowledge.reading.mail:MailReader"
MAILBOX = "knowledge.reading.mail:MailboxReader"
PDF = "knowledge.reading.pdf:PdfReader"
DOCX = "knowledge.reading.docx:DocxReader"
PPTX = "knowledge.reading.pptx:PptxReader"
SPREADSHEET = "knowledge.reading.spreadsheets:SpreadsheetReader"
OPEN_DOCUMENT = "knowledge.reading.opendocument:OpenDocumentReader"
RTF = "knowledge.reading.rtf:RtfReader"
LOADED = "knowledge.reading.loaded:LoadedReader"
OLD_OFFICE = "knowledge.reading.signatures:fitting_reader"
"""Names that only say Office: the first bytes decide."""

PROSE_SUFFIXES = ".txt .text .log .adoc .asciidoc .org .tex .srt .vtt"
CODE_SUFFIXES = """
    .asm .awk .bash .bat .c .cc .clj .cljs .cmake .cmd .cpp .cs .css .cxx .dart .diff .ex .exs .erl .f90 .fish .go
    .gql .gradle .graphql .groovy .h .hh .hpp .hs .hxx .java .jl .js .jsx .kt .kts .less .lisp .lua .m .mjs .cjs .ml
    .mm .nim .nix .patch .php .pl .pm .proto .ps1 .py .pyi .r .rb .rs .sass .scala .scm .scss .sh .sol .sql .svelte
    .swift .tcl .tf .thrift .ts .tsx .v .vb .vhdl .vim .vue .zig .zsh
"""
STRUCTURED_SUFFIXES = """
    .cfg .cnf .conf .desktop .editorconfig .geojson .ini .json .json5 .jsonc .jsonl .ndjson .service .toml .yaml .yml
"""
DATA_SUFFIXES = ".config .hcl .ldif .plist .po .properties .xml .xsd"

READERS: dict[str, str] = {
    **dict.fromkeys((".md", ".markdown", ".mdx", ".mdown", ".mkd"), MARKDOWN),
    **dict.fromkeys((".html", ".htm", ".xhtml"), HTML),
    **dict.fromkeys(f"{PROSE_SUFFIXES} {DATA_SUFFIXES}".split(), TEXT),
    **dict.fromkeys((".rst", ".rest"), RESTRUCTURED),
    **dict.fromkeys(CODE_SUFFIXES.split(), CODE),
    **dict.fromkeys(STRUCTURED_SUFFIXES.split(), STRUCTURED),
    **dict.fromkeys((".csv", ".tsv", ".tab"), DELIMITED),
    ".ipynb": NOTEBOOK,
    **dict.fromkeys((".eml", ".mht", ".mhtml"), MAIL),
    **dict.fromkeys((".mbox", ".mbx"), MAILBOX),
    ".pdf": PDF,
    **dict.fromkeys((".docx", ".docm", ".dotx", ".dotm"), DOCX),
    **dict.fromkeys((".pptx", ".pptm", ".ppsx", ".ppsm", ".potx"), PPTX),
    **dict.fromkeys((".xlsx", ".xlsm", ".xltx", ".xls", ".xlsb", ".ods", ".ots"), SPREADSHEET),
    **dict.fromkeys((".odt", ".ott", ".odp", ".otp"), OPEN_DOCUMENT),
    ".rtf": RTF,
    **dict.fromkeys((".doc", ".dot", ".ppt", ".pps", ".msg"), OLD_OFFICE),
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
    said = f"unsupported type {suffix}" if suffix else "unsupported: nothing in its name says what it is"
    raise UnreadableFileError(said, outcome="unsupported")


def reader_for(path: str) -> Reader:
    """Return the reader of a path by its name alone. Raises UnreadableFileError for an unknown type."""
    return load(reader_name(path))


@cache
def load(dotted: str) -> Reader:
    """Import and make a reader."""
    module, _, name = dotted.partition(":")
    return cast(Reader, getattr(import_module(module), name)())
