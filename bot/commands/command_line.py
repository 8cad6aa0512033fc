"""What every command shares: options, opening the knowledge base, and mistakes as one sentence with an exit code."""

from __future__ import annotations

import asyncio
import json
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

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
AskedAs = Annotated[
    str | None,
    typer.Option("--as", metavar="WHO", help="Ask with another scope: channel:C1, user:U1 or operator (everything)."),
]
QuestionFile = Annotated[
    Path | None,
    typer.Option("--questions", metavar="FILE", help='Many questions: one JSON object {"question": …} per line.'),
]


def load_settings() -> Settings:
    """Read the environment and `footnote.toml`."""
    from knowledge import Settings

    return Settings.load()


@asynccontextmanager
async def knowledge_base(*, logs: bool = False, serves: bool = False, **changes: Any) -> AsyncIterator[KnowledgeBase]:
    """Open the knowledge base; logs are for servers, a person at a terminal gets warnings only.

    One that `serves` people leaves large reindexes to a process of their own. `changes` are settings that this command
    has its own way with.
    """
    from bot.helping import jobs_for
    from bot.logs import configure
    from knowledge import KnowledgeBase

    settings = load_settings().model_copy(update=changes)
    configure(settings if logs else settings.model_copy(update={"log_level": "WARNING", "log_format": "text"}))
    jobs = jobs_for(settings) if serves else None
    kb = await (_opened_at_last(settings) if logs and settings.on_postgres else KnowledgeBase.open(settings, jobs=jobs))
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


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Run to the end; turn our errors into a sentence and an exit code."""
    from knowledge import FootnoteError, UsageError

    async def awaited() -> T:
        return await work()

    try:
        return asyncio.run(awaited())
    except UsageError as exc:
        fail(str(exc), WRONG_USE)
    except FootnoteError as exc:
        fail(str(exc), FAILED)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        raise typer.Exit(FAILED) from None


def fail(message: str, code: int) -> NoReturn:
    """Say what is wrong in at most three lines, and end."""
    lines = [line[:LONGEST_MESSAGE] for line in message.splitlines() if line.strip()][:3]
    typer.echo("footnote: " + "\n".join(lines), err=True)
    raise typer.Exit(code)


def scope_of(asked_as: str | None) -> Scope:
    """Read `--as`."""
    from knowledge import PUBLIC, Scope

    if asked_as is None:
        return PUBLIC
    if asked_as == "operator":
        return Scope(operator=True)
    kind, _, name = asked_as.partition(":")
    if kind not in {"channel", "user"} or not name:
        fail(f"--as {asked_as}: say channel:<id>, user:<id> or operator.", WRONG_USE)
    return Scope(channel=name) if kind == "channel" else Scope(user=name)


def questions_of(text: str | None, file: Path | None, scope: Scope) -> Iterator[Question]:
    """Read the one question, or the file of them."""
    from knowledge import Question

    if (text is None) == (file is None):
        fail("Give one question, or a file of them with --questions.", WRONG_USE)
    for line in _texts(file) if file else [text or ""]:
        if not line.strip():
            fail("The question is empty.", WRONG_USE)
        # Bytes that are no UTF-8, and halves of surrogate pairs, cannot be searched or stored.
        yield Question(line.encode("utf-8", "replace").decode("utf-8"), scope=scope)


def _texts(file: Path) -> list[str]:
    """Read the questions of a file, all before the first is asked: a mistake should not stop half way."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        fail(f"{file} cannot be read: {exc}", WRONG_USE)
    return [_text(line, f"{file}, line {number}") for number, line in enumerate(lines, start=1) if line.strip()]


def _text(line: str, place: str) -> str:
    try:
        question = json.loads(line)["question"]
    except (ValueError, TypeError, KeyError):
        fail(f'{place}: expected a JSON object like {{"question": "…"}}.', WRONG_USE)
    if not isinstance(question, str):
        fail(f"{place}: the question must be a string.", WRONG_USE)
    return question


def choice(kind: type[E], value: str, name: str) -> E:
    """Read one of a closed list of words."""
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(str(member) for member in kind)
        fail(f"{name} {value!r} is not one of: {known}.", WRONG_USE)


def one_line(value: str, name: str) -> str:
    """Read a name or an id."""
    if not value.strip() or "\n" in value:
        fail(f"{name} must be a name or an id.", WRONG_USE)
    return value.strip()
