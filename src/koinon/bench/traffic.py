"""Who pays whom how much: the same for Koinon and for its peers.

Everybody is a number from 0 up to the number of wallets; each client draws from its own seed.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Callable
from itertools import accumulate

HIGHEST_MINOR = 500
WALLET_MINOR = 1_000_000_00  # What each wallet begins with: nobody runs dry unless the workload is about that.
HOT_MINOR = 10**14

Payment = tuple[int, int, int]


def tosses(seed: int) -> Callable[[], float]:
    """Numbers from 0 up to 1, the same ones each time for a seed: a round can be played again."""
    return random.Random(seed).random  # noqa: S311  Traffic, not secrets.


def uniform(wallets: int, seed: int) -> Callable[[], Payment]:
    """Anybody pays anybody else.

    >>> draw = uniform(10, seed=1)
    >>> all(payer != payee and 0 < amount <= 500 for payer, payee, amount in (draw() for _ in range(100)))
    True
    """
    toss = tosses(seed)

    def draw() -> Payment:
        payer = int(toss() * wallets)
        payee = (payer + 1 + int(toss() * (wallets - 1))) % wallets
        return payer, payee, 1 + int(toss() * HIGHEST_MINOR)

    return draw


def hot(wallets: int, seed: int) -> Callable[[], Payment]:
    """Wallet 0 pays everybody, as a treasury on the day of the aid does.

    >>> {hot(10, seed=1)()[0] for _ in range(10)}
    {0}
    """
    toss = tosses(seed)

    def draw() -> Payment:
        return 0, 1 + int(toss() * (wallets - 1)), 1 + int(toss() * HIGHEST_MINOR)

    return draw


PATTERNS: dict[str, Callable[[int, int], Callable[[], Payment]]] = {"uniform": uniform, "hot": hot}


def zipf(count: int, seed: int, exponent: float = 1.0) -> Callable[[], int]:
    """Numbers from 0, each rank r drawn in proportion to 1 / r ** exponent: few shops with many customers.

    >>> draw = zipf(100, seed=1)
    >>> drawn = [draw() for _ in range(1000)]
    >>> drawn.count(0) > drawn.count(50)
    True
    """
    reached = list(accumulate(1 / rank**exponent for rank in range(1, count + 1)))
    total, toss = reached[-1], tosses(seed)
    return lambda: bisect_left(reached, toss() * total)
