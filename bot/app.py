"""The bot assembled: which function is called for what Slack sends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot import payloads, weekly_report
from bot.directory import Directory
from bot.gap_reports import GapReports
from bot.inbox import Inbox, Job, Work, Workers
from bot.listeners import ask_command, escalation, feedback, home, messages, reindex_command, reviews, stop
from bot.logs import traced
from bot.metrics import Metrics
from bot.outbox import Outbox
from bot.parts import Parts
from bot.payloads import Body
from bot.slack_client import SlackClient
from knowledge import ConfigurationError, Delivery, KnowledgeBase, ServiceError, Settings, is_sampled

logger = logging.getLogger(__name__)

Acknowledge = Callable[[Body], dict[str, Any]]
ListenerFunction = Callable[[Body, Job, Parts], Awaitable[None]]


def _silently(_: Body) -> dict[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Listener:
    """What happens in Slack, what we do, and what the acknowledgement says."""

    kind: str
    name: str
    work: ListenerFunction
    acknowledge: Acknowledge = field(default=_silently)


LISTENERS = (
    Listener("event_callback", "app_mention", messages.mention),
    Listener("event_callback", "message", messages.channel_message),
    Listener("event_callback", "message.im", messages.direct_message),
    Listener("event_callback", "app_home_opened", home.opened),
    Listener("event_callback", "agent_session_stopped", stop.stop),
    Listener("command", "/ask", ask_command.ask, ask_command.acknowledgement),
    Listener("command", "/reindex", reindex_command.reindex, reindex_command.acknowledgement),
    Listener("block_actions", "answer_feedback", feedback.vote),
    Listener("block_actions", "open_feedback_form", feedback.open_form),
    Listener("block_actions", "share_answer", ask_command.share),
    Listener("block_actions", "ask_human", escalation.ask_human),
    Listener("block_actions", "reindex_source", home.reindex),
    Listener("block_actions", "stop_reindex", home.stop),
    Listener("block_actions", "show_report", reindex_command.show_all),
    Listener("block_actions", "show_failures", reindex_command.show_failures),
    Listener("block_actions", "reindex_anyway", home.remove_anyway),
    Listener("view_submission", "feedback_reason", feedback.reasons),
    Listener("block_actions", "review_approve", reviews.judge),
    Listener("block_actions", "review_reject", reviews.judge),
    Listener("block_actions", "review_unsure", reviews.judge),
    Listener("block_actions", "review_edit", reviews.open_editor),
    Listener("view_submission", "review_edit_form", reviews.edited),
    Listener("block_actions", "consent_out", reviews.consent),
    Listener("block_actions", "consent_in", reviews.consent),
)
"""Slack event → function."""

_BY_ROUTE = {(listener.kind, listener.name): listener for listener in LISTENERS}
_LONGEST_LINE = 8
"""Questions that may wait per worker before a new one is told that we are busy; at least 200."""


class FootnoteApp:
    """Bolt's app and everything that works around it. Open it before it is given anything."""

    def __init__(self, parts: Parts, bolt: AsyncApp) -> None:
        self.parts = parts
        self.bolt = bolt

    async def open(self) -> None:
        """Connect, learn who we are, begin to take over what others left."""
        await self.parts.slack.open()
        await self.parts.inbox.open()

    async def close(self, *, within: float = 18.0) -> None:
        """Finish or hand back what is in work, in about `within` seconds."""
        await self.parts.inbox.close(within=within)
        await self.parts.slack.close()


def create_app(
    kb: KnowledgeBase, settings: Settings, *, client: SlackClient | None = None, metrics: Metrics | None = None
) -> FootnoteApp:
    """Put the bot together. Raises ConfigurationError when the bot token is missing."""
    metrics = metrics or Metrics()
    slack = client or _client(settings, metrics)
    workers = Workers(settings.concurrency, longest_line=max(200, _LONGEST_LINE * settings.concurrency))
    metrics.watch_costs(kb.costs)
    metrics.watch_queue(workers.depth, workers.oldest)

    def find_work(body: Body) -> Work | None:
        if body.get("type") == weekly_report.KIND:
            return lambda given, job: weekly_report.post(given, job, parts)
        listener = _BY_ROUTE.get(payloads.route(body))
        return _work(listener, parts) if listener else None

    inbox = Inbox(kb.deliveries, lease=settings.lease, metrics=metrics, find_work=find_work)
    parts = Parts(
        kb=kb,
        settings=settings,
        slack=slack,
        directory=Directory(slack, lambda: kb.settings.team),
        inbox=inbox,
        workers=workers,
        outbox=Outbox(
            slack,
            metrics,
            note=inbox.note,
            overdue=inbox.overdue,
            asks_for_rating=lambda answer_id: is_sampled(answer_id, settings.sample_ratings),
        ),
        metrics=metrics,
        gap_reports=GapReports(kb),
    )
    return FootnoteApp(parts, _bolt(parts))


def _client(settings: Settings, metrics: Metrics) -> SlackClient:
    if settings.slack_bot_token is None:
        raise ConfigurationError("Set SLACK_BOT_TOKEN to the Bot User OAuth Token (xoxb-…) of the installed app.")
    return SlackClient(settings.slack_bot_token.get_secret_value(), base_url=settings.slack_api_url, metrics=metrics)


def _work(listener: Listener, parts: Parts) -> Work:
    async def work(body: Body, job: Job) -> None:
        await listener.work(body, job, parts)

    return work


def _bolt(parts: Parts) -> AsyncApp:
    secret = parts.settings.slack_signing_secret
    # Below this level Bolt logs whole requests, and thereby what people wrote.
    quiet = logging.getLogger("bot.bolt")
    quiet.setLevel(logging.ERROR)
    bolt = AsyncApp(
        name="footnote",
        logger=quiet,
        client=AsyncWebClient(base_url=parts.slack.base_url),
        authorize=_authorize(parts),
        before_authorize=_receive(parts),
        signing_secret=secret.get_secret_value() if secret else "",
        request_verification_enabled=secret is not None,
        # Our own messages are passed over by payloads.says_something, before anything is kept.
        ignoring_self_events_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )
    for listener in LISTENERS:
        _register(bolt, listener, parts)
    return bolt


def _authorize(parts: Parts) -> Callable[..., Awaitable[AuthorizeResult]]:
    async def authorize(enterprise_id: str | None, team_id: str | None, user_id: str | None) -> AuthorizeResult:
        """Say who we are without asking Slack: an acknowledgement waits for nobody."""
        us = parts.directory
        return AuthorizeResult(
            enterprise_id=enterprise_id,
            team_id=team_id,
            bot_user_id=us.bot_user,
            bot_id=us.bot_id,
            bot_token=parts.slack.token,
            user_id=user_id,
        )

    return authorize


def _receive(parts: Parts) -> Callable[..., Awaitable[BoltResponse]]:
    async def receive(
        body: Body,
        context: AsyncBoltContext,
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002 - Bolt's name
    ) -> BoltResponse:
        """Keep a delivery before anything is acknowledged; pass it on once."""
        if payloads.is_handshake(body):
            return await next()
        if not payloads.says_something(body) or payloads.route(body) not in _BY_ROUTE:
            return BoltResponse(status=200, body="")
        delivery = payloads.delivery(body)
        with traced(delivery.key):
            fresh = await _keep(delivery, parts)
        if not fresh:
            # Anything but 2xx makes Slack deliver an event again: at once, after a minute and after five.
            return BoltResponse(status=503 if fresh is None else 200, body="")
        context["delivery"], context["acknowledged"] = delivery, asyncio.Event()
        return await next()

    return receive


async def _keep(delivery: Delivery, parts: Parts) -> bool | None:
    """Record a delivery and say whether it is new; None when it could not be kept."""
    try:
        fresh = await parts.inbox.record(delivery)
    except (TimeoutError, ServiceError):
        logger.exception("delivery.not_kept", extra={"kind": delivery.kind})
        return None
    logger.info("delivery.kept" if fresh else "delivery.repeated", extra={"kind": delivery.kind})
    return fresh


def _register(bolt: AsyncApp, listener: Listener, parts: Parts) -> None:
    async def matches(body: Body) -> bool:
        return payloads.route(body) == (listener.kind, listener.name)

    async def listen(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
        await ack(listener.acknowledge(body))
        parts.inbox.start(context["delivery"], body, _work(listener, parts), after=context["acknowledged"])

    register: dict[str, Callable[..., Any]] = {
        "event_callback": bolt.event,
        "command": bolt.command,
        "block_actions": bolt.action,
        "view_submission": bolt.view,
    }
    # Bolt knows one event `message`; which conversation it stands in is for the matcher to say.
    name = listener.name.partition(".")[0] if listener.kind == "event_callback" else listener.name
    register[listener.kind](name, matchers=[matches])(listen)
