"""The extractive answerer: an answer that reads like one, each sentence with its quote; otherwise a decline."""

import json
import math
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.adapters.extractive_answerer import LONGEST_ANSWER, ExtractiveAnswerer, version
from knowledge.adapters.wordllama_embedder import WordLlamaEmbedder
from knowledge.citing import check
from knowledge.language.lexical import query_terms, terms
from knowledge.ports import AnswerRequest
from knowledge.types import Chunk, Draft, Passage, Question
from tests.handbook_cases import (
    ABOUT_FOOTNOTE,
    ABSENT,
    ANSWERED,
    CHECKLIST,
    DOCUMENTS,
    NEAR_MISSES,
    PLANS,
    SECOND_LOOK,
    SHEET,
)

DOCS = Path(__file__).parents[1] / "docs"
LOAD = "It may be loaded with up to 120 kg."


def passage(text, number=0, *, title="Handbook", heading="", score=1.0):
    chunk = Chunk(f"c{number}", f"d{number}", "s", f"{number}.md", title, None, heading, None, 0, 0, len(text), text)
    return Passage(chunk, number + 1, score)


@pytest.fixture(scope="module")
def embedder():
    return WordLlamaEmbedder()


@pytest.fixture(scope="module")
def answerer(embedder):
    return ExtractiveAnswerer(embedder)


async def drafted(answerer, question, passages) -> Draft:
    events = [event async for event in answerer.answer(AnswerRequest(Question(question), tuple(passages)))]
    assert events[-1].draft is not None
    assert [event.sentence for event in events[:-1]] == list(events[-1].draft.sentences)
    return events[-1].draft


async def answered(answerer, question, *texts):
    """Return the checked text; everything that is drafted must stand up to the check."""
    passages = [passage(text, number) for number, text in enumerate(texts)]
    draft = await drafted(answerer, question, passages)
    answer = check(draft, passages)
    assert answer.rejected == {}
    assert len(answer.sentences) == len(draft.sentences) <= LONGEST_ANSWER
    return re.sub(r"(?: \[\d\])+", "", re.sub(r"(\[\d\])(?=\[)", "", answer.text))


class Shelf:
    """The sections of some documents with a small BM25 and cosine search over them."""

    def __init__(self, embedder, documents):
        sections = [(name, part) for name, text in documents.items() for part in re.split(r"(?m)^(?=## )", text)]
        self.chunks = [(name, text) for name, text in sections if len(text.split("\n")) > 2]
        self.terms = [terms(f"{name} {text}") for name, text in self.chunks]
        self.embedder = embedder
        self.vectors = None

    def share(self, term):
        return sum(term in found for found in self.terms) / len(self.terms)

    async def passages(self, question):
        if self.vectors is None:
            self.vectors = await self.embedder.embed_documents([text for _, text in self.chunks])
        lexical = [sum(self.worth(term, found) for term in query_terms(question)) for found in self.terms]
        cosines = self.vectors @ await self.embedder.embed_query(question)
        best = (max(lexical) or 1.0, max(cosines))
        fused = [0.7 * one / best[0] + 0.3 * other / best[1] for one, other in zip(lexical, cosines, strict=True)]
        order = sorted(range(len(fused)), key=lambda number: -fused[number])[:8]
        shown = ((number, *self.chunks[number]) for number in order)
        return [
            passage(text, number, title=name, score=float(fused[number] / fused[order[0]]))
            for number, name, text in shown
        ]

    def worth(self, term, found):
        share = self.share(term)
        return math.log(1 / share + 0.01) * found.count(term) * 2 / (found.count(term) + 1) if share else 0.0


@pytest.fixture(scope="module")
def shelf(embedder):
    return Shelf(embedder, DOCUMENTS)


@pytest.fixture(scope="module")
def librarian(embedder, shelf):
    return ExtractiveAnswerer(embedder, shelf.share)


async def test_what_the_handbook_says_is_answered(librarian, shelf):
    told = right = 0
    for question, words in ANSWERED:
        passages = await shelf.passages(question)
        draft = await drafted(librarian, question, passages)
        answer = check(draft, passages)
        assert answer.rejected == {}, question
        told += bool(answer.sentences)
        right += words in answer.text
    assert told >= 0.95 * len(ANSWERED)
    assert right >= 0.88 * len(ANSWERED)


async def test_what_the_handbook_does_not_say_is_declined(librarian, shelf):
    async def share_told(questions):
        drafts = [await drafted(librarian, question, await shelf.passages(question)) for question in questions]
        return sum(bool(draft.sentences) for draft in drafts) / len(questions)

    assert await share_told(ABSENT) <= 0.04
    assert await share_told(NEAR_MISSES) <= 0.40


@pytest.mark.parametrize(("question", "text", "words"), SECOND_LOOK)
async def test_words_in_common_alone_do_not_make_an_answer(answerer, question, text, words):
    answer = await answered(answerer, question, text)
    assert words in answer if words else answer == ""


async def test_the_answer_stands_without_what_is_beside_it(answerer):
    assert await answered(answerer, "How much may the trolley be loaded with?", SHEET) == LOAD
    assert "Signed tour" not in await answered(answerer, "Who may sign a tour contract?", CHECKLIST)
    assert "Medium" not in await answered(answerer, "What does the Small tariff cost?", PLANS)


@pytest.mark.parametrize(("question", "words"), ABOUT_FOOTNOTE)
async def test_our_own_documents_answer_what_people_ask_first(embedder, question, words):
    documents = {path.name: path.read_text("utf-8") for path in sorted(DOCS.glob("*.md"))}
    shelf = Shelf(embedder, documents)
    draft = await drafted(ExtractiveAnswerer(embedder, shelf.share), question, await shelf.passages(question))
    assert words in draft.sentences[0].text


async def test_our_own_documents_answer_nothing_that_they_do_not_say(embedder):
    documents = {path.name: path.read_text("utf-8") for path in sorted(DOCS.glob("*.md"))}
    shelf = Shelf(embedder, documents)
    question = "Who won the world cup in 1990?"  # as README.md shows it
    assert question in (DOCS.parent / "README.md").read_text("utf-8")
    draft = await drafted(ExtractiveAnswerer(embedder, shelf.share), question, await shelf.passages(question))
    assert not draft.sentences


async def test_a_list_answers_with_its_items(answerer):
    text = "# Expenses\n\nTo claim an expense you need:\n\n- the **receipt**\n- the cost centre\n- [the form](x.md)\n"
    answer = await answered(answerer, "What do I need to claim an expense?", text)
    assert answer == "To claim an expense you need: the receipt; the cost centre; the form."


async def test_steps_answer_a_question_for_the_way(answerer):
    text = "## How do I get a new laptop?\n\n1. Open a ticket.\n2. Choose a *model*.\n3. Collect it from the desk.\n"
    answer = await answered(answerer, "How do I get a new laptop?", text)
    assert answer == "(1) Open a ticket; (2) Choose a model; (3) Collect it from the desk."


async def test_a_table_row_answers_as_a_sentence(answerer):
    rows = "| Office | Days of leave | Carry-over |\n|---|---|---|\n| Madrid | **23** | 5 |\n| Hamburg | 30 | 3 |"
    answer = await answered(answerer, "How many days of leave do I get in Madrid?", f"# Leave\n\n{rows}")
    assert answer == "Office: Madrid – Days of leave: 23; Carry-over: 5."


async def test_a_command_answers_in_backticks(answerer):
    text = "# Shop\n\nRun the tests with:\n\n```bash\nmake check\n```\n\nThe shop is in Frankfurt.\n"
    assert await answered(answerer, "How do I run the tests?", text) == "Run the tests with: `make check`."


async def test_a_sentence_that_points_back_takes_the_one_before_with_it(answerer):
    text = "Parental leave lasts 16 weeks. It must be requested eight weeks before it starts. Lunch is free."
    answer = await answered(answerer, "When must parental leave be requested?", text)
    assert answer == "Parental leave lasts 16 weeks. It must be requested eight weeks before it starts."


async def test_sentences_side_by_side_share_one_footnote(answerer):
    passages = [passage("Parental leave lasts 16 weeks. It must be requested eight weeks before it starts.")]
    draft = await drafted(answerer, "When must parental leave be requested?", passages)
    assert check(draft, passages).text.count("[1]") == 2


async def test_a_limit_is_not_left_out(answerer):
    text = "Employees may use a work laptop for private purposes. However, no software may be installed. Lunch is free."
    answer = await answered(answerer, "Can employees use a work laptop for private purposes?", text)
    assert "no software may be installed" in answer


async def test_a_question_among_the_words_is_context_and_no_answer(answerer):
    text = "**How long does a refund take?**\nRefunds are issued within seven days.\n\n**Who pays?**\nWe do."
    assert await answered(answerer, "How long does a refund take?", text) == "Refunds are issued within seven days."


async def test_a_heading_alone_is_no_answer(answerer):
    assert await answered(answerer, "What is the parental leave policy?", "# Parental leave policy\n\n## Scope\n") == ""


async def test_sources_that_contradict_each_other_are_both_cited(answerer):
    old, new = "The hotel limit is 120 euros per night.", "The hotel limit is 140 euros per night."
    passages = [passage(old, 0, title="Travel 2022"), passage(new, 1, title="Travel 2024", score=0.98)]
    answer = check(await drafted(answerer, "What is the hotel limit?", passages), passages)
    assert {citation.quote for citation in answer.citations} == {old, new}


async def test_the_same_sentence_in_two_documents_is_said_once(answerer):
    text = "The hotel limit is 140 euros per night."
    assert await answered(answerer, "What is the hotel limit?", f"{text} Ask us.", f"# Travel\n\n{text}") == text


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("How many days of leave do contractors get?", "Employees get 26 days of leave a year."),
        ("When was the Lisbon office opened?", "The Lisbon office is led by Rui Teixeira."),
        ("Who leads the Gdansk office?", "The Lisbon office is led by Rui Teixeira."),
        ("How much does lunch cost?", "Lunch is served from noon in the canteen."),
        ("What was the revenue in 2023?", "The company was founded in 2011 and has 214 employees."),
        ("Wo ist die Kantine?", "Der Urlaubsantrag muss zwei Wochen vorher gestellt werden."),
        ("hello", "Employees get 26 days of leave a year."),
        ("???", "Employees get 26 days of leave a year."),
        ("", "Employees get 26 days of leave a year."),
    ],
)
async def test_a_near_miss_is_declined(answerer, question, text):
    assert await answered(answerer, question, text) == ""


@pytest.mark.parametrize(
    ("question", "text", "words"),
    [
        ("Wie viele Urlaubstage gibt es?", "Es gibt 30 Urlaubstage im Jahr. Das Büro ist in Kiel.", "30"),
        ("Quand ferme le bureau ?", "Le bureau ferme le 24 décembre. Le café est gratuit.", "24"),
        ("¿Cuántos días de vacaciones hay?", "Hay 23 días de vacaciones. La oficina abre pronto.", "23"),
        ("parental leave weeks", "Parental leave lasts 16 weeks. Lunch is free.", "16"),
    ],
)
async def test_other_languages_and_fragments_are_answered(answerer, question, text, words):
    assert words in await answered(answerer, question, text)


async def test_without_passages_it_declines(answerer):
    assert (await drafted(answerer, "Anything?", [])).sentences == ()


async def test_the_request_is_kept_byte_for_byte(answerer):
    passages = [passage("Lunch is free. Grüße")]
    first, second = [await drafted(answerer, "Is lunch free?", passages) for _ in range(2)]
    assert first == second
    assert first.prompt_version == version()
    kept = json.loads(first.request)
    assert kept["question"] == "Is lunch free?"
    assert kept["passages"] == [{"id": "c0", "text": "Lunch is free. Grüße"}]


@settings(max_examples=150, deadline=None)
@given(question=st.text(max_size=60), text=st.text(alphabet="ab c|-*#`>\n.:?1é漢\ud800", max_size=200))
def test_nothing_that_is_asked_or_written_makes_it_fail(question, text):
    import asyncio

    answerer = ExtractiveAnswerer(WORDS)
    passages = [passage(text.replace("\ud800", "?"))]
    draft = asyncio.run(drafted(answerer, question, passages))
    assert len(check(draft, passages).sentences) == len(draft.sentences)


WORDS = WordLlamaEmbedder()
