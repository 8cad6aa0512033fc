"""Slack's Web API as we call it: a post is never repeated blindly, and nobody calls inside a Retry-After window."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any, TypeVar

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.metrics import Metrics

T = TypeVar("T")

logger = logging.getLogger(__name__)

SLACK_ERRORS = (SlackApiError, aiohttp.ClientError, TimeoutError, OSError)
"""Everything that a call of Slack can raise."""

_TRANSIENT = frozenset(
    "internal_error fatal_error service_unavailable request_timeout timeout connection http ratelimited".split()
)
_DENIED = frozenset(
    "invalid_auth not_authed account_inactive token_revoked token_expired not_allowed_token_type".split()
)
_MOST_WINDOWS = 20
_OPTIONAL_SECONDS = 2.5


def error_code(error: BaseException) -> str:
    """Return Slack's code of an error; `timeout`, `connection` or `http` where Slack gave none."""
    if isinstance(error, SlackApiError):
        data = getattr(error.response, "data", None)
        return str(data.get("error") or "http") if isinstance(data, dict) else "http"
    return "timeout" if isinstance(error, TimeoutError) else "connection"


def is_transient(error: BaseException) -> bool:
    """Say whether trying again can help; whether the call was carried out is then unknown."""
    return error_code(error) in _TRANSIENT


def is_denied(error: BaseException) -> bool:
    """Say whether Slack does not accept the token."""
    return error_code(error) in _DENIED


class SlackClient(AsyncWebClient):
    """The SDK's client with one session, no retry of its own after a lost connection, and shared Retry-After windows.

    The SDK repeats a call when the connection drops, although the first one may have been carried out: a message would
    stand there twice. Slack limits per method, and posts per channel as well.
    """

    def __init__(self, token: str, *, base_url: str, metrics: Metrics, timeout: int = 15) -> None:
        super().__init__(token=token, base_url=base_url, timeout=timeout, retry_handlers=[])
        self._metrics = metrics
        self._open_again: dict[tuple[str, str], float] = {}

    async def open(self) -> None:
        """Open the session that all calls share."""
        limits = aiohttp.ClientTimeout(total=self.timeout, connect=5)
        self.session = aiohttp.ClientSession(timeout=limits, connector=aiohttp.TCPConnector(limit=200))

    async def close(self) -> None:
        """Close the session."""
        if self.session is not None:
            await self.session.close()

    async def api_call(self, api_method: str, **arguments: Any) -> AsyncSlackResponse:
        """Call a method; wait out rate limits. Raises SlackApiError or the connection's error."""
        window = (api_method, _channel(arguments) if api_method == "chat.postMessage" else "")
        for _ in range(_MOST_WINDOWS):
            await self._wait_for(window)
            try:
                return await super().api_call(api_method, **arguments)
            except SLACK_ERRORS as exc:
                self._metrics.upstream_error("slack", error_code(exc))
                seconds = _retry_after(exc)
                if seconds is None:
                    raise
                logger.info("slack.rate_limited", extra={"method": api_method, "seconds": seconds})
                self._open_again[window] = max(self._open_again.get(window, 0.0), _now() + seconds)
        raise TimeoutError

    async def _wait_for(self, window: tuple[str, str]) -> None:
        while (left := self._open_again.get(window, 0.0) - _now()) > 0:  # noqa: ASYNC110 - the window may grow meanwhile
            await asyncio.sleep(left)
        self._open_again.pop(window, None)

    async def respond(self, url: str, body: dict[str, Any]) -> None:
        """Post to a `response_url`. Raises SlackApiError-like errors as aiohttp's."""
        if self.session is None:
            raise ConnectionError
        async with self.session.post(url, json=body) as response:
            text = await response.text()
            if response.status >= 400 or '"ok":false' in text.replace(" ", ""):
                raise aiohttp.ClientResponseError(
                    response.request_info, response.history, status=response.status, message=text[:200]
                )


async def optional(call: Awaitable[T], *, within: float = _OPTIONAL_SECONDS) -> T | None:
    """Make a call that nothing depends on: a failure is logged, and the answer goes on."""
    try:
        async with asyncio.timeout(within):
            return await call
    except SLACK_ERRORS as exc:
        logger.info("slack.optional_call_failed", extra={"error": error_code(exc)})
        return None


def _now() -> float:
    return asyncio.get_running_loop().time()


def _channel(arguments: dict[str, Any]) -> str:
    for place in ("json", "params", "data"):
        given = arguments.get(place)
        if isinstance(given, dict) and "channel" in given:
            return str(given["channel"])
    return ""


def _retry_after(error: BaseException) -> float | None:
    """Return the seconds that Slack asks us to wait, when that is what the error says."""
    if not isinstance(error, SlackApiError) or getattr(error.response, "status_code", None) != 429:
        return None
    try:
        return max(0.1, float(error.response.headers.get("Retry-After", 1)))
    except (TypeError, ValueError):
        return 1.0
