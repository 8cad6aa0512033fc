"""One delivery to the app and the app's acknowledgement, whichever way it travels."""

import enum
from dataclasses import dataclass
from typing import Any, Protocol

from bot.sandbox.errors import SandboxError
from bot.sandbox.nouns import Json

OK = 200


class Kind(enum.Enum):
    """What is delivered; the values are the names of Socket Mode's envelopes."""

    EVENT = "events_api"
    COMMAND = "slash_commands"
    INTERACTION = "interactive"


@dataclass(frozen=True)
class Delivery:
    """Something the app is told; retries of an event count up from 1 and say why."""

    kind: Kind
    body: Json
    retry_num: int = 0
    retry_reason: str = ""


@dataclass(frozen=True)
class Acknowledgement:
    """The app's answer: HTTP status (200 over a socket), its body as JSON or text, and whether retries are refused."""

    status: int
    body: Any
    no_retry: bool = False

    @property
    def ok(self) -> bool:
        """Whether the app took it."""
        return OK <= self.status < OK + 100


class DeliveryError(SandboxError):
    """The app did not acknowledge; the reason is one of Slack's x-slack-retry-reason values."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Transport(Protocol):
    """A way to the app."""

    name: str

    @property
    def ready(self) -> bool:
        """Whether the app can be reached this way now."""

    async def deliver(self, delivery: Delivery) -> Acknowledgement:
        """Hand over and return the acknowledgement, or raise DeliveryError."""
