"""The commands that keep what people and reviewers think of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.command_line import WRONG_USE, AsJson, choice, fail, knowledge_base, one_line, run

if TYPE_CHECKING:
    from knowledge import Judged

app = typer.Typer()


@app.command(epilog="Example: footnote feedback 01K… down --reason outdated_source --correction '28 days since May'")
def feedback(
    answer_id: Annotated[str, typer.Argument(help="The id that `ask --json` prints.")],
    vote: Annotated[str, typer.Argument(metavar="up|down", help="What you think of it.")],
    *,
    reason: Annotated[list[str] | None, typer.Option(help="A reason code; may be given several times.")] = None,
    comment: Annotated[str, typer.Option(help="In your own words.")] = "",
    correction: Annotated[str, typer.Option(help="What would have been right.")] = "",
    source: Annotated[
        list[str] | None, typer.Option(help="A document that says so; may be given several times.")
    ] = None,
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
        sources=tuple(source or ()),
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


@app.command(epilog="Example: footnote review 01K… edit --text '27 days, part-time employees a share.' --by Ann")
def review(
    answer_id: Annotated[str, typer.Argument(help="The id that `ask --json` prints.")],
    verdict: Annotated[str, typer.Argument(metavar="approve|edit|reject|unsure", help="What you find of it.")],
    *,
    correction: Annotated[bool, typer.Option(help="Judge the latest correction of it instead.")] = False,
    text: Annotated[str, typer.Option(help="With edit: the answer as it should be.")] = "",
    note: Annotated[str, typer.Option(help="Why, for other reviewers.")] = "",
    by: Annotated[str, typer.Option(help="Who says so: shown under the answer when it is given again.")] = "operator",
    as_json: AsJson = False,
) -> None:
    """Judge an answer: what is approved or edited is given again to the same question, what is rejected no longer."""
    from bot.terminal import print_json
    from knowledge import Review, Scope, Verdict

    judged_as = choice(Verdict, verdict, "the verdict")
    if (judged_as is Verdict.EDIT) != bool(text.strip()):
        fail("--text goes with edit, and edit needs it: the answer as it should be.", WRONG_USE)
    reviewer = one_line(by, "--by")

    async def work() -> Judged:
        async with knowledge_base() as kb:
            remark = await kb.latest_correction(answer_id) if correction else None
            given = Review(answer_id, reviewer, judged_as, remark, text.strip(), note, via="terminal")
            return await kb.review(given, scope=Scope(operator=True))

    judged = run(work)
    if as_json:
        verified_id = judged.verified.id if judged.verified else None
        print_json(
            {"answer_id": answer_id, "reviewer": reviewer, "verdict": judged_as.value, "stored": judged.new}
            | {"verified_id": verified_id, "withdrawn": judged.withdrawn, "why_not": judged.why_not}
        )
        return
    typer.echo(_said(judged))


def _said(judged: Judged) -> str:
    if not judged.new:
        return "You had said so before."
    if judged.verified is not None:
        return f"Stored. From now on this is given to the same question:\n{judged.verified.text}"
    if judged.withdrawn:
        return "Stored. It is not given again any more."
    return f"Stored. {judged.why_not}".rstrip()
