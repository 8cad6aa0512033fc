"""The `footnote` command: thin, one function per command, everything heavy imported where it is used."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

if TYPE_CHECKING:
    from knowledge import KnowledgeBase, Question, Scope, Settings

DONE, FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130
LONGEST_MESSAGE = 480
"""Characters of one line about a mistake; programs rely on less than 500."""
DATABASE_SECONDS = 2.0
"""How often a server that starts looks for its database."""

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

app = typer.Typer(
    name="footnote",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
AskedAs = Annotated[
    str | None,
    typer.Option("--as", metavar="WHO", help="Ask with another scope: channel:C1, user:U1 or operator (everything)."),
]
QuestionFile = Annotated[
    Path | None,
    typer.Option("--questions", metavar="FILE", help='Many questions: one JSON object {"question": …} per line.'),
]


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


@app.command(epilog="Example: footnote demo --docs ./handbook")
def demo(
    docs: Annotated[Path | None, typer.Option(help="A folder of documents; without it Footnote's own.")] = None,
    port: Annotated[
        int, typer.Option(envvar="PORT", min=0, max=65535, help="Where the page is served on 127.0.0.1.")
    ] = 3000,
) -> None:
    """Run the whole bot in a Slack of its own, in a page of your browser: no account, no key."""
    from bot.demo import run_demo

    _run(lambda: run_demo(_settings(), docs=docs, port=port))


@app.command(epilog="Example: SLACK_BOT_TOKEN=xoxb-… SLACK_APP_TOKEN=xapp-… footnote serve")
def serve() -> None:
    """Answer in Slack: Socket Mode with an app token, HTTP with a signing secret."""
    from bot.server import serve as serve_slack

    async def work() -> None:
        async with _knowledge(logs=True) as kb:
            await kb.warm_up()
            await serve_slack(kb, kb.settings)

    _run(work)


@app.command(epilog="Example: footnote worker")
def worker() -> None:
    """Do the background work, and finish what a process that died left behind; takes nothing new from Slack."""
    from bot.server import serve as serve_slack

    async def work() -> None:
        async with _knowledge(logs=True) as kb:
            await serve_slack(kb, kb.settings, listen=False)

    _run(work)


@app.command(epilog="Example: footnote reindex ./handbook")
def reindex(
    source: Annotated[str, typer.Argument(metavar="DIR|SOURCE", help="A folder, or a source of footnote.toml.")],
    *,
    allow_empty: Annotated[
        bool, typer.Option("--allow-empty", help="Go on when the folder is empty or most of it has vanished.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the index say exactly what the folder says."""
    from bot.terminal import print_report, reindex_progress

    if not source.strip():
        _fail("Name a folder or a source: the name is empty.", WRONG_USE)

    async def work() -> None:
        async with _knowledge() as kb:
            run = kb.reindex if kb.names_source(source) else kb.reindex_folder
            with reindex_progress(quiet=as_json) as on_progress:
                report = await run(source, allow_empty=allow_empty, on_progress=on_progress)
        print_report(report, as_json=as_json)

    _run(work)


@app.command(epilog='Example: footnote search "parental leave" --k 5')
def search(
    question: Annotated[str | None, typer.Argument(help="What to look for.")] = None,
    *,
    k: Annotated[int, typer.Option(min=1, max=1000, help="How many passages.")] = 10,
    questions: QuestionFile = None,
    asked_as: AskedAs = None,
    as_json: AsJson = False,
) -> None:
    """Show the passages that an answer would be made from."""
    from bot.terminal import print_passages

    scope = _scope(asked_as)

    async def work() -> None:
        async with _knowledge() as kb:
            for item in _questions(question, questions, scope):
                print_passages(await kb.search(item, k=k), as_json=as_json or questions is not None)

    _run(work)


@app.command(epilog='Example: footnote ask "How many days of parental leave are there?"')
def ask(
    question: Annotated[str | None, typer.Argument(help="The question.")] = None,
    *,
    questions: QuestionFile = None,
    asked_as: AskedAs = None,
    as_json: AsJson = False,
) -> None:
    """Answer a question, or say that the documents do not."""
    from bot.terminal import print_answer

    scope = _scope(asked_as)

    async def work() -> bool:
        async with _knowledge() as kb:
            answers = [
                print_answer(await kb.ask(item), as_json=as_json or questions is not None)
                for item in _questions(question, questions, scope)
            ]
        return all(answers)

    if not _run(work):
        raise typer.Exit(FAILED)


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
    from knowledge import Feedback, Reason, Vote

    given = Feedback(
        answer_id=answer_id,
        person=_one_line(by, "--by"),
        vote=_choice(Vote, vote, "the vote"),
        reasons=tuple(dict.fromkeys(_choice(Reason, code, "--reason") for code in reason or [])),
        comment=comment,
        correction=correction,
        via="terminal",
    )

    async def work() -> bool:
        async with _knowledge() as kb:
            return await kb.give_feedback(given)

    stored = _run(work)
    if as_json:
        _print_json({"answer_id": answer_id, "person": given.person, "vote": vote, "stored": stored})
        return
    typer.echo("Stored." if stored else "That was stored before.")


@app.command("eval", epilog="Example: footnote eval questions.jsonl --json")
def evaluate(
    file: Annotated[Path, typer.Argument(help="Questions with known answers, or labelled citations; one per line.")],
    *,
    search_only: Annotated[bool, typer.Option("--search-only", help="Measure the search alone: ask nothing.")] = False,
    asked_as: AskedAs = None,
    as_json: AsJson = False,
) -> None:
    """Measure how well questions are searched and answered, or how well false footnotes are caught."""
    from bot.terminal import cases_progress, print_figures
    from knowledge import evaluate_file

    scope = _scope(asked_as)

    async def work() -> dict[str, Any]:
        with cases_progress(quiet=as_json) as watch:
            return await evaluate_file(file, _knowledge, scope=scope, ask=not search_only, watch=watch)

    print_figures(_run(work), as_json=as_json)


@app.command(epilog="Example: footnote status --json")
def status(*, as_json: AsJson = False) -> None:
    """List the sources: how large, how fresh, what failed."""
    from bot.terminal import print_sources

    async def work() -> None:
        async with _knowledge() as kb:
            print_sources(await kb.sources(), as_json=as_json)

    _run(work)


@app.command(epilog="Example: footnote doctor --json")
def doctor(*, as_json: AsJson = False) -> None:
    """Check every part for real and say in words what is missing."""
    from bot.doctor import examine
    from bot.terminal import print_findings

    findings = _run(lambda: examine(_settings()))
    print_findings(findings, as_json=as_json)
    if any(not finding.ok for finding in findings):
        raise typer.Exit(FAILED)


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


# --- what the commands share ----------------------------------------------------------------------------------------


def _settings() -> Settings:
    from knowledge import Settings

    return Settings.load()


@asynccontextmanager
async def _knowledge(*, logs: bool = False) -> AsyncIterator[KnowledgeBase]:
    """Open the knowledge base; logs are for servers, a person at a terminal gets warnings only."""
    from bot.logs import configure
    from knowledge import KnowledgeBase

    settings = _settings()
    configure(settings if logs else settings.model_copy(update={"log_level": "WARNING", "log_format": "text"}))
    kb = await (_opened_at_last(settings) if logs and settings.on_postgres else KnowledgeBase.open(settings))
    try:
        yield kb
    finally:
        await kb.close()


async def _opened_at_last(settings: Settings) -> KnowledgeBase:
    """Wait for a database server that is not there yet: servers start in any order."""
    import logging

    from knowledge import DatabaseUnavailableError, KnowledgeBase

    while True:
        try:
            return await KnowledgeBase.open(settings)
        except DatabaseUnavailableError:
            logging.getLogger(__name__).warning("database.unreachable")
            await asyncio.sleep(DATABASE_SECONDS)


def _run(work: Callable[[], Awaitable[T]]) -> T:
    """Run to the end; turn our errors into a sentence and an exit code."""
    from knowledge import FootnoteError, UsageError

    async def awaited() -> T:
        return await work()

    try:
        return asyncio.run(awaited())
    except UsageError as exc:
        _fail(str(exc), WRONG_USE)
    except FootnoteError as exc:
        _fail(str(exc), FAILED)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        raise typer.Exit(FAILED) from None


def _fail(message: str, code: int) -> NoReturn:
    lines = [line[:LONGEST_MESSAGE] for line in message.splitlines() if line.strip()][:3]
    typer.echo("footnote: " + "\n".join(lines), err=True)
    raise typer.Exit(code)


def _scope(asked_as: str | None) -> Scope:
    from knowledge import PUBLIC, Scope

    if asked_as is None:
        return PUBLIC
    if asked_as == "operator":
        return Scope(operator=True)
    kind, _, name = asked_as.partition(":")
    if kind not in {"channel", "user"} or not name:
        _fail(f"--as {asked_as}: say channel:<id>, user:<id> or operator.", WRONG_USE)
    return Scope(channel=name) if kind == "channel" else Scope(user=name)


def _questions(text: str | None, file: Path | None, scope: Scope) -> Iterator[Question]:
    from knowledge import Question

    if (text is None) == (file is None):
        _fail("Give one question, or a file of them with --questions.", WRONG_USE)
    for line in _texts(file) if file else [text or ""]:
        if not line.strip():
            _fail("The question is empty.", WRONG_USE)
        # Bytes that are no UTF-8, and halves of surrogate pairs, cannot be searched or stored.
        yield Question(line.encode("utf-8", "replace").decode("utf-8"), scope=scope)


def _texts(file: Path) -> list[str]:
    """Read the questions of a file, all before the first is asked: a mistake should not stop half way."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        _fail(f"{file} cannot be read: {exc}", WRONG_USE)
    return [_text(line, f"{file}, line {number}") for number, line in enumerate(lines, start=1) if line.strip()]


def _text(line: str, place: str) -> str:
    try:
        question = json.loads(line)["question"]
    except (ValueError, TypeError, KeyError):
        _fail(f'{place}: expected a JSON object like {{"question": "…"}}.', WRONG_USE)
    if not isinstance(question, str):
        _fail(f"{place}: the question must be a string.", WRONG_USE)
    return question


def _choice(kind: type[E], value: str, name: str) -> E:
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(str(member) for member in kind)
        _fail(f"{name} {value!r} is not one of: {known}.", WRONG_USE)


def _one_line(value: str, name: str) -> str:
    if not value.strip() or "\n" in value:
        _fail(f"{name} must be a name or an id.", WRONG_USE)
    return value.strip()


def _print_json(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
