"""Slack's Web API over HTTP: reads a call, checks token, scope, limits and arguments, answers as Slack does."""

import asyncio
import json
import secrets
from collections.abc import Callable
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
        given = await _given_arguments(request)
        token = _token(request, given)
        fault = self.faults.take(name)
        await asyncio.sleep(fault.delay)
        try:
            body, status = self._answer(name, token, given, fault)
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
        headers = {"x-slack-req-id": secrets.token_hex(16)}
        if body.get("error") == "ratelimited":
            headers["Retry-After"] = str(body.pop("retry_after"))
        if name in METHODS and body.get("error") not in ("not_authed", "invalid_auth"):
            app_call = METHODS[name].token == "app"  # noqa: S105 - the kind of token, not one
            scopes = self.workspace.app.app_scopes if app_call else self.workspace.app.bot_scopes
            headers["x-oauth-scopes"] = ",".join(sorted(scopes))
            headers["x-accepted-oauth-scopes"] = ",".join(METHODS[name].scopes)
        return headers


async def _given_arguments(request: Request) -> Json:
    """Return what was sent in the query, a form or JSON; later ones win."""
    given: Json = dict(request.query_params)
    body = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if not body:
        return given
    readers: dict[str, Callable[[bytes], Any]] = {"application/json": json.loads}
    try:
        sent = readers.get(kind, _form)(body)
    except ValueError:
        return given
    return {**given, **sent} if isinstance(sent, dict) else given


def _form(body: bytes) -> Json:
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _token(request: Request, given: Json) -> str:
    sent = given.pop("token", "")
    header = request.headers.get("authorization", "")
    return header.removeprefix(BEARER) if header.startswith(BEARER) else str(sent)
