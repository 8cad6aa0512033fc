"""Deliveries as signed HTTP posts to the app's request URL."""

import asyncio
import hashlib
import hmac
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPMessage, parse_headers
from typing import Any
from urllib.parse import urlencode, urlsplit

from bot.sandbox.transport import Acknowledgement, Delivery, DeliveryError, Kind

FORM = "application/x-www-form-urlencoded"
PORTS = {"http": 80, "https": 443}


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return Slack's v0 signature: HMAC-SHA256 of `v0:timestamp:body`, in hexadecimal."""
    digest = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256)
    return f"v0={digest.hexdigest()}"


def encode(delivery: Delivery) -> tuple[str, bytes]:
    """Return content type and body: events as JSON, commands as a form, interactions as a form's `payload`."""
    if delivery.kind is Kind.EVENT:
        return "application/json", json.dumps(delivery.body).encode()
    fields = delivery.body if delivery.kind is Kind.COMMAND else {"payload": json.dumps(delivery.body)}
    return FORM, urlencode(fields).encode()


@dataclass
class HttpTransport:
    """Posts to `request_url` (none: not reachable) and waits at most `timeout` seconds for the answer."""

    signing_secret: str
    clock: Callable[[], float]
    request_url: str | None = None
    timeout: float = 3.0
    name: str = "http"

    @property
    def ready(self) -> bool:
        """Whether a request URL is configured."""
        return self.request_url is not None

    async def deliver(self, delivery: Delivery) -> Acknowledgement:
        """Post one delivery."""
        content_type, body = encode(delivery)
        headers = self._headers(content_type, body)
        if delivery.retry_num:
            headers |= {"X-Slack-Retry-Num": str(delivery.retry_num), "X-Slack-Retry-Reason": delivery.retry_reason}
        status, received, answer = await self._post(headers, body)
        no_retry = received.get("x-slack-no-retry") == "1"
        return Acknowledgement(status, _read(received.get_content_type(), answer), no_retry)

    async def verify(self) -> bool:
        """Ask the app to echo a challenge, as Slack does when the URL is entered."""
        challenge = hashlib.sha256(str(self.clock()).encode()).hexdigest()
        body = json.dumps({"type": "url_verification", "challenge": challenge}).encode()
        _, received, answer = await self._post(self._headers("application/json", body), body)
        read = _read(received.get_content_type(), answer)
        return bool(challenge == (read.get("challenge") if isinstance(read, dict) else read))

    def _headers(self, content_type: str, body: bytes) -> dict[str, str]:
        timestamp = str(int(self.clock()))
        return {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature(self.signing_secret, timestamp, body),
        }

    async def _post(self, headers: dict[str, str], body: bytes) -> tuple[int, HTTPMessage, bytes]:
        if self.request_url is None:
            raise DeliveryError("connection_failed")
        try:
            async with asyncio.timeout(self.timeout):
                return await post(self.request_url, headers, body)
        except TimeoutError:
            raise DeliveryError("http_timeout") from None
        except (OSError, EOFError, ValueError):
            raise DeliveryError("connection_failed") from None


def _read(content_type: str, answer: bytes) -> Any:
    text = answer.decode("utf-8", "replace")
    if content_type != "application/json":
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


async def post(url: str, headers: dict[str, str], body: bytes) -> tuple[int, HTTPMessage, bytes]:
    """Send one HTTP/1.1 POST on a connection of its own and return status, headers and body.

    Raises OSError when there is no connection, EOFError or ValueError when the answer is not HTTP.
    """
    parts = urlsplit(url)
    port = parts.port or PORTS[parts.scheme]
    reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=parts.scheme == "https" or None)
    try:
        lines = {"Host": parts.netloc, "Connection": "close", "Content-Length": str(len(body)), **headers}
        target = parts.path or "/"
        head = f"POST {target}{'?' + parts.query if parts.query else ''} HTTP/1.1\r\n"
        writer.write((head + "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n").encode() + body)
        return await _read_response(reader)
    finally:
        writer.close()


async def _read_response(reader: asyncio.StreamReader) -> tuple[int, HTTPMessage, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    status_line, _, rest = head.partition(b"\r\n")
    status = int(status_line.split(b" ")[1])
    received = parse_headers(io.BytesIO(rest))
    if received.get("transfer-encoding", "").lower() == "chunked":
        return status, received, await _read_chunks(reader)
    length = received.get("content-length")
    return status, received, await (reader.readexactly(int(length)) if length else reader.read())


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    chunks = []
    while size := int((await reader.readline()).split(b";")[0], 16):
        chunks.append(await reader.readexactly(size))
        await reader.readline()
    return b"".join(chunks)
