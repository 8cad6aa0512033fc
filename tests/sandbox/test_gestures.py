"""Commands, clicks, forms and response_urls reach the app as Slack sends them, and its answers are shown."""

import asyncio

import aiohttp
import pytest

from bot.sandbox import GestureError

GENERAL, RANDOM = "C0GENERAL", "C0RANDOM"
TRANSPORTS = pytest.mark.parametrize("transport", ["http", "socket"])
FEEDBACK = {
    "type": "context_actions",
    "elements": [
        {
            "type": "feedback_buttons",
            "action_id": "answer_feedback",
            "positive_button": {"text": {"type": "plain_text", "text": "Good answer"}, "value": "up:1"},
            "negative_button": {"text": {"type": "plain_text", "text": "Bad answer"}, "value": "down:1"},
        }
    ],
}
SHARE = {
    "type": "actions",
    "elements": [
        {"type": "button", "text": {"type": "plain_text", "text": "Share"}, "action_id": "share", "value": "1"}
    ],
}
OPTIONS = [{"text": {"type": "plain_text", "text": name}, "value": name} for name in ("wrong_fact", "outdated_source")]
FORM = {
    "type": "modal",
    "callback_id": "feedback_reason",
    "title": {"type": "plain_text", "text": "What was wrong?"},
    "submit": {"type": "plain_text", "text": "Send"},
    "notify_on_close": True,
    "blocks": [
        {
            "type": "input",
            "block_id": "reasons",
            "optional": True,
            "label": {"type": "plain_text", "text": "Reasons"},
            "element": {"type": "checkboxes", "action_id": "r", "options": OPTIONS},
        },
        {
            "type": "input",
            "block_id": "comment",
            "label": {"type": "plain_text", "text": "Comment"},
            "element": {"type": "plain_text_input", "action_id": "t", "max_length": 10},
        },
    ],
}


async def post(url: str, body: dict) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.post(url, json=body) as response:
        return response.status, await response.text()


@TRANSPORTS
async def test_a_command_reaches_the_app_and_its_reply_is_replaced_for_one_person(
    sandbox, app, connected, ada, workspace, transport
):
    got = {}

    @app.command("/ask")
    async def ask(ack, body, respond):
        got.update(body)
        await ack("Searching")
        await respond("25 days", replace_original=True)

    async with connected(transport):
        await ada.command(GENERAL, "/ask how many <days> for @ben in #help?")
        await sandbox.wait_for_message(GENERAL, lambda m: m.text == "25 days")
    assert got["text"] == "how many &lt;days&gt; for <@U0BEN|ben> in <#C0HELP|help>?"
    assert (got["channel_name"], got["user_name"], got["is_enterprise_install"]) == ("general", "ada", "false")
    assert [m.text for m in ada.sees(GENERAL)] == ["25 days"]
    assert not sandbox.person("U0BEN").sees(GENERAL)


async def test_a_command_may_answer_everybody(app, connected, ada, sandbox):
    @app.command("/ask")
    async def ask(ack):
        await ack({"response_type": "in_channel", "text": "for all"})

    async with connected("http"):
        await ada.command(RANDOM, "/ask x")
    assert [m.text for m in sandbox.person("U0BEN").sees(RANDOM)] == ["for all"]


async def test_a_command_nobody_answers_fails_visibly(connected, ada, workspace, app, sandbox):
    await ada.command(GENERAL, "/ask nobody is connected")
    assert ada.sees(GENERAL)[-1].text == '/ask failed with the error "dispatch_failed"'
    sandbox.http.timeout = 0.05

    @app.command("/ask")
    async def ask(ack):
        await asyncio.sleep(0.2)
        await ack()

    async with connected("http"):
        await ada.command(GENERAL, "/ask slow")
        assert ada.sees(GENERAL)[-1].text == '/ask failed with the error "operation_timeout"'
        assert ada.sees(GENERAL)[-1].user == "USLACKBOT"


async def test_an_unhandled_command_is_a_dispatch_failure(connected, ada):
    async with connected("http"):
        await ada.command(GENERAL, "/reindex")
        assert ada.sees(GENERAL)[-1].text == '/reindex failed with the error "dispatch_failed"'
        with pytest.raises(GestureError):
            await ada.command(GENERAL, "/unknown")


@TRANSPORTS
async def test_a_click_carries_message_container_and_value(app, connected, ada, client, sandbox, transport):
    got = {}

    @app.action("answer_feedback")
    async def vote(ack, body, respond):
        await ack()
        got.update(body)
        await respond("Thanks")

    async with connected(transport):
        question = await ada.say(GENERAL, "how?")
        posted = await client.chat_postMessage(
            channel=GENERAL,
            thread_ts=question.ts,
            text="so",
            blocks=[FEEDBACK],
            metadata={"event_type": "footnote_answer", "event_payload": {"answer_id": "1"}},
        )
        answer = sandbox.workspace.find(GENERAL, posted["ts"])
        await ada.click(answer, "answer_feedback", value="down")
        thanks = await sandbox.wait_for_message(GENERAL, lambda m: m.text == "Thanks")
    assert got["actions"][0]["value"] == "down:1"
    assert got["actions"][0]["type"] == "feedback_buttons"
    assert got["message"]["ts"] == posted["ts"]
    assert got["container"] == {
        "type": "message",
        "message_ts": posted["ts"],
        "channel_id": GENERAL,
        "is_ephemeral": False,
        "thread_ts": question.ts,
    }
    assert thanks.ephemeral_to == "U0ADA"


async def test_a_click_on_an_ephemeral_message_has_no_message(app, connected, ada, client, sandbox):
    got = {}

    @app.action("share")
    async def share(ack, body, respond):
        await ack()
        got.update(body)
        await respond(delete_original=True)

    async with connected("http"):
        await client.chat_postEphemeral(channel=GENERAL, user="U0ADA", text="x", blocks=[SHARE])
        [shown] = ada.sees(GENERAL)
        with pytest.raises(GestureError):
            await sandbox.person("U0BEN").click(shown, "share")
        await ada.click(shown, "share")
        await sandbox.wait_until(lambda: not ada.sees(GENERAL))
    assert "message" not in got
    assert got["container"]["is_ephemeral"]


async def test_a_click_that_nobody_takes_is_an_error_for_the_person(connected, ada, client, workspace):
    async with connected("http"):
        posted = await client.chat_postMessage(channel=GENERAL, text="x", blocks=[SHARE])
        message = workspace.find(GENERAL, posted["ts"])
        with pytest.raises(GestureError) as caught:
            await ada.click(message, "share")
        assert caught.value.code == "dispatch_failed"
        with pytest.raises(GestureError):
            await ada.click(message, "gone")


@pytest.fixture
def opens_form(app):
    """A bot whose button opens the form and which keeps what was submitted."""
    submitted = []

    @app.action("share")
    async def share(ack, body, client):
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=FORM)

    @app.view("feedback_reason")
    async def submit(ack, view):
        submitted.append(view["state"]["values"])
        if view["state"]["values"]["comment"]["t"]["value"] == "bad":
            await ack(response_action="errors", errors={"comment": "Say more."})
        elif view["state"]["values"]["comment"]["t"]["value"] == "more":
            await ack(response_action="push", view={**FORM, "callback_id": "second"})
        else:
            await ack()

    @app.view_closed("feedback_reason")
    async def closed(ack, body):
        await ack()
        submitted.append(body["type"])

    return submitted


@TRANSPORTS
async def test_a_form_opens_is_checked_and_sent(sandbox, connected, ada, client, opens_form, transport):
    async with connected(transport):
        posted = await client.chat_postMessage(channel=GENERAL, text="x", blocks=[SHARE])
        await ada.click(sandbox.workspace.find(GENERAL, posted["ts"]), "share")
        form = await sandbox.wait_for_modal("U0ADA")
        assert await ada.submit(form) == {"errors": {"comment": "Please complete this required field."}}
        assert await ada.submit(form, {"comment": "x" * 11}) == {
            "errors": {"comment": "Must be less than 11 characters."}
        }
        assert await ada.submit(form, {"comment": "bad"}) == {"errors": {"comment": "Say more."}}
        assert ada.modal is form
        assert await ada.submit(form, {"comment": "ok", "reasons": ["wrong_fact"]}) == {"ok": True}
    assert ada.modal is None
    bad, good = opens_form
    assert bad["reasons"]["r"] == {"type": "checkboxes", "selected_options": []}
    assert good["reasons"]["r"]["selected_options"][0]["value"] == "wrong_fact"


async def test_a_form_may_push_another_and_closing_is_told(sandbox, connected, ada, client, opens_form):
    async with connected("http"):
        posted = await client.chat_postMessage(channel=GENERAL, text="x", blocks=[SHARE])
        await ada.click(sandbox.workspace.find(GENERAL, posted["ts"]), "share")
        first = await sandbox.wait_for_modal("U0ADA")
        pushed = await ada.submit(first, {"comment": "more"})
        assert pushed["view"]["previous_view_id"] == first.id
        await client.views_update(view_id=ada.modal.id, view=FORM)
        await ada.close(ada.modal)
        assert ada.modal is first
    assert opens_form[-1] == "view_closed"


async def test_a_trigger_opens_one_modal_within_three_seconds(client, workspace, refused):
    trigger = workspace.new_trigger("U0ADA")
    await client.views_open(trigger_id=trigger, view=FORM)
    assert (await refused(client.views_open(trigger_id=trigger, view=FORM)))["error"] == "exchanged_trigger_id"
    assert (await refused(client.views_open(trigger_id="1.2.3", view=FORM)))["error"] == "invalid_trigger_id"
    late = workspace.new_trigger("U0ADA")
    now = workspace.clock()
    workspace.clock = lambda: now + 4
    assert (await refused(client.views_open(trigger_id=late, view=FORM)))["error"] == "expired_trigger_id"


async def test_the_stack_holds_three_modals_and_updates_name_theirs(client, workspace, refused):
    opened = await client.views_open(trigger_id=workspace.new_trigger("U0ADA"), view=FORM)
    for _ in range(2):
        await client.views_push(trigger_id=workspace.new_trigger("U0ADA"), view=FORM)
    fourth = client.views_push(trigger_id=workspace.new_trigger("U0ADA"), view=FORM)
    assert (await refused(fourth))["error"] == "push_limit_reached"
    stale = client.views_update(view_id=opened["view"]["id"], view=FORM, hash="old")
    assert (await refused(stale))["error"] == "hash_conflict"
    assert (await refused(client.views_update(view_id="V404", view=FORM)))["error"] == "not_found"
    broken = client.views_open(trigger_id=workspace.new_trigger("U0ADA"), view={**FORM, "title": "x"})
    assert (await refused(broken))["error"] == "invalid_arguments"


async def test_a_home_tab_is_published_and_clickable(app, connected, ada, client, workspace, sandbox):
    clicked = []

    @app.action("share")
    async def share(ack, body):
        await ack()
        clicked.append(body["view"]["type"])

    async with connected("http"):
        await client.views_publish(user_id="U0ADA", view={"type": "home", "blocks": [SHARE]})
        await ada.click_in_view(workspace.homes["U0ADA"], "share")
    assert clicked == ["home"]


async def test_a_response_url_works_five_times_within_half_an_hour(sandbox, workspace):
    url = f"{sandbox.url}commands/T0SANDBOX/{workspace.new_response_url(GENERAL, 'U0ADA').token}"
    workspace.response_urls[url.rpartition("/")[2]].acknowledged.set()
    for number in range(5):
        assert await post(url, {"text": str(number)}) == (200, "ok")
    assert (await post(url, {"text": "6"}))[0] == 404
    late = workspace.new_response_url(GENERAL, "U0ADA")
    now = workspace.clock()
    workspace.clock = lambda: now + 1801
    status, body = await post(f"{sandbox.url}commands/T0SANDBOX/{late.token}", {"text": "late"})
    assert (status, "expired_url" in body) == (404, True)


async def test_a_response_url_can_fail_on_request(sandbox, workspace):
    response_url = workspace.new_response_url(GENERAL, "U0ADA")
    response_url.acknowledged.set()
    url = f"{sandbox.url}actions/T0SANDBOX/{response_url.token}"
    sandbox.faults.http_status("response_url", 500)
    sandbox.faults.rate_limited("response_url")
    sandbox.faults.drop_after("response_url")
    assert (await post(url, {"text": "x"}))[0] == 500
    assert (await post(url, {"text": "x"}))[0] == 429
    with pytest.raises(aiohttp.ClientError):
        await post(url, {"text": "done, but nobody said so"})
    assert [m.text for m in workspace.all_messages(GENERAL)] == ["done, but nobody said so"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_payload"),
        ({"text": ""}, "no_text"),
        ({"text": "x", "response_type": "everybody"}, "invalid_arguments"),
        ({"text": "x", "blocks": [{"type": "nonsense"}]}, "invalid_blocks"),
        ({"delete_original": True}, "message_not_found"),
        ({"text": "x", "unknown": 1}, "invalid_arguments"),
    ],
)
async def test_a_response_that_slack_refuses_is_refused(sandbox, workspace, body, code):
    response_url = workspace.new_response_url(GENERAL, "U0ADA")
    response_url.acknowledged.set()
    status, answer = await post(f"{sandbox.url}commands/T0SANDBOX/{response_url.token}", body)
    assert status in (400, 404)
    assert code in answer
    assert not workspace.all_messages(GENERAL)


async def test_what_is_typed_becomes_slacks_text(ada):
    typed = "@Ada Okafor & @ben <b> #help a@ben.example @benny see https://x.example/?a=1&b=2 @channel"
    message = await ada.say(GENERAL, typed)
    expected = "<@U0ADA> &amp; <@U0BEN> &lt;b&gt; <#C0HELP> a@ben.example @benny see "
    assert message.text == f"{expected}<https://x.example/?a=1&amp;b=2> <!channel>"
    elements = message.blocks[0]["elements"][0]["elements"]
    assert {"type": "link", "url": "https://x.example/?a=1&b=2"} in elements
    assert {"type": "broadcast", "range": "channel"} in elements
