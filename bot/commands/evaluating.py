"""The command that measures, and refuses what is worse."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.commands.command_line import FAILED, WRONG_USE, AsJson, AskedAs, fail, knowledge_base, run, scope_of

if TYPE_CHECKING:
    from knowledge import Gated, Scope

app = typer.Typer()


@app.command("eval", epilog="Example: footnote eval questions.jsonl --gate")
def evaluate(
    file: Annotated[
        Path | None, typer.Argument(help="Questions with known answers, or labelled citations; one per line.")
    ] = None,
    *,
    gate: Annotated[bool, typer.Option("--gate", help="Exit 1 when worse than the last accepted measurement.")] = False,
    accept: Annotated[bool, typer.Option("--accept", help="With --gate: measure later ones against this.")] = False,
    at_least: Annotated[
        list[str] | None, typer.Option(metavar="FIGURE=VALUE", help="With --gate: refuse what is below, too.")
    ] = None,
    approved: Annotated[
        bool, typer.Option("--approved", help="Ask what was approved again; exit 1 when worse")
    ] = False,
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="A B", help="Compare two embedders, or two files of settings; exit 1 when B is worse."),
    ] = None,
    search_only: Annotated[bool, typer.Option("--search-only", help="Measure the search alone: ask nothing.")] = False,
    asked_as: AskedAs = None,
    as_json: AsJson = False,
) -> None:
    """Measure how well questions are searched and answered, or how well false footnotes are caught."""
    scope = scope_of(asked_as)
    if approved:
        _finish(run(lambda: _against_approvals(quiet=as_json)), as_json=as_json)
    elif file is None:
        fail("Name a file of questions, or say --approved.", WRONG_USE)
    elif compare:
        _finish(*run(lambda: _compared(file, compare, scope, ask=not search_only, quiet=as_json)), as_json=as_json)
    elif gate:
        floors = dict(_floor(given) for given in at_least or ())
        gated = run(lambda: _gated(file, scope, accept=accept, floors=floors, ask=not search_only, quiet=as_json))
        _finish(gated, as_json=as_json)
    else:
        _measure(file, scope, ask=not search_only, as_json=as_json)


def _measure(file: Path, scope: Scope, *, ask: bool, as_json: bool) -> None:
    from bot.terminal import cases_progress, print_figures
    from knowledge import evaluate_file

    async def work() -> dict[str, Any]:
        with cases_progress(quiet=as_json) as watch:
            return await evaluate_file(file, knowledge_base, scope=scope, ask=ask, watch=watch)

    print_figures(run(work), as_json=as_json)


async def _gated(file: Path, scope: Scope, *, accept: bool, floors: dict[str, float], ask: bool, quiet: bool) -> Gated:
    from bot.terminal import cases_progress
    from knowledge import load_cases, trials

    tried = trials(load_cases(file), scope)
    async with knowledge_base(verified_answers=False) as kb:
        with cases_progress(quiet=quiet) as track:
            return await kb.teaching.gates.against_baseline(tried, accept=accept, floors=floors, ask=ask, track=track)


async def _against_approvals(*, quiet: bool) -> Gated:
    from bot.terminal import cases_progress

    async with knowledge_base(verified_answers=False) as kb:
        with cases_progress(quiet=quiet) as track:
            return await kb.teaching.gates.against_approvals(await kb.teaching.verified_answers(), track=track)


async def _compared(
    file: Path, named: tuple[str, str], scope: Scope, *, ask: bool, quiet: bool
) -> tuple[Gated, dict[str, float | None]]:
    from bot.terminal import cases_progress
    from knowledge import candidate, compare_candidates, load_cases, trials

    tried = trials(load_cases(file), scope)
    async with knowledge_base() as kb:
        first, second = (candidate(name, kb.settings) for name in named)
        sources = await kb.sources()
        with cases_progress(quiet=quiet) as track:
            return await compare_candidates(
                first, second, tried, sources=sources, book=kb.teaching.evaluations, ask=ask, track=track
            )


def _finish(gated: Gated, baseline: dict[str, float | None] | None = None, *, as_json: bool) -> None:
    from bot.learning_output import print_gated
    from bot.terminal import print_json
    from knowledge import Ruling

    if as_json:
        print_json(gated.to_json() | ({"baseline": baseline} if baseline is not None else {}))
    else:
        print_gated(gated)
    if gated.result.ruling is Ruling.REFUSED:
        raise typer.Exit(FAILED)


def _floor(given: str) -> tuple[str, float]:
    from knowledge import FIGURES

    name, _, value = given.partition("=")
    try:
        floor = float(value)
    except ValueError:
        fail(f"--at-least {given}: say a figure and a number, such as recall@5=0.9.", WRONG_USE)
    if name not in FIGURES:
        fail(f"--at-least {given}: the figures are {', '.join(FIGURES)}.", WRONG_USE)
    return name, floor
