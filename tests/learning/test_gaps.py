"""The gap report counts everything, quotes nobody's private words, and is a page that needs no network."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import app
from bot.report_page import render
from knowledge import (
    Answer,
    Feedback,
    GapReport,
    KnowledgeBase,
    Outcome,
    Question,
    Reason,
    Settings,
    SourceSettings,
    Surface,
    TeamFile,
    Vote,
)
from knowledge.gaps import GapKind, report, wilson
from knowledge.labels import LabelledExchange, Signal, SignalKind
from knowledge.types import Embedding, Exchange

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PARKING = "Where may visitors park their bicycles?"


@pytest.fixture
def settings(on_both: Settings, handbook: Path) -> Settings:
    return on_both.with_team(TeamFile(sources={"handbook": SourceSettings(path=handbook, owner="U0ANN")}))


@pytest.fixture
async def kb(settings: Settings) -> AsyncIterator[KnowledgeBase]:
    opened = await KnowledgeBase.open(settings)
    await opened.reindex("handbook")
    yield opened
    await opened.close()


async def ask(kb: KnowledgeBase, text: str, **asked: object) -> Answer:
    return await kb.ask(Question(text, surface=Surface.CHANNEL, channel="C1", asker="U1", **asked))  # type: ignore[arg-type]


def exchange(text: str, outcome: Outcome, *, after: int = 0, vector: tuple[float, ...] = ()) -> LabelledExchange:
    import numpy as np

    answer = Answer(id=f"{text}{after}", outcome=outcome, text="")
    embedding = Embedding.of("wordllama-256", np.array(vector)) if vector else None
    asked = Question(text, asker=f"U{after}", surface=Surface.CHANNEL, channel="C1")
    return LabelledExchange(Exchange(asked, answer, (), b"", NOW + timedelta(minutes=after), embedding=embedding))


def made(*records: LabelledExchange) -> GapReport:
    return report(records, since=NOW - timedelta(days=30), until=NOW, owners={})


async def test_a_question_without_a_document_is_told_from_one_with_a_bad_answer(kb: KnowledgeBase):
    await ask(kb, PARKING)
    disliked = await ask(kb, "How many days of annual leave are there?")
    await kb.give_feedback(Feedback(disliked.id, "U2", Vote.DOWN, (Reason.OUTDATED_SOURCE,)))
    found = await kb.teaching.gap_report()
    kinds = {gap.kind: gap for gap in found.gaps}
    assert [question.text for question in kinds[GapKind.NO_DOCUMENT].questions] == [PARKING]
    outdated = kinds[GapKind.OUTDATED].documents[0]
    assert (outdated.path, outdated.source, outdated.owner) == ("leave.md", "handbook", "U0ANN")
    assert found.documents[0].path == "leave.md"


async def test_a_document_that_people_name_is_looked_up_and_told_with_its_owner(kb: KnowledgeBase):
    declined = await ask(kb, PARKING)
    for person, source in (
        ("U2", " Travel/Expenses.md"),
        ("U3", "expenses"),
        ("U4", "no such page"),
        ("U5", "leave.md"),
    ):
        told = Feedback(declined.id, person, Vote.DOWN, (Reason.REFUSED_BUT_ANSWER_EXISTS,), sources=(source,))
        await kb.give_feedback(told)
    await kb.choose_part("user:U5", takes_part=False)
    (gap,) = (await kb.teaching.gap_report()).gaps
    assert (gap.kind, [(each.path, each.owner) for each in gap.named]) == (
        GapKind.NOT_FOUND,
        [("travel/expenses.md", "U0ANN")],
    )
    assert "People name: travel/expenses.md (handbook, owner U0ANN)" in render(await kb.teaching.gap_report())


async def test_a_liked_answer_is_no_gap(kb: KnowledgeBase):
    liked = await ask(kb, "How many days of annual leave are there?")
    await kb.give_feedback(Feedback(liked.id, "U2", Vote.UP))
    assert (await kb.teaching.gap_report()).gaps == ()


async def test_direct_messages_are_counted_and_never_quoted(kb: KnowledgeBase):
    await kb.ask(Question(PARKING, surface=Surface.DIRECT, channel="D1", asker="U1"))
    found = await kb.teaching.gap_report()
    assert (found.questions, found.gaps[0].times, found.gaps[0].questions) == (1, 1, ())
    assert "bicycles" not in render(found)
    assert "bicycles" not in json.dumps(found.to_json())


async def test_people_who_opted_out_are_counted_and_never_quoted(kb: KnowledgeBase):
    await kb._store.consents.choose("user:U1", takes_part=False)
    await ask(kb, PARKING)
    assert [gap.questions for gap in (await kb.teaching.gap_report()).gaps] == [()]


def test_a_decline_whose_question_was_answered_later_was_not_found():
    declined = exchange("parking for bikes", Outcome.DECLINED, vector=(1.0, 0.1))
    later = exchange("where do bikes park", Outcome.ANSWERED, after=1, vector=(1.0, 0.0))
    other = exchange("who orders laptops", Outcome.ANSWERED, after=2, vector=(0.0, 1.0))
    assert made(declined, later).gaps[0].kind is GapKind.NOT_FOUND
    assert made(declined, other).gaps[0].kind is GapKind.NO_DOCUMENT


def test_questions_alike_are_one_gap_and_the_largest_comes_first():
    records = [
        exchange("a", Outcome.DECLINED, after=0, vector=(0.0, 1.0)),
        *(exchange(f"b{number}", Outcome.DECLINED, after=number, vector=(1.0, 0.01 * number)) for number in (1, 2, 3)),
    ]
    assert [(gap.times, gap.people) for gap in made(*records).gaps] == [(3, 3), (1, 1)]


def test_questions_that_were_never_embedded_are_alike_by_their_words():
    records = [exchange(text, Outcome.DECLINED, after=number) for number, text in enumerate(["A  b", "a B", "c"])]
    assert [gap.times for gap in made(*records).gaps] == [2, 1]


def test_a_question_that_ended_with_a_human_is_a_gap():
    answered = exchange("a", Outcome.ANSWERED)
    asked = LabelledExchange(answered.exchange, signals=(Signal("a0", "U1", SignalKind.WENT_TO_HUMAN),))
    assert [gap.kind for gap in made(answered, asked).gaps] == [GapKind.UNEXPLAINED]


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"), [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662)]
)
def test_intervals_are_those_of_wilson(hits: int, of: int, low: float, high: float):
    """The last one is Newcombe's example (1998, table I)."""
    assert (wilson(hits, of).low, wilson(hits, of).high) == pytest.approx((low, high), abs=2e-4)


async def test_votes_that_were_asked_for_stand_beside_those_that_were_not(kb: KnowledgeBase):
    for person, vote in (("U1", Vote.UP), ("U2", Vote.DOWN), ("U3", Vote.DOWN)):
        answer = await ask(kb, "How many days of annual leave are there?")
        if person == "U1":
            await kb._store.signals.add(Signal(answer.id, person, SignalKind.RATING_REQUESTED, "0.03"))
        await kb.give_feedback(Feedback(answer.id, person, vote))
    rates = (await kb.teaching.gap_report()).rates
    assert (rates["liked, sampled votes"].hits, rates["liked, sampled votes"].of) == (1, 1)
    assert (rates["liked, volunteered votes"].hits, rates["liked, volunteered votes"].of) == (0, 2)


class Elements(HTMLParser):
    """Collects what a page consists of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


async def test_the_page_has_plots_and_needs_neither_script_nor_network(kb: KnowledgeBase):
    await ask(kb, 'Where is <script>alert(1)</script> & "the rest"?')
    page = render(await kb.teaching.gap_report())
    elements = Elements()
    elements.feed(page)
    assert "svg" in elements.tags
    assert not elements.tags & {"script", "link", "iframe", "img", "image", "object", "embed"}
    assert not [
        name for name, _ in elements.attributes if name in {"src", "href", "xlink:href"} or name.startswith("on")
    ]
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "url(" not in page
    assert "@import" not in page


def test_an_empty_report_is_a_page_too():
    assert "Nothing was left open or disliked." in render(made())


def test_the_command_prints_a_report_and_writes_the_page(tmp_path: Path, handbook: Path):
    run = CliRunner().invoke
    assert run(app, ["reindex", str(handbook)]).exit_code == 0
    run(app, ["ask", PARKING])
    printed = run(app, ["report", "--html", "gaps.html"])
    assert printed.exit_code == 0
    assert "no document: 1 question" in printed.output
    assert PARKING in printed.output
    assert PARKING in Path("gaps.html").read_text("utf-8")
    told = json.loads(run(app, ["report", "--json", "--days", "1"]).output)
    assert (told["questions"], told["kinds"]) == (1, {"no document": 1})


def test_a_page_that_cannot_be_written_is_said_in_a_sentence(handbook: Path):
    refused = CliRunner().invoke(app, ["report", "--html", "no/such/folder/gaps.html"])
    assert refused.exit_code == 2
    assert "no/such/folder/gaps.html cannot be written" in refused.output
