"""`footnote doctor`: tries every part for real and says in words what is missing."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.terminal import counted
from knowledge import FootnoteError, KnowledgeBase, Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about one part."""

    part: str
    ok: bool
    says: str


async def examine(settings: Settings) -> list[Finding]:
    """Try everything; what is broken becomes a finding, never an exception."""
    findings = [Finding("configuration", ok=True, says=_where(settings))]
    findings += [finding async for finding in _knowledge(settings)]
    findings += [_source(name, source.path) for name, source in settings.team.sources.items()]
    findings += [finding async for finding in _slack(settings)]
    return findings


def _where(settings: Settings) -> str:
    team = f"{len(settings.team.sources)} sources in footnote.toml" if settings.team_given else "no footnote.toml"
    parts = f"{settings.index} index, {settings.embedder} embedder, {settings.answerer} answerer"
    return f"home {settings.home}; {team}; {parts}"


async def _knowledge(settings: Settings) -> AsyncIterator[Finding]:
    try:
        kb = await KnowledgeBase.open(settings)
    except FootnoteError as exc:
        yield Finding("knowledge", ok=False, says=str(exc))
        return
    try:
        for part, says in (await kb.ready()).items():
            yield Finding(part, ok=says == "ok", says=says)
        sources = await kb.sources()
        documents = sum(source.documents for source in sources)
        hint = "" if documents else ": index a folder with `footnote reindex DIR`"
        yield Finding(
            "documents",
            ok=bool(documents),
            says=f"{counted(documents, 'document')} in {counted(len(sources), 'source')}{hint}",
        )
    finally:
        await kb.close()


def _source(name: str, path: Path) -> Finding:
    part = f"source {name}"
    if not path.exists():
        return Finding(part, ok=False, says=f"{path} is not there")
    if not path.is_dir():
        return Finding(part, ok=False, says=f"{path} is not a folder")
    if not os.access(path, os.R_OK | os.X_OK):
        return Finding(part, ok=False, says=f"{path} may not be read by this user")
    return Finding(part, ok=True, says=str(path))


async def _slack(settings: Settings) -> AsyncIterator[Finding]:
    if settings.slack_bot_token is None:
        yield Finding("slack", ok=True, says="not connected: SLACK_BOT_TOKEN is not set (`footnote demo` needs none)")
        return
    yield await _bot_token(settings)
    if settings.slack_app_token is None and settings.slack_signing_secret is None:
        says = "set SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP)"
        yield Finding("slack transport", ok=False, says=says)
    elif settings.slack_app_token is not None:
        yield await _app_token(settings)


async def _bot_token(settings: Settings) -> Finding:
    assert settings.slack_bot_token is not None  # noqa: S101 - asked by the caller
    client = AsyncWebClient(settings.slack_bot_token.get_secret_value(), base_url=settings.slack_api_url, timeout=10)
    try:
        response = await client.auth_test()
    except SlackApiError as exc:
        error = exc.response.get("error", "unknown")
        return Finding(
            "slack", ok=False, says=f"SLACK_BOT_TOKEN is refused ({error}): copy it again from OAuth & Permissions"
        )
    except Exception as exc:  # noqa: BLE001 - whatever it is, it is the finding
        return Finding("slack", ok=False, says=f"{settings.slack_api_url} cannot be reached: {type(exc).__name__}")
    return Finding("slack", ok=True, says=f"{response.get('user')} in {response.get('team')}")


async def _app_token(settings: Settings) -> Finding:
    assert settings.slack_app_token is not None  # noqa: S101 - asked by the caller
    client = AsyncWebClient(base_url=settings.slack_api_url, timeout=10)
    try:
        await client.apps_connections_open(app_token=settings.slack_app_token.get_secret_value())
    except SlackApiError as exc:
        error = exc.response.get("error", "unknown")
        return Finding(
            "slack socket", ok=False, says=f"SLACK_APP_TOKEN is refused ({error}): it needs connections:write"
        )
    except Exception as exc:  # noqa: BLE001 - whatever it is, it is the finding
        return Finding(
            "slack socket", ok=False, says=f"{settings.slack_api_url} cannot be reached: {type(exc).__name__}"
        )
    return Finding("slack socket", ok=True, says="Socket Mode may be opened")
