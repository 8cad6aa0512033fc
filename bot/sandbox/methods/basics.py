"""api.test, auth.test, apps.connections.open, reactions.add."""

from bot.sandbox.errors import SlackError
from bot.sandbox.methods.method import Method, joined_channel, texts
from bot.sandbox.nouns import Json
from bot.sandbox.workspace import Workspace


def api_test(_workspace: Workspace, arguments: Json) -> Json:
    """Echo the arguments; `error` asks for that error."""
    if "error" in arguments:
        raise SlackError(arguments["error"], args=arguments)
    return {"args": arguments}


def auth_test(workspace: Workspace, _arguments: Json) -> Json:
    """Say whose token this is."""
    app, team = workspace.app, workspace.team
    return {
        "url": workspace.url,
        "team": team.name,
        "user": app.name,
        "team_id": team.id,
        "user_id": app.user_id,
        "bot_id": app.bot_id,
        "is_enterprise_install": False,
    }


def connections_open(workspace: Workspace, _arguments: Json) -> Json:
    """Return a fresh Socket Mode address that opens one connection."""
    base = workspace.url.replace("http", "ws", 1)
    return {"url": f"{base}link/?ticket={workspace.new_socket_ticket()}&app_id={workspace.app.id}"}


def add_reaction(workspace: Workspace, arguments: Json) -> Json:
    """Put the app's reaction under a message."""
    channel = joined_channel(workspace, arguments["channel"])
    message = workspace.find(channel.id, arguments["timestamp"])
    name, user = arguments["name"].strip(":"), workspace.app.user_id
    if any(reaction["name"] == name and user in reaction["users"] for reaction in message.reactions):
        raise SlackError("already_reacted")
    reactions = [*message.reactions, {"name": name, "users": [user], "count": 1}]
    workspace.edit(message, by=user, quiet=True, reactions=reactions)
    return {}


METHODS = (
    Method("api.test", api_test, optional=texts("error", "foo"), token=None, tier=4),
    Method("auth.test", auth_test, tier=4),
    Method("apps.connections.open", connections_open, scopes=("connections:write",), token="app", tier=4),  # noqa: S106
    Method("reactions.add", add_reaction, texts("channel", "name", "timestamp"), {}, ("reactions:write",)),
)
