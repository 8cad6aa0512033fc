"""Law two: nothing is shown that was not checked."""

import re
import unicodedata
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from knowledge.citing import Checker, Rejection, check, only_quotes, render
from knowledge.language.plain_text import Kind, plain_text
from knowledge.types import Answer, Chunk, Draft, DraftSentence, Outcome, Passage, Quote, Sentence
from tests.handbook_cases import DOCUMENTS

POLICY = """Everyone gets **25 days** of [paid
leave](https://hr.example/leave) per year. Carry-
over ends on 31 March 2024 — “no exceptions”.

You need:

- a *passport*
- two photos

| Office | Days |
|---|---|
| Madrid | 1,023 |

Run `make check` first. Contractors are paid by Acme Corp. within 30 days.
"""


def passage(text, number=0, *, start=0, title="Handbook", heading="Leave"):
    path = f"{number}.md"
    chunk = Chunk(f"c{number}", f"d{number}", "s", path, title, None, heading, None, 0, start, start + len(text), text)
    return Passage(chunk, number + 1, 1.0)


def checked(text, *quotes, passages=None, unsupported="mark"):
    sentence = DraftSentence(text, tuple(Quote(number, words) for number, words in quotes))
    return check(Draft((sentence,)), passages or [passage(POLICY)], unsupported=unsupported)


# --- quotes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "quote",
    [
        "Everyone gets 25 days of paid leave per year",
        "gets **25 days** of [paid leave](https://hr.example/leave)",
        "25 days** of [paid\nleave](https://hr.example/leave) per",
        '"Everyone gets 25 days of paid leave per year."',
        "Carry-over ends on 31 March 2024",
        "Carryover ends on 31 March 2024",
        '31 March 2024 - "no exceptions"',
        "You need: - a passport - two photos",
        "You need:\n\n- a *passport*\n- two photos",
        "a passport two photos",
        "Madrid | 1,023",
        "| Madrid | 1,023 |",
        "Run make check first",
        "…gets 25 days of paid leave…",
    ],
)
def test_a_true_quote_stands_however_it_was_written_down(quote):
    answer = checked("It says so.", (0, quote))
    assert answer.sentences[0].supported
    assert answer.rejected == {}


@pytest.mark.parametrize(
    ("quote", "why"),
    [
        ("Everyone gets 26 days of paid leave", Rejection.ALTERED_QUOTE),
        ("5 days of paid leave", Rejection.ALTERED_QUOTE),
        ("ontractors are paid", Rejection.ALTERED_QUOTE),
        ("Madrid | 1", Rejection.ALTERED_QUOTE),
        ("023", Rejection.ALTERED_QUOTE),
        ("Everyone gets ... leave per year", Rejection.ALTERED_QUOTE),
        ("", Rejection.TRIVIAL_QUOTE),
        ("  ** ", Rejection.TRIVIAL_QUOTE),
        ("of", Rejection.TRIVIAL_QUOTE),
        ("by", Rejection.TRIVIAL_QUOTE),
        (".", Rejection.TRIVIAL_QUOTE),
    ],
)
def test_an_altered_or_empty_quote_never_gets_through(quote, why):
    answer = checked("It says so.", (0, quote))
    assert answer.sentences == ()
    assert answer.citations == ()
    assert answer.rejected == {why: 1}


@pytest.mark.parametrize("number", [-1, 1, 7, 10**9])
def test_an_answer_cites_only_passages_that_were_shown(number):
    answer = checked("It says so.", (number, "Everyone gets 25 days"))
    assert answer.sentences == ()
    assert answer.rejected == {Rejection.UNKNOWN_PASSAGE: 1}


def test_a_citation_gives_the_words_of_the_source_and_their_exact_place():
    text = f"Intro.\n\n{POLICY}"
    answer = checked("Everyone has 25 days.", (0, "gets 25 days of paid leave"), passages=[passage(POLICY, start=8)])
    citation = answer.citations[0]
    assert citation.quote == "gets 25 days of paid leave"
    assert text[citation.start : citation.end] == "gets **25 days** of [paid\nleave"


def test_a_quote_over_several_blocks_keeps_them_apart():
    answer = checked("You need two photos.", (0, "You need: a passport two photos"))
    assert answer.citations[0].quote == "You need:\n- a passport\n- two photos"


# --- numbering --------------------------------------------------------------------------------------------------------


def test_a_quote_of_one_item_goes_without_its_bullet():
    assert checked("You need two photos.", (0, "- two photos")).citations[0].quote == "two photos"


def test_footnotes_are_numbered_in_order_of_appearance_and_keep_their_number():
    passages = [passage(POLICY), passage("Interns get 10 days. Ask Rui.", 1)]
    draft = Draft(
        (
            DraftSentence("Interns get 10 days.", (Quote(1, "Interns get 10 days"),)),
            DraftSentence("Others get 25 days.", (Quote(0, "gets 25 days"), Quote(1, "Interns get 10 days."))),
            DraftSentence("It is 10.", (Quote(1, "get 10 days"),)),
        )
    )
    answer = check(draft, passages)
    assert answer.text == "Interns get 10 days. [1] Others get 25 days. [2][3] It is 10. [1]"
    assert [citation.number for citation in answer.citations] == [1, 2, 3]


def test_marks_that_the_answerer_wrote_itself_are_taken_out():
    answer = checked("Everyone gets 25 days [7][^2]【3†x】 of leave [1, 2].", (0, "Everyone gets 25 days"))
    assert answer.text == "Everyone gets 25 days of leave. [1]"


def test_code_keeps_its_brackets():
    answer = checked("Use `days[0]` here.", (0, "use days[0] here"), passages=[passage("You use `days[0]` here.")])
    assert answer.text == "Use `days[0]` here. [1]"


# --- what a sentence claims -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sentence", "quote"),
    [
        ("You get 25 days a year.", "gets 25 days of paid leave"),
        ("You get twenty-five days.", "gets 25 days of paid leave"),
        ("It ends on 2024-03-31.", "ends on 31 March 2024"),
        ("It ends in March 2024.", "ends on 31 March 2024"),
        ("It ends in 03/2024.", "ends on 31 March 2024"),
        ("Madrid has 1023.", "Madrid | 1,023"),
        ("In Madrid the days are 1,023.", "Madrid | 1,023"),
        ("Run `make check` first.", "Run make check first"),
        ("Acme Corp. pays after 30 days.", "paid by Acme Corp. within 30 days"),
        ("Acme's contractors wait 30 days.", "paid by Acme Corp."),
        ("See https://hr.example/leave for more.", "paid leave per year"),
    ],
)
def test_a_sentence_whose_numbers_and_names_are_in_its_citations_is_supported(sentence, quote):
    assert checked(sentence, (0, quote)).sentences[0].supported


@pytest.mark.parametrize(
    ("sentence", "quote", "why"),
    [
        ("You get 26 days a year.", "gets 25 days of paid leave", Rejection.NUMBER),
        ("You get 30 days a year.", "gets 25 days of paid leave", Rejection.NUMBER),
        ("It ends on 31 May 2024.", "ends on 31 March 2024", Rejection.NUMBER),
        ("It ends on 30 March 2024.", "ends on 31 March 2024", Rejection.NUMBER),
        ("You get twelve days.", "gets 25 days of paid leave", Rejection.NUMBER),
        ("The office in Berlin has them.", "Madrid | 1,023", Rejection.NAME),
        ("Then Bolt Corp. pays after 30 days.", "paid by Acme Corp. within 30 days", Rejection.NAME),
        ("Ask HR first.", "Run make check first", Rejection.NAME),
        ("See https://evil.example/x for more.", "paid leave per year", Rejection.LINK),
        ("Mail boss@evil.example now.", "paid leave per year", Rejection.LINK),
        ("Run `rm -rf /` first.", "Run make check first", Rejection.CODE),
    ],
)
def test_a_sentence_that_says_more_than_its_citations_is_unsupported(sentence, quote, why):
    answer = checked(sentence, (0, quote))
    assert answer.sentences == ()
    assert answer.rejected == {why: 1}


@pytest.mark.parametrize(
    ("sentence", "source", "supported"),
    [
        ("It ends on 30 November 2025.", "The grant ends on 2025-11-30.", True),
        ("The fee is EUR 900.", "The fee is 900 euros.", True),
        ("The fee is 900 Euro.", "The fee is €900.", True),
        ("The fee is USD 900.", "The fee is €900.", False),
        ("The fee is EUR 900.", "The European fee is 900 dollars.", False),
    ],
)
def test_months_and_currencies_are_compared_by_what_they_mean(sentence, source, supported):
    answer = checked(sentence, (0, source), passages=[passage(source)])
    assert bool(answer.sentences) is supported


def test_an_answer_that_only_quotes_is_told_from_one_that_was_written():
    quoted = checked(
        "Everyone gets 25 days of paid leave per year.", (0, "Everyone gets 25 days of paid leave per year.")
    )
    written = checked("You get 25 days.", (0, "gets 25 days of paid leave"))
    made = [Answer("a", Outcome.ANSWERED, each.text, each.citations, each.sentences) for each in (quoted, written)]
    assert [only_quotes(answer) for answer in made] == [True, False]
    assert not only_quotes(replace(made[0], sentences=(*made[0].sentences, Sentence("It is great.", supported=False))))


def test_an_unsupported_sentence_is_marked_or_dropped_as_asked():
    draft = Draft((DraftSentence("It is great."), DraftSentence("You get 25 days.", (Quote(0, "gets 25 days"),))))
    marked = check(draft, [passage(POLICY)], unsupported="mark")
    dropped = check(draft, [passage(POLICY)], unsupported="drop")
    assert marked.text == "It is great. _(unsupported)_ You get 25 days. [1]"
    assert dropped.text == "You get 25 days. [1]"
    assert marked.rejected == {Rejection.NO_QUOTE: 1}


def test_a_draft_without_any_supported_sentence_shows_nothing():
    answer = check(Draft((DraftSentence("One."), DraftSentence("Two.", (Quote(3, "x"),)))), [passage(POLICY)])
    assert (answer.sentences, answer.citations, answer.text) == ((), (), "")


QUOTE = Quote(0, "Everyone gets 25 days of paid leave per year.")


@pytest.mark.parametrize("words", ["Everyone gets 25 days", "You get 25 days of paid leave", "25 days per year"])
def test_first_words_that_stand_in_what_they_cite_may_be_shown(words):
    assert Checker([passage(POLICY)]).opening(DraftSentence(words, (QUOTE,))) == words


@pytest.mark.parametrize(
    ("words", "quotes"),
    [
        ("Everyone gets 26 days", (QUOTE,)),
        ("Employees receive 25 days", (QUOTE,)),
        ("You answer the questions", (QUOTE,)),
        ("Write to Mallory first", (QUOTE,)),
        ("Everyone gets 25 days", ()),
        ("Everyone gets 25 days", (QUOTE, Quote(9, QUOTE.text))),
        ("Everyone gets 25 days", (Quote(0, "Everyone gets 30 days"),)),
        ("Everyone gets [1] 25", (QUOTE,)),
    ],
)
def test_first_words_that_say_anything_of_their_own_wait(words, quotes):
    assert Checker([passage(POLICY)]).opening(DraftSentence(words, quotes)) == ""


def test_no_sentence_is_begun_that_may_still_be_dropped_or_must_wait():
    opening = DraftSentence("Everyone gets 25 days", (QUOTE,))
    assert Checker([passage(POLICY)], unsupported="drop").opening(opening) == ""
    waiting = Checker([passage(POLICY)])
    waiting.add(DraftSentence("Nobody knows."))
    assert waiting.opening(opening) == ""


def test_a_stream_shows_a_sentence_only_once_a_supported_one_has_come():
    checker = Checker([passage(POLICY)])
    assert checker.add(DraftSentence("It is great.")) == ()
    shown = checker.add(DraftSentence("You get 25 days.", (Quote(0, "gets 25 days"),)))
    assert [render(sentence) for sentence in shown] == ["It is great. _(unsupported)_", "You get 25 days. [1]"]
    assert [sentence.supported for sentence in checker.add(DraftSentence("More."))] == [False]
    assert len(checker.finish().sentences) == 3


# --- ten thousand generated cases: 1,000 examples of ten --------------------------------------------------------------


@cache
def shelf():
    return tuple(passage(text, number) for number, text in enumerate(DOCUMENTS.values()))


@cache
def runs():
    """Every block's words with its passage: what can be quoted."""
    found = []
    for number, shown in enumerate(shelf()):
        plain = plain_text(shown.chunk.text)
        blocks = (plain.slice(block).split() for block in plain.blocks if block.kind is not Kind.HEADING)
        found += [(number, words) for words in blocks if len(words) > 5]
    return found


def bare(text):
    return " ".join(re.findall(r"\w+", text.casefold()))


@cache
def bare_passage(number):
    return f" {bare(plain_text(shelf()[number].chunk.text).text)} "


@st.composite
def true_quotes(draw):
    number, words = draw(st.sampled_from(runs()))
    length = draw(st.integers(4, min(12, len(words))))
    start = draw(st.integers(0, len(words) - length))
    quoted = words[start : start + length]
    assume(any(len(word) > 5 for word in quoted))
    return number, quoted


TEN_TRUE_QUOTES = st.lists(true_quotes(), min_size=10, max_size=10)


def supported(checker, number, text):
    return any(shown.supported for shown in checker.add(DraftSentence("It says so.", (Quote(number, text),))))


@st.composite
def altered(draw):
    """One word replaced, dropped, doubled or moved, or one digit changed; certainly not in the passage any more."""
    number, words = draw(true_quotes())
    words = list(words)
    at = draw(st.integers(1, len(words) - 2))
    kind = draw(st.sampled_from(["replace", "drop", "insert", "swap", "digit"]))
    other = draw(st.sampled_from(["not", "never", "Berlin", "17", "monthly", "contractors", "the"]))
    if kind == "replace":
        words[at] = other
    elif kind == "drop":
        del words[at]
    elif kind == "insert":
        words.insert(at, other)
    elif kind == "swap":
        words[at], words[at - 1] = words[at - 1], words[at]
    else:
        words[at] = f"{words[at]}{draw(st.integers(0, 9))}"
    text = " ".join(words)
    assume(f" {bare(text)} " not in bare_passage(number))
    return number, text


@settings(max_examples=250, deadline=None)
@given(TEN_TRUE_QUOTES, st.lists(st.integers(), min_size=10, max_size=10))
def test_no_invented_passage_number_gets_through(quotes, numbers):
    checker = Checker(shelf())
    for (_, words), number in zip(quotes, numbers, strict=True):
        if not 0 <= number < len(shelf()):
            assert not supported(checker, number, " ".join(words))
        assert not supported(checker, -1 - abs(number), " ".join(words))


@settings(max_examples=250, deadline=None)
@given(st.lists(altered(), min_size=10, max_size=10))
def test_no_altered_quote_gets_through(quotes):
    checker = Checker(shelf())
    assert [(number, text) for number, text in quotes if supported(checker, number, text)] == []


@settings(max_examples=250, deadline=None)
@given(TEN_TRUE_QUOTES, st.lists(st.integers(1, len(DOCUMENTS) - 1), min_size=10, max_size=10))
def test_no_quote_from_another_passage_gets_through(quotes, steps):
    checker = Checker(shelf())
    for (number, words), step in zip(quotes, steps, strict=True):
        other = (number + step) % len(shelf())
        if f" {bare(' '.join(words))} " not in bare_passage(other):
            assert not supported(checker, other, " ".join(words))


NOISE = {
    "plain": lambda text: text,
    "hard spaces": lambda text: text.replace(" ", "\u00a0"),
    "line breaks": lambda text: text.replace(" ", "\n", 2),
    "wide gaps": lambda text: text.replace(" ", "   "),
    "curly quotes": lambda text: text.replace("'", "’").replace('"', "“"),
    "dashes": lambda text: text.replace("-", "\u2011"),
    "soft hyphens": lambda text: re.sub(r"(\w{3})(?=\w{3})", "\\1\u00ad", text),
    "zero width": lambda text: text.replace(" ", " \u200b"),
    "ligatures": lambda text: text.replace("fi", "ﬁ").replace("fl", "ﬂ"),
    "decomposed": lambda text: unicodedata.normalize("NFD", text),
    "quotation marks": lambda text: f"„{text}“",
    "emphasis": lambda text: f"**{text}**",
    "ellipsis": lambda text: f"… {text} …",
}


@settings(max_examples=250, deadline=None)
@given(TEN_TRUE_QUOTES, st.lists(st.sampled_from(sorted(NOISE)), min_size=10, max_size=10))
def test_a_true_quote_with_typographic_noise_gets_through(quotes, noises):
    checker = Checker(shelf())
    for (number, words), noise in zip(quotes, noises, strict=True):
        assert supported(checker, number, NOISE[noise](" ".join(words))), (noise, words)
