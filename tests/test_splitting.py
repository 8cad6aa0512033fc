"""What must be true of every piece, whatever the document looks like."""

from __future__ import annotations

import re

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from knowledge.reading.markdown import MarkdownReader
from knowledge.splitting import HARD_LIMIT, TARGET, SentenceSplitter, embedded_text, estimated_tokens
from knowledge.types import ParsedDocument, Piece, Section

WORD = st.sampled_from(
    "holiday policy e.g. approval Dr. Weber 3.14 manager's `code` | -- ** 休暇。 Überstunden 100% don't "
    "https://example.org/a_b?c=d x".split()
)
SENTENCE = st.lists(WORD, min_size=1, max_size=25).map(lambda words: " ".join(words).capitalize() + ".")
PARAGRAPH = st.lists(SENTENCE, min_size=1, max_size=12).map(" ".join)
LIST = st.lists(SENTENCE, min_size=1, max_size=12).map(lambda items: "\n".join(f"- {item}" for item in items))
CODE_LINE = st.lists(WORD, max_size=12).map(lambda words: "    " + " ".join(words).replace("`", ""))
FENCE = st.lists(CODE_LINE, max_size=60).map(lambda lines: "\n".join(["```python", *lines, "```"]))
ROW = st.lists(WORD.map(lambda word: word.replace("|", "/")), min_size=3, max_size=3).map(
    lambda c: f"| {' | '.join(c)} |"
)
TABLE = st.lists(ROW, min_size=1, max_size=40).map(lambda rows: "\n".join([rows[0], "| --- | --- | --- |", *rows[1:]]))
HEADING = st.tuples(st.integers(1, 4), WORD).map(lambda level_word: f"{'#' * level_word[0]} {level_word[1]} heading")
RUBBISH = st.text(max_size=400).map(lambda text: text.replace("\r", " "))
LONG_LINE = st.integers(0, 9000).map(lambda length: "x" * length)
MARKDOWN = st.lists(st.one_of(PARAGRAPH, LIST, FENCE, TABLE, HEADING, RUBBISH, LONG_LINE), max_size=12).map("\n\n".join)


def read(text: str) -> ParsedDocument:
    return MarkdownReader().read(text.encode("utf-8", "ignore"), "a.md")


def split(text: str) -> tuple[ParsedDocument, list[Piece]]:
    document = read(text)
    return document, SentenceSplitter().split(document)


def solid(text: str) -> str:
    return "".join(text.split())


def looks_like_text(text: str) -> bool:
    return not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]", text)


documents = settings(max_examples=60, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))


@documents
@given(MARKDOWN.filter(looks_like_text))
def test_every_character_of_every_section_is_in_a_piece_once_and_in_order(text: str) -> None:
    document, pieces = split(text)
    covered = [False] * len(document.text)
    for piece in pieces:
        assert not any(covered[piece.start : piece.end])
        covered[piece.start : piece.end] = [True] * (piece.end - piece.start)
    for section in document.sections:
        for place in range(section.start, section.start + len(section.text)):
            assert covered[place] or document.text[place].isspace()
    assert [piece.start for piece in pieces] == sorted(piece.start for piece in pieces)


@documents
@given(MARKDOWN.filter(looks_like_text))
def test_a_piece_is_exactly_the_slice_that_its_offsets_name(text: str) -> None:
    document, pieces = split(text)
    assert all(piece.text == document.text[piece.start : piece.end] and piece.text.strip() for piece in pieces)


@documents
@given(MARKDOWN.filter(looks_like_text))
def test_no_piece_is_above_the_hard_limit(text: str) -> None:
    _, pieces = split(text)
    assert all(estimated_tokens(piece.text) <= HARD_LIMIT for piece in pieces)


@documents
@given(st.lists(st.one_of(PARAGRAPH, FENCE, TABLE, HEADING), max_size=12).map("\n\n".join).filter(looks_like_text))
def test_a_fence_or_table_stays_whole_unless_it_alone_is_above_the_hard_limit(text: str) -> None:
    document, pieces = split(text)
    wholes = re.findall(r"^```python\n(?:.*\n)*?```$|^(?:\|.*\|(?:\n|\Z))+", document.text, re.MULTILINE)
    for whole in wholes:
        if estimated_tokens(whole) <= HARD_LIMIT:
            assert any(whole.strip() in piece.text for piece in pieces)


@documents
@given(MARKDOWN.filter(looks_like_text))
def test_the_heading_path_of_a_piece_is_true_of_every_section_in_it(text: str) -> None:
    document, pieces = split(text)
    for piece in pieces:
        inside = [s for s in document.sections if s.start < piece.end and piece.start < s.start + len(s.text)]
        assert inside
        for section in inside:
            assert section.heading[: len(piece.heading)] == piece.heading
            below = section.heading[len(piece.heading) :]
            plain = re.sub(r"[*`\\]", "", piece.text)
            assert all(re.sub(r"[*`\\]", "", name) in plain for name in below)


def test_a_tiny_section_keeps_its_own_piece_and_path_so_that_a_footnote_can_name_it() -> None:
    text = "# Contacts\n\n## Facilities\n\nCall 11.\n\n## Payroll\n\nCall 12.\n\nOther\n-----\n\nCall 13.\n"
    _, pieces = split(text)
    assert [(piece.heading, piece.text) for piece in pieces] == [
        (("Contacts", "Facilities"), "Call 11."),
        (("Contacts", "Payroll"), "Call 12."),
        (("Contacts", "Other"), "Call 13."),
    ]


def test_sections_of_ordinary_length_keep_their_own_piece_and_path() -> None:
    body = "Somebody has to say a few words here so that it is a section of its own. " * 5
    _, pieces = split(f"# A\n\n## B\n\n{body}\n\n## C\n\n{body}")
    assert [piece.heading for piece in pieces] == [("A", "B"), ("A", "C")]


def test_headings_over_nothing_are_not_lost() -> None:
    _, pieces = split("Intro.\n\n# Same\n\n# Same\n\n# Same\n\nText.")
    assert [piece.text for piece in pieces if piece.text != "# Same"] == ["Intro.", "Text."]


def test_tiny_sections_of_different_parents_are_not_mixed() -> None:
    _, pieces = split("# A\n\n## B\n\n### C\n\nOne.\n\n## D\n\n### E\n\nTwo.\n")
    assert [piece.heading for piece in pieces] == [("A", "B", "C"), ("A", "D", "E")]


def test_a_long_paragraph_is_cut_between_sentences_into_pieces_of_like_size() -> None:
    text = "The quick brown fox jumps over the lazy dog near the river bank today. " * 40
    _, pieces = split(text)
    sizes = [estimated_tokens(piece.text) for piece in pieces]
    assert len(pieces) > 1
    assert all(piece.text.endswith("today.") for piece in pieces)
    assert max(sizes) <= TARGET
    assert min(sizes) > max(sizes) / 2


def test_a_line_that_announces_a_list_moves_with_it() -> None:
    filler = "This sentence is here to fill the piece with some ordinary words. " * 12
    items = "\n".join(f"- Step number {number} has to be done with care and patience." for number in range(12))
    _, pieces = split(f"{filler}\n\nThe steps are:\n\n{items}")
    assert not any(piece.text.endswith("The steps are:") for piece in pieces)


def test_a_table_above_the_hard_limit_is_cut_between_rows() -> None:
    rows = [f"| {number} | a cell with several words in it | and another one |" for number in range(100)]
    _, pieces = split("\n".join(["| a | b | c |", "| --- | --- | --- |", *rows]))
    assert len(pieces) > 1
    assert all(line.startswith("|") and line.endswith("|") for piece in pieces for line in piece.text.splitlines())


def test_the_embedded_text_says_where_the_piece_stands_without_repeating_the_title() -> None:
    assert embedded_text("Handbook", ("Handbook", "Leave"), "25 days.") == "Handbook > Leave\n\n25 days."
    assert embedded_text("Handbook", ("Leave",), "25 days.") == "Handbook > Leave\n\n25 days."
    assert embedded_text("", (), "25 days.") == "25 days."


def test_pages_are_kept_apart() -> None:
    text = "One.\nTwo."
    sections = (Section("One.", page=1), Section("Two.", start=5, page=2))
    pieces = SentenceSplitter().split(ParsedDocument("t", text, sections))
    assert [(piece.text, piece.page) for piece in pieces] == [("One.", 1), ("Two.", 2)]


# --- Where a piece stands ---------------------------------------------------------------------------------------------


def test_a_long_table_repeats_its_header_in_every_piece():
    rows = "\n".join(f"| city number {n} | a hotel by the river {n} | {n} euros |" for n in range(60))
    text = f"The limits:\n\n| City | Hotel | Limit |\n|---|---|---|\n{rows}"
    pieces = SentenceSplitter().split(ParsedDocument("T", text, (Section(text, ("Travel",)),)))
    assert len(pieces) > 3
    header = "| City | Hotel | Limit |\n|---|---|---|\n"
    assert all(header in piece.text for piece in pieces)
    bodies = [piece.text.removeprefix(header) if number else piece.text for number, piece in enumerate(pieces)]
    assert [text[piece.start : piece.end] for piece in pieces] == bodies
    assert "\n".join(bodies) == text


def test_lines_are_those_of_the_file():
    text = "\n".join(f"Line {n} says one thing about number {n} and then it ends." for n in range(5, 75))
    pieces = SentenceSplitter().split(ParsedDocument("T", text, (Section(text, first_line=5),)))
    assert len(pieces) > 2
    for piece in pieces:
        numbers = [int(number) for number in re.findall(r"^Line (\d+)", piece.text, re.MULTILINE)]
        assert piece.location == f"lines {numbers[0]}-{numbers[-1]}"


def test_lines_stand_after_the_location_of_the_section():
    text = "One.\n\nTwo."
    sections = (Section("One.", location="cell 3", first_line=1), Section("Two.", start=6, location="cell 4"))
    pieces = SentenceSplitter().split(ParsedDocument("T", text, sections))
    assert [piece.location for piece in pieces] == ["cell 3, line 1", "cell 4"]


def test_the_only_piece_of_a_document_needs_no_lines():
    (piece,) = SentenceSplitter().split(ParsedDocument("T", "One.\nTwo.", (Section("One.\nTwo.", first_line=1),)))
    assert piece.location == ""
