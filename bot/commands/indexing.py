"""The commands that bring documents in and say how they are."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.commands.command_line import WRONG_USE, AsJson, fail, knowledge_base, run

app = typer.Typer()


@app.command(epilog="Example: footnote reindex ./handbook")
def reindex(
    source: Annotated[
        str | None, typer.Argument(metavar="DIR|SOURCE", help="A folder, or a source of footnote.toml.")
    ] = None,
    *,
    allow_empty: Annotated[
        bool, typer.Option("--allow-empty", help="Go on when the folder is empty or most of it has vanished.")
    ] = False,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Stop the reindex that is under way; what it has done stays.")
    ] = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Compare the index with the database and put it right; without a SOURCE, all of them."
        ),
    ] = False,
    remove: Annotated[
        bool,
        typer.Option("--remove", help="Remove all that was indexed of a source that footnote.toml no longer names."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the index say exactly what the folder says."""
    from bot.terminal import print_report, reindex_progress

    if verify:
        _verify(source, as_json=as_json)
        return
    if source is None:
        fail("Name a folder or a source: `footnote reindex ./handbook`.", WRONG_USE)
    if not source.strip():
        fail("Name a folder or a source: the name is empty.", WRONG_USE)

    if remove:
        _remove(source, as_json=as_json)
        return
    if cancel:
        _cancel(source, as_json=as_json)
        return

    async def work() -> None:
        async with knowledge_base() as kb:
            begin = kb.reindex if kb.names_source(source) else kb.reindex_folder
            with reindex_progress(quiet=as_json) as on_progress:
                report = await begin(source, allow_empty=allow_empty, on_progress=on_progress)
        print_report(report, as_json=as_json)

    run(work)


def _cancel(source: str, *, as_json: bool) -> None:
    from bot.terminal import print_cancelled

    async def work() -> None:
        async with knowledge_base() as kb:
            print_cancelled(source, cancelled=await kb.cancel_reindex(source), as_json=as_json)

    run(work)


def _remove(source: str, *, as_json: bool) -> None:
    from bot.terminal import print_removed

    async def work() -> None:
        async with knowledge_base() as kb:
            print_removed(source, await kb.remove_source(source), as_json=as_json)

    run(work)


def _verify(source: str | None, *, as_json: bool) -> None:
    from bot.terminal import print_audit

    if source is not None and not source.strip():
        fail("Name a folder or a source: the name is empty.", WRONG_USE)

    async def work() -> None:
        async with knowledge_base() as kb:
            print_audit(await kb.verify(source or ""), as_json=as_json)

    run(work)


@app.command(epilog="Example: footnote status --json")
def status(*, as_json: AsJson = False) -> None:
    """List the sources: how large, how fresh, what failed; and what answers come from."""
    from bot.terminal import print_status

    async def work() -> None:
        async with knowledge_base() as kb:
            print_status(await kb.sources(), await kb.generations(), as_json=as_json)

    run(work)
