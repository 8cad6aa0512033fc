"""What people do in the workspace, and how the app is told: messages, commands, clicks, forms, tabs."""

from collections.abc import Callable
from typing import Any

from bot.sandbox import forms
from bot.sandbox.block_kit import interactive_elements
from bot.sandbox.deliveries import Deliveries
from bot.sandbox.errors import GestureError, SlackError
from bot.sandbox.events import home_opened, session_stopped
from bot.sandbox.methods.views import checked_view
from bot.sandbox.nouns import Channel, Json, Message, ResponseUrl, View
from bot.sandbox.representations import message_json, person_json, team_json, view_json
from bot.sandbox.response_urls import respond
from bot.sandbox.rich_text import as_stored, rich_text
from bot.sandbox.transport import Acknowledgement, DeliveryError, Kind
from bot.sandbox.workspace import Workspace

TROUBLE = "We had some trouble connecting. Try again?"
FAILURES = {"http_timeout": "operation_timeout", "timeout": "operation_timeout"}
IM_NAME, PRIVATE_NAME = "directmessage", "privategroup"


class Gestures:
    """The acts of the people in one workspace; each raises GestureError when it cannot be done."""

    def __init__(self, workspace: Workspace, deliveries: Deliveries) -> None:
        self.workspace = workspace
        self.deliveries = deliveries

    # -- messages ---------------------------------------------------------------------------------------------

    def say(self, user: str, channel_id: str, text: str, thread_ts: str | None = None, *, raw: bool = False) -> Message:
        """Post what a person typed; `raw` text is already in Slack's escaped form."""
        channel = self.channel_for(user, channel_id)
        if not text.strip():
            raise GestureError("no_text", "There is nothing to send.")
        if thread_ts is not None:
            thread_ts = self.message_for(user, channel_id, thread_ts).root_ts
        stored = text if raw else self.stored(text)
        return self.workspace.post_as_person(user, channel.id, stored, thread_ts=thread_ts)

    def share_file(self, user: str, channel_id: str, name: str, text: str = "") -> Message:
        """Upload a file, perhaps with some text."""
        channel, stored = self.channel_for(user, channel_id), self.stored(text)
        file = {"id": self.workspace.new_id("F"), "name": name, "title": name, "mode": "hosted", "user": user}
        return self.workspace.post(
            Message(
                channel.id,
                self.workspace.new_ts(),
                user,
                stored,
                subtype="file_share",
                files=[file],
                blocks=[rich_text(stored)] if stored else None,
            )
        )

    def edit(self, user: str, channel_id: str, ts: str, text: str) -> Message:
        """Change what a person wrote."""
        message = self._own_message(user, channel_id, ts)
        stored = self.stored(text)
        return self.workspace.edit(message, by=user, text=stored, blocks=[rich_text(stored)])

    def delete(self, user: str, channel_id: str, ts: str) -> None:
        """Remove what a person wrote."""
        self.workspace.delete(self._own_message(user, channel_id, ts))

    def stored(self, typed: str) -> str:
        """Return typed text in Slack's form, with the names of this workspace resolved."""
        workspace = self.workspace
        people = {workspace.app.name: workspace.app.user_id}
        for user in workspace.users.values():
            people |= {user.real_name: user.id, user.name: user.id}
        channels = {channel.name: channel.id for channel in workspace.channels.values() if not channel.is_im}
        return as_stored(typed, people, channels)

    # -- commands ---------------------------------------------------------------------------------------------

    async def command(self, user: str, channel_id: str, typed: str) -> ResponseUrl:
        """Run a slash command; a failing app shows the person Slackbot's message."""
        workspace = self.workspace
        channel = self.channel_for(user, channel_id)
        name, _, text = typed.strip().partition(" ")
        known = {command.command: command for command in workspace.app.commands}
        if name not in known:
            raise GestureError("unknown_command", f"{name} is not a command in this workspace.")
        response_url = workspace.new_response_url(channel.id, user)
        text = self.stored_for_command(text.strip()) if known[name].should_escape else text.strip()
        body = self._command_body(user, channel, name, text, response_url)
        try:
            acknowledgement = await self.deliveries.send(Kind.COMMAND, body)
            self._show_reply(response_url, acknowledgement)
        except (DeliveryError, SlackError) as error:
            self._show_command_failure(user, channel, name, error)
        finally:
            response_url.acknowledged.set()
        return response_url

    def stored_for_command(self, typed: str) -> str:
        """Return the text of an escaping command: mentions as `<@U1|name>`."""
        stored = self.stored(typed)
        for user in [*self.workspace.users, self.workspace.app.user_id]:
            stored = stored.replace(f"<@{user}>", f"<@{user}|{self.workspace.display_name(user)}>")
        for channel in self.workspace.channels.values():
            stored = stored.replace(f"<#{channel.id}>", f"<#{channel.id}|{channel.name}>")
        return stored

    def _command_body(self, user: str, channel: Channel, name: str, text: str, response_url: ResponseUrl) -> Json:
        workspace = self.workspace
        return {
            "token": workspace.app.verification_token,
            "team_id": workspace.team.id,
            "team_domain": workspace.team.domain,
            "channel_id": channel.id,
            "channel_name": _channel_name(channel),
            "user_id": user,
            "user_name": workspace.display_name(user),
            "command": name,
            "text": text,
            "api_app_id": workspace.app.id,
            "is_enterprise_install": "false",
            "response_url": f"{workspace.url}commands/{workspace.team.id}/{response_url.token}",
            "trigger_id": workspace.new_trigger(user),
        }

    def _show_reply(self, response_url: ResponseUrl, acknowledgement: Acknowledgement) -> None:
        body = acknowledgement.body
        if isinstance(body, str) and body.strip():
            body = {"text": body}
        if isinstance(body, dict) and body:
            respond(self.workspace, response_url, body)

    def _show_command_failure(self, user: str, channel: Channel, name: str, error: Exception) -> None:
        code = "invalid_command_response"
        if isinstance(error, DeliveryError):
            code = FAILURES.get(error.reason, "dispatch_failed")
        self.workspace.post_as_slackbot(user, channel.id, f'{name} failed with the error "{code}"')

    # -- clicks -----------------------------------------------------------------------------------------------

    async def click(self, user: str, message: Message, block_id: str, action_id: str, action: Json) -> None:
        """Use an element of a message; `action` is what Slack would send about it, without its ids."""
        _require_element(message.blocks or [], block_id, action_id)
        workspace = self.workspace
        channel = self.channel_for(user, message.channel)
        response_url = workspace.new_response_url(channel.id, user, clicked=message)
        about: Json = {
            "container": _container(message),
            "channel": {"id": channel.id, "name": _channel_name(channel)},
            "response_url": f"{workspace.url}actions/{workspace.team.id}/{response_url.token}",
        }
        if message.ephemeral_to is None:
            about["message"] = message_json(workspace, message)
        await self._send_action(user, about, block_id, action_id, action)

    async def click_in_view(self, user: str, view_id: str, block_id: str, action_id: str, action: Json) -> None:
        """Use an element of a modal or of the Home tab."""
        view = self.view_for(user, view_id)
        _require_element(view.body["blocks"], block_id, action_id)
        shown = view_json(self.workspace, view, values=_state(block_id, action_id, action))
        about = {"container": {"type": "view", "view_id": view.id}, "view": shown}
        await self._send_action(user, about, block_id, action_id, action)

    async def _send_action(self, user: str, about: Json, block_id: str, action_id: str, action: Json) -> None:
        sent = {**action, "action_id": action_id, "block_id": block_id, "action_ts": self.workspace.new_ts()}
        state = {} if "view" in about else {"state": {"values": _state(block_id, action_id, action)}}
        await self._interact({**self._interaction("block_actions", user), **state, **about, "actions": [sent]})

    # -- forms ------------------------------------------------------------------------------------------------

    async def submit(self, user: str, view_id: str, values: Json) -> Json:
        """Send a modal's form; returns `ok`, `errors` by block, or the next `view`."""
        view = self.view_for(user, view_id)
        if errors := forms.missing(view.body["blocks"], values):
            return {"errors": errors}
        shown = view_json(self.workspace, view, values=forms.complete(view.body["blocks"], values))
        body = {**self._interaction("view_submission", user), "view": shown, "response_urls": []}
        acknowledgement = await self._interact(body)
        return self._follow(view, acknowledgement.body)

    def _follow(self, view: View, body: Any) -> Json:
        """Do what the app's answer to a submission says."""
        answer = body if isinstance(body, dict) else {}
        follow: dict[str | None, Callable[[View, Json], Json]] = {
            None: self._close,
            "errors": _errors,
            "update": self._update,
            "push": self._push,
            "clear": self._clear,
        }
        action = answer.get("response_action")
        if action not in follow:
            raise GestureError("invalid_response", TROUBLE)
        try:
            return follow[action](view, answer)
        except SlackError as error:
            raise GestureError(error.code, TROUBLE) from error

    def _close(self, view: View, _answer: Json) -> Json:
        if view in self.workspace.modals.get(view.user, []):
            self.workspace.close_view(view)
        return {"ok": True}

    def _clear(self, view: View, _answer: Json) -> Json:
        self.workspace.close_all_views(view.user)
        return {"ok": True}

    def _update(self, view: View, answer: Json) -> Json:
        updated = self.workspace.update_view(view, checked_view(answer.get("view"), "modal"))
        return {"view": view_json(self.workspace, updated)}

    def _push(self, view: View, answer: Json) -> Json:
        pushed = self.workspace.push_view(view.user, checked_view(answer.get("view"), "modal"))
        return {"view": view_json(self.workspace, pushed)}

    async def close(self, user: str, view_id: str) -> None:
        """Close a modal without sending it; the app is told if the view asked for that."""
        view = self.view_for(user, view_id)
        self.workspace.close_view(view)
        if view.body.get("notify_on_close"):
            body = {**self._interaction("view_closed", user), "view": view_json(self.workspace, view)}
            del body["trigger_id"]
            await self._interact({**body, "is_cleared": False})

    # -- tabs and sessions ------------------------------------------------------------------------------------

    def open_tab(self, user: str, tab: str) -> None:
        """Open the app's Home or Messages tab."""
        if tab not in ("home", "messages"):
            raise GestureError("unknown_tab", "The tab is home or messages.")
        if "app_home_opened" in self.workspace.app.events:
            home = self.workspace.homes.get(user)
            self.deliveries.send_event(home_opened(self.workspace, user, tab, home))

    def stop(self, user: str, channel_id: str, thread_ts: str) -> None:
        """Press Stop while the app answers in a thread."""
        channel = self.channel_for(user, channel_id)
        if "agent_session_stopped" in self.workspace.app.events:
            self.deliveries.send_event(session_stopped(self.workspace, user, channel.id, thread_ts))

    # -- shared -----------------------------------------------------------------------------------------------

    def person(self, user: str) -> str:
        """Return the id of somebody who is here."""
        if user not in self.workspace.users:
            raise GestureError("user_not_found", "There is no such person in this workspace.")
        return user

    def channel_for(self, user: str, channel_id: str) -> Channel:
        """Return a conversation that a person may see."""
        channel = self.workspace.channels.get(channel_id)
        member = channel is not None and self.person(user) in channel.members
        if channel is None or (channel.private and not member):
            raise GestureError("channel_not_found", "There is no such conversation.")
        return channel

    def message_for(self, user: str, channel_id: str, ts: str) -> Message:
        """Return a message that a person may see."""
        channel = self.channel_for(user, channel_id)
        try:
            message = self.workspace.find(channel.id, ts)
        except SlackError:
            raise GestureError("message_not_found", "This message is gone.") from None
        if message.ephemeral_to not in (None, user):
            raise GestureError("message_not_found", "This message is gone.")
        return message

    def view_for(self, user: str, view_id: str) -> View:
        """Return a modal or Home tab that is open for a person."""
        for view in self.workspace.open_views():
            if view.id == view_id and view.user == self.person(user):
                return view
        raise GestureError("view_not_found", "This form is closed.")

    def _own_message(self, user: str, channel_id: str, ts: str) -> Message:
        message = self.message_for(user, channel_id, ts)
        if message.user != user:
            raise GestureError("not_yours", "Only its author can change a message.")
        return message

    def _interaction(self, kind: str, user: str) -> Json:
        workspace = self.workspace
        return {
            "type": kind,
            "user": person_json(workspace, user),
            "api_app_id": workspace.app.id,
            "token": workspace.app.verification_token,
            "trigger_id": workspace.new_trigger(user),
            "team": team_json(workspace),
            "enterprise": None,
            "is_enterprise_install": False,
        }

    async def _interact(self, body: Json) -> Acknowledgement:
        try:
            return await self.deliveries.send(Kind.INTERACTION, body)
        except DeliveryError as error:
            raise GestureError(FAILURES.get(error.reason, "dispatch_failed"), TROUBLE) from error


def _channel_name(channel: Channel) -> str:
    return {"im": IM_NAME, "group": PRIVATE_NAME, "mpim": f"mpdm-{channel.name}-1"}.get(channel.kind, channel.name)


def _container(message: Message) -> Json:
    container: Json = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel,
        "is_ephemeral": message.ephemeral_to is not None,
    }
    return container | ({"thread_ts": message.thread_ts} if message.thread_ts else {})


def _state(block_id: str, action_id: str, action: Json) -> Json:
    chosen = {name: value for name, value in action.items() if name == "type" or name.startswith("selected_")}
    return {block_id: {action_id: chosen}} if len(chosen) > 1 else {}


def _require_element(blocks: list[Json], block_id: str, action_id: str) -> None:
    for block in blocks:
        elements = interactive_elements(block)
        if block.get("block_id") == block_id and any(part.get("action_id") == action_id for part in elements):
            return
    raise GestureError("unknown_action", "There is nothing to use here any more.")


def _errors(view: View, answer: Json) -> Json:
    errors = answer.get("errors")
    blocks = {block["block_id"] for block in view.body["blocks"] if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors or not errors.keys() <= blocks:
        raise GestureError("invalid_errors", TROUBLE)
    return {"errors": errors}
