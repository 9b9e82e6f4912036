"""How often a credential may ask: a token bucket for each, in the memory of the process that serves it."""

from __future__ import annotations

import math

WINDOW_SECONDS = 10


class Bucket:
    """Fills at ``rate`` a second up to what ten seconds bring; each request takes its cost, or has to wait.

    >>> bucket = Bucket(rate=2, now=0.0)
    >>> [bucket.take(10, now=0.0), bucket.take(10, now=0.0), bucket.take(4, now=0.0), bucket.take(4, now=2.0)]
    [0.0, 0.0, 2.0, 0.0]
    """

    __slots__ = ("_at", "_level", "burst", "policy", "rate")

    def __init__(self, *, rate: int, now: float) -> None:
        self.rate = rate
        self.burst = rate * WINDOW_SECONDS
        self.policy = (b"ratelimit-policy", b'"default";q=%d;w=%d' % (self.burst, WINDOW_SECONDS))
        self._level = float(self.burst)
        self._at = now

    def take(self, cost: int, *, now: float) -> float:
        """Take ``cost``; 0, or how many seconds to wait before it can be had (then nothing was taken)."""
        level = self._level
        if now > self._at:
            level += (now - self._at) * self.rate
            if level > self.burst:
                level = float(self.burst)
            self._at = now
        if level >= cost:
            self._level = level - cost
            return 0.0
        self._level = level
        return (cost - level) / self.rate

    @property
    def left(self) -> tuple[bytes, bytes]:
        """The RateLimit header: what is left, and in how many seconds all of it is there again."""
        level = int(self._level)
        return (b"ratelimit", b'"default";r=%d;t=%d' % (level, math.ceil((self.burst - level) / self.rate)))
