"""The manifest asks for what the code uses, and for nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from bot.app import LISTENERS
from bot.sandbox import SandboxServer
from bot.server import Server
from tests.bot.conftest import MANIFEST
from tests.bot.test_surfaces import LEAVE, whisper

BOT = Path(__file__).parents[2] / "bot"
METHODS = {
    "agents_sessions_setStatus": {"chat:write"},
    "apps_connections_open": set(),  # the app-level token's connections:write
    "assistant_threads_setStatus": {"chat:write"},
    "assistant_threads_setSuggestedPrompts": {"assistant:write"},
    "auth_test": set(),
    "chat_appendStream": {"chat:write"},
    "chat_delete": {"chat:write"},
    "chat_getPermalink": set(),
    "chat_postEphemeral": {"chat:write"},
    "chat_postMessage": {"chat:write"},
    "chat_startStream": {"chat:write"},
    "chat_stopStream": {"chat:write"},
    "chat_update": {"chat:write"},
    "conversations_history": {"channels:history", "groups:history"},
    "conversations_info": {"channels:read", "groups:read"},
    "conversations_replies": {"channels:history", "groups:history", "im:history"},
    "usergroups_users_list": {"usergroups:read"},
    "views_open": set(),
    "views_publish": set(),
}
EVENTS = {
    "agent_session_stopped": set(),
    "app_home_opened": set(),
    "app_mention": {"app_mentions:read"},
    "message.channels": {"channels:history"},
    "message.groups": {"groups:history"},
    "message.im": {"im:history"},
}


def used_methods() -> set[str]:
    files = [*BOT.glob("*.py"), *(BOT / "listeners").glob("*.py")]
    files = [path for path in files if path.name not in ("doctor.py", "demo.py", "cli.py")]
    return {
        name for path in files for name in re.findall(r"(?<!\")slack\.([a-z]+_[A-Za-z_]+)", path.read_text("utf-8"))
    }


def test_every_scope_is_used_and_every_use_has_its_scope() -> None:
    scopes = MANIFEST["oauth_config"]["scopes"]
    asked = {*scopes["bot"], *scopes["bot_optional"]}
    methods = used_methods() - {"base_url"}
    assert methods == set(METHODS)
    needed = {scope for name in methods for scope in METHODS[name]}
    needed |= {scope for name in EVENTS for scope in EVENTS[name]} | {"commands"}
    assert asked == needed
    assert len(asked) == len([*scopes["bot"], *scopes["bot_optional"]])


def test_every_event_and_command_that_is_asked_for_has_a_listener() -> None:
    assert set(MANIFEST["settings"]["event_subscriptions"]["bot_events"]) == set(EVENTS)
    heard = {listener.name.partition(".")[0] for listener in LISTENERS if listener.kind == "event_callback"}
    assert heard == {name.partition(".")[0] for name in EVENTS}
    commands = {entry["command"] for entry in MANIFEST["features"]["slash_commands"]}
    assert commands == {listener.name for listener in LISTENERS if listener.kind == "command"}


async def test_with_these_scopes_slack_refuses_no_call(sandbox: SandboxServer, bot: Server) -> None:
    ada = sandbox.person("U0ADA")
    asked = await ada.mention("C0LEADS", LEAVE)
    answer = await sandbox.wait_for_answer(asked)
    again = await ada.mention("C0LEADS", LEAVE, thread_ts=asked.ts)
    await sandbox.wait_for_answer(again, lambda message: message.ts != answer.ts)
    direct = await ada.dm(LEAVE)
    await sandbox.wait_for_answer(direct)
    await ada.command("C0GENERAL", f"/ask {LEAVE}")
    await sandbox.wait_for_message("C0GENERAL", whisper("27 days", to="U0ADA"))
    await ada.open_messages()
    await sandbox.wait_until(lambda: sandbox.workspace.prompts.get(ada.direct_message))
    refused = [(call.method, call.response) for call in sandbox.workspace.calls if not call.response.get("ok", True)]
    assert refused == []
