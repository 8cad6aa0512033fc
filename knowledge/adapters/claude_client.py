"""The way to Claude: Anthropic's API, Bedrock or Vertex by a setting; and what fails on it, in our words."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import MappingProxyType

import anthropic
import httpx2
from anthropic import AsyncAnthropic, AsyncAnthropicBedrock, AsyncAnthropicVertex

from knowledge.errors import AnswererUnavailableError, ConfigurationError
from knowledge.settings import Settings

Client = AsyncAnthropic | AsyncAnthropicBedrock | AsyncAnthropicVertex

PUBLIC_URL = "https://api.anthropic.com"
_CONNECT = 5.0
"""Seconds for a connection."""
_CHECK = 10.0
"""Seconds for the question whether there is a model."""
_SPEND_LIMITS = frozenset(
    {"enforced_spend_limit_reached", "contract_spend_limit_reached", "linked_organization_spend_limit_reached"}
)
_PASSING_TYPES = frozenset({"overloaded_error", "api_error", "rate_limit_error", "timeout_error"})
_PASSING_STATUSES = frozenset({408, 409, 429})
_BROKEN_WIRE = (anthropic.APIConnectionError, httpx2.HTTPError, httpx2.StreamError, OSError)
"""In a stream the SDK lets the errors of its HTTP library through as they are (anthropic 2.12)."""

_GARBLED = (json.JSONDecodeError, UnicodeDecodeError)

OVERLOADED = "The model is overloaded. Try again in a minute."
SPENT = "The spending limit for the model is reached. Tell whoever runs this bot."


class CutOffError(Exception):
    """The stream ended before the service said that the message is complete; the SDK does not raise there."""


class RefusedError(Exception):
    """The model would not answer."""


def connect(settings: Settings) -> Client:
    """Make the client that the settings choose. Raises ConfigurationError with what is missing.

    The SDK's own retries are off: they would sleep as long as a `retry-after` says, an hour if need be, and repeat
    what a spending limit has refused.
    """
    return _CLIENTS[settings.claude](settings)


def timeouts(seconds: float) -> httpx2.Timeout:
    """Return the SDK's time limits for a request that may be silent for so long."""
    return httpx2.Timeout(seconds, connect=min(_CONNECT, seconds))


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn whatever a call may raise into AnswererUnavailableError with one sentence for a person, cause chained."""
    try:
        yield
    except (anthropic.AnthropicError, *_BROKEN_WIRE, *_GARBLED, CutOffError, RefusedError) as exc:
        raise AnswererUnavailableError(_sentence(exc)) from exc


async def check_model(client: Client, model: str, *, variable: str) -> str:
    """Ask whether the key may use this model, and name it.

    Raises ConfigurationError when it may not, AnswererUnavailableError when the service does not answer.
    """
    if not isinstance(client, AsyncAnthropic):
        return f"{model}, not checked: this cloud has no list of models to ask"
    try:
        with translated_errors():
            found = await client.models.retrieve(model, timeout=timeouts(_CHECK))
    except AnswererUnavailableError as exc:
        if isinstance(exc.__cause__, anthropic.AuthenticationError | anthropic.PermissionDeniedError):
            raise ConfigurationError(
                "Claude does not accept ANTHROPIC_API_KEY: copy it again from the console."
            ) from exc
        if isinstance(exc.__cause__, anthropic.NotFoundError):
            return _not_listed(exc.__cause__, model, variable)
        raise
    stage = getattr(found, "lifecycle", "active")  # a proxy may know no stages
    if stage == "retired":
        raise ConfigurationError(f"{variable}={model}: this model is retired. Choose a newer one.")
    return f"{model}, which is deprecated: choose a newer one" if stage == "deprecated" else model


def _not_listed(error: anthropic.NotFoundError, model: str, variable: str) -> str:
    """Tell a model that does not exist from a proxy that answers about no models. Raises ConfigurationError."""
    if "model:" in (error.api_message or ""):
        raise ConfigurationError(f"{variable}={model}: Claude has no such model, or this key may not use it.")
    return f"{model}, not checked: ANTHROPIC_BASE_URL has no list of models to ask"


def request_id(error: Exception) -> str:
    """Return the service's own name for a failed request, for its support; empty where it gave none."""
    return (error.request_id or "") if isinstance(error, anthropic.APIStatusError) else ""


def is_outage(error: Exception) -> bool:
    """Say whether the service failed and may well work the next time; a limit on spending does not pass by waiting."""
    if isinstance(error, anthropic.APIStatusError):
        if error.error_code in _SPEND_LIMITS:
            return False
        return error.status_code >= 500 or error.status_code in _PASSING_STATUSES or error.type in _PASSING_TYPES
    return isinstance(error, (*_BROKEN_WIRE, *_GARBLED, CutOffError))


def pause_before_retry(error: Exception, *, pause: float, left: float) -> float | None:
    """Return the seconds to wait before another attempt, or None when waiting is of no use.

    `pause` counts, shortened at random, unless the service names another; `left` are the seconds until the deadline,
    and what would take longer is not waited for.
    """
    if not is_outage(error):
        return None
    pause = _asked_pause(error) or pause * random.uniform(0.75, 1.0)  # noqa: S311
    return pause if pause < left else None


def _asked_pause(error: Exception) -> float | None:
    """Read `retry-after`, in seconds."""
    if not isinstance(error, anthropic.APIStatusError):
        return None
    try:
        return max(0.0, float(error.response.headers.get("retry-after", "")))
    except ValueError:
        return None


def _sentence(error: Exception) -> str:
    if isinstance(error, anthropic.APIStatusError):
        return _status_sentence(error)
    if isinstance(error, CutOffError):
        return "The model's answer broke off. Try again in a moment."
    if isinstance(error, RefusedError):
        return "The model refused to answer this question. Asking it in other words may help."
    if isinstance(error, (TimeoutError, anthropic.APITimeoutError, httpx2.TimeoutException)):
        return "The model took too long. Try again in a moment."
    if isinstance(error, _BROKEN_WIRE):
        return "The model could not be reached. Try again in a moment."
    return "The model's reply could not be read. Try again in a moment."


def _status_sentence(error: anthropic.APIStatusError) -> str:
    spent = error.error_code in _SPEND_LIMITS or error.status_code == 402 or "usage limit" in (error.api_message or "")
    if spent:
        return SPENT
    if error.status_code in {401, 403}:
        return "The model's service did not accept our key. Tell whoever runs this bot."
    if error.status_code == 404:
        return "The configured model does not exist at its service. Tell whoever runs this bot."
    if is_outage(error):
        return OVERLOADED
    return "The model's service did not accept the request. Tell whoever runs this bot."


def _anthropic(settings: Settings) -> Client:
    key = settings.anthropic_api_key
    if key is None or not key.get_secret_value().strip():
        raise ConfigurationError(
            "ANTHROPIC_API_KEY is missing: Claude needs it, or choose FOOTNOTE_ANSWERER=extractive."
        )
    return AsyncAnthropic(
        api_key=key.get_secret_value().strip(),
        base_url=settings.anthropic_base_url or PUBLIC_URL,
        max_retries=0,
        timeout=timeouts(settings.answer_deadline),
    )


def _bedrock(settings: Settings) -> Client:
    _need("boto3", "bedrock", settings)
    return AsyncAnthropicBedrock(
        aws_region=_region(settings),
        base_url=settings.anthropic_base_url,
        max_retries=0,
        timeout=timeouts(settings.answer_deadline),
    )


def _vertex(settings: Settings) -> Client:
    _need("google.auth", "vertex", settings)
    if settings.claude_project is None:
        raise ConfigurationError("FOOTNOTE_CLAUDE=vertex needs FOOTNOTE_CLAUDE_PROJECT, the Google Cloud project.")
    return AsyncAnthropicVertex(
        region=_region(settings),
        project_id=settings.claude_project,
        base_url=settings.anthropic_base_url,
        max_retries=0,
        timeout=timeouts(settings.answer_deadline),
    )


def _region(settings: Settings) -> str:
    if settings.claude_region is None:
        raise ConfigurationError(f"FOOTNOTE_CLAUDE={settings.claude} needs FOOTNOTE_CLAUDE_REGION, the cloud's region.")
    return settings.claude_region


def _need(module: str, extra: str, settings: Settings) -> None:
    package = module.partition(".")[0]
    if find_spec(package) is None or find_spec(module) is None:
        raise ConfigurationError(
            f"FOOTNOTE_CLAUDE={settings.claude} needs more packages: pip install 'anthropic[{extra}]'."
        )


_CLIENTS: MappingProxyType[str, Callable[[Settings], Client]] = MappingProxyType(
    {"api": _anthropic, "bedrock": _bedrock, "vertex": _vertex}
)
