"""Slack's rate limits as token buckets; off unless a test or a demo switches them on."""

import math
from collections.abc import Callable
from dataclasses import dataclass

POST_RATE = 1.0
POST_BURST = 4.0
# Slack's tiers, calls per minute; a whole minute's worth may come at once
TIERS = {1: 1, 2: 20, 3: 50, 4: 100}
SECONDS_PER_MINUTE = 60


@dataclass
class Bucket:
    """What is left of one limit and when it was last looked at."""

    tokens: float
    seen: float


class RateLimits:
    """Decides whether a call must wait; `enabled` may be changed at any time."""

    def __init__(self, clock: Callable[[], float], *, enabled: bool = False) -> None:
        self.clock = clock
        self.enabled = enabled
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def retry_after(self, method: str, channel: str, tier: int | None) -> int:
        """Return 0 if the call may pass, else after how many seconds to try again."""
        if not self.enabled or (tier is None and method != "chat.postMessage"):
            return 0
        if tier is None:
            return self._take((method, channel), POST_RATE, POST_BURST)
        return self._take((method, ""), TIERS[tier] / SECONDS_PER_MINUTE, TIERS[tier])

    def _take(self, key: tuple[str, str], rate: float, burst: float) -> int:
        now = self.clock()
        bucket = self._buckets.setdefault(key, Bucket(burst, now))
        bucket.tokens = min(burst, bucket.tokens + (now - bucket.seen) * rate)
        bucket.seen = now
        if bucket.tokens < 1:
            return max(1, math.ceil((1 - bucket.tokens) / rate))
        bucket.tokens -= 1
        return 0
