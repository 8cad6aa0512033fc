"""Looking at Slack for the doctor: token, scopes against the manifest, how Slack reaches us, and the clock."""

from __future__ import annotations

import json
import time
from email.utils import parsedate_to_datetime
from pathlib import Path

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.slack_client import SLACK_ERRORS, error_code, is_denied
from knowledge import Finding, Settings

SECONDS = 10
OFF_SECONDS = 60.0
"""A clock that is wrong by more is worth a word: at five minutes every request of Slack is refused."""
GROUPS = "usergroups:read"


async def examine_slack(settings: Settings) -> list[Finding]:
    """Ask Slack about everything that it can tell; what is broken becomes a finding, never an exception."""
    if settings.slack_bot_token is None:
        return [_no_token(settings)]
    client = _client(settings, settings.slack_bot_token.get_secret_value())
    asked = time.time()
    try:
        answer = await client.auth_test()
    except SLACK_ERRORS as exc:
        return [_refused(exc, settings), await _way_in(settings)]
    now = (asked + time.time()) / 2
    return [_token(answer), _scopes(answer, settings), _clock(answer, now), await _way_in(settings)]


def _client(settings: Settings, token: str | None = None) -> AsyncWebClient:
    return AsyncWebClient(token, base_url=settings.slack_api_url, timeout=SECONDS, retry_handlers=[])


def _no_token(settings: Settings) -> Finding:
    if settings.slack_app_token is None and settings.slack_signing_secret is None:
        return Finding("slack", ok=True, says="not connected: SLACK_BOT_TOKEN is not set (`footnote demo` needs none)")
    return Finding("slack", ok=False, says="SLACK_BOT_TOKEN is missing: copy the xoxb-… token from OAuth & Permissions")


def _refused(error: BaseException, settings: Settings) -> Finding:
    if is_denied(error):
        says = f"SLACK_BOT_TOKEN is refused ({error_code(error)}): copy it again from OAuth & Permissions"
    else:
        says = _silent(error, settings)
    return Finding("slack", ok=False, says=says)


def _silent(error: BaseException, settings: Settings) -> str:
    if isinstance(error, SlackApiError):
        return f"Slack answers {error_code(error)}: look at https://slack-status.com and try again"
    return f"{settings.slack_api_url} cannot be reached: look at the network, or at SLACK_API_URL"


def _token(answer: AsyncSlackResponse) -> Finding:
    if not answer.get("bot_id"):
        says = "SLACK_BOT_TOKEN is a person's token: set the Bot User OAuth Token (xoxb-…)"
        return Finding("slack", ok=False, says=says)
    return Finding("slack", ok=True, says=f"{answer.get('user')} in {answer.get('team')}")


def _scopes(answer: AsyncSlackResponse, settings: Settings) -> Finding:
    """Compare what Slack says that the token may do with what the manifest asks for."""
    given = {scope.strip() for scope in answer.headers.get("x-oauth-scopes", "").split(",") if scope.strip()}
    if not given:
        return Finding("slack scopes", ok=True, says="not checked: Slack did not say what the token may do")
    asked = json.loads((Path(__file__).parent / "manifest.json").read_text("utf-8"))["oauth_config"]["scopes"]
    needed = set(asked["bot"]) | ({GROUPS} if _names_groups(settings) else set())
    missing = ", ".join(sorted(needed - given))
    if missing:
        says = f"the token lacks {missing}: paste bot/manifest.json into the app's manifest and install the app again"
        return Finding("slack scopes", ok=False, says=says)
    idle = ", ".join(sorted(given - needed - set(asked["bot_optional"])))
    return Finding("slack scopes", ok=True, says="all that are needed" + (f"; not needed: {idle}" if idle else ""))


def _names_groups(settings: Settings) -> bool:
    team = settings.team
    return bool(team.admins.usergroups) or any(source.usergroups for source in team.sources.values())


def _clock(answer: AsyncSlackResponse, now: float) -> Finding:
    """Compare our clock with the time at which Slack says that it answered; it names whole seconds."""
    told = answer.headers.get("date", "")
    try:
        off = now - parsedate_to_datetime(told).timestamp()
    except ValueError:
        return Finding("clock", ok=True, says="not checked: Slack did not say what time it is")
    if abs(off) <= OFF_SECONDS:
        return Finding("clock", ok=True, says="right to the minute")
    says = (
        f"{abs(off):.0f} seconds {'ahead of' if off > 0 else 'behind'} Slack's; at 300 nothing is accepted: turn NTP on"
    )
    return Finding("clock", ok=False, says=says)


async def _way_in(settings: Settings) -> Finding:
    """Look at how Slack reaches us: Socket Mode can be tried, HTTP only by Slack itself."""
    if settings.slack_app_token is not None:
        return await _socket(settings, settings.slack_app_token.get_secret_value())
    if settings.slack_signing_secret is not None:
        says = "HTTP at /slack/events; the signing secret is tried by Slack's first request"
        return Finding("slack events", ok=True, says=says)
    says = "nothing lets Slack reach us: set SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP)"
    return Finding("slack events", ok=False, says=says)


async def _socket(settings: Settings, app_token: str) -> Finding:
    try:
        await _client(settings).apps_connections_open(app_token=app_token)
    except SLACK_ERRORS as exc:
        refused = is_denied(exc) or error_code(exc) == "missing_scope"
        wanted = "create an app-level token (xapp-…) with the scope connections:write under Basic Information"
        says = f"SLACK_APP_TOKEN is refused ({error_code(exc)}): {wanted}" if refused else _silent(exc, settings)
        return Finding("slack events", ok=False, says=says)
    return Finding("slack events", ok=True, says="Socket Mode may be opened")
