"""The app is told what Slack tells it, over HTTP and Socket Mode, and retried when it does not acknowledge."""

import asyncio
import hashlib
import hmac
import json
from typing import Self

import aiohttp
import pytest
from aiohttp import web

from bot.sandbox import App, Channel, SandboxServer, User, Workspace

GENERAL, RANDOM, LEADS, PARTNER = "C0GENERAL", "C0RANDOM", "C0LEADS", "C0PARTNER"
TRANSPORTS = pytest.mark.parametrize("transport", ["http", "socket"])


class Listener:
    """A bare HTTP app: answers with the given statuses in turn and keeps what it was sent."""

    def __init__(self, *statuses: int, headers: dict[str, str] | None = None, delay: float = 0) -> None:
        self.statuses = list(statuses)
        self.headers = headers or {}
        self.delay = delay
        self.requests: list[tuple[dict[str, str], bytes]] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.requests.append((dict(request.headers), await request.read()))
        await asyncio.sleep(self.delay)
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200, headers=self.headers)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/slack/events", self.answer)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self.runner.addresses[0][1]}/slack/events"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.runner.cleanup()


@TRANSPORTS
async def test_a_mention_arrives_twice_each_time_with_its_own_id(sandbox, connected, seen, ada, transport):
    async with connected(transport):
        message = await ada.mention(GENERAL, "how many days?")
        await sandbox.wait_until(lambda: len(seen.bodies) == 2)
    assert {event["type"] for event in seen.events} == {"app_mention", "message"}
    assert len({body["event_id"] for body in seen.bodies}) == 2
    assert {event["ts"] for event in seen.events} == {message.ts}
    [as_message] = seen.of("message")
    assert (as_message["channel"], as_message["channel_type"]) == (GENERAL, "channel")
    assert as_message["blocks"][0]["elements"][0]["elements"][0] == {"type": "user", "user_id": "U0BOT"}
    assert seen.bodies[0]["authorizations"][0]["user_id"] == "U0BOT"
    assert seen.bodies[0]["is_ext_shared_channel"] is False


@TRANSPORTS
async def test_direct_messages_private_and_shared_channels_say_what_they_are(sandbox, connected, seen, ada, transport):
    async with connected(transport):
        for place in (ada.direct_message, LEADS, PARTNER):
            await ada.say(place, "hello")
        await sandbox.wait_until(lambda: len(seen.bodies) == 3)
    kinds = {body["event"]["channel"]: body["event"]["channel_type"] for body in seen.bodies}
    assert kinds == {"D0ADA": "im", LEADS: "group", PARTNER: "channel"}
    assert [body["event"]["channel"] for body in seen.bodies if body["is_ext_shared_channel"]] == [PARTNER]


async def test_the_app_hears_nothing_from_channels_it_is_not_in_nor_of_ephemeral_messages(
    sandbox, connected, seen, ada, client
):
    async with connected("http"):
        await ada.mention(RANDOM, "nobody hears this")
        await client.chat_postEphemeral(channel=GENERAL, user="U0ADA", text="psst")
        await ada.say(GENERAL, "heard")
        await sandbox.deliveries.settle()
    assert [event["text"] for event in seen.events] == ["heard"]


async def test_only_subscribed_events_are_sent():
    manifest = {"settings": {"event_subscriptions": {"bot_events": ["app_mention"]}}}
    async with (
        Listener() as listener,
        SandboxServer(Workspace(app=App.from_manifest(manifest)), request_url=listener.url) as sandbox,
    ):
        await sandbox.person("U0ADA").say(GENERAL, "not for the app")
        await sandbox.person("U0ADA").say(GENERAL, f"@{sandbox.workspace.app.name} for the app")
        await sandbox.deliveries.settle()
        assert [json.loads(body)["event"]["type"] for _, body in listener.requests] == ["app_mention"]


@TRANSPORTS
async def test_edits_deletions_and_own_messages_come_back(sandbox, connected, seen, ada, client, transport):
    async with connected(transport):
        message = await ada.say(GENERAL, "first")
        await ada.edit(message, "second")
        await ada.delete(message)
        await client.chat_postMessage(channel=GENERAL, text="from the app")
        await sandbox.wait_until(lambda: len(seen.bodies) == 4)
    by_subtype = {event.get("subtype", event.get("bot_id", "")): event for event in seen.events}
    assert by_subtype["message_changed"]["message"]["text"] == "second"
    assert by_subtype["message_changed"]["previous_message"]["text"] == "first"
    assert by_subtype["message_deleted"]["deleted_ts"] == message.ts
    assert by_subtype["B0BOT"]["text"] == "from the app"


async def test_editing_a_mention_in_sends_a_mention(sandbox, connected, seen, ada):
    async with connected("http"):
        message = await ada.say(GENERAL, "how?")
        await ada.edit(message, "@footnote how?")
        await sandbox.deliveries.settle()
    assert [event["ts"] for event in seen.of("app_mention")] == [message.ts]


@TRANSPORTS
async def test_opened_tabs_and_a_pressed_stop_are_told(sandbox, connected, seen, ada, client, transport):
    async with connected(transport):
        question = await ada.dm("long answer please")
        started = await client.chat_startStream(channel=question.channel, thread_ts=question.ts)
        await ada.open_home()
        await ada.open_messages()
        await ada.stop(question.channel, question.ts)
        await sandbox.wait_until(lambda: seen.of("agent_session_stopped") and len(seen.of("app_home_opened")) == 2)
    assert {event["tab"] for event in seen.of("app_home_opened")} == {"home", "messages"}
    [stopped] = seen.of("agent_session_stopped")
    assert (stopped["thread_ts"], stopped["streaming_message_ts"]) == (question.ts, [started["ts"]])


async def test_posts_are_signed(sandbox, ada):
    async with Listener() as listener:
        sandbox.http.request_url = listener.url
        await ada.say(GENERAL, "hello")
        await sandbox.deliveries.settle()
    [(headers, body)] = listener.requests
    base = b"v0:" + headers["X-Slack-Request-Timestamp"].encode() + b":" + body
    expected = hmac.new(sandbox.workspace.app.signing_secret.encode(), base, hashlib.sha256).hexdigest()
    assert headers["X-Slack-Signature"] == f"v0={expected}"


async def test_a_request_url_is_verified_by_a_challenge(sandbox, connected):
    async with connected("http"):
        assert await sandbox.http.verify()


async def test_an_event_is_retried_with_the_same_id_and_the_reason(sandbox, ada):
    async with Listener(500, 302) as listener:
        sandbox.http.request_url = listener.url
        await ada.say(GENERAL, "hello")
        await sandbox.deliveries.settle()
    headers = [headers for headers, _ in listener.requests]
    assert [h.get("X-Slack-Retry-Num") for h in headers] == [None, "1", "2"]
    assert headers[1]["X-Slack-Retry-Reason"] == "http_error"
    assert len({json.loads(body)["event_id"] for _, body in listener.requests}) == 1


async def test_a_late_acknowledgement_is_a_timeout():
    async with (
        Listener(delay=0.5) as listener,
        SandboxServer(request_url=listener.url, ack_timeout=0.05, retry_delays=(0.0,)) as sandbox,
    ):
        await sandbox.person("U0ADA").say(GENERAL, "hello")
        await sandbox.deliveries.settle()
        assert [attempt.outcome for attempt in sandbox.deliveries.attempts] == ["http_timeout"] * 2


async def test_a_refused_connection_is_retried_until_slack_gives_up(sandbox, ada):
    async with Listener() as listener:
        sandbox.http.request_url = listener.url
    await ada.say(GENERAL, "hello")
    await sandbox.deliveries.settle()
    assert [attempt.outcome for attempt in sandbox.deliveries.attempts] == ["connection_failed"] * 3


async def test_x_slack_no_retry_stops_retries(sandbox, ada):
    async with Listener(500, headers={"X-Slack-No-Retry": "1"}) as listener:
        sandbox.http.request_url = listener.url
        await ada.say(GENERAL, "hello")
        await sandbox.deliveries.settle()
    assert len(listener.requests) == 1


async def test_a_delivery_can_be_repeated_like_a_lost_acknowledgement(sandbox, ada):
    async with Listener() as listener:
        sandbox.http.request_url = listener.url
        await ada.say(GENERAL, "hello")
        await sandbox.deliveries.settle()
        await sandbox.deliveries.repeat(sandbox.deliveries.attempts[0])
    first, second = (json.loads(body)["event_id"] for _, body in listener.requests)
    assert first == second


async def test_each_envelope_goes_to_one_of_several_sockets(sandbox, connected, seen, ada):
    async with connected("socket"), connected("socket"):
        assert len(sandbox.sockets.connections) == 2
        for number in range(4):
            await ada.say(GENERAL, str(number))
        await sandbox.wait_until(lambda: len(seen.bodies) >= 4)
        await sandbox.deliveries.settle()
    assert sorted(event["text"] for event in seen.events) == ["0", "1", "2", "3"]


async def test_a_socket_told_to_refresh_comes_back(sandbox, connected, seen, ada):
    async with connected("socket"):
        first = sandbox.sockets.connections[0]
        await sandbox.sockets.disconnect("refresh_requested")
        await sandbox.wait_until(lambda: any(c.number > first.number for c in sandbox.sockets.connections), 10)
        await ada.say(GENERAL, "still there?")
        await sandbox.wait_until(lambda: seen.events, 10)
    assert seen.events[0]["text"] == "still there?"


async def test_an_unacknowledged_envelope_is_sent_again(sandbox, ada):
    ticket = sandbox.workspace.new_socket_ticket()
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{sandbox.url}link/?ticket={ticket}") as ws:
        hello = await ws.receive_json()
        assert (hello["type"], hello["num_connections"]) == ("hello", 1)
        await ada.say(GENERAL, "hello")
        first = await ws.receive_json()
        second = await ws.receive_json()
        await ws.send_json({"envelope_id": second["envelope_id"]})
        await sandbox.deliveries.settle()
    assert (first["type"], first["accepts_response_payload"], first["retry_attempt"]) == ("events_api", False, 0)
    assert (second["retry_attempt"], second["retry_reason"]) == (1, "timeout")
    assert first["payload"]["event_id"] == second["payload"]["event_id"]
    assert first["envelope_id"] != second["envelope_id"]


async def test_a_socket_address_opens_one_connection(sandbox):
    url = f"{sandbox.url}link/?ticket={sandbox.workspace.new_socket_ticket()}"
    async with aiohttp.ClientSession() as session, session.ws_connect(url):
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)


async def test_the_eleventh_socket_is_turned_away(sandbox):
    async with aiohttp.ClientSession() as session:
        sockets = []
        for _ in range(10):
            sockets.append(
                await session.ws_connect(f"{sandbox.url}link/?ticket={sandbox.workspace.new_socket_ticket()}")
            )
            assert (await sockets[-1].receive_json())["num_connections"] == len(sockets)
        ws = await session.ws_connect(f"{sandbox.url}link/?ticket={sandbox.workspace.new_socket_ticket()}")
        assert (await ws.receive_json())["reason"] == "too_many_websockets"


async def test_files_and_other_bots_are_told_as_such():
    robot = User("U1", "robot", "Robot", bot=True)
    workspace = Workspace(users=[robot], channels=[Channel("C1", "general", {"U1", "U0BOT"})])
    async with Listener() as listener, SandboxServer(workspace, request_url=listener.url) as sandbox:
        await sandbox.person("U1").say("C1", "beep")
        await sandbox.person("U1").share_file("C1", "plan.pdf")
        await sandbox.deliveries.settle()
        events = [json.loads(body)["event"] for _, body in listener.requests]
    beep, shared = sorted(events, key=lambda event: event["ts"])
    assert beep["bot_id"] == "B1"
    assert (shared["subtype"], shared["text"], shared["files"][0]["name"]) == ("file_share", "", "plan.pdf")
