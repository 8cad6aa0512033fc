"""What every listener works with."""

from __future__ import annotations

from dataclasses import dataclass

from bot.directory import Directory
from bot.gap_reports import GapReports
from bot.inbox import Inbox, Workers
from bot.metrics import Metrics
from bot.outbox import Outbox
from bot.slack_client import SlackClient
from knowledge import KnowledgeBase, Settings, TeamFile


@dataclass(frozen=True, slots=True)
class Parts:
    """The assembled bot, as listeners see it."""

    kb: KnowledgeBase
    settings: Settings
    slack: SlackClient
    directory: Directory
    inbox: Inbox
    workers: Workers
    outbox: Outbox
    metrics: Metrics
    gap_reports: GapReports

    @property
    def team(self) -> TeamFile:
        """What `footnote.toml` says now."""
        return self.kb.settings.team

    @property
    def can_escalate(self) -> bool:
        """Whether "Ask a human" leads anywhere."""
        return self.team.escalation.channel is not None
