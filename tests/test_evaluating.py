"""Figures over questions whose answers are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from knowledge import KnowledgeBase, Question, UsageError
from knowledge.evaluating import Case, answer_figures, evaluate, load_cases, retrieval_figures, stands

CASES = [
    Case("How many days of annual leave do full-time employees get?", ("leave.md",), ("27 days",)),
    Case("Who orders new laptops?", (), ("Priya Raman",)),
    Case("What is the atomic weight of tungsten?", answerable=False),
]


async def test_a_handbook_is_searched_and_answered(kb: KnowledgeBase):
    figures = await evaluate(kb, CASES)
    assert (figures["questions"], figures["answerable"]) == (3, 2)
    assert figures["recall@1"] == figures["mrr"] == figures["ndcg@10"] == 1.0
    assert figures["answered"] == figures["declined"] == figures["citation_validity"] == 1.0
    assert figures["answer_contained"] == 1.0
    assert figures["failed"] == 0.0


async def test_only_cases_that_say_where_count_for_retrieval(kb: KnowledgeBase):
    found = (await kb.search(Question("laptop"))).passages
    assert retrieval_figures([Case("x", ("no such.md",)), Case("y")], [found, found])["recall@20"] == 0.0
    assert retrieval_figures([Case("y")], [found])["mrr"] == 0.0


async def test_a_citation_that_points_beside_its_quote_does_not_stand(kb: KnowledgeBase):
    answer = await kb.ask(Question(CASES[0].question))
    (citation, *_) = answer.citations
    assert stands(citation)
    assert not stands(replace(citation, quote="28 days"))
    assert not stands(replace(citation, start=citation.start + 3))
    assert not stands(replace(citation, start=-5))


def test_a_figure_that_no_case_tells_is_none():
    assert answer_figures([], []) == dict.fromkeys(
        ("answered", "declined", "failed", "answer_contained", "citation_validity")
    )


def test_cases_are_read_and_empty_lines_passed_over(tmp_path: Path):
    file = tmp_path / "cases.jsonl"
    file.write_text('{"question": "q", "paths": ["a.md"]}\n\n{"question": "r", "answerable": false, "kind": "x"}\n')
    assert load_cases(file) == [Case("q", ("a.md",)), Case("r", answerable=False)]


@pytest.mark.parametrize("line", ["not json", '{"paths": []}', "[1]", '{"question": "q", "paths": "a.md"}'])
def test_a_wrong_line_is_named(tmp_path: Path, line: str):
    file = tmp_path / "cases.jsonl"
    file.write_text(f'{{"question": "fine"}}\n{line}\n')
    with pytest.raises(UsageError, match=r"cases\.jsonl:2"):
        load_cases(file)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(UsageError, match=r"gone\.jsonl"):
        load_cases(tmp_path / "gone.jsonl")
