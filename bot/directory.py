"""What we know of the workspace: who we are, which channels are shared, who belongs to which group."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from bot.payloads import Body, bot_user
from bot.slack_client import SLACK_ERRORS, SlackClient, error_code, is_denied, optional
from knowledge import AdminSettings, ConfigurationError, TeamFile

logger = logging.getLogger(__name__)

V = TypeVar("V")

REMEMBERED_SECONDS = 60.0
"""How long a channel's nature and a group's members are taken for known; a revocation is effective after that."""
_CHECKED_SECONDS = 5.0
_MOST_REMEMBERED = 10_000


class Remembered(Generic[V]):
    """Values that are good for some seconds; the oldest make room for new ones."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._values: OrderedDict[str, tuple[float, V]] = OrderedDict()

    def get(self, key: str) -> V | None:
        """Return the value while it is good."""
        kept = self._values.get(key)
        return kept[1] if kept is not None and kept[0] > time.monotonic() else None

    def put(self, key: str, value: V) -> None:
        """Keep a value."""
        self._values[key] = (time.monotonic() + self._seconds, value)
        self._values.move_to_end(key)
        if len(self._values) > _MOST_REMEMBERED:
            self._values.popitem(last=False)


@dataclass(frozen=True, slots=True)
class _Channel:
    shared: bool
    """People from other workspaces are in it."""
    public: bool
    """Everybody in the workspace may read it."""


class Directory:
    """Answers about the workspace, asked of Slack once and remembered for a short while."""

    def __init__(self, slack: SlackClient, team: Callable[[], TeamFile]) -> None:
        """`team` says what `footnote.toml` says now."""
        self._slack = slack
        self._team = team
        self._channels: Remembered[_Channel] = Remembered(REMEMBERED_SECONDS)
        self._members: Remembered[frozenset[str]] = Remembered(REMEMBERED_SECONDS)
        self._checking = asyncio.Lock()
        self._checked = (0.0, "Slack has not been asked yet.")
        self.bot_user = ""
        self.bot_id = ""
        self.team = ""

    async def identify(self) -> None:
        """Ask Slack who we are. Raises ConfigurationError when it refuses the token, SLACK_ERRORS when it is away."""
        try:
            us = await self._slack.auth_test()
        except SLACK_ERRORS as exc:
            if is_denied(exc):
                raise ConfigurationError(
                    f"Slack refuses SLACK_BOT_TOKEN ({error_code(exc)}): "
                    "set it to the Bot User OAuth Token (xoxb-…) of the installed app."
                ) from exc
            raise
        self.bot_user, self.bot_id, self.team = us["user_id"], us.get("bot_id") or "", us["team_id"]

    async def check(self) -> str:
        """Say `ok`, or in one sentence why Slack cannot be used now; asked anew at most every few seconds."""
        async with self._checking:
            when, told = self._checked
            if time.monotonic() - when < _CHECKED_SECONDS and when:
                return told
            self._checked = (time.monotonic(), await self._ask())
            return self._checked[1]

    async def _ask(self) -> str:
        try:
            async with asyncio.timeout(2):
                await self.identify()
        except ConfigurationError as exc:
            return str(exc)
        except SLACK_ERRORS as exc:
            return f"Slack does not answer ({error_code(exc)})."
        return "ok"

    def us(self, body: Body) -> str:
        """Return our user id; while Slack has not told us, the one that the event was delivered for."""
        return self.bot_user or bot_user(body)

    async def is_shared(self, channel: str) -> bool | None:
        """Say whether people from other workspaces are in a channel; None when Slack does not tell."""
        if channel.startswith("D"):
            return False
        found = await self._channel(channel)
        return None if found is None else found.shared

    async def is_public(self, channel: str) -> bool:
        """Say whether everybody in the workspace may read a channel; not unless Slack says so."""
        found = await self._channel(channel)
        return found is not None and found.public

    async def _channel(self, channel: str) -> _Channel | None:
        known = self._channels.get(channel)
        if known is not None:
            return known
        answer = await optional(self._slack.conversations_info(channel=channel))
        if answer is None:
            return None
        told = answer["channel"]
        found = _Channel(shared=bool(told.get("is_ext_shared")), public=not told.get("is_private", True))
        self._channels.put(channel, found)
        return found

    async def groups_of(self, user: str) -> tuple[str, ...]:
        """Return those of a person's user groups that the sources name; asks nothing when they name none."""
        named = {group for source in self._team().sources.values() for group in source.usergroups}
        return tuple([group for group in sorted(named) if user in await self._members_of(group)])

    async def is_admin(self, user: str) -> bool:
        """Say whether a person may reindex."""
        return await self._has_role(user, self._team().admins)

    async def is_reviewer(self, user: str) -> bool:
        """Say whether a person may judge answers."""
        return await self._has_role(user, self._team().reviewers)

    async def _has_role(self, user: str, role: AdminSettings) -> bool:
        if user in role.users:
            return True
        return any([user in await self._members_of(group) for group in role.usergroups])

    async def _members_of(self, group: str) -> frozenset[str]:
        known = self._members.get(group)
        if known is not None:
            return known
        found = await optional(self._slack.usergroups_users_list(usergroup=group))
        if found is None:
            return frozenset()
        members = frozenset(found.get("users") or ())
        self._members.put(group, members)
        return members
