"""How often what is written on somebody else's card or screen may be guessed.

Only what could have been somebody's and was nobody's is counted, so a shop that sells all day is never kept waiting. The counts lie in the cache that
all processes of the site share, by the shop or the account that asked, and hold nothing of what was typed.
"""

from __future__ import annotations

from uuid import UUID

from allauth.core.internal.ratelimit import Rate, apply_rate, cache_lock
from django.core.cache import cache

AT_TILL = Rate(60, 3600, "shop")
BY_PHONE = Rate(30, 3600, "account")


def are_left(rate: Rate, whose: UUID | int, *, now: float) -> bool:
    """Whether a shop or an account may look for one more."""
    return apply_rate(cache.get(_key(rate, whose), []), now, rate, dry_run=True)[0]


def count(rate: Rate, whose: UUID | int, *, now: float) -> None:
    """One more that led nowhere. Several at once are counted one after the other."""
    with cache_lock(_key(rate, whose)):
        found = cache.get(_key(rate, whose), [])
        cache.set(_key(rate, whose), apply_rate(found, now, rate)[1], rate.duration)


def _key(rate: Rate, whose: UUID | int) -> str:
    return f"koinon.tries?{rate.per}={whose}"
