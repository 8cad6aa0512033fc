"""`footnote eval` refuses what is worse than it was, on real documents; the verdicts are kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from bot.cli import app
from knowledge import Settings, candidate
from knowledge.errors import ConfigurationError
from tests.databases import rows

QUESTION = "How many days of annual leave are there?"
CASES = [
    {"question": QUESTION, "paths": ["leave.md"]},
    {"question": "What is the limit for hotels per night?", "paths": ["travel/expenses.md"]},
    {"question": "Who won the world cup in 1990?", "answerable": False},
]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def questions(tmp_path: Path, handbook: Path) -> str:
    assert run("reindex", str(handbook)).exit_code == 0
    (tmp_path / "questions.jsonl").write_text("".join(json.dumps(case) + "\n" for case in CASES))
    return "questions.jsonl"


def lose(handbook: Path, path: str) -> None:
    (handbook / path).write_text("# Nothing\n\nThis page was emptied by mistake, and says nothing of it.\n")
    assert run("reindex", str(handbook)).exit_code == 0


def test_the_first_measurement_is_what_later_ones_are_held_against(questions: str, handbook: Path):
    first = run("eval", questions, "--gate", "--json")
    assert (first.exit_code, json.loads(first.output)["ruling"]) == (0, "baseline")
    assert json.loads(run("eval", questions, "--gate", "--json").output)["ruling"] == "passed"
    lose(handbook, "leave.md")
    refused = run("eval", questions, "--gate")
    assert refused.exit_code == 1
    assert "Refused: something is worse." in refused.output
    assert f"worse: {QUESTION}" in refused.output
    assert run("eval", questions, "--gate", "--accept").exit_code == 0
    assert json.loads(run("eval", questions, "--gate", "--json").output)["ruling"] == "passed"


def test_a_floor_refuses_even_the_first_measurement(questions: str):
    refused = run("eval", questions, "--gate", "--at-least", "recall@1=1.01")
    assert refused.exit_code == 1
    assert "recall@1 is 1.000, it must be at least 1.01." in refused.output
    assert run("eval", questions, "--gate", "--at-least", "recall@1=much").exit_code == 2
    assert run("eval", questions, "--gate", "--at-least", "beauty=1").exit_code == 2


def test_approved_answers_are_a_regression_set(questions: str, handbook: Path):
    answer_id = json.loads(run("ask", QUESTION, "--json").output)["answer_id"]
    nothing = run("eval", "--approved")
    assert (nothing.exit_code, "Nothing has been approved yet" in nothing.output) == (2, True)
    assert run("review", answer_id, "approve", "--by", "Ann").exit_code == 0
    passed = json.loads(run("eval", "--approved", "--json").output)
    assert (passed["ruling"], passed["figures"]["accuracy"], passed["worse"]) == ("passed", 1.0, [])
    # The same words now stand in another document, too, which the old ones give way to.
    (handbook / "archive.md").write_text(
        f"# {QUESTION}\n\nHow many days of annual leave: there are 12 days of annual leave.\n"
    )
    (handbook / "leave.md").write_text((handbook / "leave.md").read_text() + "\n## Other\n\nNothing more.\n")
    assert run("reindex", str(handbook)).exit_code == 0
    refused = run("eval", "--approved")
    assert refused.exit_code == 1, refused.output
    assert f"worse: {QUESTION}" in refused.output


def test_an_answer_that_was_edited_was_wrong_and_is_not_asked_for_again(questions: str, handbook: Path):
    asked = "Is breakfast part of the 140 euros that hotels cost?"
    answer_id = json.loads(run("ask", asked, "--json").output)["answer_id"]
    text = "We reimburse hotels up to 140 euros per night, breakfast included."
    assert run("review", answer_id, "edit", "--text", text, "--by", "Ann").exit_code == 0
    told = json.loads(run("eval", "--approved", "--json").output)
    compared = {each["figure"] for each in told["differences"]}
    assert (told["ruling"], "recall@5" in compared, "accuracy" in compared) == ("passed", True, False)


def test_what_was_measured_is_kept_and_is_nobodys_question(questions: str, settings: Settings):
    run("eval", questions, "--gate")
    (kept,) = rows(settings, "SELECT kind, ruling FROM evaluations")
    assert tuple(kept) == ("gate", "baseline")
    assert json.loads(run("report", "--json").output)["questions"] == 0


def test_two_embedders_are_compared_apart_from_what_is_in_use(questions: str, tmp_path: Path, settings: Settings):
    (tmp_path / "few.env").write_text("FOOTNOTE_PASSAGES=1\n")
    run("ask", QUESTION)
    compared = run("eval", questions, "--compare", "wordllama", "few.env", "--json")
    told = json.loads(compared.output)
    assert told["baseline"]["recall@1"] == 1.0
    assert told["ruling"] in {"passed", "refused"}
    assert compared.exit_code == (told["ruling"] == "refused")
    kept = rows(settings, "SELECT kind, configuration FROM evaluations")
    assert kept[0][0] == "compare"
    assert rows(settings, "SELECT count(*) FROM generations") == [(1,)]


def test_a_worse_embedder_is_refused(questions: str):
    refused = run("eval", questions, "--compare", "wordllama", "tests.learning.blind_embedder.BlindEmbedder", "--json")
    told = json.loads(refused.output)
    assert (refused.exit_code, told["ruling"]) == (1, "refused")


def test_a_file_of_settings_that_sets_nonsense_is_refused(tmp_path: Path, settings: Settings):
    (tmp_path / "odd.env").write_text("FOOTNOTE_PASAGES=1\n")
    with pytest.raises(ConfigurationError, match="sets FOOTNOTE_PASAGES, which is no setting"):
        candidate("odd.env", settings)
    (tmp_path / "bad.env").write_text("FOOTNOTE_PASSAGES=none\n")
    with pytest.raises(ConfigurationError, match=r"bad\.env: FOOTNOTE_PASSAGES"):
        candidate("bad.env", settings)


def test_the_variables_of_a_file_take_the_place_of_the_environments(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FOOTNOTE_PASSAGES", "3")
    (tmp_path / "b.env").write_text("FOOTNOTE_PASSAGES=5\n")
    assert candidate("b.env", settings).settings.passages == 5
