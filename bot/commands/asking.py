"""The commands that search and answer."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.commands.command_line import FAILED, AsJson, AskedAs, QuestionFile, knowledge_base, questions_of, run, scope_of

app = typer.Typer()


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

    scope = scope_of(asked_as)

    async def work() -> None:
        async with knowledge_base() as kb:
            for item in questions_of(question, questions, scope):
                print_passages(await kb.search(item, k=k), as_json=as_json or questions is not None)

    run(work)


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

    scope = scope_of(asked_as)

    async def work() -> bool:
        async with knowledge_base() as kb:
            answers = [
                print_answer(await kb.ask(item), as_json=as_json or questions is not None)
                for item in questions_of(question, questions, scope)
            ]
        return all(answers)

    if not run(work):
        raise typer.Exit(FAILED)
