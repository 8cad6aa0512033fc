"""The doors: only what Slack signed gets in, health is told in words, a wrong configuration refuses the start."""

from __future__ import annotations

import asyncio
import json
import time

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.sandbox import SandboxServer
from bot.server import Server, is_signed, serve
from knowledge import ConfigurationError, KnowledgeBase, Settings
from tests.bot.answerers import QuotingAnswerer, WaitingAnswerer
from tests.bot.conftest import BotFactory
from tests.bot.requests import mention, send, signed
from tests.bot.test_surfaces import LEAVE

SECRET = "a-signing-secret"


async def get(server: Server, path: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
        return await client.get(path)


async def post(server: Server, body: bytes, headers: dict[str, str]) -> int:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
        return (await client.post("/slack/events", content=body, headers=headers)).status_code


async def test_a_request_that_slack_did_not_sign_now_gets_401(sandbox: SandboxServer, bot: Server) -> None:
    secret, body = sandbox.workspace.app.signing_secret, json.dumps(mention(sandbox, LEAVE, ts="1.1")).encode()
    good, now = signed(secret, body), time.time()
    table = {
        "no headers": {},
        "no signature": {"X-Slack-Request-Timestamp": good["X-Slack-Request-Timestamp"]},
        "no timestamp": {"X-Slack-Signature": good["X-Slack-Signature"]},
        "wrong secret": signed("another", body),
        "another body": signed(secret, b"{}"),
        "stale": signed(secret, body, at=now - 400),
        "future": signed(secret, body, at=now + 400),
        "word as time": {**good, "X-Slack-Request-Timestamp": "abc"},
        "empty time": {**good, "X-Slack-Request-Timestamp": ""},
        "negative time": {**good, "X-Slack-Request-Timestamp": "-1"},
        "fraction": {**good, "X-Slack-Request-Timestamp": "1.5"},
        "huge time": {**good, "X-Slack-Request-Timestamp": "9" * 400},
        "empty signature": {**good, "X-Slack-Signature": ""},
        "other version": {**good, "X-Slack-Signature": good["X-Slack-Signature"].replace("v0=", "v1=")},
    }
    statuses = {name: await post(bot, body, headers) for name, headers in table.items()}
    assert set(statuses.values()) == {401}, statuses
    assert sandbox.workspace.calls == [call for call in sandbox.workspace.calls if call.method == "auth.test"]


@hypothesis_settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(timestamp=st.text(max_size=40), signature=st.text(max_size=80), body=st.binary(max_size=50))
def test_no_header_makes_the_check_raise(timestamp: str, signature: str, body: bytes) -> None:
    headers = {"x-slack-request-timestamp": timestamp, "x-slack-signature": signature}
    assert is_signed(headers, body, SECRET) is False


NONSENSE = [
    b"",
    b"nonsense",
    b"{",
    b"[]",
    b"null",
    b"5",
    b"{}",
    b"\xff\xfe",
    b"payload=nonsense",
    b"payload=5",
    b'{"type":"event_callback"}',
    b'{"type":"event_callback","event":"x","team_id":"T","event_id":"E"}',
    b'{"type":"event_callback","event":{"type":5},"team_id":"T","event_id":"E"}',
    b'{"type":"event_callback","event":{"type":"app_mention","user":"U","ts":{},"channel":"C"},"team_id":"T","event_id":"E"}',
    b'{"type":"event_callback","event":{"type":"app_mention","user":"U","ts":"x","channel":"C"},"team_id":"T","event_id":"E"}',
    b'{"type":"block_actions","actions":[]}',
    b'{"type":"block_actions","actions":[{"action_id":"answer_feedback"}],"user":"U","trigger_id":"1"}',
    b'{"type":"block_actions","actions":[{"action_id":"a"}],"user":{"id":"U"},"message":"x","trigger_id":"1"}',
    b'{"type":"view_submission","view":{"id":5}}',
    b'{"type":"view_submission","view":{"id":"V","private_metadata":"{"},"user":{"id":"U"}}',
    b'{"type":"surprise"}',
    b"command=/ask",
    b"command=/ask&trigger_id=1&text=x",
    b'{"type":"event_callback","authorizations":"x","event":{"type":"app_mention"},"team_id":"T","event_id":"E"}',
    b'{"a":' * 3000,
]


async def test_signed_nonsense_is_refused_without_a_crash(sandbox: SandboxServer, bot: Server) -> None:
    statuses = {body[:60]: (await send(bot, sandbox, body)).status_code for body in NONSENSE}
    assert {body: status for body, status in statuses.items() if not 400 <= status < 500} == {}
    assert len(statuses) > 20


async def test_a_body_that_is_too_large_is_refused(sandbox: SandboxServer, bot: Server) -> None:
    assert (await send(bot, sandbox, b"x" * (4 * 1024 * 1024 + 1))).status_code == 413


async def test_the_address_is_verified_with_slacks_challenge(sandbox: SandboxServer, bot: Server) -> None:
    assert await sandbox.http.verify()


async def test_events_that_nobody_asked_for_are_acknowledged(sandbox: SandboxServer, bot: Server) -> None:
    body = mention(sandbox, LEAVE, ts="1.1")
    body["event"] = {"type": "member_joined_channel", "user": "U0BEN", "channel": "C0GENERAL"}
    assert (await send(bot, sandbox, body)).status_code == 200


async def test_health_readiness_and_metrics(sandbox: SandboxServer, either_bot: Server) -> None:
    assert (await get(either_bot, "/healthz")).status_code == 200
    ready = await get(either_bot, "/readyz")
    assert ready.status_code == 200, ready.text
    assert ready.json()["slack"] == "ok"
    assert "bot_ack_seconds" in (await get(either_bot, "/metrics")).text


async def test_readiness_names_slack_while_it_is_away_and_recovers(sandbox: SandboxServer, start: BotFactory) -> None:
    sandbox.faults.error("auth.test", "internal_error", times=2)
    async with start() as server:
        away = await get(server, "/readyz")
        assert away.status_code == 503
        assert "internal_error" in away.json()["slack"]
        assert (await get(server, "/healthz")).status_code == 200
        async with asyncio.timeout(15):
            while (await get(server, "/readyz")).status_code != 200:  # noqa: ASYNC110 - what a load balancer does
                await asyncio.sleep(0.2)
        asked = await sandbox.person("U0BEN").mention("C0GENERAL", LEAVE)
        assert "27 days" in (await sandbox.wait_for_answer(asked)).text


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"slack_bot_token": None}, "SLACK_BOT_TOKEN"),
        ({"slack_bot_token": SecretStr("xoxb-wrong")}, "SLACK_BOT_TOKEN"),
        ({"slack_signing_secret": None}, "SLACK_SIGNING_SECRET"),
        ({"slack_app_token": SecretStr("xapp-wrong")}, "SLACK_APP_TOKEN"),
        ({"host": "203.0.113.1"}, "PORT"),
    ],
)
async def test_a_wrong_configuration_refuses_the_start_with_one_sentence(
    kb: KnowledgeBase, bot_settings: Settings, changes: dict[str, object], named: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        await serve(kb, bot_settings.model_copy(update=changes), stop=asyncio.Event())
    assert named in str(refused.value)
    assert "wrong" not in str(refused.value)


async def test_an_absent_slack_is_waited_for(kb: KnowledgeBase, bot_settings: Settings) -> None:
    settings = bot_settings.model_copy(update={"slack_api_url": "http://127.0.0.1:9/api/"})
    async with Server(kb, settings) as server:
        assert (await get(server, "/readyz")).status_code == 503


async def test_a_lost_socket_is_made_again(sandbox: SandboxServer, start: BotFactory) -> None:
    async with start(socket_mode=True):
        await sandbox.sockets.disconnect("refresh_requested")
        await sandbox.wait_until_connected(timeout=15)
        asked = await sandbox.person("U0BEN").mention("C0GENERAL", LEAVE)
        assert "27 days" in (await sandbox.wait_for_answer(asked, timeout=20)).text


class TestWhenTheModelHangs:
    @pytest.fixture
    def answerer(self) -> QuotingAnswerer:
        return WaitingAnswerer()

    async def test_two_hundred_deliveries_at_once_are_acknowledged_before_anything_is_answered(
        self, sandbox: SandboxServer, bot: Server
    ) -> None:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{bot.port}", timeout=20) as client:

            async def deliver(number: int) -> int:
                raw = json.dumps(mention(sandbox, LEAVE, ts=f"{number}.5", event_id=f"Ev{number}")).encode()
                headers = {"Content-Type": "application/json", **signed(sandbox.workspace.app.signing_secret, raw)}
                return (await client.post("/slack/events", content=raw, headers=headers)).status_code

            statuses = await asyncio.gather(*(deliver(number) for number in range(200)))
        assert set(statuses) == {200}
        assert b"bot_ack_seconds_count 200.0" in bot.app.parts.metrics.text()
        assert not [call for call in sandbox.workspace.calls if call.method == "chat.postMessage"]
        await bot.app.parts.inbox.close(within=0)
