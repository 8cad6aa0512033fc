"""Faults that a test asks for: the next calls of a method fail in a chosen way."""

from collections import defaultdict, deque
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One way to fail. `drop` is "before" or "after" the call has been done; the rest stays as it would be."""

    error: str | None = None
    status: int | None = None
    retry_after: int | None = None
    drop: str | None = None
    delay: float = 0.0


NO_FAULT = Fault()


class Faults:
    """Faults waiting for calls; each is used once, in the order they were asked for."""

    def __init__(self) -> None:
        self.clock_ahead = 0.0
        """Seconds by which Slack's clock is ahead of this machine's."""
        self._waiting: dict[str, deque[Fault]] = defaultdict(deque)

    def error(self, method: str, code: str, *, times: int = 1) -> None:
        """Answer `ok: false` with this code, without doing anything."""
        self._add(method, Fault(error=code), times)

    def http_status(self, method: str, status: int, *, times: int = 1) -> None:
        """Answer this HTTP status and a page instead of JSON, without doing anything."""
        self._add(method, Fault(status=status), times)

    def rate_limited(self, method: str, retry_after: int = 1, *, times: int = 1) -> None:
        """Answer 429 with Retry-After (seconds)."""
        self._add(method, Fault(retry_after=retry_after), times)

    def drop_before(self, method: str, *, times: int = 1) -> None:
        """Cut the connection before anything is done."""
        self._add(method, Fault(drop="before"), times)

    def drop_after(self, method: str, *, times: int = 1) -> None:
        """Do it, then cut the connection instead of answering."""
        self._add(method, Fault(drop="after"), times)

    def delay(self, method: str, seconds: float, *, times: int = 1) -> None:
        """Wait, then do and answer as usual."""
        self._add(method, Fault(delay=seconds), times)

    def clear(self) -> None:
        """Forget all faults."""
        self._waiting.clear()

    def take(self, method: str) -> Fault:
        """Return the fault for this call, or one that changes nothing."""
        waiting = self._waiting[method]
        return waiting.popleft() if waiting else NO_FAULT

    def _add(self, method: str, fault: Fault, times: int) -> None:
        self._waiting[method].extend([fault] * times)
