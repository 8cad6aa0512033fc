"""Personal data and secrets leave a row, what only looks like them stays, and a value has one placeholder per row."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.datasets.redacting import KnownPeople, PatternRedactor, Together, redact, says_nothing, strengthened
from tests.datasets.planted import look_alikes, planted, tell_tales

PATTERNS = (PatternRedactor(),)


def clean(text: str) -> str:
    return redact(text, PATTERNS).value


def test_at_least_99_percent_of_what_is_planted_is_taken_out():
    pairs = planted()
    left = [(text, clean(text)) for text, value in pairs if any(part in clean(text) for part in tell_tales(value))]
    assert len(pairs) > 900
    assert len(left) <= 0.01 * len(pairs), left


def test_what_only_looks_like_personal_data_stays():
    pairs = look_alikes()
    taken = [(text, clean(text)) for text, value in pairs if value not in clean(text)]
    assert len(pairs) > 500
    assert len(taken) <= 0.01 * len(pairs), taken


def test_a_sentence_stays_readable_around_what_was_taken_out():
    told = "Ask <@U012AB3CD> or mail anna@example.com before 31 March 2026; the limit is 140 euros."
    assert clean(told) == "Ask <PERSON_1> or mail <EMAIL_1> before 31 March 2026; the limit is 140 euros."


def test_a_value_has_the_same_placeholder_in_the_whole_row_however_it_is_written():
    row = {
        "prompt": [{"role": "user", "content": "Call +49 341 1234567 or 0341 7654321?"}],
        "completion": [{"role": "assistant", "content": "+49 (341) 123-4567 it is."}],
    }
    redacted = redact(row, PATTERNS)
    assert redacted.value["prompt"][0]["content"] == "Call <PHONE_1> or <PHONE_2>?"
    assert redacted.value["completion"][0]["content"] == "<PHONE_1> it is."
    assert redacted.counts == {"PHONE": 2}


def test_a_value_that_one_text_gives_away_leaves_the_others_too():
    redacted = redact(["the password is Blue-Horse7", "try Blue-Horse7 again"], PATTERNS)
    assert redacted.value == ["the password is <SECRET_1>", "try <SECRET_1> again"]


def test_our_own_instructions_and_names_for_programs_are_not_touched():
    row = {"prompt": [{"role": "system", "content": "Cite like a@example.com"}], "paths": ["a@example.com.md"]}
    assert redact(row, PATTERNS).value == row


def test_known_people_are_found_by_whatever_name_they_are_known():
    known = KnownPeople(["ann", "U1", "it", "U0TEAM001A"], ["C9"])
    redacted = redact("ann and U1 of it wrote in C9 to U0TEAM001A; annual", [known])
    assert redacted.value == "<PERSON_1> and <PERSON_2> of it wrote in <CHANNEL_1> to <PERSON_3>; annual"


class Names:
    """Somebody's own redactor."""

    name = "names-1"

    def find(self, text):
        from knowledge import Sensitive

        start = text.find("Priya Raman")
        return [Sensitive(start, start + 11, "NAME")] if start >= 0 else []


def test_a_stronger_redactor_adds_to_the_patterns():
    together = strengthened(Names())
    assert isinstance(together, Together)
    assert together.name == "patterns-1+names-1"
    assert redact("Priya Raman, priya@example.com", [together]).value == "<NAME_1>, <EMAIL_1>"


@pytest.mark.parametrize(
    ("text", "empty"), [("<EMAIL_1>", True), ("at <PHONE_1>.", True), ("Ask the desk: <PHONE_1>", False)]
)
def test_a_text_of_placeholders_alone_says_nothing(text, empty):
    assert says_nothing(text) is empty


values = st.recursive(
    st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
)


@given(values)
def test_redaction_keeps_the_shape_and_finds_nothing_the_second_time(value):
    once = redact(value, PATTERNS).value
    assert shape(once) == shape(value)
    assert redact(once, PATTERNS).value == once
    json.dumps(once)


def shape(value):
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    return [shape(each) for each in value] if isinstance(value, list) else "text"
