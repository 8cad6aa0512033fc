"""The gap report → Block Kit: the weekly message. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from bot import mrkdwn
from bot.blocks import Block, Outgoing, metadata
from knowledge import ConcernedDocument, Gap, GapReport, Rate

REPORT_EVENT = "footnote_report"
SHOWN = 5
"""Gaps that are listed."""
_LONGEST_QUESTION = 150
_LONGEST_PATH = 100
NOTHING_OPEN = "Nothing was left open or disliked."


def weekly(report: GapReport, *, key: str, sources: Collection[str], public: Collection[str]) -> Outgoing:
    """Write the weekly message for a channel.

    It names documents of these sources only, and quotes only what was asked in these public channels.
    """
    title = f"*What the documents left open* from {report.since:%-d %B} to {report.until:%-d %B}"
    texts = [f"{title}\n{_figures(report)}"]
    texts += [_gap(gap, _quotes(gap, public), _for_all(gap, sources)) for gap in report.gaps[:SHOWN]]
    if not report.gaps:
        texts.append(NOTHING_OPEN)
    blocks = tuple(_section(text) for text in texts)
    return Outgoing("\n".join(texts)[:3900], blocks, metadata(REPORT_EVENT, key))


def channels_of(report: GapReport) -> list[str]:
    """Name the channels in which the questions were asked that could be quoted."""
    asked = [question.channel for gap in report.gaps[:SHOWN] for question in gap.questions]
    return sorted({channel for channel in asked if channel})


def _for_all(gap: Gap, sources: Collection[str]) -> Sequence[ConcernedDocument]:
    return [document for document in gap.documents if document.source in sources]


def _quotes(gap: Gap, public: Collection[str] | None = None) -> list[str]:
    return [question.text for question in gap.questions if public is None or question.channel in public]


def _figures(report: GapReport) -> str:
    questions = "1 question" if report.questions == 1 else f"{report.questions:,} questions"
    people = "one person" if report.people == 1 else f"{report.people:,} people"
    told = [f"{_rate(rate)} {name}" for name, rate in _told(report.rates).items() if rate.of]
    return f"{questions} from {people}" + (f": {', '.join(told)}" if told else "")


def _told(rates: Mapping[str, Rate]) -> dict[str, Rate]:
    return {name: rates[name] for name in ("answered", "liked, volunteered votes", "liked, sampled votes")}


def _rate(rate: Rate) -> str:
    return f"{rate.share:.0%} ({rate.low:.0%} to {rate.high:.0%})"


def _gap(gap: Gap, quotes: Sequence[str], documents: Sequence[ConcernedDocument]) -> str:
    times = "asked once" if gap.times == 1 else f"asked {gap.times:,} times"
    people = "one person" if gap.people == 1 else f"{gap.people:,} people"
    lines = [f"*{gap.kind.value}*, {times} by {people}"]
    lines += [f"“{mrkdwn.label(question, _LONGEST_QUESTION)}”" for question in quotes]
    if documents:
        lines.append(f"near it: {', '.join(map(_document, documents))}")
    return "\n".join(lines)


def _document(document: ConcernedDocument) -> str:
    owner = f", {mrkdwn.label(document.owner, 60)}" if document.owner else ""
    return f"{mrkdwn.label(document.path, _LONGEST_PATH)} ({mrkdwn.label(document.source, 60)}{owner})"


def _section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:2900]}}
