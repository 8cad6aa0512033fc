"""What people type survives the way into Slack's form."""

from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.rich_text import as_stored, rich_text, unescaped

PEOPLE = {"ada": "U0ADA", "Ada Okafor": "U0ADA"}
CHANNELS = {"help": "C0HELP"}


def spoken(text: str) -> str:
    [section] = rich_text(text)["elements"]
    return "".join(element.get("text", "") for element in section["elements"])


@given(st.text(st.characters(exclude_characters="@#:")))
def test_text_without_references_is_kept_character_by_character(typed):
    stored = as_stored(typed, PEOPLE, CHANNELS)
    assert unescaped(stored) == typed
    assert spoken(stored) == typed


@given(st.text())
def test_nothing_typed_can_write_a_reference_by_hand(typed):
    stored = as_stored(f"<!channel><@U0BEN><https://x|y>{typed}", {}, {})
    assert not stored.startswith("<")
    assert "<@U0BEN>" not in stored


def test_the_longest_known_name_wins_whatever_its_case():
    assert as_stored("@ADA okafor and @ada's #help", PEOPLE, CHANNELS) == "<@U0ADA> and <@U0ADA>'s <#C0HELP>"
