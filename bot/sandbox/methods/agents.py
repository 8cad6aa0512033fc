"""assistant.threads.* and agents.sessions.*: what the app says it is doing, and questions it suggests."""

from typing import Any

from bot.sandbox.errors import SlackError
from bot.sandbox.methods.content import AUTHORSHIP
from bot.sandbox.methods.method import JSON, TEXT, Method, joined_channel, texts
from bot.sandbox.nouns import Channel, Json
from bot.sandbox.workspace import Workspace

LOADING_MESSAGES = 10
PROMPTS = 4
TITLE_CHARACTERS = 200
SESSION_STATUSES = ("processing", "active", "suspended", "closed")
STOP_EVENT = "agent_session_stopped"


def _refuse(problem: str) -> SlackError:
    return SlackError.with_messages("invalid_arguments", [problem])


def _thread(workspace: Workspace, channel: Channel, ts: str) -> str:
    """Return the thread that a message stands in; a status may be asked for by any of its messages."""
    try:
        return workspace.find(channel.id, ts).root_ts
    except SlackError:
        raise SlackError("thread_not_found") from None


def set_status(workspace: Workspace, arguments: Json) -> Json:
    """Show a status line in a thread until the next message or for two minutes."""
    channel = joined_channel(workspace, arguments["channel_id"])
    loading: Any = arguments.get("loading_messages", [])
    if not isinstance(loading, list) or len(loading) > LOADING_MESSAGES or not all(isinstance(m, str) for m in loading):
        raise _refuse(f"no more than {LOADING_MESSAGES} items allowed [json-pointer:/loading_messages]")
    thread_ts = _thread(workspace, channel, arguments["thread_ts"])
    workspace.set_status(channel.id, thread_ts, arguments.get("status", ""), loading)
    return {}


def set_suggested_prompts(workspace: Workspace, arguments: Json) -> Json:
    """Offer up to four questions in the app's direct message.

    For an agent app a call with `thread_ts` is answered with ok and does nothing, as Slack documents.
    """
    channel = joined_channel(workspace, arguments["channel_id"])
    prompts: Any = arguments["prompts"]
    if not isinstance(prompts, list) or not 0 < len(prompts) <= PROMPTS:
        raise _refuse(f"no more than {PROMPTS} items allowed [json-pointer:/prompts]")
    for index, prompt in enumerate(prompts):
        if not isinstance(prompt, dict) or not prompt.get("title") or not prompt.get("message"):
            raise _refuse(f"missing required field: title or message [json-pointer:/prompts/{index}]")
    if not channel.is_im:
        raise SlackError("invalid_channel_type")
    if "thread_ts" not in arguments:
        workspace.set_prompts(channel.id, arguments.get("title", ""), prompts)
    return {}


def set_session(workspace: Workspace, arguments: Json) -> Json:
    """Say whether the app is at work in a thread."""
    channel = joined_channel(workspace, arguments["channel_id"])
    status, title = arguments["status"], arguments.get("title", "")
    if status not in SESSION_STATUSES:
        raise _refuse(f"must be one of {', '.join(SESSION_STATUSES)} [json-pointer:/status]")
    _check_title(title)
    thread_ts = _thread(workspace, channel, arguments["thread_ts"]) if "thread_ts" in arguments else ""
    session = workspace.sessions.setdefault((channel.id, thread_ts), {})
    session.update({"status": status} | ({"title": title} if title else {}))
    workspace.set_status(channel.id, thread_ts, "is working…" if status == SESSION_STATUSES[0] else "")
    subscribed = STOP_EVENT in workspace.app.events
    return {} if subscribed else {"warning": f"missing_{STOP_EVENT}_event_subscription"}


def rename_session(workspace: Workspace, arguments: Json) -> Json:
    """Give a session a title."""
    channel = joined_channel(workspace, arguments["channel_id"])
    _check_title(arguments["title"])
    thread_ts = _thread(workspace, channel, arguments["thread_ts"]) if "thread_ts" in arguments else ""
    workspace.sessions.setdefault((channel.id, thread_ts), {})["title"] = arguments["title"]
    return {}


def _check_title(title: str) -> None:
    if len(title) > TITLE_CHARACTERS:
        raise _refuse(f"must be less than {TITLE_CHARACTERS + 1} characters [json-pointer:/title]")


EITHER = ("chat:write", "assistant:write")
METHODS = (
    Method(
        "assistant.threads.setStatus",
        set_status,
        texts("channel_id", "thread_ts"),
        {**AUTHORSHIP, "status": TEXT, "loading_messages": JSON},
        EITHER,
        tier=4,
    ),
    Method(
        "assistant.threads.setSuggestedPrompts",
        set_suggested_prompts,
        {"channel_id": TEXT, "prompts": JSON},
        texts("thread_ts", "title"),
        ("assistant:write",),
    ),
    Method(
        "agents.sessions.setStatus",
        set_session,
        texts("channel_id", "status"),
        {**AUTHORSHIP, **texts("thread_ts", "title", "initiator_user_id")},
        EITHER,
    ),
    Method("agents.sessions.rename", rename_session, texts("channel_id", "title"), texts("thread_ts"), EITHER),
)
