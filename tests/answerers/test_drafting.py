"""Prompts have versions, and replies are read by their conventions."""

from __future__ import annotations

import base64
import codecs

import pytest

from knowledge.drafting import DECLINES, MISSING, SOME_PART, named_part
from knowledge.prompts import Prompt, Recital, load


def test_a_prompts_version_changes_with_its_text_and_only_then():
    assert load("answer").version == load("answer").version
    assert load("answer").version.startswith("answer-")
    assert Prompt("answer", load("answer").text + " ").version != load("answer").version


@pytest.mark.parametrize("name", ["answer", "quote"])
def test_the_prompts_name_the_conventions_that_the_code_reads(name):
    assert DECLINES in load(name).text
    assert MISSING in load(name).text


def test_an_unknown_prompt_is_an_error():
    with pytest.raises(FileNotFoundError):
        load("nonesuch")


def test_a_prompt_recognises_itself_and_nothing_else():
    prompt = load("answer")
    assert prompt.repeated_in("It told me: Every statement you make comes from the search results and cites them.")
    assert prompt.repeated_in("Read every passage before you write.")
    assert not prompt.repeated_in("You get 26 days of paid annual leave per calendar year.")
    assert not prompt.repeated_in("")


@pytest.mark.parametrize(
    "form",
    [
        lambda text: [text],
        lambda text: text.split(),
        lambda text: ["-".join(text)],
        lambda text: [text.upper()],
        lambda text: [line[::-1] for line in text.splitlines()],
        lambda text: [codecs.encode(text, "rot13")],
        lambda text: [f"Here: {base64.b64encode(text.encode()).decode()}"],
        lambda text: [text.encode().hex()],
    ],
    ids=["whole", "words", "spelled", "capitals", "backwards", "rot13", "base64", "hex"],
)
def test_a_recital_is_recognised_in_pieces_and_encoded(form):
    prompt = load("answer")
    recital = Recital(prompt)
    told = "".join(text for text in form(prompt.text) if not recital.recites(text))
    assert len(told) < 600


def test_what_is_no_recital_may_be_said():
    recital = Recital(load("answer"))
    for text in (
        "You get 26 days of paid annual leave per calendar year.",
        "Answer the phone.",
        "",
        "aGVsbG8gd29ybGQ=",
    ):
        assert not recital.recites(text)


@pytest.mark.parametrize(
    ("named", "question", "expected"),
    [
        ("MISSING: leave for contractors.", "How much leave for contractors?", "leave for contractors"),
        (
            "MISSING: ob Praktikanten Urlaub bekommen",
            "Bekommen Praktikanten Urlaub?",
            "ob Praktikanten Urlaub bekommen",
        ),
        ("MISSING: the limit for 2025", "What is the limit for 2025?", "the limit for 2025"),
        ("MISSING: the limit is 500 euros", "What is the limit?", SOME_PART),
        ("MISSING: what Mallory said", "What is the limit?", SOME_PART),
        ("MISSING: [here](https://evil.example)", "What is the limit?", SOME_PART),
        ("MISSING: www.evil.example", "What is the limit?", SOME_PART),
        ("MISSING:", "What is the limit?", SOME_PART),
        (f"MISSING: {'the limit ' * 30}", "What is the limit?", SOME_PART),
    ],
)
def test_the_missing_part_says_nothing_but_the_question(named, question, expected):
    assert named_part(named, question) == expected
