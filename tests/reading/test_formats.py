"""What readers make of a file: the words a person would see, under the headings they stand under."""

from __future__ import annotations

import codecs

import pytest

from knowledge.errors import UnreadableFileError
from knowledge.reading import reader_for, reader_name
from knowledge.types import ParsedDocument


def read(text: str | bytes, path: str = "page.md") -> ParsedDocument:
    document = reader_for(path).read(text if isinstance(text, bytes) else text.encode(), path)
    for section in document.sections:
        assert document.text[section.start : section.start + len(section.text)] == section.text
    return document


def sections(document: ParsedDocument) -> list[tuple[str, str]]:
    return [(" > ".join(section.heading), section.text) for section in document.sections]


# --- Markdown ---------------------------------------------------------------------------------------------------------


def test_markdown_sections_stand_under_their_heading_paths() -> None:
    document = read("Intro.\n\n# A\n\nUnder A.\n\n## B\n\nUnder B.\n\nC\n===\n\nUnder C.\n")
    assert sections(document) == [("", "Intro."), ("A", "Under A."), ("A > B", "Under B."), ("C", "Under C.")]


def test_a_hash_inside_a_fence_is_no_heading() -> None:
    document = read("# A\n\n```sh\n# comment\n```\n\n~~~\n## another\n~~~\n")
    assert [heading for heading, _ in sections(document)] == ["A"]


def test_headings_lose_their_markup() -> None:
    document = read("# The *`vpn`* [client](https://x.example) &amp; more\n\nText.")
    assert document.sections[0].heading == ("The vpn client & more",)


def test_a_heading_over_nothing_is_kept_as_text() -> None:
    assert sections(read("# A\n\n## Nothing here\n")) == [("A > Nothing here", "## Nothing here")]


def test_an_html_heading_in_markdown_is_a_heading() -> None:
    document = read('<h1 align="center">Tool</h1>\n\nText.')
    assert (document.title, sections(document)) == ("Tool", [("Tool", "Text.")])


@pytest.mark.parametrize(
    ("front", "title"),
    [
        ('---\ntitle: "Sick leave"\ntags: [a]\n---\n', "Sick leave"),
        ("---\nlayout: page\ntitle: Sick leave # draft\n---\n", "Sick leave"),
        ('+++\ntitle = "Sick leave"\n+++\n', "Sick leave"),
        ("---\nlayout: page\n---\n", "Heading"),
    ],
)
def test_front_matter_gives_the_title_and_is_not_text(front: str, title: str) -> None:
    document = read(f"{front}\n# Heading\n\nText.")
    assert (document.title, sections(document)) == (title, [("Heading", "Text.")])


def test_a_rule_at_the_top_is_no_front_matter() -> None:
    assert sections(read("---\n\nReal text.\n\n---\n\nMore."))[0][1].startswith("---\n\nReal text.")


def test_comments_are_not_text_but_offsets_stay() -> None:
    document = read("A <!-- secret --> b.\n\n<!-- more\nsecret -->\n\n`<!-- code -->` stays.")
    assert "secret" not in document.text
    assert "<!-- code -->" in document.text
    assert len(document.text) == len("A <!-- secret --> b.\n\n<!-- more\nsecret -->\n\n`<!-- code -->` stays.")


def test_windows_line_ends_do_not_shift_anything() -> None:
    assert sections(read("# A\r\n\r\nOne.\r\nTwo.\r\n")) == [("A", "One.\nTwo.")]


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("hr/sick-leave_policy.md", "Sick leave policy"),
        ("hr/README.md", "Hr"),
        ("notes.txt", "Notes"),
        ("src/main.py", "main.py"),
        ("Makefile", "Makefile"),
    ],
)
def test_a_document_without_a_title_is_called_after_its_file(path: str, title: str) -> None:
    assert read("Text.", path).title == title


# --- HTML -------------------------------------------------------------------------------------------------------------


def test_links_of_headings_to_themselves_are_no_part_of_html() -> None:
    page = b"""<h1>Install<a class="headerlink" href="#install">\xc2\xb6</a></h1>
        <p>See <a href="#1">section 1</a>, price # 4.<a href="#p"> # </a></p>"""
    document = reader_for("a.html").read(page, "a.html")
    assert document.title == "Install"
    assert "See section 1, price # 4." in document.text
    assert "\u00b6" not in document.text


def test_html_keeps_headings_lists_tables_and_code() -> None:
    document = read(
        "<title>Page</title><h1>Travel</h1><p>Book <b>early</b>.</p><h2>Steps</h2><ol><li>Ask<ul><li>nicely</ul>"
        "<li>Book</ol><table><tr><th>Kind<th>Limit<tr><td>Taxi<td>60</table><pre>a\n  b</pre>",
        "page.html",
    )
    assert document.title == "Travel"
    assert sections(document) == [
        ("Travel", "Book early."),
        (
            "Travel > Steps",
            "1. Ask\n  - nicely\n2. Book\n\n| Kind | Limit |\n| --- | --- |\n| Taxi | 60 |\n\n```\na\n  b\n```",
        ),
    ]


@pytest.mark.parametrize(
    "hidden",
    [
        "<script>secret</script>",
        "<style>secret</style>",
        "<nav>secret</nav>",
        "<!-- secret -->",
        "<p hidden>secret</p>",
        '<p style="color: red; DISPLAY : none">secret</p>',
        '<div aria-hidden="true"><p>secret</p></div>',
        "<template>secret</template>",
        "<noscript>secret</noscript>",
        "<h2 hidden>secret</h2>",
        "<table><tr hidden><td>secret</table>",
        '<svg><title>secret</title></svg><input value="secret">',
    ],
)
def test_what_nobody_sees_of_a_page_is_not_text(hidden: str) -> None:
    document = read(f"<p>Seen.</p>{hidden}<p>Also seen.</p>", "page.html")
    assert document.text == "Seen.\n\nAlso seen."


def test_a_table_that_arranges_a_page_is_read_as_text() -> None:
    document = read("<table><tr><td><h2>News</h2>Text.</td><td>Side.</td></tr></table>", "page.html")
    assert sections(document) == [("News", "Text.\n\nSide.")]


def test_a_page_without_headings_is_called_by_its_title_element() -> None:
    assert read("<html><head><title> The  office </title></head><p>Text.", "a.html").title == "The office"


# --- Encodings --------------------------------------------------------------------------------------------------------

GERMAN = "Die Größe der Räume überprüft die Geschäftsführung natürlich höchstpersönlich und regelmäßig. " * 3


@pytest.mark.parametrize(
    "data",
    [
        GERMAN.encode(),
        codecs.BOM_UTF8 + GERMAN.encode(),
        GERMAN.encode("utf-16"),
        GERMAN.encode("utf-16-le"),
        GERMAN.encode("utf-32"),
        GERMAN.encode("cp1252"),
    ],
    ids=["utf-8", "utf-8 with mark", "utf-16", "utf-16 without mark", "utf-32", "cp1252"],
)
def test_text_is_decoded_whatever_its_encoding(data: bytes) -> None:
    assert read(data, "a.txt").text == GERMAN


@pytest.mark.parametrize("encoding", ["shift_jis", "iso-2022-jp", "koi8-r"])
def test_a_declared_charset_is_believed(encoding: str) -> None:
    word = "休暇の申請" if "j" in encoding else "Отпуск"
    page = f'<meta charset="{encoding}"><p>{word}</p>'.encode(encoding)
    assert read(page, "a.html").text == word


def test_one_broken_byte_does_not_turn_utf8_into_gibberish() -> None:
    assert read(GERMAN.encode() + b"\xff", "a.txt").text.startswith(GERMAN)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "not text: it is a PNG image"),
        (b"%PDF-1.7 text", "not text: it is a PDF"),
        (bytes(range(256)) * 4, "not text: looks binary"),
        (b"abc\x00def", "not text: looks binary"),
        (b"\x01\x02\x03\x04 text", "not text: looks binary"),
    ],
)
def test_binary_contents_are_refused_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFileError, match=f"^{reason}$"):
        read(data, "a.md")


@pytest.mark.parametrize(
    ("path", "kind"),
    [("a.xyz", r" type \.xyz"), ("b.EXE", r" type \.exe"), ("c", ": nothing in its name says what it is")],
)
def test_an_unknown_type_is_named(path: str, kind: str) -> None:
    with pytest.raises(UnreadableFileError, match=f"^unsupported{kind}$"):
        reader_name(path)
