"""E-mail: one message or a mailbox of them, each with its header, its text, and what is attached."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage, MIMEPart

from knowledge.errors import UnreadableFileError
from knowledge.reading.composing import Composer
from knowledge.reading.html import HtmlReader
from knowledge.reading.outcomes import ReadOutcome
from knowledge.reading.signatures import fitting_reader
from knowledge.reading.tables import cell_text
from knowledge.reading.titles import readable_name
from knowledge.types import ParsedDocument

SHOWN = ("From", "To", "Cc", "Date")
MOST_ATTACHMENTS, MOST_MESSAGES, DEEPEST = 50, 50_000, 3
LONGEST_HEADER = 500
DECORATION = (
    "image/",
    "audio/",
    "video/",
    "application/pgp",
    "application/pkcs7",
    "application/x-pkcs7",
    "text/calendar",
)
"""Kinds of attachments that nobody misses in an answer: pictures in a signature, signatures, invitations."""
MESSAGE_BEGIN = re.compile(rb"(?:\A|(?<=\n)\r?\n)From [^\r\n]{3,200}\r?\n(?=[!-9;-~]+:)")


@dataclass(slots=True)
class _Budget:
    attachments: int = MOST_ATTACHMENTS


class MailReader:
    """Reads .eml; an attachment is read by the reader of its own kind and stands under its own name."""

    def read(self, data: bytes, path: str) -> ParsedDocument:
        """Parse. Raises UnreadableFileError when there is no message in it."""
        message = _parsed(data)
        if not message.keys():
            raise UnreadableFileError("damaged: no message that can be opened")
        composer = Composer()
        _write_message(message, composer, "", (), 0)
        return composer.document(_subject(message) or readable_name(path))


class MailboxReader:
    """Reads .mbox; every message is a section under its subject."""

    def read(self, data: bytes, path: str) -> ParsedDocument:
        """Parse. Raises UnreadableFileError when there is no message in it."""
        begins = [match.span() for match in MESSAGE_BEGIN.finditer(data)][:MOST_MESSAGES]
        if not begins:
            return MailReader().read(data, path)
        composer = Composer()
        ends = [begin for begin, _ in begins[1:]] + [len(data)]
        for number, ((_, start), end) in enumerate(zip(begins, ends, strict=True), 1):
            message = _parsed(data[start:end])
            where = ", ".join(filter(None, (f"message {number}", _day(message))))
            _write_message(message, composer, where, (_subject(message),), 0)
        return composer.document(readable_name(path))


def _parsed(data: bytes) -> EmailMessage:
    message = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(message, EmailMessage)  # noqa: S101 - what the policy makes
    return message


def _write_message(
    message: EmailMessage, composer: Composer, location: str, heading: tuple[str, ...], depth: int
) -> None:
    composer.place(location=location, heading=heading)
    fields = [(name, _header(message, name)) for name in SHOWN]
    subject = _subject(message)
    lines = [f"{name}: {value}" for name, value in [*fields, ("Subject", subject)] if value]
    composer.block("\n".join(lines))
    _write_body(message, composer, location, heading)
    budget = _Budget()
    for part in _attachments(message):
        budget.attachments -= 1
        if budget.attachments < 0:
            composer.missing.append(f"attachments after the first {MOST_ATTACHMENTS}")
            return
        _write_attachment(part, composer, location, heading, depth)


def _write_body(message: EmailMessage, composer: Composer, location: str, heading: tuple[str, ...]) -> None:
    """Write the plain text, or where there is none worth it, what the page says."""
    plain, page = message.get_body(("plain",)), message.get_body(("html",))
    text = _content(plain) if plain is not None else ""
    if text.strip() or page is None:
        composer.block(text.strip())
        return
    document = HtmlReader().read(_content(page).encode(), "body.html")
    if len(document.sections) == 1 and not document.sections[0].heading:
        composer.block(document.text)
    else:
        composer.insert(document, heading=heading, location=location)


def _content(part: MIMEPart) -> str:
    try:
        content = part.get_content()
    except (LookupError, UnicodeError, ValueError, AttributeError):
        content = part.get_payload(decode=True)
    text = content.decode("utf-8", "replace") if isinstance(content, bytes) else str(content)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _attachments(message: EmailMessage) -> Iterator[EmailMessage]:
    """Yield what is attached, however the parts are nested; the parts of the body are none."""
    if not message.is_multipart():
        return
    bodies = [body for kind in ("plain", "html") if (body := message.get_body((kind,))) is not None]
    stack = list(reversed(list(message.iter_parts())))
    while stack:
        part = stack.pop()
        if part.get_content_maintype() == "multipart":
            stack.extend(reversed(list(part.iter_parts())))
        elif all(part is not body for body in bodies):
            yield part


def _write_attachment(
    part: EmailMessage, composer: Composer, location: str, heading: tuple[str, ...], depth: int
) -> None:
    if part.get_content_type() == "message/rfc822":
        _write_attached_message(part, composer, location, heading, depth)
        return
    name = cell_text(part.get_filename() or "")
    decoration = part.get_content_type().startswith(DECORATION)
    if not name and not decoration and part.get_content_maintype() == "text":
        composer.place(location=location, heading=heading)
        composer.block(_content(part).strip())
    if not name or decoration:
        return
    where = ", ".join(filter(None, (location, f"attachment {name}")))
    try:
        data = part.get_payload(decode=True)
        document = fitting_reader(name, data).read(data, name) if isinstance(data, bytes) else None
    except UnreadableFileError as exc:
        if exc.outcome != ReadOutcome.EMPTY:
            composer.missing.append(f"the attachment {name}: {exc}")
        return
    except (RecursionError, ValueError, KeyError, TypeError, LookupError):
        composer.missing.append(f"the attachment {name} is damaged")
        return
    if document is not None:
        composer.insert(document, heading=(*heading, document.title), location=where)


def _write_attached_message(
    part: EmailMessage, composer: Composer, location: str, heading: tuple[str, ...], depth: int
) -> None:
    inner = next(iter(part.iter_parts()), None)
    if not isinstance(inner, EmailMessage):
        return
    if depth + 1 >= DEEPEST:
        composer.missing.append("messages attached to attached messages")
        return
    subject = _subject(inner)
    where = ", ".join(filter(None, (location, "attached message")))
    _write_message(inner, composer, where, (*heading, subject), depth + 1)


def _subject(message: EmailMessage) -> str:
    return _header(message, "Subject")


def _header(message: EmailMessage, name: str) -> str:
    """Return a header on one line; a broken one is shown as it stands."""
    try:
        value = str(message.get(name, ""))
    except (ValueError, IndexError, AttributeError, LookupError):
        raw = dict(message.raw_items()).get(name, "")
        value = str(raw)
    return cell_text(value)[:LONGEST_HEADER]


def _day(message: EmailMessage) -> str:
    try:
        when = message.get("Date")
        stamp = getattr(when, "datetime", None)
    except (ValueError, IndexError, AttributeError):
        return ""
    return stamp.date().isoformat() if isinstance(stamp, datetime) else ""
