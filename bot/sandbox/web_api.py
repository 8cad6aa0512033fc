"""Slack's Web API over HTTP: reads a call, checks token, scope, limits and arguments, answers as Slack does."""

import asyncio
import json
import secrets
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from bot.sandbox.errors import SlackError
from bot.sandbox.faults import Fault, Faults
from bot.sandbox.methods import METHODS, Method
from bot.sandbox.nouns import Json
from bot.sandbox.rate_limits import RateLimits
from bot.sandbox.workspace import Workspace

TOO_MANY = 429
BEARER = "Bearer "


class ConnectionCutError(Exception):
    """The connection is to be dropped without an answer."""


class WebApi:
    """Answers `/api/<method>` for one workspace; `cut` drops the connection that a request came on."""

    def __init__(
        self, workspace: Workspace, faults: Faults, rate_limits: RateLimits, cut: Callable[[Request], None]
    ) -> None:
        self.workspace = workspace
        self.faults = faults
        self.rate_limits = rate_limits
        self.cut = cut

    async def __call__(self, request: Request) -> Response:
        """Answer one call and record it."""
        name = request.path_params["method"]
        body_kind, sent = request.headers.get("content-type", ""), await request.body()
        fault = self.faults.take(name)
        await asyncio.sleep(fault.delay)
        try:
            given = {**request.query_params, **_arguments(body_kind, sent)}
        except SlackError as error:
            return JSONResponse({"ok": False, "error": error.code})
        try:
            body, status = self._answer(name, _token(request, given), given, fault)
        except ConnectionCutError:
            self.cut(request)
            return Response(status_code=503)
        if fault.status is not None:
            return PlainTextResponse("The sandbox was told to fail.", status_code=fault.status)
        return JSONResponse(body, status_code=status, headers=self._headers(name, body))

    def _answer(self, name: str, token: str, given: Json, fault: Fault) -> tuple[Json, int]:
        if fault.drop == "before":
            self.workspace.record(name, given, {"ok": False, "error": "dropped"})
            raise ConnectionCutError
        try:
            body: Json = {"ok": True, **self._run(name, token, given, fault)}
        except SlackError as error:
            body = {"ok": False, "error": error.code, **error.fields}
        self.workspace.record(name, given, body)
        if fault.drop == "after":
            raise ConnectionCutError
        return body, TOO_MANY if body.get("error") == "ratelimited" else 200

    def _run(self, name: str, token: str, given: Json, fault: Fault) -> Json:
        if name not in METHODS:
            raise SlackError("unknown_method", req_method=name)
        method = METHODS[name]
        self._check_token(method, token)
        self._check_limits(method, given, fault)
        if fault.error or fault.status:
            raise SlackError(fault.error or "internal_error")
        return method.run(self.workspace, method.read(given))

    def _check_token(self, method: Method, token: str) -> None:
        app = self.workspace.app
        owners = {app.bot_token: ("bot", app.bot_scopes), app.app_token: ("app", app.app_scopes)}
        if method.token is None and not token:
            return
        if not token:
            raise SlackError("not_authed")
        if token not in owners:
            raise SlackError("invalid_auth")
        kind, scopes = owners[token]
        if method.token not in (None, kind):
            raise SlackError("not_allowed_token_type")
        if method.scopes and scopes.isdisjoint(method.scopes):
            raise SlackError("missing_scope", needed=method.scopes[0], provided=",".join(sorted(scopes)))

    def _check_limits(self, method: Method, given: Json, fault: Fault) -> None:
        wait = fault.retry_after
        if wait is None:
            wait = self.rate_limits.retry_after(method.name, str(given.get("channel", "")), method.tier)
        if wait:
            raise SlackError("ratelimited", retry_after=wait)

    def _headers(self, name: str, body: Json) -> dict[str, str]:
        now = time.time() + self.faults.clock_ahead
        headers = {"x-slack-req-id": secrets.token_hex(16), "date": formatdate(now, usegmt=True)}
        if body.get("error") == "ratelimited":
            headers["Retry-After"] = str(body.pop("retry_after"))
        if name in METHODS and body.get("error") not in ("not_authed", "invalid_auth"):
            app_call = METHODS[name].token == "app"  # noqa: S105 - the kind of token, not one
            scopes = self.workspace.app.app_scopes if app_call else self.workspace.app.bot_scopes
            headers["x-oauth-scopes"] = ",".join(sorted(scopes))
            headers["x-accepted-oauth-scopes"] = ",".join(METHODS[name].scopes)
        return headers


def _arguments(content_type: str, body: bytes) -> Json:
    """Return what a form or a JSON object says."""
    kind = content_type.partition(";")[0].strip().lower()
    if not body:
        return {}
    if kind not in READERS:
        raise SlackError("invalid_post_type")
    try:
        sent = READERS[kind](body)
    except ValueError:
        raise SlackError("invalid_json") from None
    if not isinstance(sent, dict):
        raise SlackError("json_not_object")
    return sent


def _form(body: bytes) -> Json:
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


READERS: dict[str, Callable[[bytes], Any]] = {
    "application/json": json.loads,
    "application/x-www-form-urlencoded": _form,
}


def _token(request: Request, given: Json) -> str:
    sent = given.pop("token", "")
    header = request.headers.get("authorization", "")
    return header.removeprefix(BEARER) if header.startswith(BEARER) else str(sent)
