"""Requests as Slack sends them, for tests that need them byte by byte."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

import httpx

from bot.sandbox import SandboxServer
from bot.server import Server


def signed(secret: str, body: bytes, *, at: float | None = None) -> dict[str, str]:
    timestamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={digest}"}


def mention(
    sandbox: SandboxServer, text: str, *, ts: str, event_id: str = "Ev1", user: str = "U0BEN"
) -> dict[str, Any]:
    us = sandbox.workspace.app.user_id
    return {
        "type": "event_callback",
        "team_id": sandbox.workspace.team.id,
        "api_app_id": sandbox.workspace.app.id,
        "event_id": event_id,
        "event_time": int(float(ts)),
        "is_ext_shared_channel": False,
        "authorizations": [{"team_id": sandbox.workspace.team.id, "user_id": us, "is_bot": True}],
        "event": {
            "type": "app_mention",
            "user": user,
            "text": f"<@{us}> {text}",
            "ts": ts,
            "event_ts": ts,
            "channel": "C0GENERAL",
        },
    }


async def send(server: Server, sandbox: SandboxServer, body: Any, **headers: str) -> httpx.Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"Content-Type": "application/json", **signed(sandbox.workspace.app.signing_secret, raw), **headers}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
        return await client.post("/slack/events", content=raw, headers=given)
