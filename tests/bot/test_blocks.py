"""Every message that can be made is one that Slack accepts, and what documents hold stays text in it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot import blocks, gap_blocks, reindex_blocks
from bot.sandbox import block_problems, view_problems
from bot.sandbox.block_kit import text_too_long
from knowledge import (
    Answer,
    AskedQuestion,
    Audience,
    Chunk,
    Citation,
    ConcernedDocument,
    EmptySourceError,
    Exchange,
    FailedFile,
    Gap,
    GapKind,
    GapReport,
    Outcome,
    Progress,
    Question,
    Reason,
    ReindexReport,
    Skipped,
    SourceStatus,
)
from knowledge.gaps import rates

NASTY = "<!channel> [x](https://evil.example) *bold* <@U0ADA> `code` \u202e \U000e0041 https://evil.example/a|b"


def chunk(**fields: object) -> Chunk:
    given = {
        "id": "c1",
        "document_id": "d1",
        "source": "handbook",
        "path": "leave.md",
        "title": "Leave policy",
        "url": None,
        "heading": "Leave policy > Annual leave",
        "page": 2,
        "position": 0,
        "start": 0,
        "end": 10,
        "text": "…",
    }
    return Chunk(**{**given, **fields})


def answer(text: str = "You get 27 days. [1]", outcome: Outcome = Outcome.ANSWERED, **fields: object) -> Answer:
    cited = (Citation(1, chunk(), "27 days of leave", 0, 16),) if outcome is Outcome.ANSWERED else ()
    nearest = (chunk(),) if outcome is Outcome.DECLINED else ()
    return Answer(**{"id": "A1", "outcome": outcome, "text": text, "citations": cited, "nearest": nearest, **fields})


def marked_up(part: object) -> list[str]:
    """Return every text in which Slack reads markup or links addresses by itself: all but `plain_text`."""
    if isinstance(part, list):
        return [text for entry in part for text in marked_up(entry)]
    if not isinstance(part, dict):
        return [part] if isinstance(part, str) else []
    inert = part.get("type") == "plain_text"
    return [] if inert else [text for name, entry in part.items() if name != "value" for text in marked_up(entry)]


def gap_report(said: str, gaps: int = 1) -> GapReport:
    """A report in which everything that comes from outside says this."""
    concerned = (ConcernedDocument(said, said, said, 1),) * 3
    questions = (AskedQuestion(said, "C1"), AskedQuestion("asked privately", ""))
    gap = Gap(GapKind.NO_DOCUMENT, 2, 1, questions, concerned, datetime.now(UTC), concerned)
    since = datetime.now(UTC) - timedelta(days=30)
    return GapReport(since, datetime.now(UTC), 2, 1, rates([]), (), {}, (gap,) * gaps, 0, concerned)


def accepted(message: blocks.Outgoing) -> bool:
    arguments = message.arguments()
    assert arguments["unfurl_links"] is False
    assert arguments["unfurl_media"] is False
    assert 0 < len(arguments["text"]) <= 4000
    given = arguments.get("blocks", [])
    assert block_problems(given) == []
    return not text_too_long(given)


def test_a_source_line_says_title_heading_page_and_quote() -> None:
    made = blocks.answer(answer(), key="k")
    assert "[1] Leave policy \u203a Annual leave, p. 2 — “27 days of leave”" in str(made.blocks)
    assert made.text.endswith("\nSources: Leave policy")
    assert made.metadata == {
        "event_type": "footnote_answer",
        "event_payload": {"key": "k", "answer_id": "A1"},
    }


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(Outcome),
    st.text(max_size=300) | st.just(NASTY) | st.just("word " * 5000) | st.just("`" * 20_000),
    st.text(max_size=100) | st.just(NASTY * 20),
    st.sampled_from([None, "https://docs.example.org/a", "https://x/" + "y" * 1900, "javascript:x"]),
    st.integers(min_value=1, max_value=60),
)
def test_slack_accepts_every_answer(outcome: Outcome, text: str, title: str, url: str | None, number: int) -> None:
    where = chunk(title=title, heading=title, path=title or "p", url=url)
    cited = tuple(Citation(n, where, title, 0, 1) for n in range(1, number)) if outcome is Outcome.ANSWERED else ()
    made = answer(text, outcome, citations=cited, nearest=(where,) * min(number, 3))
    assert accepted(blocks.answer(made, key="k", share=True, escalate=True))
    assert accepted(blocks.shared_answer(made, title, key="k", by=title))
    exchange = Exchange(Question(title), made, (), b"", datetime.now(UTC))
    assert accepted(blocks.escalation(exchange, [where], asker=title, key="k"))


def test_a_list_of_thousands_of_failures_fits_into_a_modal() -> None:
    failed = tuple(FailedFile(f"folder/{number}/{'x' * 140}.pdf", "r" * 190) for number in range(5000))
    report = ReindexReport("handbook", failed=failed, skipped=tuple(Skipped(file.path, "hidden") for file in failed))
    shown = reindex_blocks.everything("handbook", report)
    assert view_problems(shown, kinds=("modal",)) == []
    assert "more, which `footnote reindex handbook --json` names" in str(shown)


@pytest.mark.parametrize("url", [None, "https://docs.example.org/a"])
def test_what_documents_and_people_write_cannot_ping_or_link(url: str | None) -> None:
    where = chunk(title=NASTY, heading=NASTY, path=NASTY, url=url)
    made = answer(NASTY, citations=(Citation(1, where, NASTY, 0, 1),))
    exchange = Exchange(Question(NASTY), made, (), b"", datetime.now(UTC))
    status = SourceStatus(NASTY, "/x", Audience(), 1, 1, 0, None)
    report = ReindexReport(NASTY, failed=(FailedFile(NASTY, NASTY),))
    gaps = gap_report(NASTY)
    shown_gaps = gap_blocks.home(gaps, sources=[NASTY], public=["C1"])
    made_of_it = [
        blocks.answer(made, key="k").arguments(),
        blocks.answer(made, key="k").arguments(as_plain_text=True),
        blocks.shared_answer(made, NASTY, key="k", by=NASTY).arguments(),
        blocks.escalation(exchange, [where], asker=NASTY, key="k").arguments(),
        blocks.home([status], admin=True, gaps=shown_gaps, notice=reindex_blocks.report(report, NASTY).text),
        gap_blocks.weekly(gaps, key="k", sources=[NASTY], public=["C1"]).arguments(),
        blocks.source_list([status]),
        reindex_blocks.report(report, NASTY).text,
        reindex_blocks.everything(NASTY, report)["blocks"],
        reindex_blocks.failures(NASTY, report.failed)["blocks"],
        reindex_blocks.progress(NASTY, Progress(NASTY, 1, 2, 3, 1.0, 60.0)).text,
        reindex_blocks.ask_first(NASTY, EmptySourceError(vanished=1, live=2)).text,
    ]
    for forbidden in ("<!channel>", "<@U0ADA>", "<https://evil", "\u202e", "\U000e0041"):
        assert forbidden not in str(made_of_it)
    for text in marked_up(made_of_it):
        assert not re.search(r"(?<!`)https://evil", text), text


def test_an_answer_that_is_too_long_is_cut_and_says_so() -> None:
    made = blocks.answer(answer("A sentence of words. " * 2000), key="k")
    assert len(made.blocks[0]["text"]) <= 12_000
    assert "shortened" in str(made.blocks)
    assert "shortened" not in str(blocks.answer(answer(), key="k").blocks)


def test_a_failure_has_no_buttons_and_a_decline_asks_a_human_only_where_there_is_one() -> None:
    failed = blocks.answer(answer("Something went wrong.", Outcome.FAILED), key="k", share=True, escalate=True)
    assert [block["type"] for block in failed.blocks] == ["markdown"]
    declined = answer("I could not find this.", Outcome.DECLINED)
    assert "ask_human" in str(blocks.answer(declined, key="k", escalate=True).blocks)
    assert "ask_human" not in str(blocks.answer(declined, key="k").blocks)


def test_forms_and_tabs_are_accepted() -> None:
    form = blocks.feedback_form("A1", channel="C1", ts="1.1", thread_ts=None)
    assert view_problems(form, kinds=("modal",)) == []
    offered = [option["value"] for option in form["blocks"][0]["element"]["options"]]
    assert offered == [reason.value for reason in Reason]
    then = datetime.now(UTC) - timedelta(hours=3)
    sources = [SourceStatus(f"s{number}", "/x", Audience(), 5, 9, 1, then) for number in range(60)]
    gaps = gap_blocks.home(gap_report("long " * 1000, gaps=20), sources=["long " * 1000], public=["C1"])
    home = blocks.home(sources, admin=True, gaps=gaps, notice="x" * 100)
    assert view_problems(home, kinds=("home",)) == []
    assert "s1: 5 documents, 1 failed, indexed 3 hours ago" in str(home)


def test_a_report_reads_in_the_fixed_words() -> None:
    report = ReindexReport("handbook", added=1, unchanged=96, removed=2, failed=(FailedFile("a.pdf", "encrypted"),))
    said = reindex_blocks.report(report, "handbook").text
    assert "1 added, 0 changed, 96 unchanged, 2 removed, 1 failed" in said
    assert "a.pdf: encrypted" in said


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"heading": "Q3", "page": None, "location": "Q3, rows 2-9"}, "Leave policy, Q3, rows 2-9"),
        ({"heading": "Goals", "page": 4, "location": "slide 4"}, "Leave policy › Goals, slide 4"),
        ({"heading": "", "page": None, "location": ""}, "Leave policy"),
    ],
)
def test_a_source_line_says_where_in_the_document(fields: dict[str, object], place: str) -> None:
    cited = Citation(1, chunk(**fields), "27 days", 0, 7)
    assert f"[1] {place} — “27 days”" in str(blocks.answer(answer(citations=(cited,)), key="k").blocks)
