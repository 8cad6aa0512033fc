"""Sentences: exact offsets, nothing lost, abbreviations and numbers do not end one."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.language.sentences import sentence_spans, sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Leave is paid. Ask HR!", ["Leave is paid.", "Ask HR!"]),
        ("Dr. Smith pays approx. 3.5 million U.S. dollars.", ["Dr. Smith pays approx. 3.5 million U.S. dollars."]),
        ("He lives in the U.S. The rest does not.", ["He lives in the U.S.", "The rest does not."]),
        ("Use e.g. Python 3.11. It works.", ["Use e.g. Python 3.11.", "It works."]),
        ("See No. 5 and Fig. 3 of Mr. J. R. Ewing.", ["See No. 5 and Fig. 3 of Mr. J. R. Ewing."]),
        ("Am 3. Mai endet z. B. die Frist. Die Nr. 5 gilt.", ["Am 3. Mai endet z. B. die Frist.", "Die Nr. 5 gilt."]),
        ("休暇は25日です。申請は人事部へ。", ["休暇は25日です。", "申請は人事部へ。"]),
        ("From: Ann\nDate: 3 May\nSubject: Leave", ["From: Ann", "Date: 3 May", "Subject: Leave"]),
        ("A wrapped line of prose that goes on for quite a while\nand ends here.", None),
        ("First paragraph\n\nSecond paragraph", ["First paragraph", "Second paragraph"]),
        ('"Really?" he asked. (Yes.) Done', ['"Really?" he asked.', "(Yes.)", "Done"]),
        ("Wait... what?", ["Wait... what?"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_sentences_end_where_a_reader_would_end_them(text, expected):
    assert sentences(text) == ([text] if expected is None else expected)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab AB.!?:\n\"')1,。é\u00a0-", max_size=200))
def test_spans_hold_every_character_once_and_in_order(text):
    spans = sentence_spans(text)
    assert all(start < end and text[start:end] == text[start:end].strip() for start, end in spans)
    assert all(left[1] <= right[0] for left, right in pairwise(spans))
    held = "".join(text[start:end] for start, end in spans)
    assert "".join(held.split()) == "".join(text.split())
