"""The command line as a person and as a program use it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from bot.cli import app

ROOT = Path(__file__).parent.parent


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def run_json(*words: str) -> dict[str, Any]:
    done = run(*words, "--json")
    assert done.exit_code == 0, done.output
    (line,) = done.stdout.splitlines()
    parsed = json.loads(line)
    assert isinstance(parsed, dict)
    return parsed


def refusal(*words: str, code: int = 2) -> str:
    """Run what must be refused; return what it says: one to three short lines on standard error."""
    done = run(*words)
    assert done.exit_code == code, done.output
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert 1 <= len(lines) <= 3
    assert all(len(line) < 500 for line in lines)
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_folder_is_indexed_and_asked(handbook: Path):
    report = run_json("reindex", str(handbook))
    assert report["source"] == "handbook"
    assert (report["added"], report["changed"], report["unchanged"], report["removed"]) == (4, 0, 0, 0)
    assert report["failed"] == []
    assert report["chunks"] >= 4

    answer = run_json("ask", "How many days of annual leave do full-time employees get?")
    assert answer["outcome"] == "answered"
    assert "27 days" in answer["text"]
    (citation,) = answer["citations"]
    assert citation["path"] == "leave.md"
    assert citation["heading"] == "Leave policy > Annual leave"
    assert citation["quote"] in (handbook / "leave.md").read_text("utf-8").replace("\n", " ")
    assert "total" in answer["timings_ms"]


def test_what_the_documents_do_not_say_is_declined(handbook: Path):
    run_json("reindex", str(handbook))
    answer = run_json("ask", "Who won the football world cup in 1990?")
    assert answer["outcome"] == "declined"
    assert answer["text"].startswith("I could not find this")
    assert answer["citations"] == []


def test_a_search_shows_passages_in_order(handbook: Path):
    run_json("reindex", str(handbook))
    found = run_json("search", "taxi receipts", "--k", "3")
    assert [passage["rank"] for passage in found["passages"]] == list(range(1, len(found["passages"]) + 1))
    assert found["passages"][0]["path"] == "travel/expenses.md"
    scores = [passage["score"] for passage in found["passages"]]
    assert scores == sorted(scores, reverse=True)
    assert len(found["passages"]) == 3


def test_many_questions_are_answered_in_their_order(handbook: Path, tmp_path: Path):
    run_json("reindex", str(handbook))
    questions = ["When is the Leipzig office open?", "What is the hotel limit in Zurich?"]
    file = tmp_path / "questions.jsonl"
    file.write_text("".join(json.dumps({"question": question}) + "\n" for question in questions), "utf-8")
    done = run("ask", "--questions", str(file), "--json")
    office, hotel = (json.loads(line) for line in done.stdout.splitlines())
    assert "7:00" in office["text"]
    assert "210" in hotel["text"]
    searched = run("search", "--questions", str(file), "--k", "20", "--json")
    assert [len(json.loads(line)["passages"]) > 0 for line in searched.stdout.splitlines()] == [True, True]


def test_a_file_of_questions_is_evaluated(handbook: Path, tmp_path: Path):
    run_json("reindex", str(handbook))
    file = tmp_path / "cases.jsonl"
    cases = [
        {"question": "What is the hotel limit in Zurich?", "paths": ["travel/expenses.md"]},
        {"question": "Who orders new laptops?", "answers": ["Priya Raman"]},
        {"question": "Who won the football world cup in 1990?", "answerable": False},
    ]
    file.write_text("".join(json.dumps(case) + "\n" for case in cases), "utf-8")
    figures = run_json("eval", str(file))
    assert (figures["questions"], figures["answerable"]) == (3, 2)
    assert {"recall@1", "recall@5", "recall@10", "recall@20", "mrr", "ndcg@10"} <= figures.keys()
    assert figures["answered"] == figures["declined"] == figures["citation_validity"] == 1.0
    assert "answered" not in run_json("eval", str(file), "--search-only")
    shown = run("eval", str(file))
    assert "recall@1             100.0%" in shown.stdout


def test_a_file_of_labelled_citations_is_evaluated_without_any_documents(tmp_path: Path):
    passage = "Everyone gets 25 days of leave."
    cases = [
        {
            "sentence": "You get 25 days.",
            "quotes": [{"passage": 0, "text": passage}],
            "supported": True,
            "kind": "fine",
        },
        {
            "sentence": "You get 26 days.",
            "quotes": [{"passage": 0, "text": passage}],
            "supported": False,
            "kind": "lie",
        },
    ]
    file = tmp_path / "citations.jsonl"
    file.write_text("".join(json.dumps(case | {"passages": [passage]}) + "\n" for case in cases), "utf-8")
    figures = run_json("eval", str(file))
    assert (figures["cases"], figures["caught"], figures["kept"]) == (2, 1.0, 1.0)
    assert figures["kinds"]["lie"] == {"cases": 1, "caught": 1.0, "kept": None}
    assert "lie" in run("eval", str(file)).stdout
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("content", ["", "{", '{"question": ""}', '{"question": "q", "answerable": "no"}'])
def test_a_file_that_is_no_evaluation_is_refused_by_its_name(tmp_path: Path, content: str):
    file = tmp_path / "cases.jsonl"
    file.write_text(content, "utf-8")
    assert "cases.jsonl" in refusal("eval", str(file))


def test_feedback_is_stored_with_its_reasons(handbook: Path, tmp_path: Path):
    run_json("reindex", str(handbook))
    answer_id = run_json("ask", "What is the taxi limit?")["answer_id"]
    words = ("--reason", "outdated_source", "--comment", "old", "--correction", "70 euros", "--by", "U1")
    assert run_json("feedback", answer_id, "down", *words)["stored"] is True
    assert run_json("feedback", answer_id, "down", *words)["stored"] is False
    with sqlite3.connect(tmp_path / "home" / "footnote.db") as database:
        assert database.execute("SELECT answer_id, person, vote FROM feedback").fetchall() == [
            (answer_id, "U1", "down")
        ]
        assert database.execute("SELECT correction FROM remarks").fetchall() == [("70 euros",)]


def test_a_reviewed_answer_is_given_again(handbook: Path):
    run_json("reindex", str(handbook))
    answer_id = run_json("ask", "What is the taxi limit?")["answer_id"]
    correction = ("--correction", "A taxi may cost up to 60 euros per ride.", "--source", "expenses.md")
    run_json("feedback", answer_id, "down", *correction)
    judged = run_json("review", answer_id, "approve", "--correction", "--by", "Ann")
    assert (judged["stored"], judged["why_not"]) == (True, "")
    again = run_json("ask", "What limit is there for a taxi?")
    assert (again["model"], again["text"]) == ("verified", "A taxi may cost up to 60 euros per ride. [1]")
    assert run_json("review", again["answer_id"], "reject", "--by", "Ben")["withdrawn"] == 1
    assert run_json("ask", "What limit is there for a taxi?")["model"] == "extractive"


def test_what_waits_for_a_verdict_is_listed(handbook: Path):
    run_json("reindex", str(handbook))
    assert run_json("review") == {"waiting": []}
    assert "Nothing waits" in run("review").stdout
    asked = run_json("ask", "What is the taxi limit?")
    run_json(
        "feedback", asked["answer_id"], "down", "--reason", "incomplete", "--correction", "60 euros", "--by", "Ben"
    )
    (waiting,) = run_json("review")["waiting"]
    assert (waiting["answer_id"], waiting["why"], waiting["text"]) == (asked["answer_id"], "correction", asked["text"])
    assert (waiting["votes"], waiting["reasons"]) == ({"up": 0, "down": 1}, ["incomplete"])
    assert waiting["correction"] == "60 euros"
    assert "Correction: 60 euros" in run("review").stdout
    run_json("review", asked["answer_id"], "reject", "--correction")
    assert run_json("review") == {"waiting": []}


def test_a_person_or_a_channel_is_left_out_of_datasets(handbook: Path):
    chosen = ("consent", "channel:C1", "out")
    assert [run_json(*chosen)["changed"], run_json(*chosen)["changed"]] == [True, False]
    assert run_json("consent", "user:U1", "in")["changed"] is False
    for wrong in (("channel:", "out"), ("team:T1", "out"), ("user:U1", "maybe")):
        assert "user:<id>" in refusal("consent", *wrong)


def test_a_forgotten_person_is_in_no_byte_of_the_database(handbook: Path, tmp_path: Path):
    (tmp_path / "footnote.toml").write_text(
        '[sources.handbook]\npath = "handbook"\n[admins]\nusers = ["U0GONE"]\n', "utf-8"
    )
    run_json("reindex", "handbook")
    answer_id = run_json("ask", "What is the taxi limit?")["answer_id"]
    run_json("feedback", answer_id, "down", "--by", "U0GONE", "--comment", "heliotrope")
    files = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert any(b"heliotrope" in path.read_bytes() for path in files)
    done = run_json("forget", "--user", "U0GONE")
    assert (done["rows"], done["total"]) == ({"feedback": 1, "remarks": 1}, 2)
    assert done["still_in_footnote_toml"] == ["[admins] users"]
    assert not any(word in path.read_bytes() for path in files if path.exists() for word in (b"heliotrope", b"U0GONE"))
    assert "Nothing of U0GONE is kept." in run("forget", "--user", "U0GONE").stdout


def test_nothing_has_changed_when_a_folder_is_indexed_again(handbook: Path):
    run_json("reindex", str(handbook))
    again = run_json("reindex", str(handbook))
    assert (again["added"], again["changed"], again["unchanged"], again["removed"]) == (0, 0, 4, 0)


def test_a_private_source_answers_only_whom_it_is_for(handbook: Path, tmp_path: Path):
    (tmp_path / "footnote.toml").write_text('[sources.hr]\npath = "handbook"\nusers = ["U1"]\n', "utf-8")
    run_json("reindex", "hr")
    question = "What is the hotel limit in Zurich?"
    assert run_json("ask", question)["outcome"] == "declined"
    assert run_json("search", question)["passages"] == []
    assert run_json("ask", question, "--as", "user:U2")["outcome"] == "declined"
    assert run_json("ask", question, "--as", "user:U1")["outcome"] == "answered"
    assert run_json("ask", question, "--as", "operator")["outcome"] == "answered"


@pytest.mark.parametrize("place", ["handbook", "handbook/it", "."])
def test_a_configured_root_is_never_indexed_as_public(handbook: Path, tmp_path: Path, place: str):
    (tmp_path / "footnote.toml").write_text('[sources.hr]\npath = "handbook"\nusers = ["U1"]\n', "utf-8")
    assert "configured source" in refusal("reindex", str(tmp_path / place))


def test_the_name_of_a_configured_source_wins_over_a_path(handbook: Path, tmp_path: Path):
    (tmp_path / "leave").mkdir()
    (tmp_path / "leave" / "other.md").write_text("# Other\n\nNothing of interest.", "utf-8")
    (tmp_path / "footnote.toml").write_text('[sources.leave]\npath = "handbook"\n', "utf-8")
    assert run_json("reindex", "leave")["added"] == 4


def test_misuse_is_one_clear_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert "nowhere" in refusal("reindex", str(tmp_path / "nowhere"))
    file = tmp_path / "file.md"
    file.write_text("# A file", "utf-8")
    assert "file.md" in refusal("reindex", str(file))
    assert "--as" in refusal("ask", "why?", "--as", "somebody")
    assert "empty" in refusal("ask", "  ")
    assert "none.jsonl" in refusal("ask", "--questions", str(tmp_path / "none.jsonl"))
    broken = tmp_path / "broken.jsonl"
    broken.write_text("{}\n", "utf-8")
    assert "line 1" in refusal("search", "--questions", str(broken))
    assert "sideways" in refusal("feedback", "A", "sideways")
    assert "sideways" in refusal("review", "A", "sideways")
    assert "approve" in refusal("review", "A")
    assert "--text" in refusal("review", "A", "edit")
    assert "bad_code" in refusal("feedback", "A", "up", "--reason", "bad_code")
    (tmp_path / "footnote.toml").write_text("[sources.x]\npath = 3\n", "utf-8")
    assert "footnote.toml" in refusal("ask", "why?")
    monkeypatch.setenv("FOOTNOTE_CONFIG", str(tmp_path / "missing.toml"))
    assert "missing.toml" in refusal("ask", "why?")
    monkeypatch.delenv("FOOTNOTE_CONFIG")
    (tmp_path / "footnote.toml").unlink()
    monkeypatch.setenv("FOOTNOTE_EMBEDDER", "no.such.Class")
    assert "FOOTNOTE_EMBEDDER" in refusal("ask", "why?")
    monkeypatch.setenv("FOOTNOTE_EMBEDDER", "nonsense")
    assert "wordllama" in refusal("ask", "why?")
    monkeypatch.delenv("FOOTNOTE_EMBEDDER")
    monkeypatch.setenv("PORT", "many")
    assert "PORT" in refusal("ask", "why?")


@pytest.mark.parametrize("who", ["users = []", 'channels = ["general"]', 'usergroups = ["U1"]'])
def test_an_audience_that_cannot_be_meant_is_refused(handbook: Path, tmp_path: Path, who: str):
    (tmp_path / "footnote.toml").write_text(f'[sources.hr]\npath = "handbook"\n{who}\n', "utf-8")
    assert who.partition(" ")[0] in refusal("reindex", "hr")


@pytest.mark.parametrize("folder", ["", "  ", "/"])
def test_a_folder_that_cannot_be_meant_is_refused(folder: str):
    assert refusal("reindex", folder)


def test_a_damaged_database_is_one_sentence(handbook: Path, tmp_path: Path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "footnote.db").write_bytes(b"this is no database, whatever its name says" * 100)
    assert "database" in refusal("ask", "why?")
    assert "FAIL database" in run("doctor").stdout


def test_words_that_no_encoding_can_write_are_asked_all_the_same(handbook: Path):
    run_json("reindex", str(handbook))
    assert run_json("ask", "hotel limit in Zurich \udcff?")["outcome"] in {"answered", "declined"}


@pytest.mark.parametrize("words", [(), ("frobnicate",), ("ask", "--bogus", "x"), ("feedback",)])
def test_wrong_words_are_one_line_and_exit_code_2(words: tuple[str, ...]):
    done = subprocess.run([sys.executable, "-m", "bot", *words], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("footnote: ")


def test_an_empty_folder_changes_nothing(handbook: Path):
    run_json("reindex", str(handbook))
    for path in sorted(handbook.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    assert "empty" in refusal("reindex", str(handbook), code=1)
    assert run_json("status")["sources"][0]["documents"] == 4
    assert run_json("reindex", str(handbook), "--allow-empty")["removed"] == 4


def test_feedback_on_an_unknown_answer_fails(handbook: Path):
    assert "no such answer" in refusal("feedback", "01NOTHING", "up", code=1)


def test_unknown_kinds_of_files_are_reported_as_skipped(handbook: Path):
    (handbook / "picture.xyz").write_bytes(b"\x00\x01")
    (handbook / ".hidden").mkdir()
    (handbook / "link.md").symlink_to(handbook / "leave.md")
    skipped = {item["path"]: item["reason"] for item in run_json("reindex", str(handbook))["skipped"]}
    assert set(skipped) == {"picture.xyz", ".hidden", "link.md"}
    assert ".xyz" in skipped["picture.xyz"]


def test_the_doctor_says_what_is_missing(handbook: Path, tmp_path: Path):
    done = run("doctor", "--json")
    assert done.exit_code == 1
    checks = {check["part"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["database"]["ok"]
    assert not checks["documents"]["ok"]
    run_json("reindex", str(handbook))
    assert run("doctor").exit_code == 0
    (tmp_path / "footnote.toml").write_text('[sources.gone]\npath = "gone"\n', "utf-8")
    done = run("doctor")
    assert done.exit_code == 1
    assert "FAIL source gone" in done.stdout


@pytest.mark.parametrize(
    "command", ["demo", "serve", "worker", "reindex", "search", "ask", "feedback", "status", "doctor"]
)
def test_every_command_explains_itself_with_an_example(command: str):
    done = run(command, "--help")
    assert done.exit_code == 0
    assert "Example:" in done.stdout
