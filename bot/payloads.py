"""Slack's JSON → our types. Pure: what a payload says, never what to do about it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from knowledge import Delivery, Feedback, Question, Reason, Scope, Surface, Turn, Vote

Body = dict[str, Any]

LONGEST_QUESTION = 4000
"""Characters; what is longer is a document, not a question."""
MOST_TURNS = 20
SOURCES_LINE = "\nSources: "
"""Where the sources begin in the `text` of our answers; what follows is not part of a conversation."""

_SPOKEN_SUBTYPES = (None, "file_share", "thread_broadcast")
_MENTION = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")
_REFERENCE = re.compile(r"<(#|@|!|)([^>|]+)(?:\|([^>]*))?>")
_SHORTCODE = re.compile(r":[a-z0-9_+'-]+:")
_ASKING = re.compile(
    r"[?\uff1f\u061f]|^(?:and|but|or|so|ok,?|then)?\s*(?:what|which|who|whom|whose|when|where|why|how|is|are|was|were|do|does|did|can|"
    r"could|may|might|must|should|would|will|has|have|tell|explain|show|list|give|find|summari[sz]e|describe|compare|"
    r"please|more|wie|was|wer|wo|wann|warum|welche[rs]?|kann|gibt|est-ce|comment|pourquoi|quand|que|qui|cómo|qué|cuándo)\b",
    re.IGNORECASE,
)


class MalformedPayloadError(ValueError):
    """The request is signed, but it is nothing that Slack sends."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a person, in a channel or to the bot."""

    team: str
    channel: str
    user: str
    ts: str
    text: str
    """Without our mention, as the person would read it."""
    thread_ts: str | None
    mentions_us: bool
    mentions_others: bool
    direct: bool
    shared: bool | None
    """Whether people from other workspaces are in the channel; None when the payload does not say."""

    @property
    def key(self) -> str:
        return f"msg:{self.team}:{self.channel}:{self.ts}"

    @property
    def root(self) -> str:
        """The thread to answer in."""
        return self.thread_ts or self.ts

    @property
    def in_thread(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command."""

    team: str
    channel: str
    user: str
    user_name: str
    name: str
    text: str
    trigger: str
    response_url: str

    @property
    def direct(self) -> bool:
        return self.channel.startswith("D")


@dataclass(frozen=True, slots=True)
class Click:
    """A press of a button."""

    team: str
    user: str
    user_name: str
    action: str
    value: str
    trigger: str
    channel: str | None = None
    """None for a button in the Home tab."""
    message_ts: str | None = None
    thread_ts: str | None = None
    """Set when the message stands in a thread."""
    response_url: str | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """A form that somebody sent."""

    team: str
    user: str
    view: str
    context: dict[str, str]
    values: Body


@dataclass(frozen=True, slots=True)
class Opened:
    """Somebody opened the app's Home or Messages tab."""

    user: str
    channel: str
    tab: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """Somebody pressed Stop while we were answering."""

    channel: str
    thread_ts: str


def parse(raw: bytes, content_type: str) -> Body:
    """Read the body of a request, JSON or a form. Raises MalformedPayloadError."""
    try:
        body = json.loads(raw) if _is_json(raw, content_type) else _form(raw.decode("utf-8"))
    except (ValueError, RecursionError) as exc:
        raise MalformedPayloadError from exc
    if not isinstance(body, dict):
        raise MalformedPayloadError
    return _encodable(body)


def _encodable(body: Body) -> Body:
    """Replace halves of surrogate pairs, which JSON can hold and no encoding can write."""
    written = json.dumps(body, ensure_ascii=False)
    try:
        written.encode("utf-8")
    except UnicodeEncodeError:
        repaired: Body = json.loads(written.encode("utf-8", "replace"))
        return repaired
    return body


def _is_json(raw: bytes, content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == "application/json" or raw.lstrip()[:1] == b"{"


def _form(text: str) -> Body:
    fields = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=100, errors="strict"))
    return json.loads(fields["payload"]) if "payload" in fields else fields


def is_handshake(body: Body) -> bool:
    """Say whether Slack only tries whether we are there: for a new address, or to check its certificate."""
    return "ssl_check" in body or (body.get("type") == "url_verification" and isinstance(body.get("challenge"), str))


def delivery(body: Body) -> Delivery:
    """Give a payload its identity. Raises MalformedPayloadError for what Slack would not send."""
    kind = "command" if "command" in body else body.get("type")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise MalformedPayloadError
    try:
        return Delivery(key=_KINDS[kind](body), kind=kind, body=json.dumps(body).encode())
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise MalformedPayloadError from exc


def route(body: Body) -> tuple[str, str]:
    """Say what a payload is about: its kind, and the event type, command, action id or callback id."""
    if "command" in body:
        return "command", _text(body, "command")
    kind = _text(body, "type")
    named = {
        "event_callback": lambda: _event_name(_object(body, "event")),
        "block_actions": lambda: _text(_action(body), "action_id"),
        "view_submission": lambda: _text(_object(body, "view"), "callback_id"),
    }
    return kind, named[kind]() if kind in named else ""


def _event_name(event: Body) -> str:
    name = _text(event, "type")
    return "message.im" if name == "message" and event.get("channel_type") == "im" else name


def _event_key(body: Body) -> str:
    if _text(_object(body, "event"), "type") in ("message", "app_mention") and says_something(body):
        float(message(body, bot_user="").ts)
    return f"event:{_text(body, 'team_id')}:{_text(body, 'event_id')}"


def _command_key(body: Body) -> str:
    command(body)
    return f"command:{_text(body, 'trigger_id')}"


def _click_key(body: Body) -> str:
    click(body)
    return f"click:{_text(body, 'trigger_id')}"


def _view_key(body: Body) -> str:
    return f"view:{submission(body).view}"


_KINDS = {
    "event_callback": _event_key,
    "block_actions": _click_key,
    "view_submission": _view_key,
    "command": _command_key,
}


def says_something(body: Body) -> bool:
    """Say whether a payload can matter: edits, deletions and what bots (we ourselves) write cannot."""
    event = body.get("event")
    if body.get("type") != "event_callback" or not isinstance(event, dict):
        return True
    if event.get("type") not in ("message", "app_mention"):
        return True
    return (
        event.get("subtype") in _SPOKEN_SUBTYPES
        and not event.get("bot_id")
        and not event.get("hidden")
        and isinstance(event.get("user"), str)
    )


def message(body: Body, *, bot_user: str) -> Message:
    """Read an `app_mention` or `message` event."""
    event = _object(body, "event")
    raw = event.get("text") or _block_text(event.get("blocks"))
    mentioned = set(_MENTION.findall(raw))
    channel = _text(event, "channel")
    return Message(
        team=_text(body, "team_id"),
        channel=channel,
        user=_text(event, "user"),
        ts=_text(event, "ts"),
        text=readable(raw, without=bot_user),
        thread_ts=event.get("thread_ts"),
        mentions_us=bot_user in mentioned or event.get("type") == "app_mention",
        mentions_others=bool(mentioned - {bot_user}) or "<!" in raw,
        direct=event.get("channel_type") == "im" or channel.startswith("D"),
        shared=body.get("is_ext_shared_channel"),
    )


def bot_user(body: Body) -> str:
    """Return the user id of the bot that an event was delivered for, or an empty string."""
    authorizations = body.get("authorizations") or []
    first = authorizations[0] if isinstance(authorizations, list) and authorizations else {}
    return str(first.get("user_id") or "") if isinstance(first, dict) else ""


def command(body: Body) -> Command:
    """Read a slash command."""
    return Command(
        team=_text(body, "team_id"),
        channel=_text(body, "channel_id"),
        user=_text(body, "user_id"),
        user_name=str(body.get("user_name") or ""),
        name=_text(body, "command"),
        text=readable(str(body.get("text") or "")),
        trigger=_text(body, "trigger_id"),
        response_url=_text(body, "response_url"),
    )


def click(body: Body) -> Click:
    """Read a `block_actions` payload; the message is absent when it was ephemeral."""
    action, container, shown = _action(body), body.get("container") or {}, body.get("message") or {}
    user = _object(body, "user")
    channel = body.get("channel") or {}
    return Click(
        team=str((body.get("team") or {}).get("id") or user.get("team_id") or ""),
        user=_text(user, "id"),
        user_name=str(user.get("name") or user.get("username") or ""),
        action=_text(action, "action_id"),
        value=str(action.get("value") or ""),
        trigger=_text(body, "trigger_id"),
        channel=channel.get("id") or container.get("channel_id"),
        message_ts=container.get("message_ts") or shown.get("ts"),
        thread_ts=shown.get("thread_ts") or container.get("thread_ts"),
        response_url=body.get("response_url"),
    )


def submission(body: Body) -> Submission:
    """Read a `view_submission`."""
    view, user = _object(body, "view"), _object(body, "user")
    try:
        context = json.loads(view.get("private_metadata") or "{}")
    except ValueError as exc:
        raise MalformedPayloadError from exc
    return Submission(
        team=str((body.get("team") or {}).get("id") or ""),
        user=_text(user, "id"),
        view=_text(view, "id"),
        context={str(name): str(value) for name, value in context.items() if value is not None},
        values=(view.get("state") or {}).get("values") or {},
    )


def opened(body: Body) -> Opened:
    """Read an `app_home_opened` event."""
    event = _object(body, "event")
    return Opened(_text(event, "user"), str(event.get("channel") or ""), str(event.get("tab") or ""))


def stopped(body: Body) -> Stopped:
    """Read an `agent_session_stopped` event."""
    event = _object(body, "event")
    return Stopped(str(event.get("channel") or ""), str(event.get("thread_ts") or ""))


def vote(asked: Click) -> Feedback:
    """Read a press of 👍 or 👎. Raises MalformedPayloadError."""
    direction, _, answer_id = asked.value.partition(":")
    if direction not in set(Vote) or not answer_id:
        raise MalformedPayloadError
    return Feedback(answer_id=answer_id, person=asked.user, vote=Vote(direction))


def reasons(sent: Submission) -> Feedback:
    """Read the form that follows 👎."""
    known = {reason.value for reason in Reason}
    chosen = (_input(sent.values, "reason").get("selected_options")) or []
    values = [option.get("value") for option in chosen]
    return Feedback(
        answer_id=sent.context.get("answer_id", ""),
        person=sent.user,
        vote=Vote.DOWN,
        reasons=tuple(Reason(value) for value in values if value in known),
        comment=typed(sent, "comment"),
        correction=typed(sent, "correction"),
        sources=tuple(dict.fromkeys(name for line in typed(sent, "sources").splitlines() if (name := line.strip()))),
    )


def typed(sent: Submission, block: str) -> str:
    """Return what somebody wrote into a field of a form."""
    return str(_input(sent.values, block).get("value") or "").strip()


def review_target(value: str) -> tuple[str, int | None]:
    """Read what a verdict is about: an answer, or a correction of it by its number. Raises MalformedPayloadError."""
    answer_id, _, number = value.partition(":")
    if not answer_id or not ((number.isascii() and number.isdigit()) or not number):
        raise MalformedPayloadError
    return answer_id, int(number) if number else None


def _input(values: Body, block: str) -> Body:
    return next(iter((values.get(block) or {}).values()), {})


def question_from_message(asked: Message, *, history: Sequence[Turn] = (), groups: Sequence[str] = ()) -> Question:
    """Make the question; only a direct message, which nobody else reads, may use what the person alone may see."""
    scope = Scope(user=asked.user, usergroups=tuple(groups)) if asked.direct else Scope(channel=asked.channel)
    return Question(
        text=asked.text,
        key=asked.key,
        asker=asked.user,
        scope=scope,
        surface=Surface.DIRECT if asked.direct else Surface.CHANNEL,
        history=tuple(history),
        channel=asked.channel,
        thread=asked.root,
        team=asked.team,
    )


def question_from_command(asked: Command, *, groups: Sequence[str] = ()) -> Question:
    """Make the question; the answer is for the asker's eyes only, so both the place and the person count."""
    channel = None if asked.direct else asked.channel
    return Question(
        text=asked.text,
        key=f"command:{asked.trigger}",
        asker=asked.user,
        scope=Scope(channel=channel, user=asked.user, usergroups=tuple(groups)),
        surface=Surface.COMMAND,
        channel=asked.channel,
        team=asked.team,
    )


def turns(messages: Sequence[Body], *, before: str, bot_user: str) -> tuple[Turn, ...]:
    """Make the conversation so far of a thread's messages, oldest first, at most the last twenty."""
    spoken = [entry for entry in messages if _ts(entry) < float(before) and _was_spoken(entry, bot_user)]
    made = (Turn(*_turn(entry, bot_user)) for entry in spoken[-MOST_TURNS:])
    return tuple(turn for turn in made if turn.text)


def answer_id(entry: Body) -> str | None:
    """Return the id of the answer that a message of ours carries, read with its metadata; None for all else."""
    found = ((entry.get("metadata") or {}).get("event_payload") or {}).get("answer_id")
    return None if found is None else str(found)


def _was_spoken(entry: Body, bot_user: str) -> bool:
    return entry.get("user") == bot_user or (not entry.get("bot_id") and entry.get("subtype") in _SPOKEN_SUBTYPES)


def _turn(entry: Body, bot_user: str) -> tuple[str, str]:
    text = readable(str(entry.get("text") or ""), without=bot_user)
    if entry.get("user") == bot_user:
        return "assistant", text.partition(SOURCES_LINE)[0]
    return str(entry.get("user") or ""), text


def could_be_meant(asked: Message) -> bool:
    """Say whether a message without a mention asks something and names nobody else."""
    return not asked.mentions_others and bool(_ASKING.search(asked.text))


def meant_for_us(asked: Message, messages: Sequence[Body], *, bot_user: str) -> bool:
    """Say whether a message in a thread without a mention clearly speaks to us.

    It does when it asks something, names nobody else, and the last word in the thread besides its author's was ours.
    """
    if not could_be_meant(asked):
        return False
    others = [
        entry
        for entry in messages
        if _ts(entry) < float(asked.ts) and entry.get("user") != asked.user and entry.get("subtype") in _SPOKEN_SUBTYPES
    ]
    return bool(others) and others[-1].get("user") == bot_user


def _ts(entry: Body) -> float:
    try:
        return float(entry.get("ts") or 0)
    except ValueError:
        return 0.0


_SMALL_TALK = re.compile(
    r"\W*(?:hi|hello|hey|hallo|good (?:morning|afternoon|evening)|thanks?(?: you)?(?: (?:a lot|very much))?|thx|help"
    r"|who are you|what (?:can|do) you do|what can i ask(?: you)?|how do you work|are you there)\W*",
    re.IGNORECASE,
)


def is_small_talk(text: str) -> bool:
    """Say whether somebody greets, thanks or asks what we are for, which no document answers."""
    return _SMALL_TALK.fullmatch(text) is not None


def has_words(text: str) -> bool:
    """Say whether there is a letter or a digit in it, emoji names aside."""
    return any(character.isalnum() for character in _SHORTCODE.sub("", text))


def readable(raw: str, *, without: str = "") -> str:
    """Turn Slack's text into what the person typed: without our mention, references by name, entities decoded."""

    def named(found: re.Match[str]) -> str:
        sign, target, label = found.groups()
        if sign == "@" and target == without:
            return " "
        if sign == "!":
            return f"@{label or target.partition('^')[0]}".replace("@@", "@")
        if sign:
            return f"{sign}{label or target}"
        return label if label and label not in target else target.removeprefix("mailto:")

    text = html.unescape(_REFERENCE.sub(named, raw))
    return re.sub(r"[ \t]{2,}", " ", text).strip()


def _block_text(blocks: Any) -> str:
    """Collect the words of rich text, for the rare message that has blocks only."""
    return " ".join(_words(blocks))


def _words(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for entry in part:
            yield from _words(entry)
    elif isinstance(part, dict):
        if part.get("type") == "user":
            yield f"<@{part.get('user_id')}>"
        elif isinstance(part.get("text"), str):
            yield part["text"]
        else:
            yield from _words([part.get("elements"), part.get("text")])


def _text(body: Body, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise MalformedPayloadError
    return value


def _object(body: Body, name: str) -> Body:
    value = body.get(name)
    if not isinstance(value, dict):
        raise MalformedPayloadError
    return value


def _action(body: Body) -> Body:
    actions = body.get("actions")
    if not isinstance(actions, list) or not actions or not isinstance(actions[0], dict):
        raise MalformedPayloadError
    return actions[0]
