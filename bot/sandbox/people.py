"""People for tests and demos: act as somebody in the workspace and wait for what happens."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from bot.sandbox.block_kit import interactive_elements
from bot.sandbox.errors import GestureError
from bot.sandbox.forms import values_from
from bot.sandbox.gestures import Gestures
from bot.sandbox.nouns import Change, Json, Message, View
from bot.sandbox.workspace import Workspace

T = TypeVar("T")
Predicate = Callable[[Message], bool]


class Person:
    """One person; every act is what they would do in Slack's window."""

    def __init__(self, user: str, gestures: Gestures) -> None:
        self.id = gestures.person(user)
        self._gestures = gestures
        self._workspace = gestures.workspace

    @property
    def direct_message(self) -> str:
        """The id of their direct message with the app."""
        return self._workspace.direct_message(self.id).id

    async def say(self, channel: str, text: str, *, thread_ts: str | None = None, raw: bool = False) -> Message:
        """Type a message; `raw` text is already in Slack's escaped form (`<@U1>`, `&amp;`)."""
        return self._gestures.say(self.id, channel, text, thread_ts, raw=raw)

    async def mention(self, channel: str, text: str, *, thread_ts: str | None = None) -> Message:
        """Type a message that begins with the app's mention."""
        return await self.say(channel, f"@{self._workspace.app.name} {text}", thread_ts=thread_ts)

    async def dm(self, text: str, *, thread_ts: str | None = None) -> Message:
        """Write to the app in the direct message."""
        return await self.say(self.direct_message, text, thread_ts=thread_ts)

    async def share_file(self, channel: str, name: str, text: str = "") -> Message:
        """Upload a file (its name alone exists), perhaps with some text."""
        return self._gestures.share_file(self.id, channel, name, text)

    async def edit(self, message: Message, text: str) -> Message:
        """Change one of their messages."""
        return self._gestures.edit(self.id, message.channel, message.ts, text)

    async def delete(self, message: Message) -> None:
        """Delete one of their messages."""
        self._gestures.delete(self.id, message.channel, message.ts)

    async def command(self, channel: str, text: str) -> None:
        """Type a slash command such as `/ask how …`; returns when the app has acknowledged it or failed to."""
        await self._gestures.command(self.id, channel, text)

    async def click(self, message: Message, action_id: str, *, value: str | None = None) -> None:
        """Use a button, feedback button or menu; `value` chooses among several, a prefix is enough."""
        block, action = _action(message.blocks or [], action_id, value)
        shown = self._gestures.message_for(self.id, message.channel, message.ts)
        await self._gestures.click(self.id, shown, block["block_id"], action_id, action)

    async def click_in_view(self, view: View, action_id: str, *, value: str | None = None) -> None:
        """Use an element of a modal or of the Home tab."""
        block, action = _action(view.body["blocks"], action_id, value)
        await self._gestures.click_in_view(self.id, view.id, block["block_id"], action_id, action)

    async def submit(self, view: View, answers: Mapping[str, Any] | None = None) -> Json:
        """Fill in and send a modal; answers by block id: text, an option's value, or a list of them."""
        values = values_from(view.body["blocks"], answers or {})
        return await self._gestures.submit(self.id, view.id, values)

    async def close(self, view: View) -> None:
        """Close a modal."""
        await self._gestures.close(self.id, view.id)

    async def open_home(self) -> None:
        """Open the app's Home tab."""
        self._gestures.open_tab(self.id, "home")

    async def open_messages(self) -> None:
        """Open the app's Messages tab, which is the direct message."""
        self._gestures.open_tab(self.id, "messages")

    async def stop(self, channel: str, thread_ts: str) -> None:
        """Press Stop while the app answers in a thread."""
        self._gestures.stop(self.id, channel, thread_ts)

    @property
    def modal(self) -> View | None:
        """The modal on top of their window, if one is open."""
        stack = self._workspace.modals.get(self.id, [])
        return stack[-1] if stack else None

    def sees(self, channel: str) -> list[Message]:
        """Return every message of a conversation that they can see, oldest first."""
        self._gestures.channel_for(self.id, channel)
        return [m for m in self._workspace.all_messages(channel) if m.ephemeral_to in (None, self.id)]


def _action(blocks: list[Json], action_id: str, value: str | None) -> tuple[Json, Json]:
    for block in blocks:
        for element in interactive_elements(block):
            if element.get("action_id") == action_id and (action := _used(element, value)) is not None:
                return block, action
    raise GestureError("unknown_action", f"No element {action_id} with value {value} is shown.")


def _used(element: Json, value: str | None) -> Json | None:
    """Return the action that Slack would send about using this element, or None when it has no such value."""
    kind = element["type"]
    if kind == "feedback_buttons":
        buttons = (element["positive_button"], element["negative_button"])
        chosen = [button for button in buttons if _fits(button, value)]
        return {"type": kind, "text": chosen[0]["text"], "value": chosen[0]["value"]} if chosen else None
    if "options" in element:
        options = [option for option in element["options"] if _fits(option, value)]
        return {"type": kind, "selected_option": options[0]} if options else None
    if not _fits(element, value):
        return None
    return {"type": kind} | {name: element[name] for name in ("text", "value", "style") if name in element}


def _fits(entry: Json, value: str | None) -> bool:
    return value is None or str(entry.get("value", "")).startswith(value)


class Watcher:
    """Waits for conditions in a workspace, looking again at every change."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    async def until(self, find: Callable[[], T | None], timeout: float = 5.0, what: str = "a condition") -> T:  # noqa: ASYNC109
        """Return the first true thing that `find` returns; raise TimeoutError after `timeout` seconds."""
        changed = asyncio.Event()

        def notice(_: Change) -> None:
            changed.set()

        with self._workspace.listening(notice):
            try:
                async with asyncio.timeout(timeout):
                    while not (found := find()):
                        await changed.wait()
                        changed.clear()
                    return found
            except TimeoutError:
                raise TimeoutError(f"{what} did not happen within {timeout} s") from None

    async def message(
        self,
        channel: str,
        predicate: Predicate,
        timeout: float = 5.0,  # noqa: ASYNC109
        *,
        after: str = "0",
    ) -> Message:
        """Return the first message later than `after` that fits; ones that grow or are edited are looked at again."""

        def find() -> Message | None:
            newer = (m for m in self._workspace.all_messages(channel) if float(m.ts) > float(after))
            return next((m for m in newer if predicate(m)), None)

        try:
            return await self.until(find, timeout)
        except TimeoutError:
            seen = [(m.user, m.ephemeral_to, m.text[:80]) for m in self._workspace.all_messages(channel)]
            raise TimeoutError(f"no such message in {channel} within {timeout} s; it holds {seen}") from None
