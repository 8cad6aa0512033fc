"""What the commands about learning print for a person (pure but for the printing)."""

from __future__ import annotations

import typer

from bot.counting import counted
from knowledge import FIGURES, ConcernedDocument, Gap, GapReport, Gated, GateResult, Learnt, Rate, Ruling

SHOWN = 10
"""Gaps and documents that a person is shown; a program and the page get more."""


def print_gaps(report: GapReport) -> None:
    """Print the gap report: rates first, then what to mend first."""
    span = f"{report.since:%Y-%m-%d} to {report.until:%Y-%m-%d}"
    people = "one person" if report.people == 1 else f"{report.people:,} people"
    typer.echo(f"{span}: {counted(report.questions, 'question')} from {people}")
    for name, rate in report.rates.items():
        typer.echo(f"  {name:26} {_rate(rate)}")
    if not report.gaps:
        typer.echo("Nothing was left open or disliked.")
    for gap in report.gaps[:SHOWN]:
        _print_gap(gap)
    if report.smaller or report.gaps[SHOWN:]:
        typer.echo(f"\n… and {counted(report.smaller + len(report.gaps[SHOWN:]), 'smaller gap')} (more with --html)")
    if report.documents:
        typer.echo("\nDocuments behind disliked answers:")
    for document in report.documents[:SHOWN]:
        typer.echo(f"  {document.times:3}  {_document(document)}")


def _rate(rate: Rate) -> str:
    if not rate.of:
        return "-"
    return f"{rate.share:6.1%}  ({rate.low:.0%} to {rate.high:.0%}, {rate.hits:,} of {rate.of:,})"


def _print_gap(gap: Gap) -> None:
    people = "one person" if gap.people == 1 else f"{gap.people:,} people"
    typer.echo(f"\n{gap.kind.value}: {counted(gap.times, 'question')} from {people}, last on {gap.latest:%Y-%m-%d}")
    for question in gap.questions:
        typer.echo(f"  “{' '.join(question.text.split())}”")
    if not gap.questions:
        typer.echo("  (asked in private: counted, not quoted)")
    for document in gap.named:
        typer.echo(f"  people name: {_document(document)}")
    for document in gap.documents:
        typer.echo(f"  near it: {_document(document)}")


def _document(document: ConcernedDocument) -> str:
    owner = f", owner {document.owner}" if document.owner else ""
    return f"{document.path} ({document.source}{owner})"


def print_learnt(learnt: Learnt) -> None:
    """Print what came of learning."""
    typer.echo(f"{counted(learnt.lessons, 'lesson')}, {learnt.held_out:,} of them held out to measure with")
    _print_differences(learnt.result)
    for reason in learnt.result.reasons:
        typer.echo(reason)
    if learnt.dropped:
        typer.echo("What was in use had learned from somebody who was forgotten: it is used no more.")
    if learnt.in_use or not learnt.dropped:
        typer.echo("In use from now on." if learnt.in_use else "Nothing changes.")


def print_unlearnt(adapters: int) -> None:
    """Say that nothing learned is used any more."""
    typer.echo("Switched off." if adapters else "Nothing was in use.")


def print_gated(gated: Gated) -> None:
    """Print a verdict: every figure that was compared, then what is worse."""
    _print_differences(gated.result)
    if not gated.result.differences:
        for name, value in gated.figures.items():
            typer.echo(f"{FIGURES[name]:36} {'-' if value is None else f'{value:8.3f}'}")
    typer.echo(_VERDICTS[gated.result.ruling])
    for reason in gated.result.reasons:
        typer.echo(f"  {reason}")
    for question in gated.worse[:SHOWN]:
        typer.echo(f"  worse: {question}")
    if len(gated.worse) > SHOWN:
        typer.echo(f"  … and {len(gated.worse) - SHOWN} more (all with --json)")


def _print_differences(result: GateResult) -> None:
    for difference in result.differences:
        sign = "worse" if difference.worse else ""
        typer.echo(
            f"{FIGURES[difference.figure]:36} {difference.baseline:8.3f} → {difference.candidate:.3f}  "
            f"({difference.low:+.3f} to {difference.high:+.3f}, {counted(difference.cases, 'case')}) {sign}".rstrip()
        )


_VERDICTS = {
    Ruling.PASSED: "Passed: nothing is worse.",
    Ruling.REFUSED: "Refused: something is worse.",
    Ruling.BASELINE: "This is what later measurements are compared with.",
}
