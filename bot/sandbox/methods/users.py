"""users.info, users.list, usergroups.list, usergroups.users.list."""

from bot.sandbox.errors import SlackError
from bot.sandbox.methods.method import FLAG, NUMBER, TEXT, Method, texts
from bot.sandbox.nouns import Json
from bot.sandbox.representations import app_user, user_json
from bot.sandbox.workspace import Workspace


def info(workspace: Workspace, arguments: Json) -> Json:
    """Describe a person."""
    people = {**workspace.users, workspace.app.user_id: app_user(workspace)}
    if arguments["user"] not in people:
        raise SlackError("user_not_found")
    return {"user": user_json(workspace, people[arguments["user"]])}


def list_all(workspace: Workspace, _arguments: Json) -> Json:
    """List everybody, the app included."""
    everybody = [*workspace.users.values(), app_user(workspace)]
    return {"members": [user_json(workspace, user) for user in everybody], "response_metadata": {"next_cursor": ""}}


def list_groups(workspace: Workspace, _arguments: Json) -> Json:
    """List the user groups."""
    groups = workspace.user_groups
    return {"usergroups": [{"id": g.id, "handle": g.handle, "user_count": len(g.users)} for g in groups]}


def list_group_members(workspace: Workspace, arguments: Json) -> Json:
    """List who is in a user group."""
    for group in workspace.user_groups:
        if group.id == arguments["usergroup"]:
            return {"users": list(group.users)}
    raise SlackError("no_such_subteam")


METHODS = (
    Method("users.info", info, texts("user"), {"include_locale": FLAG}, ("users:read",), tier=4),
    Method(
        "users.list",
        list_all,
        {},
        {"cursor": TEXT, "limit": NUMBER, "include_locale": FLAG},
        ("users:read",),
        tier=2,
    ),
    Method("usergroups.list", list_groups, {}, {"include_users": FLAG}, ("usergroups:read",), tier=2),
    Method(
        "usergroups.users.list",
        list_group_members,
        texts("usergroup"),
        {"include_disabled": FLAG},
        ("usergroups:read",),
        tier=2,
    ),
)
