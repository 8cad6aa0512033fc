"""`footnote demo`: the whole bot in a Slack of its own, on this machine, with nothing configured."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from contextlib import suppress
from pathlib import Path

import typer
from pydantic import SecretStr

from bot.counting import counted
from bot.helping import jobs_for
from bot.logs import configure
from bot.sandbox import App, SandboxServer, Workspace
from bot.server import serve
from bot.terminal import reindex_progress
from knowledge import (
    AdminSettings,
    ConfigurationError,
    EscalationSettings,
    KnowledgeBase,
    ReviewerSettings,
    Settings,
    SourceError,
    SourceSettings,
    TeamFile,
)

ADMIN = "U0ADA"
HELP_CHANNEL = "C0HELP"
ON_THIS_MACHINE = {"index": "embedded", "embedder": "wordllama", "reranker": "none"}
"""Whatever key happens to be in the shell: documents go to a service only if it is chosen by its name."""
OWN_DOCS = "footnote-docs"
SUGGESTIONS = (
    "How do I reindex a folder from Slack?",
    "What leaves the machine?",
    "Which file types are read?",
)
"""Questions about our own documents that somebody who sees the page for the first time might ask."""


async def run_demo(settings: Settings, *, docs: Path | None, port: int) -> None:
    """Serve the page until interrupted; the bot answers once the documents are indexed."""
    configure(settings.model_copy(update={"log_level": "WARNING", "log_format": "text"}))
    folder = _folder(docs)
    name = OWN_DOCS if docs is None else _source_name(folder)
    workspace = Workspace(app=_app(), suggestions=SUGGESTIONS if docs is None else ())
    sandbox = SandboxServer(workspace, port=port)
    try:
        await sandbox.__aenter__()
    except OSError as exc:
        raise ConfigurationError(f"Port {port} cannot be used ({exc.strerror}): choose another with --port.") from exc
    try:
        typer.echo(f"Footnote is at {sandbox.page_url}")
        await _answer(_demo_settings(settings, sandbox, name, folder), name, sandbox)
    finally:
        await sandbox.__aexit__(None, None, None)


async def _answer(settings: Settings, source: str, sandbox: SandboxServer) -> None:
    """Index the documents, then serve until somebody presses Ctrl-C."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    kb = await KnowledgeBase.open(settings, jobs=jobs_for(settings))
    try:
        if source != OWN_DOCS:
            await kb.retire_source(OWN_DOCS)
        await _index(kb, source)
        serving = asyncio.create_task(serve(kb, settings, stop=stop))
        inviting = asyncio.create_task(_invite(sandbox))
        await serving
        await inviting
    finally:
        await kb.close()


async def _invite(sandbox: SandboxServer) -> None:
    """Say that one may ask as soon as the bot listens."""
    await sandbox.wait_until_connected(30)
    typer.echo("Ask away: mention @footnote in #general, write to it directly, or type /ask. Ctrl-C ends it.")


async def _index(kb: KnowledgeBase, source: str) -> None:
    with reindex_progress(quiet=False) as on_progress:
        report = await kb.reindex(source, allow_empty=True, on_progress=on_progress)
    documents = sum(status.documents for status in await kb.sources() if status.name == source)
    typer.echo(f"{counted(documents, 'document')} in {counted(report.chunks, 'chunk')}: {report.summary()}.")
    for failed in report.failed[:5]:
        typer.echo(f"  failed: {failed.path}: {failed.reason}")


def _demo_settings(settings: Settings, sandbox: SandboxServer, name: str, folder: Path) -> Settings:
    """The person's settings, connected to the sandbox, with one source, one admin and a channel of humans."""
    app = sandbox.workspace.app
    team = TeamFile(
        sources={**settings.team.sources, name: SourceSettings(path=folder)},
        admins=AdminSettings(users=(ADMIN,)),
        reviewers=ReviewerSettings(users=(ADMIN,)),
        escalation=EscalationSettings(channel=HELP_CHANNEL),
    )
    connected = {
        "slack_bot_token": SecretStr(app.bot_token),
        "slack_app_token": SecretStr(app.app_token),
        "slack_signing_secret": None,
        "slack_api_url": sandbox.api_url,
        "port": None,
    }
    here = {name: choice for name, choice in ON_THIS_MACHINE.items() if name not in settings.model_fields_set}
    # The demo's source and admin are in no file: a change of footnote.toml would take them away.
    alone = {"team_path": None}
    return settings.model_copy(update=connected | here | alone).with_team(team, given=settings.team_given)


def _app() -> App:
    manifest = json.loads((Path(__file__).parent / "manifest.json").read_text("utf-8"))
    return App.from_manifest(manifest)


def _folder(docs: Path | None) -> Path:
    """The folder that was named, or our own documents: beside the package, or inside it when installed."""
    if docs is None:
        here = Path(__file__).resolve().parent
        return next(place for place in (here / "_docs", here.parent / "docs") if place.is_dir())
    folder = docs.expanduser().resolve()
    with suppress(OSError):
        if folder.is_dir():
            return folder
    raise SourceError(f"{docs} is not a folder." if folder.exists() else f"The folder {docs} does not exist.")


def _source_name(folder: Path) -> str:
    """A name that can be typed after `/reindex`."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", folder.name).strip("-._")[:60] or "documents"
