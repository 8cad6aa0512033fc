"""The commands that keep what people and reviewers think of answers, and whether that may be used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.commands import evaluating
from bot.commands.command_line import WRONG_USE, AsJson, choice, fail, knowledge_base, one_line, run

if TYPE_CHECKING:
    from knowledge import Judged, QueueItem

app = typer.Typer()
# Every step of learning has measuring as its gate.
app.registered_commands += evaluating.app.registered_commands


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
    answer_id: Annotated[str | None, typer.Argument(help="The id that `ask --json` prints.")] = None,
    verdict: Annotated[
        str | None, typer.Argument(metavar="approve|edit|reject|unsure", help="What you find of it.")
    ] = None,
    *,
    correction: Annotated[bool, typer.Option(help="Judge the latest correction of it instead.")] = False,
    text: Annotated[str, typer.Option(help="With edit: the answer as it should be.")] = "",
    note: Annotated[str, typer.Option(help="Why, for other reviewers.")] = "",
    by: Annotated[str, typer.Option(help="Who says so: shown under the answer when it is given again.")] = "operator",
    limit: Annotated[int, typer.Option(min=1, help="Without an answer: how many are listed.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Judge an answer: what is approved is given again, what is rejected no longer. Without one: list what waits."""
    reviewer = one_line(by, "--by")
    if answer_id is None:
        _list_queue(reviewer, limit=limit, as_json=as_json)
        return
    if verdict is None:
        fail("Say what you find of it: approve, edit, reject or unsure.", WRONG_USE)
    _judge(answer_id, verdict, reviewer, correction=correction, text=text.strip(), note=note, as_json=as_json)


def _judge(
    answer_id: str, verdict: str, reviewer: str, *, correction: bool, text: str, note: str, as_json: bool
) -> None:
    from bot.terminal import print_json
    from knowledge import Review, Scope, Verdict

    judged_as = choice(Verdict, verdict, "the verdict")
    if (judged_as is Verdict.EDIT) != bool(text):
        fail("--text goes with edit, and edit needs it: the answer as it should be.", WRONG_USE)

    async def work() -> Judged:
        async with knowledge_base() as kb:
            remark = await kb.latest_correction(answer_id) if correction else None
            given = Review(answer_id, reviewer, judged_as, remark, text, note, via="terminal")
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


def _list_queue(reviewer: str, *, limit: int, as_json: bool) -> None:
    from bot.terminal import print_json
    from knowledge import Scope

    async def work() -> list[QueueItem]:
        async with knowledge_base() as kb:
            return await kb.review_queue(reviewer, scope=Scope(operator=True), limit=limit)

    waiting = [_waiting(item) for item in run(work)]
    if as_json:
        print_json({"waiting": waiting})
        return
    for entry in waiting:
        typer.echo(_waiting_text(entry))
    if not waiting:
        typer.echo("Nothing waits for a verdict.")


def _waiting(item: QueueItem) -> dict[str, Any]:
    from knowledge import Vote

    exchange, votes = item.record.exchange, [vote.vote for vote in item.record.votes]
    reasons = [reason.value for remark in item.record.remarks for reason in remark.reasons]
    return {
        "answer_id": item.answer_id,
        "why": item.why.value,
        "question": exchange.question.text,
        "text": exchange.answer.text,
        "votes": {vote.value: votes.count(vote) for vote in Vote},
        "reasons": list(dict.fromkeys(reasons)),
        "correction": item.remark.correction if item.remark else None,
        "sources": list(item.remark.sources) if item.remark else [],
    }


def _waiting_text(entry: dict[str, Any]) -> str:
    votes = ", ".join(f"{count} {vote}" for vote, count in entry["votes"].items() if count)
    lines = [f"{entry['answer_id']}  {entry['why']}" + (f" ({votes})" if votes else "")]
    lines += [f"  Question: {entry['question']}", f"  Answer: {entry['text']}"]
    if entry["correction"]:
        lines += [f"  Correction: {entry['correction']}", "  Judge it with --correction."]
    return "\n".join(lines)


@app.command(epilog="Example: footnote consent channel:C0123ABCD out")
def consent(
    subject: Annotated[str, typer.Argument(metavar="user:ID|channel:ID", help="Whose words.")],
    state: Annotated[str, typer.Argument(metavar="in|out", help="Whether datasets may hold them.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Say whether what a person or a channel says may become part of datasets."""
    from bot.terminal import print_json

    kind, _, name = subject.partition(":")
    if kind not in {"user", "channel"} or not name.strip() or state not in {"in", "out"}:
        fail("Say user:<id> or channel:<id>, and in or out.", WRONG_USE)

    async def work() -> bool:
        async with knowledge_base() as kb:
            return await kb.choose_part(subject, takes_part=state == "in")

    changed = run(work)
    if as_json:
        print_json({"subject": subject, "state": state, "changed": changed})
        return
    typer.echo("Stored." if changed else "That was so before.")


@app.command(epilog="Example: footnote learn --json")
def learn(
    *,
    off: Annotated[bool, typer.Option("--off", help="Use nothing of what was learned this way any more.")] = False,
    as_json: AsJson = False,
) -> None:
    """Learn to search from what people said of answers; used only when questions that were kept out gain from it."""
    from bot.learning_output import print_learnt, print_unlearnt
    from bot.terminal import print_json
    from knowledge import Learnt

    async def work() -> Learnt | int:
        async with knowledge_base() as kb:
            return await kb.teaching.unlearn() if off else await kb.teaching.learn()

    done = run(work)
    if isinstance(done, Learnt):
        print_json(done.to_json()) if as_json else print_learnt(done)
    else:
        print_json({"switched_off": done}) if as_json else print_unlearnt(done)


@app.command(epilog="Example: footnote report --days 30 --html gaps.html")
def report(
    *,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How far to look back.")] = 30,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page to open in a browser.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what people could not get answered or did not like, and whose documents that concerns."""
    from bot.learning_output import print_gaps
    from bot.report_page import render
    from bot.terminal import print_json
    from knowledge import GapReport

    async def work() -> GapReport:
        async with knowledge_base() as kb:
            return await kb.teaching.gap_report(days=days)

    found = run(work)
    if html is not None:
        try:
            html.write_text(render(found), "utf-8")
        except OSError as exc:
            fail(f"{html} cannot be written: {exc.strerror}.", WRONG_USE)
    if as_json:
        print_json(found.to_json())
        return
    print_gaps(found)
