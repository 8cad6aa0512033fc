"""The sandbox refuses what Slack refuses, in Slack's words."""

import asyncio

import aiohttp
import pytest
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import App, Channel, SandboxServer, User, UserGroup, Workspace

GENERAL, RANDOM, LEADS = "C0GENERAL", "C0RANDOM", "C0LEADS"


async def test_auth_test_says_whose_token_it_is_and_which_scopes_it_has(client, workspace):
    answer = await client.auth_test()
    assert (answer["user_id"], answer["bot_id"], answer["team_id"]) == ("U0BOT", "B0BOT", "T0SANDBOX")
    assert set(answer.headers["x-oauth-scopes"].split(",")) == workspace.app.bot_scopes


@pytest.mark.parametrize(
    ("token", "code"), [("", "not_authed"), ("xoxb-wrong", "invalid_auth"), (App().app_token, "not_allowed_token_type")]
)
async def test_a_wrong_token_is_refused(sandbox, refused, token, code):
    client = AsyncWebClient(token, base_url=sandbox.api_url)
    assert (await refused(client.auth_test()))["error"] == code


async def test_only_the_app_token_opens_a_socket(sandbox, client, refused):
    assert (await refused(client.api_call("apps.connections.open")))["error"] == "not_allowed_token_type"
    app = AsyncWebClient(sandbox.workspace.app.app_token, base_url=sandbox.api_url)
    answer = await app.apps_connections_open(app_token=sandbox.workspace.app.app_token)
    assert answer["url"].startswith(sandbox.url.replace("http", "ws"))


async def test_a_scope_that_the_manifest_does_not_ask_for_is_missing(refused):
    manifest = {"oauth_config": {"scopes": {"bot": ["chat:write"], "bot_optional": ["users:read"]}}}
    async with SandboxServer(Workspace(app=App.from_manifest(manifest))) as sandbox:
        client = AsyncWebClient(sandbox.workspace.app.bot_token, base_url=sandbox.api_url)
        await client.users_info(user="U0ADA")
        answer = await refused(client.conversations_history(channel=GENERAL))
    assert answer["error"] == "missing_scope"
    assert (answer["needed"], answer["provided"]) == ("channels:history", "chat:write,users:read")


async def test_unknown_methods_and_malformed_arguments_are_refused(client, refused):
    assert (await refused(client.api_call("chat.postMessages")))["error"] == "unknown_method"
    missing = await refused(client.api_call("chat.postMessage", json={"text": "hi"}))
    assert missing["response_metadata"]["messages"] == ["[ERROR] missing required field: channel"]
    unknown = await refused(client.chat_postMessage(channel=GENERAL, text="hi", colour="red"))
    assert unknown["response_metadata"]["messages"] == ["[ERROR] unknown argument: colour"]
    wrong = await refused(
        client.api_call("conversations.replies", params={"channel": GENERAL, "ts": "1", "limit": "x"})
    )
    assert wrong["error"] == "invalid_arguments"


async def test_a_posted_message_is_there_in_form_and_in_json(client, workspace):
    as_json = await client.chat_postMessage(channel=GENERAL, text="one")
    form = {"channel": "#general", "text": "two", "blocks": '[{"type":"divider"}]'}
    as_form = await client.api_call("chat.postMessage", params=form)
    assert [m.text for m in workspace.all_messages(GENERAL)] == ["one", "two"]
    assert float(as_json["ts"]) < float(as_form["ts"])
    assert as_form["message"]["blocks"][0]["block_id"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"channel": "C404", "text": "x"}, "channel_not_found"),
        ({"channel": RANDOM, "text": "x"}, "not_in_channel"),
        ({"channel": GENERAL, "text": " "}, "no_text"),
        ({"channel": GENERAL, "text": "x", "thread_ts": "1.000000"}, "thread_not_found"),
        ({"channel": GENERAL, "text": "x", "blocks": [{"type": "nonsense"}]}, "invalid_blocks"),
        ({"channel": GENERAL, "text": "x", "blocks": {"type": "divider"}}, "invalid_blocks_format"),
        ({"channel": GENERAL, "blocks": [{"type": "markdown", "text": "x" * 6001}] * 2}, "msg_blocks_too_long"),
        ({"channel": GENERAL, "markdown_text": "x" * 12_001}, "msg_too_long"),
        ({"channel": GENERAL, "markdown_text": "x", "text": "y"}, "markdown_text_conflict"),
        ({"channel": GENERAL, "text": "x", "metadata": {"event_type": "a"}}, "invalid_metadata_format"),
        (
            {"channel": GENERAL, "text": "x", "metadata": {"event_type": "a", "event_payload": {"b": "c" * 16_000}}},
            "metadata_too_large",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:The top-level `text` argument")
async def test_a_message_that_slack_refuses_is_not_posted(client, workspace, refused, arguments, code):
    assert (await refused(client.api_call("chat.postMessage", json=arguments)))["error"] == code
    assert not workspace.all_messages(GENERAL)


async def test_a_private_channel_without_the_app_does_not_exist_for_it(refused):
    hidden = Channel("C1", "hidden", {"U1"}, private=True)
    async with SandboxServer(Workspace(users=[User("U1", "u", "U")], channels=[hidden])) as sandbox:
        client = AsyncWebClient(sandbox.workspace.app.bot_token, base_url=sandbox.api_url)
        for call in (client.chat_postMessage(channel="C1", text="x"), client.conversations_info(channel="C1")):
            assert (await refused(call))["error"] == "channel_not_found"


async def test_a_reply_belongs_to_a_root_never_to_a_reply(client, refused, workspace):
    root = await client.chat_postMessage(channel=GENERAL, text="root")
    reply = await client.chat_postMessage(channel=GENERAL, text="reply", thread_ts=root["ts"])
    nested = client.chat_postMessage(channel=GENERAL, text="no", thread_ts=reply["ts"])
    assert (await refused(nested))["error"] == "cannot_reply_to_message"
    thread = await client.conversations_replies(channel=GENERAL, ts=root["ts"])
    assert [m["text"] for m in thread["messages"]] == ["root", "reply"]
    assert thread["messages"][0]["reply_count"] == 1


async def test_an_update_with_text_alone_drops_the_blocks_and_keeps_the_metadata(client, workspace):
    metadata = {"event_type": "footnote_answer", "event_payload": {"answer_id": "1"}}
    posted = await client.chat_postMessage(channel=GENERAL, text="a", blocks=[{"type": "divider"}], metadata=metadata)
    await client.chat_update(channel=GENERAL, ts=posted["ts"], text="b")
    message = workspace.find(GENERAL, posted["ts"])
    assert (message.text, message.blocks, message.metadata) == ("b", None, metadata)


async def test_only_own_messages_can_be_changed_or_deleted(client, ada, refused):
    theirs = await ada.say(GENERAL, "mine")
    update = client.chat_update(channel=GENERAL, ts=theirs.ts, text="x")
    assert (await refused(update))["error"] == "cant_update_message"
    assert (await refused(client.chat_delete(channel=GENERAL, ts=theirs.ts)))["error"] == "cant_delete_message"
    assert (await refused(client.chat_delete(channel=GENERAL, ts="1.000000")))["error"] == "message_not_found"


async def test_an_ephemeral_message_is_seen_by_one_person_and_cannot_be_updated(client, sandbox, ada, refused):
    posted = await client.chat_postEphemeral(channel=GENERAL, user="U0ADA", text="for you")
    assert [m.text for m in ada.sees(GENERAL)] == ["for you"]
    assert not sandbox.person("U0BEN").sees(GENERAL)
    assert not (await client.conversations_history(channel=GENERAL))["messages"]
    update = client.chat_update(channel=GENERAL, ts=posted["message_ts"], text="x")
    assert (await refused(update))["error"] == "message_not_found"
    outsider = client.chat_postEphemeral(channel=LEADS, user="U0CHLOE", text="x")
    assert (await refused(outsider))["error"] == "user_not_in_channel"


async def test_history_comes_newest_first_in_pages_with_metadata_only_on_request(client):
    metadata = {"event_type": "footnote_answer", "event_payload": {"answer_id": "7"}}
    for number in range(3):
        await client.chat_postMessage(channel=GENERAL, text=str(number), metadata=metadata)
    first = await client.conversations_history(channel=GENERAL, limit=2)
    assert [m["text"] for m in first["messages"]] == ["2", "1"]
    assert first["has_more"]
    assert "metadata" not in first["messages"][0]
    cursor = first["response_metadata"]["next_cursor"]
    rest = await client.conversations_history(channel=GENERAL, cursor=cursor, include_all_metadata=True)
    assert [m["metadata"] for m in rest["messages"]] == [metadata]


async def test_conversations_and_people_are_described(client, refused):
    shared = await client.conversations_info(channel="C0PARTNER")
    assert shared["channel"]["is_ext_shared"]
    opened = await client.conversations_open(users="U0BEN")
    assert opened["channel"]["id"] == "D0BEN"
    assert (await client.users_info(user="U0ADA"))["user"]["is_admin"]
    assert (await refused(client.users_info(user="U404")))["error"] == "user_not_found"
    link = await client.chat_getPermalink(
        channel=GENERAL, message_ts=(await client.chat_postMessage(channel=GENERAL, text="x"))["ts"]
    )
    assert f"/archives/{GENERAL}/p" in link["permalink"]


async def test_user_groups_are_listed():
    workspace = Workspace(user_groups=[UserGroup("S1", "leads", ("U0ADA", "U0BEN"))])
    async with SandboxServer(workspace) as sandbox:
        client = AsyncWebClient(workspace.app.bot_token, base_url=sandbox.api_url)
        assert (await client.usergroups_users_list(usergroup="S1"))["users"] == ["U0ADA", "U0BEN"]


async def test_a_reaction_can_be_given_once(client, ada, refused):
    message = await ada.say(GENERAL, "hello")
    await client.reactions_add(channel=GENERAL, timestamp=message.ts, name="eyes")
    again = client.reactions_add(channel=GENERAL, timestamp=message.ts, name="eyes")
    assert (await refused(again))["error"] == "already_reacted"


async def test_a_status_shows_until_the_app_posts_or_two_minutes_pass(client, workspace, ada, refused):
    question = await ada.say(GENERAL, "how?")
    status = {"channel_id": GENERAL, "thread_ts": question.ts, "status": "Searching"}
    await client.assistant_threads_setStatus(**status, loading_messages=["a", "b"])
    assert workspace.statuses[GENERAL, question.ts].loading_messages == ("a", "b")
    await client.chat_postMessage(channel=GENERAL, thread_ts=question.ts, text="so")
    assert not workspace.statuses
    await client.assistant_threads_setStatus(**status)
    workspace.clock = lambda: float(question.ts) + 121
    workspace.expire()
    assert not workspace.statuses
    too_many = client.assistant_threads_setStatus(**status, loading_messages=["x"] * 11)
    assert (await refused(too_many))["error"] == "invalid_arguments"


async def test_suggested_prompts_with_a_thread_are_silently_ignored(client, workspace, refused):
    prompts = [{"title": "t", "message": "m"}]
    call = {"channel_id": "D0ADA", "title": "Try"}
    await client.assistant_threads_setSuggestedPrompts(**call, prompts=prompts, thread_ts="1.000000")
    assert not workspace.prompts
    await client.assistant_threads_setSuggestedPrompts(**call, prompts=prompts)
    assert workspace.prompts["D0ADA"]["prompts"] == prompts
    five = client.assistant_threads_setSuggestedPrompts(**call, prompts=prompts * 5)
    assert (await refused(five))["error"] == "invalid_arguments"


async def test_a_session_takes_known_states_and_short_titles(client, workspace, ada, refused):
    question = await ada.dm("hello")
    session = {"channel_id": question.channel, "thread_ts": question.ts}
    await client.agents_sessions_setStatus(**session, status="processing", title="Leave")
    await client.agents_sessions_rename(**session, title="Parental leave")
    assert workspace.sessions[question.channel, question.ts] == {"status": "processing", "title": "Parental leave"}
    assert (await refused(client.agents_sessions_setStatus(**session, status="busy")))["error"] == "invalid_arguments"
    assert (await refused(client.agents_sessions_rename(**session, title="x" * 201)))["error"] == "invalid_arguments"


async def test_calls_are_recorded_without_their_token(client, workspace):
    await client.chat_postMessage(channel=GENERAL, text="hi")
    [call] = workspace.calls_of("chat.postMessage")
    assert call.arguments == {"channel": GENERAL, "text": "hi"}
    assert call.response["ok"]
    assert workspace.app.bot_token not in repr(workspace.calls)


async def test_with_rate_limits_the_fifth_post_in_a_second_waits(client, sandbox, workspace, refused):
    sandbox.rate_limits.enabled = True
    for _ in range(4):
        await client.chat_postMessage(channel=GENERAL, text="quick")
    answer = await refused(client.chat_postMessage(channel=GENERAL, text="quick"))
    assert (answer.status_code, answer["error"], answer.headers["Retry-After"]) == (429, "ratelimited", "1")
    await client.chat_postMessage(channel=LEADS, text="another channel has a limit of its own")
    patient = AsyncWebClient(
        workspace.app.bot_token, base_url=sandbox.api_url, retry_handlers=[AsyncRateLimitErrorRetryHandler()]
    )
    await patient.chat_postMessage(channel=GENERAL, text="later")
    assert workspace.all_messages(GENERAL)[-1].text == "later"


async def test_a_fault_is_used_once(client, sandbox, workspace, refused):
    sandbox.faults.error("chat.postMessage", "internal_error")
    sandbox.faults.rate_limited("chat.postMessage", 7)
    sandbox.faults.http_status("chat.postMessage", 503)
    assert (await refused(client.chat_postMessage(channel=GENERAL, text="x")))["error"] == "internal_error"
    assert (await refused(client.chat_postMessage(channel=GENERAL, text="x"))).headers["Retry-After"] == "7"
    assert (await refused(client.chat_postMessage(channel=GENERAL, text="x"))).status_code == 503
    await client.chat_postMessage(channel=GENERAL, text="x")
    assert len(workspace.all_messages(GENERAL)) == 1


async def test_a_dropped_connection_may_or_may_not_have_done_it(client, sandbox, workspace):
    sandbox.faults.drop_before("chat.postMessage")
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel=GENERAL, text="lost")
    sandbox.faults.drop_after("chat.postMessage")
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel=GENERAL, text="done")
    assert [m.text for m in workspace.all_messages(GENERAL)] == ["done"]


async def test_a_delayed_call_still_happens(client, sandbox, workspace):
    sandbox.faults.delay("chat.postMessage", 0.05)
    slow = asyncio.create_task(client.chat_postMessage(channel=GENERAL, text="slow"))
    await client.chat_postMessage(channel=GENERAL, text="fast")
    await slow
    assert {m.text for m in workspace.all_messages(GENERAL)} == {"fast", "slow"}


@pytest.mark.parametrize(
    ("content_type", "body", "code"),
    [
        ("application/json", b"{", "invalid_json"),
        ("application/json", b"[]", "json_not_object"),
        ("text/plain", b"channel=C0GENERAL", "invalid_post_type"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(sandbox, content_type, body, code):
    async with (
        aiohttp.ClientSession(headers={"Content-Type": content_type}) as session,
        session.post(f"{sandbox.api_url}chat.postMessage", data=body) as response,
    ):
        assert (await response.json())["error"] == code
