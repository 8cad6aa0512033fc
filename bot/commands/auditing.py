"""The command that shows who did or was refused what."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.commands.command_line import AsJson, knowledge_base, run

app = typer.Typer()


@app.command(epilog="Example: footnote audit --limit 20")
def audit(
    *,
    limit: Annotated[int, typer.Option(min=1, help="How many entries, newest first.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Show who reindexed, stopped, was refused, and which audiences changed."""
    from bot.terminal import print_acts

    async def work() -> None:
        async with knowledge_base() as kb:
            print_acts(await kb.audit.latest(limit), as_json=as_json)

    run(work)
