"""Spares a service that is down, and the people who wait for it: after some failures, few calls get through."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic


class CircuitBreaker:
    """Opens after `threshold` failures in a row; then lets one call through every `pause` seconds until one works.

    So it closes by itself at the first call after the service has healed, `pause` seconds later at the latest.
    """

    def __init__(self, *, threshold: int = 5, pause: float = 20.0, clock: Callable[[], float] = monotonic) -> None:
        self._threshold, self._pause, self._clock = threshold, pause, clock
        self._failures = 0
        self._next_call = 0.0

    @property
    def open(self) -> bool:
        return self._failures >= self._threshold

    def admit(self) -> bool:
        """Say whether a call may be made now; while open, a yes is the only one for the next `pause` seconds."""
        if not self.open:
            return True
        now = self._clock()
        if now < self._next_call:
            return False
        self._next_call = now + self._pause
        return True

    def worked(self) -> None:
        """The service answered."""
        self._failures = 0

    def failed(self) -> None:
        """The service did not answer, or said that it cannot."""
        self._failures += 1
        if self._failures == self._threshold:
            self._next_call = self._clock() + self._pause
