"""The sandbox's page in a real browser, against the real sandbox server and a small real Bolt app."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, Route, async_playwright, expect
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Message, SandboxServer, Workspace

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium to drive the page"),
    pytest.mark.asyncio(loop_scope="module"),
]
ADA, BEN, BOT = "U0ADA", "U0BEN", "U0BOT"
GENERAL, HELP = "C0GENERAL", "C0HELP"
ADA_DM = "D0ADA"
NAMES = "{me: 'U1', user: (id) => ({U1: 'ada', U2: 'ben'})[id] ?? id, channel: (id) => ({C1: 'general'})[id]}"
OpenPage = Callable[..., Awaitable[Page]]


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


FEEDBACK = {
    "type": "context_actions",
    "block_id": "fb",
    "elements": [
        {
            "type": "feedback_buttons",
            "action_id": "answer_feedback",
            "positive_button": {"text": plain("Good answer"), "value": "up:A1"},
            "negative_button": {"text": plain("Bad answer"), "value": "down:A1"},
        }
    ],
}
FORM = {
    "type": "modal",
    "callback_id": "feedback_reason",
    "title": plain("What was wrong?"),
    "submit": plain("Send"),
    "close": plain("Skip"),
    "blocks": [
        {
            "type": "input",
            "block_id": "reason",
            "label": plain("Reason"),
            "element": {
                "type": "checkboxes",
                "action_id": "r",
                "options": [
                    {"text": plain("A fact is wrong"), "value": "wrong_fact"},
                    {"text": plain("It is incomplete"), "value": "incomplete"},
                ],
            },
        },
        {
            "type": "input",
            "block_id": "place",
            "optional": True,
            "label": plain("Where"),
            "element": {
                "type": "static_select",
                "action_id": "s",
                "options": [{"text": plain("Here"), "value": "here"}, {"text": plain("There"), "value": "there"}],
                "initial_option": {"text": plain("There"), "value": "there"},
            },
        },
        {
            "type": "input",
            "block_id": "more",
            "optional": True,
            "label": plain("Which documents"),
            "element": {
                "type": "multi_static_select",
                "action_id": "m",
                "options": [{"text": plain(name), "value": name} for name in ("Handbook", "Wiki", "Minutes")],
            },
        },
        {
            "type": "input",
            "block_id": "comment",
            "optional": True,
            "label": plain("Comment"),
            "element": {"type": "plain_text_input", "action_id": "t", "multiline": True, "max_length": 20},
        },
    ],
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def sandbox() -> AsyncIterator[SandboxServer]:
    async with SandboxServer(Workspace(suggestions=["How many days of leave?"])) as sandbox:
        yield sandbox


@pytest_asyncio.fixture(loop_scope="module")
async def open_page(browser: Browser, sandbox: SandboxServer) -> AsyncIterator[OpenPage]:
    """Open the page as somebody; an error on it, or a request to anybody else, fails the test."""
    problems: list[str] = []
    contexts = []

    async def open_page(person: str = ADA, *, channel: str = GENERAL, **options: Any) -> Page:
        context = await browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        page = await context.new_page()
        page.set_default_timeout(5000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith(sandbox.url) else problems.append(asked.url))
        await page.goto(f"{sandbox.page_url}/#as={person}&channel={channel}")
        await page.wait_for_selector("body[data-ready=true]")
        return page

    yield open_page
    for context in contexts:
        await context.pages[0].goto("about:blank")  # hangs up the live socket before the server stops
        await context.close()
    assert problems == []


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def canvas(browser: Browser) -> AsyncIterator[Page]:
    """Open a page for drawing texts, shared by the tests of pure functions."""
    async with SandboxServer() as sandbox:
        page = await browser.new_page()
        await page.goto(sandbox.page_url)
        await page.wait_for_selector("body[data-ready=true]")
        yield page
        await page.goto("about:blank")
        await page.close()


@dataclass
class TinyApp:
    """A real Bolt app that remembers what it was sent."""

    app: AsyncApp
    clicks: list[dict[str, Any]] = field(default_factory=list)
    forms: list[dict[str, Any]] = field(default_factory=list)
    form_errors: dict[str, str] = field(default_factory=dict)


@pytest_asyncio.fixture(loop_scope="module")
async def tiny(sandbox: SandboxServer) -> AsyncIterator[TinyApp]:
    parts = sandbox.workspace.app
    client = AsyncWebClient(token=parts.bot_token, base_url=sandbox.api_url)
    tiny = TinyApp(AsyncApp(token=parts.bot_token, signing_secret=parts.signing_secret, client=client))

    @tiny.app.action("answer_feedback")
    async def clicked(ack: Any, body: dict[str, Any]) -> None:
        await ack()
        tiny.clicks.append(body)
        if body["actions"][0]["value"].startswith("down:"):
            await client.views_open(trigger_id=body["trigger_id"], view=FORM)

    @tiny.app.view("feedback_reason")
    async def submitted(ack: Any, body: dict[str, Any]) -> None:
        tiny.forms.append(body)
        await (ack(response_action="errors", errors=tiny.form_errors) if tiny.form_errors else ack())

    @tiny.app.command("/ask")
    async def asked(ack: Any, command: dict[str, Any]) -> None:
        await ack(f"You asked: {command['text']}")

    @tiny.app.event("app_home_opened")
    async def opened(event: dict[str, Any]) -> None:
        if event["tab"] == "home":
            blocks = [{"type": "section", "text": mrkdwn("Welcome *home*")}]
            await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})

    handler = AsyncSocketModeHandler(
        tiny.app, parts.app_token, web_client=AsyncWebClient(token=parts.app_token, base_url=sandbox.api_url)
    )
    await handler.connect_async()
    await sandbox.wait_until(lambda: sandbox.deliveries.connected)
    yield tiny
    await handler.close_async()


def post(sandbox: SandboxServer, text: str = "", **fields: Any) -> Message:
    """Post as the app."""
    workspace = sandbox.workspace
    channel = fields.pop("channel", GENERAL)
    return workspace.post(
        Message(channel, workspace.new_ts(), BOT, text, bot_id=workspace.app.bot_id, app_id=workspace.app.id, **fields)
    )


def row(page: Page | Locator, message: Message) -> Locator:
    return page.locator(f'[data-testid=message][data-ts="{message.ts}"]')


async def drawn(page: Page, module: str, function: str, text: str) -> str:
    """Return the HTML that one of the page's pure functions makes of a text."""
    script = f"""(text) => import('/static/{module}.js').then(({{ {function} }}) => {{
        const box = document.createElement('div'); box.append({function}(text, {NAMES})); return box.innerHTML; }})"""
    return str(await page.evaluate(script, text))


MARKDOWN = {
    "**bold** *it* _it_ ~~no~~ `a*b*`": "<strong>bold</strong> <em>it</em> <em>it</em> <s>no</s> <code>a*b*</code>",
    "***both***": "<em><strong>both</strong></em>",
    "**a *b* c**": "<strong>a <em>b</em> c</strong>",
    "snake_case_name 2*3*4": "snake_case_name 2<em>3</em>4",
    "**25 days**. [1]": "<strong>25 days</strong>. [1]",
    r"\*not\* \[x](y)": "*not* [x](y)",
    "# One\n### Two": '<h4 class="md-heading">One</h4><h4 class="md-heading">Two</h4>',
    "a\nb": "<p>a<br>b</p>",
    "- a\n  - b\n    1. c\n- d": "<li><p>a</p><ul><li><p>b</p>"
    '<ol start="1"><li><p>c</p></li></ol></li></ul></li><li><p>d</p></li>',
    "3. x\n4. y": '<ol start="3"><li><p>x</p></li><li><p>y</p></li></ol>',
    "- [x] done\n- [ ] open": "<li><p>☑ done</p></li><li><p>☐ open</p></li>",
    "> a\n> > b": "<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote>",
    "```py\nif a < b:\n    x\n```\nafter": "<code>if a &lt; b:\n    x</code></pre><p>after</p>",
    "```\nnever closed": "<code>never closed</code>",
    "a\n\n---\n\nb": "<p>a</p><hr><p>b</p>",
    "| a | b |\n|:-:|--:|\n| 1 \\| 2 | **3** |": '<th class="align-center">a</th><th class="align-right">b</th>'
    '</tr></thead><tbody><tr><td class="align-center">1 | 2</td><td class="align-right"><strong>3</strong></td>',
    "R&amp;D <b>": "R&amp;D &lt;b&gt;",
    "<!channel> <@U2>": '<span class="mention ping" data-ping="channel" title="This notifies people">@channel</span>',
    ":tada: :nosuch:": "🎉 :nosuch:",
}
MRKDWN = {
    "*bold* _it_ ~no~ `a *b*`": "<strong>bold</strong> <em>it</em> <s>no</s> <code>a *b*</code>",
    "*a _b_*": "<strong>a <em>b</em></strong>",
    "a*b*c 2 * 3 * 4": "a*b*c 2 * 3 * 4",
    "**x**": "**x**",
    "&lt;b&gt; &amp;amp;": "&lt;b&gt; &amp;amp;",
    "<@U2> <@U1>": '<span class="mention" data-mention="U2">@ben</span> '
    '<span class="mention mention-me" data-mention="U1">@ada</span>',
    "<#C1|old>": '<a class="mention" href="#channel=C1">#general</a>',
    "<!here>": 'data-ping="here"',
    "<!subteam^S1|@ops>": ">@ops</span>",
    "<https://x.example/?a=1&amp;b=2|a &lt;b&gt;>": '<a href="https://x.example/?a=1&amp;b=2" target="_blank" '
    'rel="noopener noreferrer nofollow">a &lt;b&gt;</a>',
    "see https://x.example/y.": 'rel="noopener noreferrer nofollow">https://x.example/y</a>.',
    "&gt; quoted\nafter": "<blockquote>quoted</blockquote><span>after</span>",
    "a\n```\n*x*\n  y\n```\nb": '<pre class="fence"><code>*x*\n  y</code></pre>',
    ":+1::wave:": "👍👋",
}


async def test_markdown_is_drawn_as_slack_draws_it(canvas: Page) -> None:
    made = {text: await drawn(canvas, "markdown", "renderMarkdown", text) for text in MARKDOWN}
    assert {text: html for text, html in made.items() if MARKDOWN[text] not in html} == {}


async def test_mrkdwn_is_drawn_as_slack_draws_it(canvas: Page) -> None:
    made = {text: await drawn(canvas, "mrkdwn", "renderMrkdwn", text) for text in MRKDWN}
    assert {text: html for text, html in made.items() if MRKDWN[text] not in html} == {}


HOSTILE_LENGTHS = (
    "[" * 12000,
    "*a" * 6000,
    "> " * 3000,
    "`" * 5999 + "x",
    "<" * 12000,
    "**_~" * 3000,
    "- " * 4000,
    "h" * 12000,
)


async def test_hostile_text_is_drawn_in_time(canvas: Page) -> None:
    for name, function in (("markdown", "renderMarkdown"), ("mrkdwn", "renderMrkdwn")):
        for text in HOSTILE_LENGTHS:
            async with asyncio.timeout(3):
                assert await drawn(canvas, name, function, text) != ""


async def test_every_block_of_a_message_is_drawn(open_page: OpenPage, sandbox: SandboxServer) -> None:
    page = await open_page()
    button = {"type": "button", "action_id": "go", "text": plain("Share in channel"), "style": "primary"}
    blocks = [
        {"type": "header", "text": plain("Leave :books:")},
        {
            "type": "section",
            "text": mrkdwn("*Fresh*"),
            "accessory": {**button, "action_id": "acc", "text": plain("More")},
        },
        {"type": "section", "fields": [mrkdwn("*Source*"), plain("*as it is*")]},
        {"type": "markdown", "text": "| Years | Days |\n|--|--|\n| 5 | **28** |"},
        {"type": "divider"},
        {
            "type": "actions",
            "elements": [button, {**button, "action_id": "web", "style": "danger", "url": "https://x.example/"}],
        },
        {"type": "context", "elements": [mrkdwn("1. <https://x.example/a|Policy>")]},
        {"type": "image", "image_url": "https://x.example/i.png", "alt_text": "a chart"},
        {"type": "video", "title": plain("no")},
        FEEDBACK,
    ]
    shown = row(page, post(sandbox, "fallback", blocks=blocks))
    await expect(shown.locator("h3")).to_have_text("Leave 📚")
    await expect(shown.locator(".section-body strong")).to_have_text(["Fresh", "Source"])
    await expect(shown.locator(".fields")).to_contain_text("*as it is*")
    await expect(shown.locator("td strong")).to_have_text("28")
    await expect(shown.locator("hr")).to_have_count(1)
    await expect(shown.locator("button.button-primary")).to_have_text(["More", "Share in channel"])
    await expect(shown.locator("a.button-danger")).to_have_attribute("href", "https://x.example/")
    await expect(shown.locator(".block-context a")).to_have_attribute("href", "https://x.example/a")
    await expect(shown.locator(".image-fallback a")).to_have_text("a chart")
    await expect(shown).to_contain_text("A block of type “video” is not drawn here.")
    await expect(shown.get_by_test_id("feedback-up")).to_have_attribute("title", "Good answer")
    await expect(shown.locator("img")).to_have_count(0)
    await expect(shown).not_to_contain_text("fallback")


HOSTILE = (
    "<img src=x onerror=window.pwned=1><script>window.pwned=1</script>[a](javascript:window.pwned=1)"
    "![b](data:text/html,x)<javascript:window.pwned=1|c>"
)


async def test_what_is_written_never_becomes_markup_or_a_script(open_page: OpenPage, sandbox: SandboxServer) -> None:
    page = await open_page()
    evil_button = {"type": "button", "action_id": "x", "text": plain(HOSTILE), "url": "javascript:window.pwned=1"}
    blocks = [
        {"type": "markdown", "text": HOSTILE},
        {"type": "section", "text": mrkdwn(HOSTILE)},
        {"type": "header", "text": plain(HOSTILE)},
        {"type": "context", "elements": [mrkdwn(HOSTILE)]},
        {"type": "actions", "elements": [evil_button]},
        {"type": "constructor", "text": HOSTILE},
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_section",
                    "elements": [{"type": "link", "url": "javascript:window.pwned=1", "text": HOSTILE}],
                }
            ],
        },
    ]
    message = post(sandbox, HOSTILE, blocks=blocks)
    typed = await sandbox.person(BEN).say(GENERAL, HOSTILE)
    sandbox.workspace.open_view(ADA, {"type": "modal", "title": plain("<b>x</b>"), "blocks": blocks[:4]})
    await expect(page.get_by_test_id("modal")).to_be_visible()
    await expect(row(page, typed)).to_contain_text("<script>window.pwned=1</script>")
    await row(page, message).get_by_test_id("block-button").dispatch_event("click")
    assert await page.locator("#channel img, #channel script, dialog img, dialog script, iframe, object").count() == 0
    assert await page.locator("[href^='javascript' i], [href^='data' i], [onerror], [style*='url']").count() == 0
    assert await page.evaluate("window.pwned ?? 'inert'") == "inert"


async def test_enter_sends_and_shift_enter_breaks_the_line(open_page: OpenPage, sandbox: SandboxServer) -> None:
    page = await open_page()
    composer = page.get_by_test_id("composer")
    await composer.click()
    await page.keyboard.type("first")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("second & third")
    await page.keyboard.press("Enter")
    message = await sandbox.wait_for_message(GENERAL)
    assert message.text == "first\nsecond &amp; third"
    await expect(row(page, message).get_by_test_id("message-content")).to_have_text(
        "first\nsecond & third", use_inner_text=True
    )
    await expect(composer).to_have_value("")


async def test_names_channels_and_commands_are_completed_from_the_keyboard(
    open_page: OpenPage, sandbox: SandboxServer
) -> None:
    page = await open_page()
    composer = page.get_by_test_id("composer")
    options = page.get_by_test_id("completion")
    await composer.click()
    await page.keyboard.type("@")
    await expect(options.first).to_have_attribute("data-insert", "@footnote")
    await page.keyboard.type("foo")
    await expect(options).to_have_count(1)
    await page.keyboard.press("Enter")
    await expect(composer).to_have_value("@footnote ")
    await page.keyboard.type("see #")
    await page.keyboard.press("ArrowDown")
    await expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("Tab")
    await expect(composer).to_have_value("@footnote see #help ")
    await page.keyboard.type("@be")
    await expect(options).to_have_count(1)
    await page.keyboard.press("Escape")
    await expect(options).to_have_count(0)
    await page.keyboard.press("Enter")
    message = await sandbox.wait_for_message(GENERAL)
    assert message.text == f"<@{BOT}> see <#{HELP}> @be"
    await page.keyboard.type("/re")
    await page.keyboard.press("Tab")
    await expect(composer).to_have_value("/reindex ")


async def test_a_command_answers_only_the_one_who_gave_it(
    open_page: OpenPage, sandbox: SandboxServer, tiny: TinyApp
) -> None:
    ada, ben = await open_page(ADA), await open_page(BEN)
    await ada.get_by_test_id("composer").fill("/ask how many days?")
    await ada.get_by_test_id("composer").press("Enter")
    answer = await sandbox.wait_for_message(GENERAL)
    await expect(row(ada, answer)).to_contain_text("You asked: how many days?")
    await expect(row(ada, answer)).to_contain_text("Only visible to you")
    after = post(sandbox, "for everybody")
    await expect(row(ben, after)).to_be_visible()
    await expect(row(ben, answer)).to_have_count(0)
    await row(ada, answer).get_by_test_id("dismiss").click()
    await expect(row(ada, answer)).to_have_count(0)


async def test_an_unknown_command_is_explained_and_kept(open_page: OpenPage) -> None:
    page = await open_page()
    await page.get_by_test_id("composer").fill("/nosuch thing")
    await page.get_by_test_id("composer").press("Enter")
    await expect(page.get_by_test_id("composer-note")).to_contain_text("/nosuch is not a command here")
    await expect(page.get_by_test_id("composer")).to_have_value("/nosuch thing")


async def test_thumbs_down_opens_the_form_and_the_form_reaches_the_app(
    open_page: OpenPage, sandbox: SandboxServer, tiny: TinyApp
) -> None:
    page = await open_page()
    message = post(sandbox, "answer", blocks=[{"type": "markdown", "text": "25 days"}, FEEDBACK])
    await row(page, message).get_by_test_id("feedback-down").click()
    modal = page.get_by_test_id("modal")
    await expect(modal).to_be_visible()
    await expect(row(page, message).get_by_test_id("feedback-down")).to_have_attribute("aria-pressed", "true")
    await modal.get_by_test_id("modal-submit").click()
    await expect(modal.get_by_test_id("input-error").first).to_have_text("Please complete this required field.")
    assert tiny.forms == []
    await modal.get_by_label("A fact is wrong").check()
    await modal.get_by_label("Wiki").check()
    await modal.get_by_label("Comment").fill("x" * 30)
    tiny.form_errors = {"comment": "Say more than that."}
    await modal.get_by_test_id("modal-submit").click()
    await expect(modal.locator("[data-block-id=comment] .input-error")).to_have_text("Say more than that.")
    await expect(modal.get_by_label("Comment")).to_be_focused()
    tiny.form_errors = {}
    await modal.get_by_test_id("modal-submit").click()
    await expect(modal).to_be_hidden()
    values = tiny.forms[-1]["view"]["state"]["values"]
    assert values["reason"]["r"]["selected_options"] == [FORM["blocks"][0]["element"]["options"][0]]
    assert values["place"]["s"]["selected_option"]["value"] == "there"
    assert [option["value"] for option in values["more"]["m"]["selected_options"]] == ["Wiki"]
    assert values["comment"]["t"] == {"type": "plain_text_input", "value": "x" * 20}
    click = tiny.clicks[0]["actions"][0]
    assert (click["type"], click["value"], click["block_id"]) == ("feedback_buttons", "down:A1", "fb")


async def test_escape_closes_a_modal_and_tab_stays_inside(open_page: OpenPage, sandbox: SandboxServer) -> None:
    page = await open_page()
    sandbox.workspace.open_view(ADA, FORM)
    modal = page.get_by_test_id("modal")
    await expect(modal).to_be_visible()
    for _ in range(9):
        await page.keyboard.press("Tab")
        assert await modal.evaluate("(dialog) => dialog.contains(document.activeElement)")
    await page.keyboard.press("Escape")
    await expect(modal).to_be_hidden()
    await sandbox.wait_until(lambda: sandbox.person(ADA).modal is None)


async def test_a_pushed_modal_returns_to_the_one_below_with_what_was_typed(
    open_page: OpenPage, sandbox: SandboxServer
) -> None:
    page = await open_page()
    below = sandbox.workspace.open_view(ADA, FORM)
    await page.get_by_label("Comment").fill("typed")
    sandbox.workspace.push_view(ADA, {**FORM, "title": plain("On top"), "submit": None, "blocks": []})
    await expect(page.get_by_role("heading", name="On top")).to_be_visible()
    await page.get_by_test_id("modal-close").click()
    await expect(page.get_by_label("Comment")).to_have_value("typed")
    sandbox.workspace.update_view(below, {**FORM, "title": plain("Changed")})
    await expect(page.get_by_role("heading", name="Changed")).to_be_visible()
    await expect(page.get_by_label("Comment")).to_have_value("typed")


async def test_a_button_with_a_confirmation_acts_only_when_it_is_given(
    open_page: OpenPage, sandbox: SandboxServer, tiny: TinyApp
) -> None:
    page = await open_page()
    confirm = {"title": plain("Sure?"), "text": mrkdwn("It *posts*."), "confirm": plain("Do it"), "deny": plain("No")}
    button = {
        "type": "button",
        "action_id": "answer_feedback",
        "value": "up:A1",
        "text": plain("Go"),
        "confirm": confirm,
    }
    message = post(sandbox, "x", blocks=[{"type": "actions", "elements": [button]}])
    await row(page, message).get_by_test_id("block-button").click()
    await page.get_by_test_id("confirm-deny").click()
    await expect(page.get_by_test_id("confirm")).to_have_count(0)
    await row(page, message).get_by_test_id("block-button").click()
    await page.get_by_test_id("confirm-agree").click()
    await expect(row(page, message).locator("[aria-busy=true]")).to_have_count(0)
    assert [click["actions"][0]["value"] for click in tiny.clicks] == ["up:A1"]


async def test_a_stream_grows_before_the_readers_eyes(open_page: OpenPage, sandbox: SandboxServer) -> None:
    page = await open_page()
    question = await sandbox.person(ADA).mention(GENERAL, "how many days?")
    client = AsyncWebClient(token=sandbox.workspace.app.bot_token, base_url=sandbox.api_url)
    where = {"channel": GENERAL, "thread_ts": question.ts}
    await client.assistant_threads_setStatus(channel_id=GENERAL, thread_ts=question.ts, status="is searching …")
    await expect(row(page, question).get_by_test_id("status")).to_contain_text("Footnote is searching …")
    stream = await client.chat_startStream(
        **where, recipient_team_id="T0SANDBOX", recipient_user_id=ADA, markdown_text="You get **25"
    )
    pane = page.get_by_test_id("thread-pane")
    answer = pane.locator(f'[data-ts="{stream["ts"]}"]')
    await expect(answer).to_have_attribute("data-streaming", "true")
    await expect(answer.get_by_test_id("message-content")).to_have_text("You get **25")
    await client.chat_appendStream(channel=GENERAL, ts=stream["ts"], markdown_text=" days**. [1]")
    await expect(answer.locator("strong")).to_have_text("25 days")
    await client.chat_stopStream(channel=GENERAL, ts=stream["ts"], blocks=[FEEDBACK])
    await expect(answer).to_have_attribute("data-streaming", "false")
    await expect(answer.get_by_test_id("feedback-up")).to_be_visible()
    await expect(page.get_by_test_id("status")).to_have_count(0)
    await expect(row(page, question).get_by_test_id("thread-link")).to_contain_text("1 reply")


async def test_what_arrives_while_a_thread_is_fetched_is_not_lost(open_page: OpenPage, sandbox: SandboxServer) -> None:
    question = await sandbox.person(BEN).say(GENERAL, "question")
    first = post(sandbox, "first", thread_ts=question.ts)
    page = await open_page()
    late: list[Message] = []

    async def answer_late(route: Route) -> None:
        """Fetch, let something happen and be delivered, and only then answer what was fetched before."""
        fetched = await route.fetch()
        late.append(post(sandbox, "thanks", thread_ts=question.ts, ephemeral_to=ADA))
        await sandbox.person(BEN).say(GENERAL, "first, changed")
        sandbox.workspace.edit(first, by=BOT, text="first, changed")
        await asyncio.gather(
            *(page.evaluate("fetch('/page/state?as=U0ADA').then((answer) => answer.text())") for _ in range(3))
        )
        await route.fulfill(response=fetched)

    await page.route(re.compile("thread_ts="), answer_late)
    await page.get_by_test_id("thread-link").click()
    pane = page.get_by_test_id("thread-pane")
    await expect(row(pane, first)).to_contain_text("first, changed")
    await expect(row(pane, late[0])).to_contain_text("Only visible to you")


async def test_each_answer_is_shown_to_its_asker_until_they_choose_a_thread(
    open_page: OpenPage, sandbox: SandboxServer
) -> None:
    page = await open_page()
    thread = page.get_by_test_id("thread-pane")
    first, second, third = [await sandbox.person(ADA).mention(GENERAL, f"question {n}") for n in range(3)]
    for question in (first, second):
        await expect(row(page, question).first).to_be_visible()
        answer = post(sandbox, "answer", thread_ts=question.ts)
        await expect(row(thread, answer)).to_be_visible()
    await row(page.get_by_test_id("messages"), first).get_by_test_id("thread-link").click()
    post(sandbox, "answer", thread_ts=third.ts)
    await expect(row(page, third).get_by_test_id("thread-link")).to_be_visible()
    await expect(row(thread, first)).to_be_visible()


async def test_replies_are_written_in_the_thread_and_counted_in_the_channel(
    open_page: OpenPage, sandbox: SandboxServer
) -> None:
    question = await sandbox.person(BEN).say(GENERAL, "question")
    page = await open_page()
    await row(page, question).hover()
    await row(page, question).get_by_test_id("reply").click()
    await page.get_by_test_id("thread-composer").fill("/ask in a thread")
    await page.get_by_test_id("thread-composer").press("Enter")
    await expect(page.get_by_test_id("thread-composer-note")).to_have_text("Commands do not work in threads.")
    await page.get_by_test_id("thread-composer").fill("a reply")
    await page.get_by_test_id("thread-send").click()
    reply = await sandbox.wait_for_message(GENERAL, lambda message: message.text == "a reply")
    assert reply.thread_ts == question.ts
    await expect(row(page.get_by_test_id("thread-pane"), reply)).to_be_visible()
    await expect(row(page.get_by_test_id("messages"), reply)).to_have_count(0)
    await sandbox.person(BEN).say(GENERAL, "another", thread_ts=question.ts)
    await expect(row(page.get_by_test_id("messages"), question).get_by_test_id("thread-link")).to_contain_text(
        "2 replies"
    )
    await page.get_by_test_id("thread-close").click()
    await expect(page.get_by_test_id("thread-pane")).to_be_hidden()


async def test_people_edit_and_delete_their_own_messages_only(open_page: OpenPage, sandbox: SandboxServer) -> None:
    page = await open_page()
    own = await sandbox.person(ADA).say(GENERAL, "@ben mine")
    other = await sandbox.person(BEN).say(GENERAL, "not mine")
    await row(page, other).hover()
    await expect(row(page, other).get_by_test_id("edit")).to_have_count(0)
    await row(page, own).hover()
    await row(page, own).get_by_test_id("edit").click()
    await expect(page.get_by_test_id("edit-text")).to_have_value("@ben mine")
    await page.get_by_test_id("edit-text").fill("@ben changed")
    await page.get_by_test_id("edit-text").press("Enter")
    await expect(row(page, own).get_by_test_id("message-content")).to_have_text("@ben changed (edited)")
    assert own.text == f"<@{BEN}> changed"
    await row(page, own).hover()
    await row(page, own).get_by_test_id("delete").click()
    await page.get_by_test_id("confirm-agree").click()
    await expect(row(page, own)).to_have_count(0)
    assert own not in sandbox.workspace.all_messages(GENERAL)


async def test_switching_the_person_shows_what_that_person_sees(open_page: OpenPage, sandbox: SandboxServer) -> None:
    secret = post(sandbox, "for Ada", ephemeral_to=ADA)
    page = await open_page(ADA, channel="C0LEADS")
    await page.locator(f"[data-testid=channel-link][data-channel={GENERAL}]").click()
    await expect(row(page, secret)).to_be_visible()
    await page.get_by_test_id("person-switcher").select_option("U0CHLOE")
    await expect(page.locator("[data-channel=C0LEADS]")).to_have_count(0)
    await expect(page.locator("[data-channel=D0CHLOE]")).to_have_count(1)
    await expect(page.locator("[data-channel=D0ADA]")).to_have_count(0)
    await page.wait_for_selector("body[data-ready=true]")
    await expect(row(page, secret)).to_have_count(0)
    await page.get_by_test_id("composer").fill("from me")
    await page.get_by_test_id("send").click()
    assert (await sandbox.wait_for_message(GENERAL, lambda message: message.text == "from me")).user == "U0CHLOE"


async def test_other_conversations_are_marked_unread_until_they_are_opened(
    open_page: OpenPage, sandbox: SandboxServer
) -> None:
    page = await open_page()
    help_link = page.locator(f"[data-testid=channel-link][data-channel={HELP}]")
    await sandbox.person(BEN).say(HELP, "anybody?")
    await expect(help_link).to_have_attribute("data-unread", "true")
    await help_link.click()
    await expect(help_link).to_have_attribute("data-unread", "false")
    await expect(page.get_by_test_id("messages")).to_contain_text("anybody?")


async def test_the_home_tab_shows_the_published_view(
    open_page: OpenPage, sandbox: SandboxServer, tiny: TinyApp
) -> None:
    page = await open_page()
    await page.locator("[data-testid=channel-link][data-kind=im]").click()
    await page.get_by_test_id("home-tab").click()
    await expect(page.get_by_test_id("home")).to_contain_text("Welcome home")
    await expect(page.get_by_test_id("composer")).to_be_hidden()
    await page.get_by_test_id("messages-tab").click()
    await expect(page.get_by_test_id("composer")).to_be_visible()


async def test_suggested_questions_are_asked_by_a_click(open_page: OpenPage, sandbox: SandboxServer) -> None:
    page = await open_page()
    await page.get_by_test_id("suggestion").click()
    message = await sandbox.wait_for_message(GENERAL)
    assert message.text == f"<@{BOT}> How many days of leave?"
    await expect(row(page, message)).to_be_visible()
    await expect(page.get_by_test_id("suggestion")).to_have_count(0)
    await page.locator("[data-testid=channel-link][data-kind=im]").click()
    sandbox.workspace.set_prompts(ADA_DM, "Ask me", [{"title": "Travel", "message": "Who approves travel?"}])
    await page.get_by_role("button", name="Travel").click()
    assert (await sandbox.wait_for_message(ADA_DM)).text == "Who approves travel?"


async def test_it_says_when_no_app_is_connected(open_page: OpenPage, sandbox: SandboxServer) -> None:
    page = await open_page()
    await expect(page.get_by_test_id("notice-no-app")).to_contain_text("Footnote is not running")


async def test_a_lost_connection_is_made_again_and_nothing_is_missed(browser: Browser) -> None:
    workspace = Workspace()
    async with SandboxServer(workspace) as first:
        port = first.port
        page = await browser.new_page()
        await page.goto(f"{first.page_url}/#as={ADA}&channel={GENERAL}")
        await page.wait_for_selector("body[data-ready=true]")
    await expect(page.get_by_test_id("notice-offline")).to_be_visible()
    async with SandboxServer(workspace, port=port) as second:
        missed = post(second, "while you were away")
        await expect(row(page, missed)).to_be_visible()
        await expect(page.get_by_test_id("notice-offline")).to_have_count(0)
        await page.close()


async def test_a_permalink_leads_to_its_message(open_page: OpenPage, sandbox: SandboxServer) -> None:
    question = await sandbox.person(BEN).say(HELP, "question")
    reply = post(sandbox, "the answer", channel=HELP, thread_ts=question.ts)
    page = await open_page()
    client = AsyncWebClient(token=sandbox.workspace.app.bot_token, base_url=sandbox.api_url)
    await page.goto((await client.chat_getPermalink(channel=HELP, message_ts=reply.ts))["permalink"])
    await expect(row(page.get_by_test_id("thread-pane"), reply)).to_be_visible()


async def test_a_phone_shows_one_pane_at_a_time_without_scrolling_sideways(
    open_page: OpenPage, sandbox: SandboxServer
) -> None:
    question = await sandbox.person(BEN).say(GENERAL, "w" * 200)
    wide = "| " + " | ".join("column" for _ in range(12)) + " |\n" + "|--" * 12 + "|\n"
    post(sandbox, "x", blocks=[{"type": "markdown", "text": wide}, FEEDBACK], thread_ts=question.ts)
    page = await open_page(viewport={"width": 360, "height": 700}, color_scheme="dark")
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    await expect(page.get_by_test_id("person-switcher")).to_be_hidden()
    await page.get_by_test_id("menu").click()
    await expect(page.get_by_test_id("person-switcher")).to_be_visible()
    await page.locator(f"[data-testid=channel-link][data-channel={GENERAL}]").click()
    await page.get_by_test_id("thread-link").click()
    await expect(page.get_by_test_id("thread-pane").get_by_test_id("feedback-up")).to_be_visible()
    await expect(page.get_by_test_id("composer")).to_be_hidden()
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    background = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(int(part) for part in re.findall(r"\d+", background)[:3]) < 60
