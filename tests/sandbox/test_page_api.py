"""The page's own API shows each person what they may see, and lets nobody else in."""

import aiohttp
import pytest

GENERAL, LEADS = "C0GENERAL", "C0LEADS"


@pytest.fixture
async def page(sandbox):
    async with aiohttp.ClientSession(sandbox.page_url) as session:
        yield session


async def get(page, path, **query):
    async with page.get(f"/page/{path}", params=query) as response:
        return response.status, await response.json()


async def act(page, path, **body):
    async with page.post(f"/page/{path}", json=body) as response:
        return response.status, await response.json()


async def test_the_state_lists_own_conversations_only(page):
    _, ada = await get(page, "state", **{"as": "U0ADA"})
    _, chloe = await get(page, "state", **{"as": "U0CHLOE"})
    assert {channel["id"] for channel in ada["channels"]} - {channel["id"] for channel in chloe["channels"]} == {
        LEADS,
        "D0ADA",
    }
    assert ada["me"] == "U0ADA"
    assert {user["id"] for user in ada["users"]} >= {"U0BOT", "U0ADA"}
    assert [command["command"] for command in ada["commands"]] == ["/ask", "/reindex"]
    assert ada["connected"] is False
    assert {"id", "name", "kind", "private", "shared", "topic", "member", "bot_member"} == ada["channels"][0].keys()


async def test_messages_threads_and_ephemerals(page, client):
    _, said = await act(page, "message", **{"as": "U0ADA"}, channel=GENERAL, text="@ben look")
    await client.chat_postMessage(channel=GENERAL, text="reply", thread_ts=said["ts"])
    await client.chat_postEphemeral(channel=GENERAL, user="U0ADA", text="for Ada")
    _, top = await get(page, "messages", **{"as": "U0ADA"}, channel=GENERAL)
    assert [(m["text"], m["ephemeral"]) for m in top["messages"]] == [("<@U0BEN> look", False), ("for Ada", True)]
    assert (top["messages"][0]["reply_count"], top["messages"][0]["reply_users"]) == (1, ["U0BOT"])
    _, thread = await get(page, "messages", **{"as": "U0BEN"}, channel=GENERAL, thread_ts=said["ts"])
    assert [m["text"] for m in thread["messages"]] == ["<@U0BEN> look", "reply"]
    _, bens = await get(page, "messages", **{"as": "U0BEN"}, channel=GENERAL)
    assert len(bens["messages"]) == 1


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("message", {"as": "U0CHLOE", "channel": LEADS, "text": "x"}, "channel_not_found"),
        ("message", {"as": "U0CHLOE", "channel": "D0ADA", "text": "x"}, "channel_not_found"),
        ("message", {"as": "U404", "channel": GENERAL, "text": "x"}, "user_not_found"),
        ("message", {"as": "U0ADA", "channel": GENERAL, "text": " "}, "no_text"),
        ("message", {"as": "U0ADA", "channel": GENERAL}, "missing_argument"),
        ("edit", {"as": "U0ADA", "channel": GENERAL, "ts": "1.0", "text": "x"}, "message_not_found"),
        ("command", {"as": "U0ADA", "channel": GENERAL, "text": "/nope"}, "unknown_command"),
        ("view/submit", {"as": "U0ADA", "view_id": "V1"}, "view_not_found"),
        ("home", {"as": "U0ADA", "tab": "about"}, "unknown_tab"),
    ],
)
async def test_what_cannot_be_done_is_said_in_a_sentence(page, path, body, code):
    status, answer = await act(page, path, **body)
    assert (status, answer["error"]) == (400, code)
    assert answer["message"].endswith(".")


async def test_editing_and_deleting_own_messages(page, workspace):
    _, said = await act(page, "message", **{"as": "U0ADA"}, channel=GENERAL, text="one")
    own = {"as": "U0ADA", "channel": GENERAL, "ts": said["ts"]}
    status, answer = await act(page, "edit", **{**own, "as": "U0BEN"}, text="two")
    assert (status, answer["error"]) == (400, "not_yours")
    assert await act(page, "edit", **own, text="two") == (200, {"ok": True})
    assert workspace.find(GENERAL, said["ts"]).text == "two"
    assert await act(page, "delete", **own) == (200, {"ok": True})
    assert not workspace.all_messages(GENERAL)


async def test_live_events_come_to_those_who_may_see_them(page, client, ada, workspace):
    async with page.ws_connect("/page/live?as=U0BEN") as ben:
        assert await ben.receive_json() == {"type": "connected", "connected": False}
        await ada.dm("secret")
        await client.chat_postEphemeral(channel=GENERAL, user="U0ADA", text="for Ada")
        message = await ada.say(GENERAL, "for all")
        await client.assistant_threads_setStatus(channel_id=GENERAL, thread_ts=message.ts, status="Searching")
        await ada.edit(message, "for everybody")
        await ada.delete(message)
        await client.views_open(
            trigger_id=workspace.new_trigger("U0BEN"),
            view={"type": "modal", "title": {"type": "plain_text", "text": "Hi"}, "blocks": [{"type": "divider"}]},
        )
        await client.assistant_threads_setSuggestedPrompts(channel_id="D0BEN", prompts=[{"title": "t", "message": "m"}])
        events = [await ben.receive_json() for _ in range(6)]
    kinds = ["message", "status", "message_changed", "message_deleted", "view_opened", "prompts"]
    assert [event["type"] for event in events] == kinds
    assert events[0]["message"]["text"] == "for all"
    assert events[1] == {
        "type": "status",
        "channel": GENERAL,
        "thread_ts": message.ts,
        "status": "Searching",
        "loading_messages": [],
    }
    assert events[2]["message"]["edited"]
    assert events[5]["prompts"] == [{"title": "t", "message": "m"}]


async def test_a_stream_grows_live(page, client, ada):
    async with page.ws_connect("/page/live?as=U0ADA") as live:
        await live.receive_json()
        question = await ada.dm("how?")
        started = await client.chat_startStream(channel=question.channel, thread_ts=question.ts)
        await client.chat_appendStream(channel=question.channel, ts=started["ts"], markdown_text="25 ")
        await client.chat_appendStream(channel=question.channel, ts=started["ts"], markdown_text="days")
        await client.chat_stopStream(channel=question.channel, ts=started["ts"])
        events = [(await live.receive_json()) for _ in range(5)]
    grown = [(event["type"], event["message"]["text"], event["message"]["streaming"]) for event in events[1:]]
    assert grown == [
        ("message", "", True),
        ("message_changed", "25 ", True),
        ("message_changed", "25 days", True),
        ("message_changed", "25 days", False),
    ]


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Host": "127.0.0.1.evil.example"}, {"Origin": "http://evil.example"}]
)
async def test_foreign_hosts_and_origins_are_refused(page, headers):
    async with page.get("/page/state?as=U0ADA", headers=headers) as response:
        assert response.status == 403
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await page.ws_connect("/page/live?as=U0ADA", headers=headers)


async def test_the_page_may_only_load_what_is_its_own(page):
    async with page.get("/page/state?as=U0ADA") as response:
        assert response.headers["Content-Security-Policy"].startswith("default-src 'self'; connect-src 'self'")
        assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_connection_of_an_app_is_shown(page, connected):
    async with page.ws_connect("/page/live?as=U0ADA") as live:
        assert (await live.receive_json())["connected"] is False
        async with connected("socket"):
            assert (await live.receive_json()) == {"type": "connected", "connected": True}
        assert (await live.receive_json()) == {"type": "connected", "connected": False}


async def test_permalinks_lead_to_the_page(page, client, ada):
    message = await ada.say(GENERAL, "here")
    link = (await client.chat_getPermalink(channel=GENERAL, message_ts=message.ts))["permalink"]
    async with page.get(link, allow_redirects=False) as response:
        assert response.headers["location"] == f"/?channel={GENERAL}&ts={message.ts}"
