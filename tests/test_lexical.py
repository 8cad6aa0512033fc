"""What of a text and of a question the lexical search compares."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.language.lexical import MAX_TERM, fold, query_terms, terms


def meet(question: str, text: str) -> set[str]:
    return set(query_terms(question)) & set(terms(text))


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("vacations", "vacation"),
        ("runTarget", "run_target"),
        ("run target", "runTarget()"),
        ("run-target", "`self.run_target(x)`"),
        ("DiffExecutor", "the diff_executor module"),
        ("HTTP server", "class HTTPServer2"),
        ("email", "e-mails"),
        ("cafe", "Café"),
        ("naïve", "naive"),
        ("STRASSE", "Straße"),
        ("1000", "1,000 euros"),
        ("python 3.11", "Python 3.11.2"),
        ("version 2.4.1", "v2.4.1"),
        ("C++", "written in C++."),
        ("employee", "the employee's"),
        ("employees", "the employee\u2019s"),
        ("differential", "src/executors/differential.rs"),
        ("café", "cafe\u0301"),
        ("coordination", "co\u00adordination"),
        ("ﬁnance", "finance"),
        ("\uff21\uff22\uff23", "abc"),
        ("休暇", "年次休暇は27日です"),
        ("휴가", "연차휴가는 27일"),
        ("вал", "Вал"),
        ("موظف", "مُوَظَّف"),
        ("हिन्दी", "यह हिन्दी है"),
        ("401(k)", "the 401(k) plan"),
    ],
)
def test_a_question_meets_the_text_that_writes_it_otherwise(question: str, text: str):
    assert meet(question, text)


@pytest.mark.parametrize(
    ("question", "text"),
    [("version 2.4.1", "room 241"), ("C++", "section C"), ("leave", "leaf"), ("休日", "年次休暇")],
)
def test_different_things_stay_different(question: str, text: str):
    assert not meet(question, text)


def test_words_that_ask_are_left_out_of_a_question():
    assert query_terms("How many days of leave do I have?") == ["mani", "day", "leav"]
    assert query_terms("What's the Wi-Fi password?") == ["wifi", "wi", "fi", "password"]


def test_a_question_of_nothing_else_keeps_its_words():
    assert query_terms("who are we?") == ["who", "are", "we"]
    assert query_terms("?!") == []


def test_another_language_yields_its_own_stems_and_the_english_ones():
    text = "Die Mitarbeiter haben Anspruch auf Häuser und Wohnungen, wenn sie nicht in der Stadt wohnen."
    assert {"haus", "mitarbeit", "wohnung"} <= set(terms(text))
    assert "haus" in query_terms("Wie viele Häuser haben wir?")
    assert meet("Wohnungen", text)


def test_function_words_of_the_question_s_language_are_left_out():
    assert query_terms("Wie viele Urlaubstage habe ich?") == ["urlaubstag"]
    assert "combien" not in query_terms("Combien de jours de congés est-ce que nous avons ?")


def test_an_identifier_keeps_its_whole_and_its_parts_in_order():
    assert terms("read_file_bytes") == ["readfilebyt", "read", "file", "byte"]


def test_the_order_and_number_of_words_is_kept():
    assert terms("b a b") == ["b", "a", "b"]


def test_folding_ignores_case_and_accents():
    assert fold("ÀÉÎõü Straße") == "aeiou strasse"


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300))
def test_any_text_yields_terms_without_spaces_of_bounded_length(text: str):
    for term in [*terms(text), *query_terms(text)]:
        assert term
        assert not any(letter.isspace() for letter in term)
        assert len(term) <= 2 * MAX_TERM  # folding may lengthen a word


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.characters(categories=["L", "N"]), min_size=1, max_size=30))
def test_every_word_finds_itself(word: str):
    if terms(word):
        assert meet(word, f"before {word} after") or not query_terms(word)


def test_a_pasted_page_is_analysed_in_linear_time():
    assert terms("a" * 200_000) == []
    assert terms("_" * 100_000 + "x" * 10) == ["x" * 10]
    assert len(terms("字" * 50_000)) == 49_999
    assert terms("a_" * 50_000)
