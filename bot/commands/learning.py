"""The commands that keep what people think of answers."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.commands.command_line import AsJson, choice, knowledge_base, one_line, run

app = typer.Typer()


@app.command(epilog="Example: footnote feedback 01K… down --reason outdated_source --correction '28 days since May'")
def feedback(
    answer_id: Annotated[str, typer.Argument(help="The id that `ask --json` prints.")],
    vote: Annotated[str, typer.Argument(metavar="up|down", help="What you think of it.")],
    *,
    reason: Annotated[list[str] | None, typer.Option(help="A reason code; may be given several times.")] = None,
    comment: Annotated[str, typer.Option(help="In your own words.")] = "",
    correction: Annotated[str, typer.Option(help="What would have been right.")] = "",
    by: Annotated[str, typer.Option(help="Who says so: any id.")] = "operator",
    as_json: AsJson = False,
) -> None:
    """Store what a person thinks of an answer."""
    from bot.terminal import print_json
    from knowledge import Feedback, Reason, Vote

    given = Feedback(
        answer_id=answer_id,
        person=one_line(by, "--by"),
        vote=choice(Vote, vote, "the vote"),
        reasons=tuple(dict.fromkeys(choice(Reason, code, "--reason") for code in reason or [])),
        comment=comment,
        correction=correction,
        via="terminal",
    )

    async def work() -> bool:
        async with knowledge_base() as kb:
            return await kb.give_feedback(given)

    stored = run(work)
    if as_json:
        print_json({"answer_id": answer_id, "person": given.person, "vote": vote, "stored": stored})
        return
    typer.echo("Stored." if stored else "That was stored before.")
