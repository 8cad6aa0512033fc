"""A reindex → Block Kit. Pure: progress, the report, the question before much is removed, the list of what failed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from bot import mrkdwn
from bot.blocks import ANYWAY_ACTION, STOP_ACTION, Block, Outgoing, button, section
from knowledge import EmptySourceError, FailedFile, PartlyRead, Progress, ReindexReport, Skipped

ALL_ACTION = "show_report"

Entry = FailedFile | PartlyRead | Skipped

FIRST_REASONS = 5
_LINES_PER_BLOCK = 20
_LONGEST_SECTION = 2900
_MOST_SECTIONS = 31
"""Of one list in a modal: three lists, each with a title and a last line, fit into Slack's hundred blocks."""
_MOST_BYTES = 70_000
"""Of one list in a modal; Slack takes 250 kB as JSON, where a letter that is not ASCII has six bytes."""

JOINED = "This reindex was under way already; you are with it now."
NOT_RUNNING = "Nothing is being reindexed there any more."
ELSEWHERE = "It takes a while: how far it is stands in our direct message, and the report will be here."


def progress(name: str, now: Progress | None, *, joined: bool = False) -> Outgoing:
    """Say how far a reindex is: files, chunks, time left."""
    said = f"Reindexing {mrkdwn.label(name, 80)}{_figures(now)}"
    return _stoppable(f"{said} {JOINED}" if joined else said, name)


def _figures(now: Progress | None) -> str:
    if now is None:
        return "…"
    left = f", {_left(now.seconds_left)}" if now.seconds_left is not None else ""
    return f": {now.files_done:,} of {now.files_total:,} files, {now.chunks:,} chunks{left}."


def elsewhere(shown: Outgoing, name: str) -> Outgoing:
    """Say that progress is shown in the direct message from now on."""
    return _stoppable(f"{shown.text} {ELSEWHERE}", name)


def _stoppable(text: str, name: str) -> Outgoing:
    return Outgoing(text, (section(text), _actions(button("Stop", STOP_ACTION, name))))


def _left(seconds: float) -> str:
    if seconds < 60:
        return f"about {max(1, round(seconds))} s left"
    if seconds < 3600:
        return f"about {round(seconds / 60)} min left"
    return f"about {seconds / 3600:.1f} h left"


def report(done: ReindexReport, name: str, *, joined: bool = False) -> Outgoing:
    """Report in the fixed words, with the first reasons and a way to all of them."""
    lines = [f"{mrkdwn.label(name, 80)}: {done.summary()} in {done.seconds:.1f} s."]
    lines += _lines(done.failed[:FIRST_REASONS])
    if len(done.failed) > FIRST_REASONS:
        lines.append(f"• … and {len(done.failed) - FIRST_REASONS:,} more that failed")
    if done.partial:
        lines.append(f"{len(done.partial):,} read in part.")
    if done.skipped:
        lines.append(f"{len(done.skipped):,} skipped: {_reasons(done.skipped)}.")
    if joined:
        lines.append(JOINED.replace("you are with it now", "this is its report"))
    text = "\n".join(lines)
    if not (done.failed or done.skipped or done.partial):
        return Outgoing(text)
    return Outgoing(text, (section(text), _actions(button("Show all", ALL_ACTION, name))))


def _reasons(skipped: Sequence[Skipped]) -> str:
    """Name the most frequent reasons, with how often each was one where there are several."""
    counts = Counter(entry.reason for entry in skipped).most_common()
    named = [mrkdwn.label(f"{reason} ({count:,})" if len(counts) > 1 else reason, 80) for reason, count in counts[:3]]
    return ", ".join([*named, *(["others"] if len(counts) > 3 else [])])


def stopped(name: str) -> Outgoing:
    """Say that a reindex was stopped."""
    return Outgoing(f"Stopped reindexing {mrkdwn.label(name, 80)}. What was done until then stays.")


def ask_first(name: str, error: EmptySourceError) -> Outgoing:
    """Say what a run would remove, and ask before it does."""
    what = mrkdwn.label(name, 80)
    gone = f"{error.vanished:,} of the {error.live:,} documents of {what} have vanished"
    if error.vanished >= error.live:
        gone = f"The folder of {what} is empty"
        gone += f": its {error.live:,} documents would be removed" if error.live else ""
    text = f"{gone}. Nothing was changed. Is the folder there, and is that meant?"
    anyway = button("Remove them anyway", ANYWAY_ACTION, name) | {"style": "danger"}
    return Outgoing(text, (section(text), _actions(anyway)))


def everything(name: str, done: ReindexReport) -> Block:
    """List all that failed or was skipped, in a modal."""
    blocks = [section(f"{mrkdwn.label(name, 80)}: {done.summary()}.")]
    for title, entries in (("Failed", done.failed), ("Read in part", done.partial), ("Skipped", done.skipped)):
        blocks += _listed(title, entries, name)
    return _modal("Reindex report", blocks)


def failures(name: str, failed: Sequence[FailedFile]) -> Block:
    """List the files of a source that are not indexed as they are, in a modal."""
    blocks = _listed("Failed", failed, name) or [section("Every file of this source is indexed.")]
    return _modal("Failures", blocks)


def _listed(title: str, entries: Sequence[Entry], name: str) -> list[Block]:
    """List as many as fit, and say how many do not and who names them."""
    if not entries:
        return []
    shown: list[Block] = []
    listed = size = 0
    for lines in _portions(_lines(entries)):
        text = "\n".join(lines)
        size += len(json.dumps(text))
        if len(shown) == _MOST_SECTIONS or size > _MOST_BYTES:
            break
        shown.append(section(text))
        listed += len(lines)
    if listed < len(entries):
        command = f"`footnote reindex {mrkdwn.label(name, 80)} --json`"
        shown.append(section(f"… and {len(entries) - listed:,} more, which {command} names."))
    return [section(f"*{title}* ({len(entries):,})"), *shown]


def _portions(lines: Iterable[str]) -> Iterator[list[str]]:
    """Put as many lines together as fit into a section."""
    portion: list[str] = []
    for line in lines:
        if len(portion) == _LINES_PER_BLOCK or sum(map(len, portion)) + len(portion) + len(line) > _LONGEST_SECTION:
            yield portion
            portion = []
        portion.append(line)
    if portion:
        yield portion


def _lines(entries: Iterable[Entry]) -> Iterator[str]:
    return (f"• {mrkdwn.label(entry.path, 150)}: {mrkdwn.label(_reason(entry), 200)}" for entry in entries)


def _reason(entry: Entry) -> str:
    return entry.reason.removeprefix("partly read: ") if isinstance(entry, PartlyRead) else entry.reason


def _modal(title: str, blocks: Sequence[Block]) -> Block:
    head, close = ({"type": "plain_text", "text": text, "emoji": False} for text in (title, "Close"))
    return {"type": "modal", "callback_id": "reindex_report", "title": head, "close": close, "blocks": [*blocks]}


def _actions(*buttons: Block) -> Block:
    return {"type": "actions", "elements": list(buttons)}
