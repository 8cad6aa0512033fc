"""What Slack accepts as Block Kit: every problem of a list of blocks or of a view, as Slack words them.

Limits are those of Slack's reference pages for blocks, block elements and composition objects.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from bot.sandbox.nouns import Json

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
MARKDOWN_CHARACTERS = 12_000
TABLE_CHARACTERS = 10_000
PRIVATE_METADATA = 3000

Problem = tuple[str, str]
Problems = Iterator[Problem]
Check = Callable[[Any, str], Problems]


def spell(problems: Problems) -> list[str]:
    """Write problems the way Slack does: what is wrong and a JSON pointer to where."""
    return [f"{what} [json-pointer:{where}]" for what, where in problems]


# -- checks of one value ------------------------------------------------------------------------------------------


def string(most: int, *, least: int = 0) -> Check:
    """Check a string's length in characters."""

    def check(value: Any, where: str) -> Problems:
        if not isinstance(value, str):
            yield "must be a string", where
        elif len(value) > most:
            yield f"must be less than {most + 1} characters", where
        elif len(value) < least:
            yield f"must be more than {least - 1} characters", where

    return check


def one_of(*allowed: Any) -> Check:
    """Check membership of a closed set."""

    def check(value: Any, where: str) -> Problems:
        if value not in allowed:
            yield f"must be one of {', '.join(map(str, allowed))}", where

    return check


def boolean(value: Any, where: str) -> Problems:
    """Check for true or false."""
    if not isinstance(value, bool):
        yield "must be a boolean", where


def integer(value: Any, where: str) -> Problems:
    """Check for a whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        yield "must be an integer", where


def anything(_value: Any, _where: str) -> Problems:
    """Accept any value; used where the sandbox has no need to look closer."""
    yield from ()


def url(value: Any, where: str) -> Problems:
    """Check for a web address of at most 3000 characters."""
    yield from string(3000, least=1)(value, where)
    if isinstance(value, str) and not value.startswith(("http://", "https://", "mailto:", "slack://")):
        yield "invalid_url", where


def list_of(item: Check, *, least: int = 0, most: int) -> Check:
    """Check a list's length and each item."""

    def check(value: Any, where: str) -> Problems:
        if not isinstance(value, list):
            yield "must be an array", where
            return
        if len(value) > most:
            yield f"no more than {most} items allowed", where
        if len(value) < least:
            yield f"no fewer than {least} items allowed", where
        for index, entry in enumerate(value):
            yield from item(entry, f"{where}/{index}")

    return check


def shape(required: dict[str, Check], optional: dict[str, Check] | None = None) -> Check:
    """Check an object: required fields, known fields only, and each value."""
    known = {**required, **(optional or {})}

    def check(value: Any, where: str) -> Problems:
        if not isinstance(value, dict):
            yield "must be an object", where
            return
        for name in required:
            if name not in value:
                yield f"missing required field: {name}", where
        for name, entry in value.items():
            if name not in known:
                yield f"invalid additional property: {name}", where
            else:
                yield from known[name](entry, f"{where}/{name}")

    return check


def typed(kinds: dict[str, Check], what: str) -> Check:
    """Check an object by its `type`."""

    def check(value: Any, where: str) -> Problems:
        kind = value.get("type") if isinstance(value, dict) else None
        if kind is None:
            yield "missing required field: type", where
        elif kind not in kinds:
            yield f"unsupported {what} type: {kind}", f"{where}/type"
        else:
            yield from kinds[kind](value, where)

    return check


# -- composition objects ------------------------------------------------------------------------------------------


def plain_text(most: int) -> Check:
    """Check a plain_text object."""
    return typed(
        {"plain_text": shape({"type": anything, "text": string(most, least=1)}, {"emoji": boolean})}, "text object"
    )


def any_text(most: int) -> Check:
    """Check a plain_text or mrkdwn object."""
    plain = shape({"type": anything, "text": string(most, least=1)}, {"emoji": boolean})
    mrkdwn = shape({"type": anything, "text": string(most, least=1)}, {"verbatim": boolean})
    return typed({"plain_text": plain, "mrkdwn": mrkdwn}, "text object")


ID = string(255, least=1)
OPTION = shape(
    {"text": any_text(75), "value": string(150, least=1)},
    {"description": any_text(75), "url": url},
)
SELECT_OPTION = shape(
    {"text": plain_text(75), "value": string(150, least=1)},
    {"description": plain_text(75), "url": url},
)
OPTION_GROUP = shape({"label": plain_text(75), "options": list_of(SELECT_OPTION, least=1, most=100)})
CONFIRM = shape(
    {"title": plain_text(100), "text": any_text(300), "confirm": plain_text(30), "deny": plain_text(30)},
    {"style": one_of("primary", "danger")},
)
DISPATCH = shape({}, {"trigger_actions_on": list_of(one_of("on_enter_pressed", "on_character_entered"), most=2)})
FEEDBACK_BUTTON = shape(
    {"text": plain_text(75), "value": string(2000, least=1)}, {"accessibility_label": string(75, least=1)}
)

# -- elements -----------------------------------------------------------------------------------------------------

TYPE = {"type": anything}
ACTION: dict[str, Check] = {"action_id": ID}
FOCUS: dict[str, Check] = {"focus_on_load": boolean}
PLACEHOLDER: dict[str, Check] = {"placeholder": plain_text(150)}


def element(required: dict[str, Check], optional: dict[str, Check] | None = None) -> Check:
    """Check an interactive element, which may have an action_id."""
    return shape({**TYPE, **required}, {**ACTION, **(optional or {})})


def select(options: dict[str, Check], initial: dict[str, Check]) -> Check:
    """Check a select menu."""
    return element(options, {**initial, **PLACEHOLDER, **FOCUS, "confirm": CONFIRM})


BUTTON = element(
    {"text": plain_text(75)},
    {
        "value": string(2000),
        "url": url,
        "style": one_of("primary", "danger"),
        "confirm": CONFIRM,
        "accessibility_label": string(75),
    },
)
OPTIONS: dict[str, Check] = {"options": list_of(OPTION, least=1, most=10)}
STATIC: dict[str, Check] = {
    "options": list_of(SELECT_OPTION, least=1, most=100),
    "option_groups": list_of(OPTION_GROUP, least=1, most=100),
    "initial_option": SELECT_OPTION,
}
MULTI_STATIC: dict[str, Check] = {
    "options": list_of(SELECT_OPTION, least=1, most=100),
    "option_groups": list_of(OPTION_GROUP, least=1, most=100),
    "initial_options": list_of(SELECT_OPTION, most=100),
    "max_selected_items": integer,
}
LENGTHS: dict[str, Check] = {"min_length": integer, "max_length": integer}
IMAGE = shape({**TYPE, "alt_text": string(2000)}, {"image_url": url, "slack_file": anything})
RADIO = element(OPTIONS, {"initial_option": OPTION, "confirm": CONFIRM, **FOCUS})
CHECKBOXES = element(OPTIONS, {"initial_options": list_of(OPTION, most=10), "confirm": CONFIRM, **FOCUS})
TEXT_INPUT = element(
    {},
    {
        **PLACEHOLDER,
        **FOCUS,
        **LENGTHS,
        "initial_value": string(3000),
        "multiline": boolean,
        "dispatch_action_config": DISPATCH,
    },
)
FEEDBACK_BUTTONS = element({"positive_button": FEEDBACK_BUTTON, "negative_button": FEEDBACK_BUTTON})
ICON_BUTTON = element(
    {"icon": one_of("trash"), "text": plain_text(75)},
    {
        "value": string(2000),
        "confirm": CONFIRM,
        "accessibility_label": string(75),
        "visible_to_user_ids": list_of(ID, most=100),
    },
)
SELECTS: dict[str, Check] = {
    "static_select": select({}, STATIC),
    "multi_static_select": select({}, MULTI_STATIC),
    "users_select": select({}, {"initial_user": ID}),
    "multi_users_select": select({}, {"initial_users": list_of(ID, most=100), "max_selected_items": integer}),
    "channels_select": select({}, {"initial_channel": ID, "response_url_enabled": boolean}),
    "conversations_select": select(
        {},
        {
            "initial_conversation": ID,
            "default_to_current_conversation": boolean,
            "response_url_enabled": boolean,
            "filter": anything,
        },
    ),
}
CHOICES: dict[str, Check] = {
    **SELECTS,
    "checkboxes": CHECKBOXES,
    "radio_buttons": RADIO,
    "datepicker": element({}, {"initial_date": string(10), "confirm": CONFIRM, **FOCUS, **PLACEHOLDER}),
    "timepicker": element({}, {"initial_time": string(5), "timezone": string(50), **FOCUS, **PLACEHOLDER}),
    "datetimepicker": element({}, {"initial_date_time": integer, "confirm": CONFIRM, **FOCUS}),
}
INPUTS: dict[str, Check] = {
    **CHOICES,
    "plain_text_input": TEXT_INPUT,
    "email_text_input": element({}, {**PLACEHOLDER, **FOCUS, "initial_value": string(3000)}),
    "url_text_input": element({}, {**PLACEHOLDER, **FOCUS, "initial_value": string(3000)}),
    "number_input": element(
        {"is_decimal_allowed": boolean},
        {**PLACEHOLDER, **FOCUS, "initial_value": string(50), "min_value": string(50), "max_value": string(50)},
    ),
    "rich_text_input": element({}, {**PLACEHOLDER, **FOCUS, "initial_value": anything}),
}
ACTIONS: dict[str, Check] = {
    **CHOICES,
    "button": BUTTON,
    "overflow": element({"options": list_of(SELECT_OPTION, least=1, most=5)}, {"confirm": CONFIRM}),
    "workflow_button": element({"text": plain_text(75), "workflow": anything}),
}

# -- blocks -------------------------------------------------------------------------------------------------------


def block(required: dict[str, Check], optional: dict[str, Check] | None = None) -> Check:
    """Check a block, which may have a block_id."""
    return shape({**TYPE, **required}, {"block_id": ID, **(optional or {})})


def section(value: Any, where: str) -> Problems:
    """Check a section: text or fields, and an accessory."""
    parts: dict[str, Check] = {
        "text": any_text(3000),
        "fields": list_of(any_text(2000), least=1, most=10),
        "accessory": typed({**ACTIONS, "image": IMAGE}, "element"),
        "expand": boolean,
    }
    yield from block({}, parts)(value, where)
    if "text" not in value and "fields" not in value:
        yield "must define either `text` or `fields`", where


def _rich_text_elements(value: Any, where: str) -> Problems:
    kinds = ("rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote")
    yield from typed(dict.fromkeys(kinds, anything), "rich text")(value, where)


CARD = block(
    {},
    {
        "title": any_text(150),
        "subtitle": any_text(150),
        "body": any_text(200),
        "subtext": any_text(200),
        "hero_image": anything,
        "icon": anything,
        "actions": list_of(typed({"button": BUTTON}, "element"), most=3),
    },
)
URL_SOURCE = shape({**TYPE, "url": url, "text": string(255)})
TASK_CARD = block(
    {"task_id": ID, "title": string(255, least=1)},
    {
        "status": one_of("pending", "in_progress", "complete", "error"),
        "details": anything,
        "output": anything,
        "sources": list_of(URL_SOURCE, most=50),
    },
)
CONTENT: dict[str, Check] = {
    "section": section,
    "divider": block({}),
    "header": block({"text": plain_text(150)}, {"level": integer}),
    "context": block({"elements": list_of(typed({"image": IMAGE, **{
        kind: any_text(3000) for kind in ("plain_text", "mrkdwn")
    }}, "context element"), least=1, most=10)}),
    "actions": block({"elements": list_of(typed(ACTIONS, "element"), least=1, most=25)}),
    "image": block({"alt_text": string(2000)}, {"image_url": url, "slack_file": anything, "title": plain_text(2000)}),
    "rich_text": block({"elements": list_of(_rich_text_elements, most=500)}),
    "video": block(
        {"alt_text": string(2000), "title": plain_text(200), "thumbnail_url": url, "video_url": url},
        {"author_name": string(50), "description": plain_text(200), "provider_name": string(200), "title_url": url},
    ),
}  # fmt: skip
INPUT = block(
    {"label": plain_text(2000), "element": typed(INPUTS, "element")},
    {"hint": plain_text(2000), "optional": boolean, "dispatch_action": boolean},
)
CONTAINER = block(
    {"children": list_of(typed(CONTENT, "block"), least=1, most=10)},
    {"title": any_text(150), "collapsible": boolean, "collapsed": boolean},
)
MESSAGE_ONLY: dict[str, Check] = {
    "markdown": block({"text": string(MARKDOWN_CHARACTERS, least=1)}),
    "context_actions": block({
        "elements": list_of(
            typed({"feedback_buttons": FEEDBACK_BUTTONS, "icon_button": ICON_BUTTON}, "element"), least=1, most=5
        )
    }),
    "table": block(
        {"rows": list_of(list_of(anything, most=20), least=1, most=100)},
        {"column_settings": list_of(anything, most=20)},
    ),
    "data_table": block({"rows": list_of(anything, least=1, most=100)}, {"columns": list_of(anything, most=20)}),
    "card": CARD,
    "carousel": block({"elements": list_of(typed({"card": CARD}, "block"), least=1, most=10)}),
    "container": CONTAINER,
    "task_card": TASK_CARD,
    "plan": block({"title": string(255)}, {"tasks": list_of(anything, most=50)}),
}  # fmt: skip
BLOCKS: dict[str, dict[str, Check]] = {
    "message": {**CONTENT, **MESSAGE_ONLY, "input": INPUT},
    "modal": {**CONTENT, "input": INPUT, "alert": block({"text": any_text(2000)}, {"level": anything})},
    "home": {**CONTENT, "input": INPUT},
}
MOST_BLOCKS = {"message": MESSAGE_BLOCKS, "modal": VIEW_BLOCKS, "home": VIEW_BLOCKS}


def block_problems(blocks: Any, surface: str = "message", where: str = "/blocks") -> list[str]:
    """Return what Slack would object to in these blocks; `surface` is message, modal or home."""
    check = list_of(typed(BLOCKS[surface], "block"), most=MOST_BLOCKS[surface])
    problems = spell(check(blocks, where))
    return problems or spell(_repeated_ids(blocks, where))


def _repeated_ids(blocks: list[Json], where: str) -> Problems:
    seen: set[str] = set()
    for index, entry in enumerate(blocks):
        block_id = entry.get("block_id")
        if block_id in seen:
            yield f"block_id already exists: {block_id}", f"{where}/{index}/block_id"
        seen.update({block_id} if block_id else ())
        yield from _repeated_actions(entry, f"{where}/{index}")


def _repeated_actions(entry: Json, where: str) -> Problems:
    seen: set[str] = set()
    for part in interactive_elements(entry):
        action_id = part.get("action_id")
        if action_id in seen:
            yield f"action_id already exists: {action_id}", where
        seen.update({action_id} if action_id else ())


def interactive_elements(entry: Json) -> Iterator[Json]:
    """Yield the elements of a block that a person can act on."""
    parts = [*entry.get("elements", []), *entry.get("actions", []), entry.get("accessory"), entry.get("element")]
    known = {*ACTIONS, *INPUTS, "feedback_buttons", "icon_button"}
    for part in parts:
        if isinstance(part, dict) and part.get("type") in known:
            yield part
        elif isinstance(part, dict) and part.get("type") == "card":
            yield from interactive_elements(part)
    for child in entry.get("children", []):
        yield from interactive_elements(child)


def with_ids(blocks: list[Json], new_id: Callable[[], str]) -> list[Json]:
    """Return a copy in which every block and every interactive element has an id, as Slack stores it."""
    copies = deepcopy(blocks)
    for entry in copies:
        entry.setdefault("block_id", new_id())
        for part in interactive_elements(entry):
            part.setdefault("action_id", new_id())
    return copies


def text_too_long(blocks: list[Json]) -> bool:
    """Whether the markdown blocks or the tables of one payload exceed Slack's limit for all of them together."""
    markdown = sum(len(entry["text"]) for entry in blocks if entry["type"] == "markdown")
    cells = sum(len(text) for entry in blocks if entry["type"] == "table" for text in _texts(entry["rows"]))
    return markdown > MARKDOWN_CHARACTERS or cells > TABLE_CHARACTERS


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value["text"]
        value = list(value.values())
    if isinstance(value, list):
        for entry in value:
            yield from _texts(entry)


# -- views --------------------------------------------------------------------------------------------------------

VIEW: dict[str, Check] = {
    "private_metadata": string(PRIVATE_METADATA),
    "callback_id": string(255),
    "external_id": string(255),
}
MODAL = shape(
    {"type": anything, "title": plain_text(24), "blocks": anything},
    {
        **VIEW,
        "submit": plain_text(24),
        "close": plain_text(24),
        "clear_on_close": boolean,
        "notify_on_close": boolean,
        "submit_disabled": boolean,
    },
)
HOME = shape({"type": anything, "blocks": anything}, VIEW)


def view_problems(view: Any, *, kinds: tuple[str, ...]) -> list[str]:
    """Return what Slack would object to in a view of one of the given kinds (modal, home)."""
    checks = {"modal": MODAL, "home": HOME}
    problems = spell(typed({kind: checks[kind] for kind in kinds}, "view")(view, "/view"))
    if problems:
        return problems
    problems = block_problems(view["blocks"], view["type"], "/view/blocks")
    has_input = any(entry["type"] == "input" for entry in view["blocks"]) if not problems else False
    if has_input and view["type"] == "modal" and "submit" not in view:
        problems.append("missing required field: submit [json-pointer:/view]")
    return problems
