"""The `footnote` command: thin, one function per command, everything heavy imported where it is used."""

from __future__ import annotations

import sys
from typing import Annotated, NoReturn

import typer

from bot.commands import asking, auditing, exporting, indexing, learning, privacy, serving
from bot.commands.command_line import DONE, INTERRUPTED, LONGEST_MESSAGE, WRONG_USE

app = typer.Typer(
    name="footnote",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for area in (serving, indexing, asking, learning, exporting, privacy, auditing):
    app.registered_commands += area.app.registered_commands


@app.callback()
def common(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=lambda wanted: _version(wanted=wanted), help="Print the version."
        ),
    ] = False,
) -> None:
    """Answer a team's questions from the team's own documents, with a footnote under every claim."""


def _version(*, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"footnote {version('footnote')}")
        raise typer.Exit


def main() -> None:
    """Run the command line; mistakes of the person become one sentence and exit code 2."""
    # Typer brings its own Click and shows of its errors only this one, whose base they all share.
    usage_error = typer.BadParameter.__bases__[0]
    try:
        code = app(standalone_mode=False)
    except typer.Abort:
        sys.exit(INTERRUPTED)
    except Exception as exc:
        if not isinstance(exc, usage_error):
            raise
        _exit_with(f"{exc.format_message()} `footnote --help` lists the commands.")  # type: ignore[attr-defined]
    sys.exit(code if isinstance(code, int) else DONE)


def _exit_with(message: str) -> NoReturn:
    typer.echo(f"footnote: {message[:LONGEST_MESSAGE]}", err=True)
    sys.exit(WRONG_USE)
