"""The commands that run the bot, and the one that says why it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.commands.command_line import FAILED, WRONG_USE, AsJson, knowledge_base, load_settings, run

app = typer.Typer()


@app.command(epilog="Example: footnote demo --docs ./handbook")
def demo(
    docs: Annotated[Path | None, typer.Option(help="A folder of documents; without it Footnote's own.")] = None,
    port: Annotated[
        int, typer.Option(envvar="PORT", min=0, max=65535, help="Where the page is served on 127.0.0.1.")
    ] = 3000,
) -> None:
    """Run the whole bot in a Slack of its own, in a page of your browser: no account, no key."""
    from bot.demo import run_demo

    run(lambda: run_demo(load_settings(), docs=docs, port=port))


@app.command(epilog="Example: SLACK_BOT_TOKEN=xoxb-… SLACK_APP_TOKEN=xapp-… footnote serve")
def serve() -> None:
    """Answer in Slack: Socket Mode with an app token, HTTP with a signing secret."""
    from bot.server import serve as serve_slack

    async def work() -> None:
        async with knowledge_base(logs=True, serves=True) as kb:
            await kb.warm_up()
            await serve_slack(kb, kb.settings)

    run(work)


@app.command(epilog="Example: footnote worker")
def worker() -> None:
    """Do the background work, and finish what a process that died left behind; takes nothing new from Slack."""
    from bot.server import serve as serve_slack

    async def work() -> None:
        async with knowledge_base(logs=True) as kb:
            await kb.check()
            await serve_slack(kb, kb.settings, listen=False)

    run(work)


@app.command(epilog="Example: footnote doctor --json")
def doctor(*, as_json: AsJson = False) -> None:
    """Check every part for real and say in words what is missing."""
    from bot.doctor import examine
    from bot.logs import configure
    from bot.terminal import print_findings
    from knowledge import ConfigurationError, Finding

    try:
        settings = load_settings()
    except ConfigurationError as exc:
        print_findings([Finding("configuration", ok=False, says=str(exc))], as_json=as_json)
        raise typer.Exit(WRONG_USE) from exc
    configure(settings.model_copy(update={"log_level": "ERROR", "log_format": "text"}))
    findings = run(lambda: examine(settings))
    print_findings(findings, as_json=as_json)
    if any(not finding.ok for finding in findings):
        raise typer.Exit(FAILED)
