"""A gate refuses what is worse, and only that; intervals draw whole groups."""

from __future__ import annotations

import pytest

from knowledge.evaluating import Case
from knowledge.gates import Ruling, against_thresholds, case_figures, compare, interval, summary
from knowledge.types import Answer, Chunk, Citation, Outcome, Passage, Sentence

GROUPS = [str(number) for number in range(40)]


def rows(**figures: list[float | None]) -> list[dict[str, float | None]]:
    length = len(next(iter(figures.values())))
    return [{name: values[place] for name, values in figures.items()} for place in range(length)]


def test_the_same_is_not_worse():
    same = rows(accuracy=[1.0, 0.0] * 20, length=[30.0] * 40)
    assert compare(same, same, GROUPS).ruling is Ruling.PASSED


def test_a_clear_drop_is_refused_and_named():
    result = compare(rows(accuracy=[1.0] * 40), rows(accuracy=[1.0] * 30 + [0.0] * 10), GROUPS)
    assert result.ruling is Ruling.REFUSED
    assert result.reasons[0].startswith("answered rightly, of the answerable: 0.750 instead of 1.000")


def test_a_gain_passes():
    assert compare(rows(accuracy=[0.0] * 40), rows(accuracy=[1.0] * 40), GROUPS).ruling is Ruling.PASSED


def test_a_drop_of_less_than_two_points_within_the_noise_passes():
    baseline = [0.5] * 40
    noisy = [0.5 + (0.3 if number % 2 else -0.32) for number in range(40)]
    assert compare(rows(accuracy=baseline), rows(accuracy=noisy), GROUPS).ruling is Ruling.PASSED


def test_a_small_drop_everywhere_is_refused():
    result = compare(rows(groundedness=[1.0] * 40), rows(groundedness=[0.99] * 40), GROUPS)
    assert result.ruling is Ruling.REFUSED


@pytest.mark.parametrize(("words", "ruling"), [(35.0, Ruling.PASSED), (40.0, Ruling.REFUSED), (10.0, Ruling.PASSED)])
def test_answers_may_grow_by_a_fifth_and_shrink(words: float, ruling: Ruling):
    assert compare(rows(length=[30.0] * 40), rows(length=[words] * 40), GROUPS).ruling is ruling


def test_only_cases_that_tell_a_figure_in_both_runs_are_compared():
    result = compare(rows(declined=[1.0, None, 1.0]), rows(declined=[1.0, 0.0, None]), ["a", "b", "c"])
    assert [difference.cases for difference in result.differences] == [1]


def test_paraphrases_of_one_question_do_not_count_as_many():
    """Ten paraphrases that move together are one observation: the interval is as wide as that of two groups."""
    values = [1.0] * 10 + [0.0] * 10
    apart = interval(values, [str(number) for number in range(20)])
    together = interval(values, ["a"] * 10 + ["b"] * 10)
    assert together == (0.0, 1.0)
    assert 0.0 < apart[0] < apart[1] < 1.0


def test_the_same_numbers_give_the_same_interval():
    values = [0.1, -0.2, 0.3, 0.0]
    assert interval(values, GROUPS[:4]) == interval(values, GROUPS[:4])


def test_a_figure_below_its_floor_is_refused_and_one_that_was_not_measured_too():
    assert against_thresholds({"recall@5": 0.9}, {"recall@5": 0.9}).ruling is Ruling.PASSED
    assert against_thresholds({"recall@5": 0.8}, {"recall@5": 0.9}).reasons == (
        "recall@5 is 0.800, it must be at least 0.9.",
    )
    assert against_thresholds({"recall@5": None}, {"recall@5": 0.9}).ruling is Ruling.REFUSED


def chunk(path: str, text: str = "There are 27 days.") -> Chunk:
    return Chunk(path, path, "s", path, path, None, "", None, 0, 0, len(text), text)


def test_the_figures_of_a_case_say_what_was_found_answered_and_cited():
    right = chunk("a.md")
    answer = Answer(
        "1",
        Outcome.ANSWERED,
        "There are 27 days. [1] Trust me.",
        citations=(Citation(1, right, "27 days", 10, 17),),
        sentences=(Sentence("There are 27 days.", (1,)), Sentence("Trust me.", supported=False)),
    )
    figures = case_figures(Case("?", paths=("a.md",)), [Passage(chunk("b.md"), 1, 1.0), Passage(right, 2, 0.9)], answer)
    assert figures["recall@1"] == 0.0
    assert figures["recall@5"] == 1.0
    assert (figures["answered"], figures["accuracy"], figures["declined"]) == (1.0, 1.0, None)
    assert (figures["citation_validity"], figures["groundedness"], figures["length"]) == (1.0, 0.5, 7.0)


def test_an_unanswerable_question_counts_for_declining_alone():
    figures = case_figures(Case("?", answerable=False), [], Answer("1", Outcome.DECLINED, "I could not find this."))
    assert {name: value for name, value in figures.items() if value is not None} == {"declined": 1.0}
    assert summary([figures])["declined"] == 1.0
    assert summary([figures])["accuracy"] is None
