"""What is sent, and reading citations back: pure functions, many inputs."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge import Quote, Turn
from knowledge.adapters.claude_request import Sent, canonical, split, turns
from knowledge.citing import Checker
from knowledge.types import DraftSentence
from tests.answerers.conftest import EXPENSES, LEAVE, PASSAGES, passage
from tests.handbook_cases import DOCUMENTS

MARKDOWN = st.lists(
    st.sampled_from(
        ["# Heading\n", "\n", "A sentence. ", "Another one! ", "**Bold** start. ", "- item one. Two.\n", "| a | b |\n",
         "|---|---|\n", "| 1 | 2 |\n", "```\ncode. More\n```\n", "`x.y`, e.g. this. ", "1. Step one.\n",
         "Zeile\n", "   ", "„Zitat.“ "]
    ),
    max_size=12,
).map("".join)  # fmt: skip


@given(MARKDOWN)
@settings(max_examples=300, deadline=None)
def test_the_blocks_of_a_passage_are_the_passage_and_none_is_empty(text):
    blocks = split(text)
    assert "".join(blocks) == text
    assert all(block.strip() for block in blocks) or not text.strip()


def test_sentences_rows_items_and_headings_are_blocks_of_their_own():
    assert [block.strip() for block in split(LEAVE)] == [
        "# Time off",
        "## Annual leave",
        "Every employee gets **26 days** of paid annual leave per calendar year.",
        "Up to 5 unused days can be carried over.",
        "- Requests go through PeopleDesk.",
        "- Your line manager approves them within three working days.",
    ]
    assert [block.strip() for block in split(EXPENSES)] == [
        "| Expense | Limit |\n|---|---|",
        "| Hotel per night | 140 euros |",
        "| Taxi | 45 euros per ride |",
    ]


def test_markup_stays_with_the_sentence_that_it_belongs_to():
    assert split("First. **Second** one. `Third` one. [Fourth](x) one.") == [
        "First. ", "**Second** one. ", "`Third` one. ", "[Fourth](x) one.",
    ]  # fmt: skip


def test_every_block_of_every_document_can_be_cited_and_is_found_again():
    for number, text in enumerate(DOCUMENTS.values(), 1):
        cited = passage(text, number)
        checker, sent = Checker([cited]), Sent([cited])
        (result,) = sent.results
        for place, block in enumerate(result["content"]):
            quote = sent.quote(
                {
                    "search_result_index": 0,
                    "start_block_index": place,
                    "end_block_index": place + 1,
                    "cited_text": block["text"],
                    "source": result["source"],
                }
            )
            assert quote == Quote(0, block["text"].strip())
            checker.add(DraftSentence("This is said there.", (quote,)))
        assert len(checker.citations) >= len(result["content"]) * 0.9
        assert "altered_quote" not in checker.finish().rejected
        assert "unknown_passage" not in checker.finish().rejected


ODD = st.one_of(st.integers(-3, 9), st.none(), st.text(max_size=3), st.booleans())


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "search_result_index": ODD,
            "start_block_index": ODD,
            "end_block_index": ODD,
            "cited_text": st.one_of(st.none(), st.text(max_size=40), st.sampled_from(split(LEAVE) + split(EXPENSES))),
            "source": st.one_of(st.none(), st.sampled_from(["handbook/leave.md", "handbook/expenses.md", "elsewhere"])),
        },
    )
)
@settings(max_examples=500, deadline=None)
def test_whatever_a_citation_claims_only_words_of_sent_passages_are_shown(citation):
    sent = Sent(PASSAGES)
    checker = Checker(PASSAGES)
    checker.add(DraftSentence("You get leave.", (sent.quote(citation),)))
    for shown in checker.citations:
        assert shown.chunk in [passage.chunk for passage in PASSAGES]
        assert shown.chunk.text[shown.start : shown.end].strip()


def test_a_passage_is_sent_once_however_often_it_is_found():
    sent = Sent(PASSAGES)
    again, results = sent.add((PASSAGES[1], passage("New words.", 9), passage("  ", 10)))
    assert (len(sent.results), [found.chunk.id for found in again], len(results)) == (2, ["chunk-9"], 1)


def test_citations_fit_the_list_although_something_of_it_was_not_sent():
    listed = [passage("  ", 7), PASSAGES[0], PASSAGES[0], passage("The last one.", 8)]
    sent = Sent(listed)
    place = {"start_block_index": 0, "end_block_index": 1}
    assert len(sent.results) == 2
    assert sent.quote(place | {"search_result_index": 1}) == Quote(3, "The last one.")
    sent.add([passage("A new one.", 9)])
    assert sent.quote(place | {"search_result_index": 2}) == Quote(4, "A new one.")


def test_half_a_character_in_a_file_name_does_not_break_the_request():
    sent = Sent([passage("Text.", path="caf\udce9.md", title="caf\udce9")])
    assert b"caf?" in canonical(sent.results[0])


def test_turns_alternate_and_begin_with_a_person():
    history = [Turn("assistant", "one [1]"), Turn("U1", "two"), Turn("U2", "three"), Turn("assistant", "four")]
    assert [(turn["role"], turn["content"]) for turn in turns(history, asker="U1", tokens=100)] == [
        ("user", "(Earlier messages are left out.)"),
        ("assistant", "one"),
        ("user", "two\n\nU2 wrote: three"),
        ("assistant", "four"),
    ]


def test_no_room_for_history_means_none():
    assert turns([Turn("U1", "words")], asker="U1", tokens=0) == []
