"""What an app may do with the response of a gesture: the body of its acknowledgement or a post to a response_url."""

import asyncio
import contextlib
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from bot.sandbox.errors import SlackError
from bot.sandbox.methods.chat import app_message
from bot.sandbox.methods.content import checked_content, checked_metadata
from bot.sandbox.nouns import Json, Message, ResponseUrl
from bot.sandbox.workspace import Workspace

MOST_USES = 5
LIFE_SECONDS = 30 * 60
ACKNOWLEDGEMENT_SECONDS = 0.5
KNOWN = frozenset(
    "text blocks attachments response_type replace_original delete_original thread_ts unfurl_links unfurl_media "
    "metadata mrkdwn link_names parse".split()
)
RESPONSE_TYPES = ("ephemeral", "in_channel")
NOT_FOUND, BAD_REQUEST = 404, 400
STATUSES = {"used_url": NOT_FOUND, "expired_url": NOT_FOUND, "invalid_url": NOT_FOUND}


async def endpoint(workspace: Workspace, request: Request) -> Response:
    """Answer a post to a response_url."""
    given: Json = {}
    answer: Json = {"ok": True}
    try:
        response_url = _usable(workspace, request.path_params["token"])
        given = await _body(request)
        await _acknowledgement(response_url)
        respond(workspace, response_url, given)
    except SlackError as error:
        answer = {"ok": False, "error": error.code, **error.fields}
    workspace.record("response_url", given, answer)
    if not answer["ok"]:
        return JSONResponse(answer, status_code=STATUSES.get(answer["error"], BAD_REQUEST))
    return PlainTextResponse("ok")


async def _acknowledgement(response_url: ResponseUrl) -> None:
    """Let the reply that came with the acknowledgement be shown first, as distance does with the real Slack."""
    if response_url.from_command:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(response_url.acknowledged.wait(), ACKNOWLEDGEMENT_SECONDS)


def _usable(workspace: Workspace, token: str) -> ResponseUrl:
    response_url = workspace.response_urls.get(token)
    if response_url is None:
        raise SlackError("invalid_url")
    if response_url.uses >= MOST_USES:
        raise SlackError("used_url")
    if workspace.clock() - response_url.created > LIFE_SECONDS:
        raise SlackError("expired_url")
    response_url.uses += 1
    return response_url


async def _body(request: Request) -> Json:
    try:
        body = await request.json()
    except ValueError:
        raise SlackError("invalid_payload") from None
    if not isinstance(body, dict):
        raise SlackError("invalid_payload")
    return body


def respond(workspace: Workspace, response_url: ResponseUrl, body: Json) -> None:
    """Do what the app asks for: a new message, a replacement, or a deletion."""
    _check(body)
    target = response_url.message
    if target is not None and target not in workspace.all_messages(target.channel):
        target = None
    if body.get("delete_original"):
        _delete(workspace, target)
    elif body.get("replace_original") and target is not None:
        _replace(workspace, target, body)
    else:
        _post(workspace, response_url, body)


def _check(body: Json) -> None:
    problems = [f"unknown argument: {name}" for name in body if name not in KNOWN]
    if body.get("response_type", RESPONSE_TYPES[0]) not in RESPONSE_TYPES:
        problems.append("must be one of ephemeral, in_channel [json-pointer:/response_type]")
    if problems:
        raise SlackError.with_messages("invalid_arguments", problems)


def _delete(workspace: Workspace, target: Message | None) -> None:
    if target is None:
        raise SlackError("message_not_found")
    workspace.delete(target)


def _replace(workspace: Workspace, target: Message, body: Json) -> None:
    fields = checked_content(body)
    if "metadata" in body:
        fields["metadata"] = checked_metadata(body["metadata"])
    fields |= {name: body[name] for name in ("unfurl_links", "unfurl_media") if name in body}
    workspace.edit(target, by=workspace.app.user_id, **fields)


def _post(workspace: Workspace, response_url: ResponseUrl, body: Json) -> None:
    in_channel = body.get("response_type") == "in_channel"
    extra: dict[str, Any] = {name: body.get(name) for name in ("thread_ts", "unfurl_links", "unfurl_media")}
    message = app_message(
        workspace,
        response_url.channel,
        **checked_content(body),
        **extra,
        metadata=checked_metadata(body.get("metadata")),
        ephemeral_to=None if in_channel else response_url.user,
    )
    workspace.post(message)
    if response_url.from_command:
        response_url.message = message
