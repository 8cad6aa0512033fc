"""Learning from what people said: used when questions that were kept out gain from it, refused otherwise."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from bench.made_up_team import make_team
from bot.cli import app
from knowledge import Feedback, KnowledgeBase, Question, Reason, Settings, Surface, Vote, adapting, load_cases
from knowledge.evaluating import Case
from knowledge.lessons import FEWEST_OF_ONE, Lesson, lessons, shared_out
from knowledge.types import PUBLIC
from tests.databases import rows


@pytest.fixture
def team(tmp_path: Path) -> Path:
    return make_team(tmp_path / "team", seed=1)


async def voted(settings: Settings, team: Path, *, most: int) -> None:
    """Let people name the document that would have been right."""
    kb = await KnowledgeBase.open(settings)
    await kb.reindex_folder(team / "documents")
    for number, case in enumerate(load_cases(team / "questions.jsonl")[:most]):
        await said(kb, case, person=f"U{number % 30}", path=case.paths[0])
    await kb.close()


async def said(kb: KnowledgeBase, case: Case, *, person: str, path: str) -> None:
    answer = await kb.ask(Question(case.question, surface=Surface.CHANNEL, channel="C1", asker=person))
    reasons = (Reason.WRONG_DOCUMENT,)
    await kb.give_feedback(Feedback(answer.id, person, Vote.DOWN, reasons, correction="See there.", sources=(path,)))


def command(*words: str) -> Result:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    return done


def learn(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(command("learn", "--json", *arguments).output)
    return found


async def test_what_helps_held_out_questions_is_used_once_and_can_be_switched_off(
    settings: Settings, team: Path, tmp_path: Path
):
    await voted(settings, team, most=120)
    learnt = await in_thread(learn)
    assert learnt["in_use"] is True
    assert learnt["after"]["recall@5"] > learnt["before"]["recall@5"] + 0.2
    kept = rows(settings, "SELECT active, provenance, evaluation_id FROM adapters")[0]
    assert (kept[0], json.loads(kept[1])["held_out"], kept[2]) == (1, learnt["held_out"], learnt["evaluation_id"])
    assert rows(settings, "SELECT kind, ruling FROM evaluations") == [("learn", "passed")]
    # What is only measured with is what datasets hold out.
    places = dict(rows(settings, "SELECT answer_id, split FROM dataset_assignments"))
    assert (len(places), sum(split != "train" for split in places.values())) == (120, learnt["held_out"])
    await in_thread(command, "export", str(tmp_path / "dataset"), "--kind", "rerank")
    assert dict(rows(settings, "SELECT answer_id, split FROM dataset_assignments")) == places
    # The same again gains nothing over what is in use: it is kept with its verdict, and what is in use stays.
    again = await in_thread(learn)
    assert (again["in_use"], again["reasons"]) == (False, ["Held-out questions gain nothing from it."])
    assert rows(settings, "SELECT active FROM adapters ORDER BY seq") == [(1,), (0,)]
    assert await in_thread(learn, "--off") == {"switched_off": 1}
    assert rows(settings, "SELECT count(*) FROM adapters WHERE active") == [(0,)]


async def test_what_was_learned_from_somebody_who_is_forgotten_is_used_until_the_next_time(
    settings: Settings, team: Path, monkeypatch: pytest.MonkeyPatch
):
    await voted(settings, team, most=120)
    assert (await in_thread(learn))["in_use"]
    told = json.loads((await in_thread(command, "forget", "--user", "U3", "--json")).output)
    assert told["learned_from"] is True
    assert rows(settings, "SELECT active FROM adapters") == [(1,)]
    again = await in_thread(learn)
    assert (again["dropped"], again["in_use"], again["lessons"]) == (True, True, 116)
    assert again["before"]["recall@5"] < again["after"]["recall@5"]
    assert "learned from" not in (await in_thread(command, "forget", "--user", "U3")).output
    # With too little left the old one ends all the same.
    await in_thread(command, "forget", "--user", "U4")
    monkeypatch.setattr(adapting, "LEAST_LESSONS", 1000)
    assert "it is used no more." in (await in_thread(command, "learn")).output
    assert rows(settings, "SELECT count(*) FROM adapters WHERE active") == [(0,)]


async def test_too_little_feedback_teaches_nothing(settings: Settings, team: Path):
    await voted(settings, team, most=20)
    learnt = await in_thread(learn)
    assert (learnt["in_use"], learnt["ruling"]) == (False, "refused")
    assert "at least 40 and 10 are needed" in str(learnt["reasons"])
    assert rows(settings, "SELECT count(*) FROM adapters") == [(0,)]


async def test_nothing_is_learned_from_direct_messages_or_people_who_opted_out(settings: Settings, handbook: Path):
    kb = await KnowledgeBase.open(settings)
    await kb.reindex_folder(handbook)
    private = Question("How many days of annual leave are there?", surface=Surface.DIRECT, channel="D1", asker="U1")
    open_ = Question("How many days of annual leave are there?", surface=Surface.CHANNEL, channel="C1", asker="U2")
    for question in (private, open_):
        await kb.give_feedback(Feedback((await kb.ask(question)).id, "U3", Vote.UP))
    assert (await in_thread(learn))["lessons"] == 1
    await kb._store.consents.choose("user:U2", takes_part=False)
    assert (await in_thread(learn))["lessons"] == 0
    await kb.close()


async def test_a_liked_answer_teaches_what_it_cites_and_a_wrong_document_what_it_does_not(kb: KnowledgeBase):
    liked = await kb.ask(Question("How many days of annual leave are there?"))
    wrong = await kb.ask(Question("How many days of annual leave are there?"))
    await kb.give_feedback(Feedback(liked.id, "U1", Vote.UP))
    reasons = (Reason.WRONG_DOCUMENT,)
    await kb.give_feedback(Feedback(wrong.id, "U1", Vote.DOWN, reasons, correction="x", sources=("office.html",)))
    first, second = lessons([record async for record in kb.records()])
    assert [chunk.path for chunk in first.positives] == ["leave.md"]
    assert (second.positives, second.named) == ((), ("office.html",))
    assert [chunk.path for chunk in second.negatives] == ["leave.md"]


def lesson(number: int, person: str) -> Lesson:
    return Lesson(str(number), "?", PUBLIC, frozenset({person}))


def test_one_person_teaches_a_tenth_at_most():
    given = [lesson(number, "U1" if number < 150 else f"V{number}") for number in range(300)]
    assert sum(lesson.people == {"U1"} for lesson in shared_out(given)) == 30
    assert len(shared_out([lesson(number, "U1") for number in range(9)])) == FEWEST_OF_ONE


async def in_thread(function, *arguments: str):
    """Run a command, which starts an event loop of its own."""
    return await asyncio.to_thread(function, *arguments)
