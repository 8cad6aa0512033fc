# ruff: noqa: RUF001 - look-alikes are what this is about
"""Law two for text: what comes from outside can neither ping nor link nor hide, and stays readable."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot import mrkdwn

OWN = "https://docs.example.org/leave"
ADDRESS = "https://evil.example/steal?q=secret"
MENTIONS = [
    "<!channel>",
    "<!here>",
    "<!everyone>",
    "<@U0ADA>",
    "<@U0ADA|ada>",
    "<!subteam^S1>",
    "<#C0GENERAL>",
    "@channel",
    "@сhannеl",
    "＠ｃｈａｎｎｅｌ",
    "@he\u0301re",
    "@𝐞𝐯𝐞𝐫𝐲𝐨𝐧𝐞",
    "< !channel>",
    "<``@U0ADA>",
]
LINKS = [
    ADDRESS,
    f"[click]({ADDRESS})",
    f"![image]({ADDRESS})",
    f"[![x]({ADDRESS})]({ADDRESS})",
    f"<{ADDRESS}>",
    f"<{ADDRESS}|click>",
    f"[click][1]\n\n[1]: {ADDRESS}",
    f"[click]\n\n[click]: <{ADDRESS}>",
    f"[click]({ADDRESS} 'title')",
    f"[click](<{ADDRESS}>)",
    f"[1]({ADDRESS})",
    f"` {ADDRESS}",
    f"\\{ADDRESS}",
    f"``` {ADDRESS}",
    f"[x]`` ``({ADDRESS})",
    f"<a href='{ADDRESS}'>click</a>",
    f"<img src={ADDRESS}>",
    "evil.example.com/steal?q=secret",
    "www.evil.example",
    "mailto:eve@evil.example",
    "eve@evil.example",
    "slack://user?team=T&id=U",
    "javascript:alert(1)",
    "https&#58;//evil.example/",
    "&lt;https://evil.example|x&gt;",
    "https:/\u200b/evil.example/x",
    "ht\u00adtps://evil.example/x",
    "ftp://evil.example/x",
    f"**{ADDRESS}**",
    f"~~~\n~~~\n{ADDRESS}",
    f"```\n```\n{ADDRESS}",
    f"    ```\n{ADDRESS}",
    f"- ```\n{ADDRESS}\n- ```\n{ADDRESS}",
    f"> ```\n{ADDRESS}",
    f"<` `@U0ADA> {ADDRESS} `x`",
    "ｈｔｔｐｓ：／／evil.example/x",
    "evil-example.ru and evil-example.live",
    "[x](https:evil.example) [y](callto:eve) [z](data:text/html,x)",
]
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
LINKING = ("link_open", "image")
BARE = re.compile(
    r"[a-z][a-z0-9+.-]*:/+[^\s/]|www\.\w|\w@\w+\.\w|\w\.(?:com|net|org)\b|(?:mailto|javascript):\S", re.IGNORECASE
)
"""What a client may make clickable although no markup says so."""

LOOKALIKES = str.maketrans("се", "ce") | dict.fromkeys(range(0x300, 0x370))

hostile = st.lists(
    st.one_of(
        st.sampled_from(MENTIONS + LINKS),
        st.sampled_from(
            ["`", "``", "```", "~~~", "\\", "[", "]", "(", ")", "<", ">", "|", "!", "&", "&lt;", "\n", " ", "@"]
        ),
        st.sampled_from(
            [
                "\u200b",
                "\u202e",
                "\u2066",
                "\U000e0041",
                "\ufeff",
                "\u00ad",
                "\u2039",
                "\u203a",
                "[1]",
                "[2]",
                ":",
                "_",
                "*",
            ]
        ),
        st.text(max_size=6),
    ),
    max_size=12,
).map("".join)


def live_links(text: str) -> list[str]:
    """Return every address that a Markdown reader with automatic links would make clickable or fetch."""
    tokens = [part for token in PARSER.parse(text) for part in [token, *(token.children or [])]]
    marked = [str(token.attrs.get("href") or token.attrs.get("src")) for token in tokens if token.type in LINKING]
    html = [token.content for token in tokens if token.type in ("html_block", "html_inline")]
    inline = ["".join(child.content for child in token.children or [] if child.type == "text") for token in tokens]
    return marked + html + [found for part in inline for found in BARE.findall(part)]


def is_quiet(text: str) -> bool:
    text = unicodedata.normalize("NFKD", text).translate(LOOKALIKES)
    return not re.search(r"<[@!#]|<[a-z]+:|(?<![\w.])@(?:channel|here|everyone)\b", text, re.IGNORECASE)


@pytest.mark.parametrize("text", LINKS)
def test_no_foreign_address_is_live(text: str) -> None:
    safe = mrkdwn.markdown(text, links={1: OWN})
    assert [link for link in live_links(safe) if link != OWN] == []


@pytest.mark.parametrize("text", MENTIONS)
@pytest.mark.parametrize(
    "around", ["{}", "`{}`", "```\n{}\n```", "[{}](https://a.example)", "**{}**", "> {}", "&amp;{}"]
)
def test_nothing_pings(text: str, around: str) -> None:
    for make in (
        mrkdwn.markdown,
        mrkdwn.mrkdwn,
        lambda given: mrkdwn.plain(given, 100),
        lambda given: mrkdwn.label(given, 100),
    ):
        assert is_quiet(make(around.format(text))), make(around.format(text))


@hypothesis_settings(max_examples=600, deadline=None)
@given(hostile)
def test_whatever_is_put_together_stays_inert(text: str) -> None:
    safe = mrkdwn.markdown(text, links={1: OWN})
    assert [link for link in live_links(safe) if link != OWN] == []
    assert is_quiet(safe)
    assert is_quiet(mrkdwn.mrkdwn(text))


@hypothesis_settings(max_examples=600, deadline=None)
@given(hostile, st.integers(min_value=8, max_value=60))
def test_a_cut_never_opens_what_was_code(text: str, limit: int) -> None:
    safe = mrkdwn.mrkdwn(text, limit)
    assert len(safe) <= limit
    shown = re.sub(r"```.*?```|`[^`\n]+`", " ", safe, flags=re.DOTALL)
    assert not BARE.search(shown), safe


@hypothesis_settings(max_examples=500, deadline=None)
@given(st.text(max_size=60))
def test_nothing_invisible_comes_out(text: str) -> None:
    for character in mrkdwn.markdown(text) + mrkdwn.plain(text, 100):
        assert character in "\n\t\u200c\u200d" or unicodedata.category(character) not in ("Cc", "Cf", "Co", "Cs")


@hypothesis_settings(max_examples=300, deadline=None)
@given(st.text(max_size=200), st.integers(min_value=2, max_value=50))
def test_limits_are_kept(text: str, limit: int) -> None:
    assert len(mrkdwn.plain(text, limit)) <= limit
    assert len(mrkdwn.shortened(text, limit)) <= limit


@pytest.mark.parametrize(
    "text",
    [
        "You get **25 days** of leave.",
        "- one\n- two\n  - three",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "```python\nif a < b and List[int]:\n    print('x')\n```",
        "`List<String>` is a type, a < b, R&D, 5 > 3, snake_case_name and C:\\temp",
        "# Heading\n\n> a quote",
        "See README.md and config.py, e.g. section 3.2.",
        "\u0645\u06cc\u200c\u062e",
        "क्\u200dष",
        "👩\u200d👩\u200d👧 and ❤\ufe0f",
        "It's 9:30; note: see [1] and [2].",
    ],
)
def test_honest_text_is_left_as_it_is(text: str) -> None:
    assert mrkdwn.markdown(text) == text


def test_a_footnote_links_to_our_source_and_nothing_else_does() -> None:
    safe = mrkdwn.markdown("Leave is 25 days. [1] [2] See [here](https://docs.example.org/leave).", links={1: OWN})
    assert safe == f"Leave is 25 days. [1]({OWN}) [2] See here (`https://docs.example.org/leave`)."


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://docs.example.org/a b(c).md", "https://docs.example.org/a%20b%28c%29.md"),
        ("https://docs.example.org/x|y>z", "https://docs.example.org/x%7Cy%3Ez"),
        ("javascript:alert(1)", None),
        ("docs/leave.md", None),
        ("https://" + "x" * 3000, None),
        (None, None),
    ],
)
def test_our_own_addresses_cannot_break_out_of_their_markup(url: str | None, safe: str | None) -> None:
    assert mrkdwn.own_link(url) == safe
