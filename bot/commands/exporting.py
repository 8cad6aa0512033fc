"""The command that turns feedback into datasets."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.command_line import AsJson, choice, knowledge_base, run

if TYPE_CHECKING:
    from knowledge import ExportReport, Kind

app = typer.Typer()


@app.command(epilog="Example: footnote export dataset --kind sft,kto --for axolotl")
def export(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    *,
    kind: Annotated[
        list[str] | None,
        typer.Option(metavar="KINDS", help="Some of sft,dpo,kto,raft,embed,rerank,eval; all of them by default."),
    ] = None,
    targets: Annotated[
        list[str] | None,
        typer.Option(
            "--for",
            metavar="TARGETS",
            help="Also write the shapes of openai, bedrock, together, fireworks, axolotl, llama-factory.",
        ),
    ] = None,
    include_model_answers: Annotated[
        bool,
        typer.Option(
            "--include-model-answers",
            help="Let models learn from what models wrote, where the terms of theirs allow it.",
        ),
    ] = False,
    include_restricted: Annotated[
        bool, typer.Option("--include-restricted", help="Take in answers from sources that not everybody may see.")
    ] = False,
    reviewed: Annotated[bool, typer.Option("--reviewed", help="Only what a reviewer has judged.")] = False,
    grounded: Annotated[bool, typer.Option("--grounded", help="Only corrections that the passages carry.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write feedback as datasets that trainers load, with a card, provenance and recipes."""
    from bot.terminal import print_json
    from knowledge import ExportOrder

    order = ExportOrder(
        kinds=_kinds(kind),
        targets=tuple(dict.fromkeys(_words(targets))),
        include_model_answers=include_model_answers,
        include_restricted=include_restricted,
        reviewed=reviewed,
        grounded=grounded,
    )

    async def work() -> ExportReport:
        async with knowledge_base() as kb:
            return await kb.export(directory, order)

    report = run(work)
    if as_json:
        print_json(asdict(report))
        return
    _print(report)


def _kinds(given: list[str] | None) -> tuple[Kind, ...]:
    from knowledge import Kind

    wanted = {choice(Kind, word, "--kind") for word in _words(given)}
    return tuple(kind for kind in Kind if not wanted or kind in wanted)


def _words(given: list[str] | None) -> list[str]:
    """Read lists with commas, an option given several times, or both."""
    return [word.strip() for text in given or () for word in text.split(",") if word.strip()]


def _print(report: ExportReport) -> None:
    from bot.counting import counted

    if report.snapshot is None:
        typer.echo("Nothing to export; nothing was written.")
    else:
        typer.echo(f"{counted(report.rows, 'row')} in {report.directory}, snapshot {report.snapshot}")
    for kind, splits in report.splits.items():
        told = ", ".join(f"{count:,} {split}" for split, count in splits.items() if count)
        typer.echo(f"  {kind:7} {told or 'empty: ' + report.reasons.get(kind, '')}")
    if report.kto:
        weights = (report.kto["desirable_weight"], report.kto["undesirable_weight"])
        typer.echo(f"  kto weights: desirable {weights[0]:g}, undesirable {weights[1]:g}")
    for reason, count in report.left_out["exchanges"].items():
        typer.echo(f"  left out: {counted(count, 'exchange')}: {reason}")
    for note in report.notes:
        typer.echo(f"Note: {note}")
