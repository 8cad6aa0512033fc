"""The sandbox can tell whom a message pings and where its links lead."""

import pytest

from bot.sandbox import Message, links, pings


def message(text: str = "", *blocks: dict) -> Message:
    return Message("C1", "1.000001", "U0BOT", text, blocks=list(blocks))


@pytest.mark.parametrize(
    ("text", "pinged"),
    [
        ("<!channel> and <@U1|ada>", {"!channel", "@U1"}),
        ("<!subteam^S1>", {"!subteam^S1"}),
        ("&lt;!channel&gt; `<!here>` @channel", set()),
    ],
)
def test_pings_are_found_in_text_and_in_blocks(text, pinged):
    assert pings(message(text)) == pinged
    section = {"type": "section", "text": {"type": "mrkdwn", "text": text}}
    assert pings(message("", section, {"type": "markdown", "text": text})) == pinged
    assert pings(message("", {"type": "header", "text": {"type": "plain_text", "text": text}})) == set()


def test_links_are_found_however_they_are_written():
    written = {
        "type": "markdown",
        "text": "[1](https://a.example/x) <https://b.example|b> https://c.example/y ![i](https://d.example/i.png)",
    }
    button = {"type": "actions", "elements": [{"type": "button", "url": "https://e.example"}]}
    assert links(message("", written, button)) == {
        "https://a.example/x",
        "https://b.example",
        "https://c.example/y",
        "https://d.example/i.png",
        "https://e.example",
    }
    assert links(message("`https://code.example`")) == set()
