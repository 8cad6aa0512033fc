"""Plain text: the words without the markup, each traceable to its place."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.language.plain_text import Kind, looks_like_code, plain_text


@pytest.mark.parametrize(
    ("markdown", "words"),
    [
        ("# Leave **policy** #", "Leave policy"),
        ("Everyone gets **25 days** of _paid_ `leave`.", "Everyone gets 25 days of paid leave."),
        ("See [the page](https://a.example/x_(y)) and <https://b.example>.", "See the page and https://b.example."),
        ("![logo](a.png) 5 * 3 * 2 and snake_case_name", "logo 5 * 3 * 2 and snake_case_name"),
        (r"\*not emphasis\* &amp; <b>bold</b><br>", "*not emphasis* & bold "),
        ("> quoted\n> words", "quoted\nwords"),
        ("| a | b |\n|---|---|\n| **1** | 2 |", "a | b\n1 | 2"),
        ("```bash\nmake test\n```", "make test"),
        ("Title\n=====\ntext", "Title\ntext"),
        ("- [x] one\n- two\n", "- one\n- two"),
        ("a <!-- hidden --> b[^1]", "a  b"),
        ("---\ntitle: x\n---\nwords", "words"),
        ("***\n\n---", ""),
    ],
)
def test_markup_is_taken_off(markdown, words):
    assert plain_text(markdown).text == words


def test_blocks_say_what_they_are():
    text = "# A\n\nYou need:\n\n1. one\n2. two\n\n| h | i |\n|---|---|\n| r | s |\n\n~~~sh\nrun\n~~~\n"
    plain = plain_text(text)
    assert [block.kind for block in plain.blocks] == [
        Kind.HEADING,
        Kind.PARAGRAPH,
        Kind.ITEM,
        Kind.ITEM,
        Kind.HEADER,
        Kind.ROW,
        Kind.CODE,
    ]
    assert [plain.slice(block) for block in plain.blocks[2:4]] == ["one", "two"]
    assert plain.blocks[-1].language == "sh"


def test_words_are_traced_to_where_they_stand():
    source = "Get **25 days** of [paid\nleave](https://a.example) &amp; more"
    plain = plain_text(source)
    start = plain.text.index("25 days of paid")
    assert source[slice(*plain.source_span(start, start + len("25 days of paid")))] == "25 days** of [paid"
    assert plain.text[slice(*plain.plain_span(0, len(source)))] == plain.text


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab *_`#|>-[]()<!\n\\&;1.~", max_size=120))
def test_every_character_has_a_place_in_order(source):
    plain = plain_text(source, code=False)
    places = [plain.source_span(at, at + 1) for at in range(len(plain.text))]
    assert all(0 <= start <= end <= len(source) for start, end in places)
    assert all(left[0] <= right[0] for left, right in pairwise(places))
    same = [(character, source[slice(*place)]) for character, place in zip(plain.text, places, strict=True)]
    assert all(
        character in (stands, " ", "\n") or stands.startswith("&") or (character == "|" and not stands.strip(" |"))
        for character, stands in same
    )


def test_source_code_is_left_as_it_is():
    code = "def run(self, *args, **kwargs):\n    value = _a_ * _b_\n    return {'x': value[0]}\n"
    assert looks_like_code(code)
    assert plain_text(code).text == code
    assert not looks_like_code("Employees get 26 days.\nAsk the team.\nSee page 3.")


def test_prose_with_many_links_and_short_code_is_no_source_code():
    prose = (
        "See [`npm cache`](/commands/npm-cache).\n"
        "Cache files are stored in `~/.npm` on Posix, or `%LocalAppData%/npm-cache` on Windows.\n\n"
        "This is controlled by the [`cache` config](/using-npm/config#cache) param."
    )
    assert not looks_like_code(prose)
    assert plain_text(prose).text.startswith("See npm cache.\nCache files are stored in ~/.npm on Posix")
