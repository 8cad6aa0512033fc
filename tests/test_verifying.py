"""What reviewers approve is given again: checked anew, to those who may see its sources, as long as they say so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from knowledge import (
    PUBLIC,
    Answer,
    Feedback,
    KnowledgeBase,
    Outcome,
    Question,
    Reason,
    Review,
    Scope,
    Settings,
    SourceSettings,
    TeamFile,
    Verdict,
    Vote,
)
from tests.databases import rows

ASKED = "How many days of annual leave do I get?"
AGAIN = "How much annual leave do I have per year?"
EVERYTHING = Scope(operator=True)


@pytest.fixture
def settings(on_both: Settings) -> Settings:
    return on_both


@pytest.fixture
async def answered(kb: KnowledgeBase) -> Answer:
    answer = await kb.ask(Question(ASKED, asker="U1"))
    assert answer.outcome is Outcome.ANSWERED
    return answer


async def correct(kb: KnowledgeBase, answer: Answer, text: str, *sources: str) -> int:
    """Say what would have been right; returns the correction's number."""
    await kb.give_feedback(
        Feedback(answer.id, "U2", Vote.DOWN, reasons=(Reason.WRONG_FACT,), correction=text, sources=sources)
    )
    async for record in kb.records():
        if record.exchange.answer.id == answer.id:
            return record.remarks[-1].id
    raise AssertionError


async def test_an_approved_answer_is_given_to_a_paraphrase(kb: KnowledgeBase, answered: Answer):
    assert (await kb.ask(Question(AGAIN))).model == "extractive"
    judged = await kb.review(Review(answered.id, "Ann", Verdict.APPROVE), scope=EVERYTHING)
    assert judged.verified is not None
    again = await kb.ask(Question(AGAIN))
    assert (again.model, again.text) == ("verified", answered.text)
    assert again.id != answered.id
    assert again.verified is not None
    assert again.verified.by == "Ann"
    assert [citation.quote for citation in again.citations] == [citation.quote for citation in answered.citations]
    assert await kb.answer(again.id) == replace(again, timings_ms=(await kb.answer(again.id)).timings_ms)


async def test_another_question_does_not_get_it(kb: KnowledgeBase, answered: Answer):
    await kb.review(Review(answered.id, "Ann", Verdict.APPROVE), scope=EVERYTHING)
    for text in ("How many months of parental leave may I take?", "How many days of annual leave can be carried over?"):
        assert (await kb.ask(Question(text))).model != "verified"


async def test_a_correction_changes_the_next_paraphrase_in_every_process(
    settings: Settings, kb: KnowledgeBase, answered: Answer
):
    other = await KnowledgeBase.open(settings)
    assert (await other.ask(Question(AGAIN))).model == "extractive"
    text = "You get 27 days of annual leave, and part-time employees a proportional share."
    remark = await correct(kb, answered, text, "leave.md")
    await kb.review(Review(answered.id, "U9", Verdict.APPROVE, remark), scope=EVERYTHING)
    again = await other.ask(Question(AGAIN))
    assert again.model == "verified"
    assert again.text.startswith(text)
    assert "27 days" in again.citations[0].quote
    assert {citation.chunk.path for citation in again.citations} == {"leave.md"}
    await other.close()


async def test_an_edited_answer_replaces_the_approved_one(kb: KnowledgeBase, answered: Answer):
    await kb.review(Review(answered.id, "Ann", Verdict.APPROVE), scope=EVERYTHING)
    edit = Review(answered.id, "Ann", Verdict.EDIT, text="Full-time employees get 27 days of annual leave.")
    await kb.review(edit, scope=EVERYTHING)
    assert (await kb.ask(Question(AGAIN))).text == "Full-time employees get 27 days of annual leave. [1]"


@pytest.mark.parametrize("text", ["You get 31 days of annual leave.", "Ask the moon for it, she knows it all."])
async def test_what_no_document_says_is_not_given_again(kb: KnowledgeBase, answered: Answer, text: str):
    judged = await kb.review(Review(answered.id, "Ann", Verdict.EDIT, text=text), scope=EVERYTHING)
    assert judged.verified is None
    assert "No document was found" in judged.why_not
    assert (await kb.ask(Question(AGAIN))).model == "extractive"


async def test_a_rejected_answer_is_given_no_longer(kb: KnowledgeBase, answered: Answer):
    await kb.review(Review(answered.id, "Ann", Verdict.APPROVE), scope=EVERYTHING)
    again = await kb.ask(Question(AGAIN))
    judged = await kb.review(Review(again.id, "Ben", Verdict.REJECT), scope=EVERYTHING)
    assert judged.withdrawn == 1
    assert (await kb.ask(Question(AGAIN))).model == "extractive"


async def test_it_expires_when_a_cited_document_says_something_else(
    settings: Settings, kb: KnowledgeBase, answered: Answer, handbook: Path
):
    await kb.review(Review(answered.id, "Ann", Verdict.APPROVE), scope=EVERYTHING)
    page = handbook / "leave.md"
    page.write_text(page.read_text("utf-8").replace("27 days", "30 days"), "utf-8")
    await kb.reindex_folder(handbook)
    now = await kb.ask(Question(AGAIN))
    assert now.model == "extractive"
    assert "30 days" in now.text
    assert rows(settings, "SELECT state FROM verified_answers") == [("expired",)]


async def test_it_stays_when_another_part_of_the_document_changes(kb: KnowledgeBase, answered: Answer, handbook: Path):
    await kb.review(Review(answered.id, "Ann", Verdict.APPROVE), scope=EVERYTHING)
    page = handbook / "leave.md"
    page.write_text(
        page.read_text("utf-8").replace("# Leave policy\n", "# Leave policy\n\nRead this.\n\n## New\n\nSo.\n")
    )
    await kb.reindex_folder(handbook)
    assert (await kb.ask(Question(AGAIN))).model == "verified"


async def test_it_is_gone_with_its_document(kb: KnowledgeBase, answered: Answer, handbook: Path):
    await kb.review(Review(answered.id, "Ann", Verdict.APPROVE), scope=EVERYTHING)
    (handbook / "leave.md").unlink()
    await kb.reindex_folder(handbook)
    assert (await kb.ask(Question(AGAIN))).model != "verified"


async def test_only_who_may_see_its_sources_gets_it(settings: Settings, handbook: Path, tmp_path: Path):
    team = TeamFile(sources={"secret": SourceSettings(path=handbook, users=("U1",))})
    kb = await KnowledgeBase.open(settings.with_team(team))
    await kb.reindex("secret")
    mine = Scope(user="U1")
    answer = await kb.ask(Question(ASKED, scope=mine))
    await kb.review(Review(answer.id, "U9", Verdict.APPROVE), scope=EVERYTHING)
    assert (await kb.ask(Question(AGAIN, scope=mine))).model == "verified"
    for scope in (PUBLIC, Scope(user="U2"), Scope(channel="C1")):
        other = await kb.ask(Question(AGAIN, scope=scope))
        assert (other.outcome, other.model) == (Outcome.DECLINED, "")
        assert "27" not in other.text
    assert (await kb.ask(Question(AGAIN, scope=mine))).model == "verified", "nobody's question ended it"
    await kb.close()
    closed = TeamFile(sources={"secret": SourceSettings(path=handbook, users=("U2",))})
    changed = await KnowledgeBase.open(settings.with_team(closed))
    assert (await changed.ask(Question(AGAIN, scope=mine))).model != "verified"
    await changed.close()


async def test_a_reviewers_text_takes_no_evidence_from_what_the_reviewer_may_not_see(
    settings: Settings, handbook: Path, tmp_path: Path
):
    (tmp_path / "open").mkdir()
    (tmp_path / "open/parking.md").write_text("# Parking\n\nPark behind the house.\n", "utf-8")
    sources = {
        "secret": SourceSettings(path=handbook, users=("U1",)),
        "open": SourceSettings(path=tmp_path / "open"),
    }
    kb = await KnowledgeBase.open(settings.with_team(TeamFile(sources=sources)))
    for name in sources:
        await kb.reindex(name)
    answer = await kb.ask(Question("Where do I park?"))
    edit = Review(answer.id, "U9", Verdict.EDIT, text="Full-time employees get 27 days of annual leave.")
    assert (await kb.review(edit, scope=Scope(user="U9"))).verified is None
    await kb.close()


async def test_it_can_be_switched_off(settings: Settings, kb: KnowledgeBase, answered: Answer):
    await kb.review(Review(answered.id, "Ann", Verdict.APPROVE), scope=EVERYTHING)
    off = await KnowledgeBase.open(settings.model_copy(update={"verified_answers": False}))
    assert (await off.ask(Question(AGAIN))).model == "extractive"
    await off.close()


async def test_feedback_on_it_counts_like_on_any_other(kb: KnowledgeBase, answered: Answer):
    await kb.review(Review(answered.id, "Ann", Verdict.APPROVE), scope=EVERYTHING)
    again = await kb.ask(Question(AGAIN))
    await kb.give_feedback(Feedback(again.id, "U3", Vote.DOWN))
    assert await kb.current_vote(again.id, "U3") is Vote.DOWN
    assert await kb.current_vote(answered.id, "U3") is None


async def test_approving_it_for_another_wording_lets_that_wording_find_it(kb: KnowledgeBase, answered: Answer):
    await kb.review(Review(answered.id, "Ann", Verdict.APPROVE), scope=EVERYTHING)
    again = await kb.ask(Question(AGAIN))
    judged = await kb.review(Review(again.id, "Ann", Verdict.APPROVE), scope=EVERYTHING)
    assert judged.verified is not None
    assert judged.verified.questions == (ASKED, AGAIN)
    assert (await kb.ask(Question("How much annual leave per year?"))).model == "verified"
