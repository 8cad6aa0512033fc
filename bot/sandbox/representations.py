"""Workspace things as the JSON that Slack's API and events show."""

from typing import Any

from bot.sandbox.nouns import Channel, Json, Message, User, View
from bot.sandbox.workspace import Workspace

OPTIONAL_MESSAGE_FIELDS = ("thread_ts", "blocks", "subtype", "edited", "client_msg_id", "bot_id", "app_id", "files")


def message_json(workspace: Workspace, message: Message, *, with_metadata: bool = False) -> Json:
    """Return a message as `conversations.history` and events show it."""
    shown: Json = {
        "type": "message",
        "user": message.user,
        "text": message.text,
        "ts": message.ts,
        "team": workspace.team.id,
    }
    shown |= {name: value for name in OPTIONAL_MESSAGE_FIELDS if (value := getattr(message, name)) is not None}
    if message.bot_id == workspace.app.bot_id:
        shown["bot_profile"] = bot_profile(workspace)
    if message.reactions:
        shown["reactions"] = message.reactions
    if message.is_reply:
        shown["parent_user_id"] = _parent_user(workspace, message)
    if with_metadata and message.metadata is not None:
        shown["metadata"] = message.metadata
    return shown


def _parent_user(workspace: Workspace, message: Message) -> str:
    roots = [m.user for m in workspace.all_messages(message.channel) if m.ts == message.thread_ts]
    return roots[0] if roots else message.user


def with_thread_figures(workspace: Workspace, message: Message, shown: Json) -> Json:
    """Add the reply counts that Slack shows at the root of a thread."""
    replies = [reply for reply in workspace.thread(message.channel, message.ts) if reply.ts != message.ts]
    if not replies or message.is_reply:
        return shown
    users = list(dict.fromkeys(reply.user for reply in replies))
    return {
        **shown,
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users": users,
        "reply_users_count": len(users),
        "latest_reply": replies[-1].ts,
    }


def bot_profile(workspace: Workspace) -> Json:
    """Return the short description of the app that comes with its messages."""
    app = workspace.app
    return {"id": app.bot_id, "app_id": app.id, "name": app.name, "deleted": False, "team_id": workspace.team.id}


def channel_json(workspace: Workspace, channel: Channel) -> Json:
    """Return a channel as `conversations.info` shows it."""
    shown: Json = {
        "id": channel.id,
        "is_channel": channel.kind == "channel",
        "is_group": channel.kind == "group",
        "is_im": channel.is_im,
        "is_mpim": channel.kind == "mpim",
        "is_private": channel.private,
        "is_archived": False,
        "is_general": channel.name == "general",
        "is_shared": channel.shared,
        "is_ext_shared": channel.shared,
        "is_org_shared": False,
        "context_team_id": workspace.team.id,
    }
    if channel.is_im:
        return {**shown, "user": channel.user, "is_open": True}
    topic = {"value": channel.topic, "creator": "", "last_set": 0}
    member = workspace.app.user_id in channel.members
    return {
        **shown,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_member": member,
        "num_members": len(channel.members),
        "topic": topic,
        "purpose": {**topic, "value": ""},
    }


def user_json(workspace: Workspace, user: User) -> Json:
    """Return a person as `users.info` shows them."""
    return {
        "id": user.id,
        "team_id": workspace.team.id,
        "name": user.name,
        "real_name": user.real_name,
        "deleted": False,
        "tz": "Etc/UTC",
        "tz_offset": 0,
        "profile": {"real_name": user.real_name, "display_name": user.name, "team": workspace.team.id},
        "is_admin": user.admin,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": user.guest,
        "is_ultra_restricted": False,
        "is_bot": user.bot,
        "is_app_user": False,
    }


def app_user(workspace: Workspace) -> User:
    """Return the app's own bot user."""
    return User(workspace.app.user_id, workspace.app.name, workspace.app.name.title(), bot=True)


def view_json(workspace: Workspace, view: View, *, values: Json | None = None) -> Json:
    """Return a view as `views.open` answers and as submissions carry it."""
    defaults: Json = {
        "callback_id": "",
        "private_metadata": "",
        "external_id": "",
        "clear_on_close": False,
        "notify_on_close": False,
        "title": None,
        "close": None,
        "submit": None,
    }
    identity: Json = {
        "id": view.id,
        "team_id": workspace.team.id,
        "app_id": workspace.app.id,
        "app_installed_team_id": workspace.team.id,
        "bot_id": workspace.app.bot_id,
        "hash": view.hash,
        "root_view_id": view.root_view_id,
        "previous_view_id": view.previous_view_id,
        "state": {"values": values or {}},
    }
    return {**defaults, **view.body, **identity}


def person_json(workspace: Workspace, user: str) -> dict[str, Any]:
    """Return the `user` part of an interaction."""
    name = workspace.display_name(user)
    return {"id": user, "username": name, "name": name, "team_id": workspace.team.id}


def team_json(workspace: Workspace) -> Json:
    """Return the `team` part of an interaction."""
    return {"id": workspace.team.id, "domain": workspace.team.domain}
