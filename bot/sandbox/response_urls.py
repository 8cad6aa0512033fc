"""What an app may do with the response of a gesture: the body of its acknowledgement or a post to a response_url."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from bot.sandbox.errors import SlackError
from bot.sandbox.faults import Fault, Faults
from bot.sandbox.methods.chat import app_message
from bot.sandbox.methods.content import checked_content, checked_metadata
from bot.sandbox.nouns import Json, Message, ResponseUrl
from bot.sandbox.workspace import Workspace

NAME = "response_url"
MOST_USES = 5
LIFE_SECONDS = 30 * 60
ACKNOWLEDGEMENT_SECONDS = 0.5
KNOWN = frozenset(
    "text blocks attachments response_type replace_original delete_original thread_ts unfurl_links unfurl_media "
    "metadata mrkdwn link_names parse".split()
)
RESPONSE_TYPES = ("ephemeral", "in_channel")
NOT_FOUND, BAD_REQUEST, TOO_MANY = 404, 400, 429
STATUSES = {"ratelimited": TOO_MANY, "used_url": NOT_FOUND, "expired_url": NOT_FOUND, "invalid_url": NOT_FOUND}


class ResponseUrls:
    """Answers posts to response_urls; faults for them are asked for under the name `response_url`."""

    def __init__(self, workspace: Workspace, faults: Faults, cut: Callable[[Request], None]) -> None:
        self.workspace = workspace
        self.faults = faults
        self.cut = cut

    async def __call__(self, request: Request) -> Response:
        """Answer one post and record it."""
        fault = self.faults.take(NAME)
        await asyncio.sleep(fault.delay)
        given = await _body(request)
        answer: Json = {"ok": True}
        try:
            await self._do(request.path_params["token"], given, fault)
        except SlackError as error:
            answer = {"ok": False, "error": error.code, **error.fields}
        self.workspace.record(NAME, given, answer)
        if fault.drop:
            self.cut(request)
        if not answer["ok"]:
            return JSONResponse(answer, status_code=fault.status or STATUSES.get(answer["error"], BAD_REQUEST))
        return PlainTextResponse("ok")

    async def _do(self, token: str, given: Json, fault: Fault) -> None:
        if fault.drop == "before":
            raise SlackError("dropped")
        if fault.error or fault.status or fault.retry_after:
            raise SlackError(fault.error or "internal_error" if fault.retry_after is None else "ratelimited")
        response_url = _usable(self.workspace, token)
        if not given:
            raise SlackError("invalid_payload")
        await _acknowledgement(response_url)
        respond(self.workspace, response_url, given)


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
    if workspace.now() - response_url.created > LIFE_SECONDS:
        raise SlackError("expired_url")
    response_url.uses += 1
    return response_url


async def _body(request: Request) -> Json:
    """Return the JSON object that was posted, or an empty one."""
    try:
        body = await request.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


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
