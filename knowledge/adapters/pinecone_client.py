"""The way to Pinecone: a client by the settings, what fails on it in our words, and what it costs."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from pinecone import AsyncPinecone, RetryConfig
from pinecone.errors import (
    ForbiddenError,
    PaymentRequiredError,
    PineconeConnectionError,
    PineconeError,
    PineconeValueError,
    RateLimitError,
    UnauthorizedError,
)
from pinecone.errors import ServiceError as PineconeServiceError

from knowledge.errors import ConfigurationError, ServiceError
from knowledge.settings import Settings

T = TypeVar("T")

_CONNECTIONS = 128
"""Open at most to one host: 64 answers may search at once, twice each, before one waits for another."""
_ATTEMPT_SECONDS = 20.0
"""For one HTTP attempt."""


def connect(settings: Settings, *, chosen_by: str, retry_refusals: bool = True) -> AsyncPinecone:
    """Make a client; nothing is sent before its first call. Raises ConfigurationError without a usable key.

    The SDK repeats what failed. What was refused for its rate (429) it repeats only if it may: whoever keeps an own
    pace has to hear of it at once, and the SDK stops repeating anything once a host has refused 50 requests.
    """
    key = settings.pinecone_api_key.get_secret_value().strip() if settings.pinecone_api_key else ""
    if not key:
        raise ConfigurationError(f"{chosen_by}=pinecone needs PINECONE_API_KEY.")
    statuses = RetryConfig().retryable_status_codes
    try:
        return AsyncPinecone(
            key,
            host=settings.pinecone_host,
            timeout=_ATTEMPT_SECONDS,
            connection_pool_maxsize=_CONNECTIONS,
            retry_config=RetryConfig(retryable_status_codes=statuses if retry_refusals else statuses - {429}),
        )
    except PineconeValueError as exc:
        raise ConfigurationError("PINECONE_API_KEY holds characters that no key has. Copy it again.") from exc


@contextmanager
def translated_errors(raised: type[ServiceError]) -> Iterator[None]:
    """Turn whatever a call may raise into `raised` with one sentence for a person, cause chained.

    A key that is not accepted is wrong configuration: ConfigurationError.
    """
    try:
        yield
    except UnauthorizedError as exc:
        raise ConfigurationError("Pinecone does not accept PINECONE_API_KEY. Set a key of the right project.") from exc
    except ForbiddenError as exc:
        raise ConfigurationError("Pinecone does not allow this with PINECONE_API_KEY: look at what it may do.") from exc
    except (PineconeError, TimeoutError) as exc:
        raise raised(_sentence(exc)) from exc


def _sentence(error: Exception) -> str:
    if isinstance(error, RateLimitError):
        return "Pinecone's rate limit is reached. Try again in a minute."
    if isinstance(error, PaymentRequiredError):
        return "Pinecone asks for payment before it goes on. Tell whoever runs this bot."
    if isinstance(error, TimeoutError):
        return "Pinecone took too long. Try again in a moment."
    if isinstance(error, PineconeConnectionError):
        return "Pinecone could not be reached. Try again in a moment."
    if isinstance(error, PineconeServiceError):
        return "Pinecone does not work at the moment. Try again in a moment."
    return "Pinecone refused a request, or its reply could not be read; the log has the cause."


async def all_or_none(work: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Run work at once and return its results in order; the first failure ends the rest and is raised."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
