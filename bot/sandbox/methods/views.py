"""views.open, push, update, publish."""

import json
from typing import Any

from bot.sandbox.block_kit import view_problems
from bot.sandbox.errors import SlackError
from bot.sandbox.methods.method import JSON, TEXT, Method, texts
from bot.sandbox.nouns import Json, View
from bot.sandbox.representations import view_json
from bot.sandbox.workspace import Workspace

LARGEST_VIEW = 250_000
"""Bytes of JSON."""


def checked_view(body: Any, *kinds: str) -> Json:
    """Return a view that Slack accepts, or refuse."""
    if len(json.dumps(body)) > LARGEST_VIEW:
        raise SlackError("view_too_large")
    if problems := view_problems(body, kinds=kinds):
        raise SlackError.with_messages("invalid_arguments", problems)
    return dict(body)


def _check_external_id(workspace: Workspace, body: Json, own: View | None = None) -> None:
    wanted = body.get("external_id")
    if wanted and any(view.external_id == wanted and view is not own for view in workspace.open_views()):
        raise SlackError("duplicate_external_id")


def _check_hash(view: View, arguments: Json) -> None:
    if arguments.get("hash") and arguments["hash"] != view.hash:
        raise SlackError("hash_conflict")


def open_modal(workspace: Workspace, arguments: Json) -> Json:
    """Show a modal to the person whose gesture gave the trigger."""
    body = checked_view(arguments["view"], "modal")
    _check_external_id(workspace, body)
    user = workspace.use_trigger(arguments["trigger_id"])
    return {"view": view_json(workspace, workspace.open_view(user, body))}


def push(workspace: Workspace, arguments: Json) -> Json:
    """Put a modal on top of the open one."""
    body = checked_view(arguments["view"], "modal")
    _check_external_id(workspace, body)
    user = workspace.use_trigger(arguments["trigger_id"])
    return {"view": view_json(workspace, workspace.push_view(user, body))}


def update(workspace: Workspace, arguments: Json) -> Json:
    """Replace what an open modal shows."""
    body = checked_view(arguments["view"], "modal")
    view = _named_view(workspace, arguments)
    _check_external_id(workspace, body, view)
    _check_hash(view, arguments)
    return {"view": view_json(workspace, workspace.update_view(view, body))}


def _named_view(workspace: Workspace, arguments: Json) -> View:
    view_id, external_id = arguments.get("view_id"), arguments.get("external_id")
    if not view_id and not external_id:
        raise SlackError.with_messages("invalid_arguments", ["missing required field: view_id or external_id"])
    for view in workspace.open_views():
        if view.id == view_id or (external_id and view.external_id == external_id):
            return view
    raise SlackError("not_found")


def publish(workspace: Workspace, arguments: Json) -> Json:
    """Show a person's Home tab."""
    body = checked_view(arguments["view"], "home")
    if arguments["user_id"] not in workspace.users:
        raise SlackError("user_not_found")
    if arguments["user_id"] in workspace.homes:
        _check_hash(workspace.homes[arguments["user_id"]], arguments)
    return {"view": view_json(workspace, workspace.publish_home(arguments["user_id"], body))}


METHODS = (
    Method("views.open", open_modal, {"trigger_id": TEXT, "view": JSON}, tier=4),
    Method("views.push", push, {"trigger_id": TEXT, "view": JSON}, tier=4),
    Method("views.update", update, {"view": JSON}, texts("view_id", "external_id", "hash"), tier=4),
    Method("views.publish", publish, {"user_id": TEXT, "view": JSON}, {"hash": TEXT}, tier=4),
)
