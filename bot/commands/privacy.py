"""The command that forgets a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.command_line import AsJson, knowledge_base, one_line, run

if TYPE_CHECKING:
    from knowledge import Forgotten, TeamFile

app = typer.Typer()


@app.command(epilog="Example: footnote forget --user U0123ABCD")
def forget(
    user: Annotated[str, typer.Option(help="The Slack id, or the name given with --by.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Remove a person's words and id from every table, and say how much that was."""
    from bot.terminal import print_json

    person = one_line(user, "--user")

    async def work() -> tuple[Forgotten, list[str]]:
        async with knowledge_base() as kb:
            return await kb.forget(person), _named(kb.settings.team, person)

    done, named = run(work)
    if as_json:
        print_json(
            {"user": person, "total": done.total, "rows": dict(done.rows)}
            | {"revoked_snapshots": list(done.snapshots), "learned_from": bool(done.learned)}
            | {"still_in_footnote_toml": named}
        )
        return
    typer.echo(_said(done, person))
    for place in named:
        typer.echo(f"footnote.toml still names {person} in {place}: remove it there.")


def _said(done: Forgotten, person: str) -> str:
    if not done.total:
        return f"Nothing of {person} is kept."
    lines = [f"Forgot {person}: {done.total} rows removed or made nobody's."]
    lines += [f"  {name}: {count}" for name, count in done.rows.items()]
    if done.snapshots:
        lines.append(f"Datasets that hold their words, marked as revoked: {', '.join(done.snapshots)}.")
        lines.append("Delete their folders and what was trained from them: this command cannot.")
    if done.learned:
        lines.append("`footnote learn` had learned from them as well: run it again, and it begins without them.")
    return "\n".join(lines)


def _named(team: TeamFile, person: str) -> list[str]:
    """Say where the configuration names the person: who may see what is for its owner to change."""
    places = [f"[sources.{name}] users" for name, source in team.sources.items() if person in source.users]
    roles = {"admins": team.admins, "reviewers": team.reviewers}
    return places + [f"[{name}] users" for name, role in roles.items() if person in role.users]
