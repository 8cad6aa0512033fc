"""The gap report → Block Kit: the weekly message and the part of the Home tab. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from bot import blocks, mrkdwn
from bot.blocks import Block, Outgoing, metadata
from knowledge import ConcernedDocument, Gap, GapReport, Rate

REPORT_EVENT = "footnote_report"
SHOWN = 5
"""Gaps that are listed."""
_LONGEST_QUESTION = 150
_LONGEST_PATH = 100
NOTHING_OPEN = "Nothing was left open or disliked."
PRIVATELY = "asked in private: counted, not quoted"
TITLE = "What the documents left open"
BEING_COUNTED = "This is being counted."
NOT_COUNTED = "This cannot be counted now. Please open this tab again later."


def weekly(report: GapReport, *, key: str, sources: Collection[str], public: Collection[str]) -> Outgoing:
    """Write the weekly message for a channel.

    It names documents of these sources only, and quotes only what was asked in these public channels.
    """
    texts = [f"*{TITLE}* from {_span(report)}\n{_figures(report)}", *_gaps(report, sources, public)]
    return Outgoing("\n".join(texts)[:3900], tuple(map(_section, texts)), metadata(REPORT_EVENT, key))


def home(report: GapReport, *, sources: Collection[str], public: Collection[str]) -> list[Block]:
    """Write what a Home tab shows of it, for somebody who may see documents of these sources.

    It quotes what everybody may read: what was asked in these public channels.
    """
    said = f"From {_span(report)}: {_figures(report)}"
    return [*_headed(said), *map(_section, _gaps(report, sources, public))]


def home_without(said: str) -> list[Block]:
    """Say why a Home tab does not show it yet."""
    return _headed(said)


def _headed(said: str) -> list[Block]:
    return [{"type": "divider"}, blocks.header(TITLE), blocks.context(said)]


def _gaps(report: GapReport, sources: Collection[str], public: Collection[str]) -> list[str]:
    texts = [_gap(gap, _quotes(gap, public), sources) for gap in report.gaps[:SHOWN]]
    return texts or [NOTHING_OPEN]


def _span(report: GapReport) -> str:
    return f"{report.since:%-d %B} to {report.until:%-d %B}"


def channels_of(report: GapReport) -> list[str]:
    """Name the channels in which the questions were asked that could be quoted."""
    asked = [question.channel for gap in report.gaps[:SHOWN] for question in gap.questions]
    return sorted({channel for channel in asked if channel})


def _quotes(gap: Gap, public: Collection[str]) -> list[str]:
    return [question.text for question in gap.questions if question.channel in public]


def _figures(report: GapReport) -> str:
    questions = "1 question" if report.questions == 1 else f"{report.questions:,} questions"
    people = "one person" if report.people == 1 else f"{report.people:,} people"
    told = [f"{_rate(rate)} {name}" for name, rate in _told(report.rates).items() if rate.of]
    return f"{questions} from {people}" + (f": {', '.join(told)}" if told else "")


def _told(rates: Mapping[str, Rate]) -> dict[str, Rate]:
    return {name: rates[name] for name in ("answered", "liked, volunteered votes", "liked, sampled votes")}


def _rate(rate: Rate) -> str:
    return f"{rate.share:.0%} ({rate.low:.0%} to {rate.high:.0%})"


def _gap(gap: Gap, quotes: Sequence[str], sources: Collection[str]) -> str:
    times = "asked once" if gap.times == 1 else f"asked {gap.times:,} times"
    people = "one person" if gap.people == 1 else f"{gap.people:,} people"
    lines = [f"*{gap.kind.value}*, {times} by {people}"]
    lines += [f"“{mrkdwn.label(question, _LONGEST_QUESTION)}”" for question in quotes] or [PRIVATELY]
    for said, documents in (("people name", gap.named), ("near it", gap.documents)):
        visible = [_document(document) for document in documents if document.source in sources]
        lines += [f"{said}: {', '.join(visible)}"] if visible else []
    return "\n".join(lines)


def _document(document: ConcernedDocument) -> str:
    owner = f", {mrkdwn.label(document.owner, 60)}" if document.owner else ""
    return f"{mrkdwn.label(document.path, _LONGEST_PATH)} ({mrkdwn.label(document.source, 60)}{owner})"


def _section(text: str) -> Block:
    return blocks.section(text[:2900])
