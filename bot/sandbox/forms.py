"""A modal's form: what is missing, what is sent for untouched inputs, and values from plain answers (pure)."""

from collections.abc import Iterator, Mapping
from typing import Any

from bot.sandbox.nouns import Json

MULTIPLE = ("checkboxes", "multi_static_select")
SINGLE = ("radio_buttons", "static_select")
VALUE_NAMES = {
    "checkboxes": "selected_options",
    "multi_static_select": "selected_options",
    "radio_buttons": "selected_option",
    "static_select": "selected_option",
    "users_select": "selected_user",
    "channels_select": "selected_channel",
    "conversations_select": "selected_conversation",
    "multi_users_select": "selected_users",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "rich_text_input": "rich_text_value",
}
REQUIRED = "Please complete this required field."


def inputs(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Yield every input block with its element."""
    for block in blocks:
        if block["type"] == "input":
            yield block, block["element"]


def _value_name(element: Json) -> str:
    return VALUE_NAMES.get(element["type"], "value")


def _value(block: Json, element: Json, values: Json) -> Any:
    given = values.get(block["block_id"], {}).get(element["action_id"], {})
    return given.get(_value_name(element))


def missing(blocks: list[Json], values: Json) -> dict[str, str]:
    """Return a sentence for each input that may not be sent like this, by block id."""
    found: dict[str, str] = {}
    for block, element in inputs(blocks):
        value = _value(block, element, values)
        if not value and not block.get("optional"):
            found[block["block_id"]] = REQUIRED
        elif isinstance(value, str) and (sentence := _length_problem(element, value)):
            found[block["block_id"]] = sentence
    return found


def _length_problem(element: Json, value: str) -> str:
    least, most = element.get("min_length", 0), element.get("max_length", 3000)
    if len(value) > most:
        return f"Must be less than {most + 1} characters."
    if value and len(value) < least:
        return f"Must be at least {least} characters."
    return ""


def complete(blocks: list[Json], values: Json) -> Json:
    """Return the state that Slack sends: an entry for every input, empty ones included."""
    state: Json = {}
    for block, element in inputs(blocks):
        empty: Any = [] if element["type"] in MULTIPLE else None
        value = _value(block, element, values) or empty
        state[block["block_id"]] = {element["action_id"]: {"type": element["type"], _value_name(element): value}}
    return state


def values_from(blocks: list[Json], answers: Mapping[str, Any]) -> Json:
    """Return form values from answers by block id: text, an option's value, or a list of option values."""
    values: Json = {}
    for block, element in inputs(blocks):
        if block["block_id"] in answers:
            value = _chosen(element, answers[block["block_id"]])
            values[block["block_id"]] = {element["action_id"]: {"type": element["type"], _value_name(element): value}}
    return values


def _chosen(element: Json, answer: Any) -> Any:
    options = {option["value"]: option for option in element.get("options", [])}
    if element["type"] in MULTIPLE:
        return [options[value] for value in answer]
    return options[answer] if element["type"] in SINGLE else answer
