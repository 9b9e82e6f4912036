"""Every workload by name: what it is, for how many clients, for how long."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Described:
    """``pattern`` is what a peer plays in the same rounds; empty where it is ours alone.

    ``limit`` is what the machine allows at most: an fsync can serve many payments, a row copied only one.
    """

    name: str
    says: str
    clients: int
    seconds: float = 10.0
    pattern: str = ""
    limit: str = "fsync_per_second"


ALL = (
    Described("uniform", "anybody pays anybody, 32 clients", 32, pattern="uniform"),
    Described("lone", "one client, one payment at a time", 1, pattern="uniform"),
    Described("hot", "one wallet pays everybody, 32 clients", 32, pattern="hot"),
    Described("refused", "every other payment is more than its payer has", 32),
    Described("holds", "reserve, then capture (9 of 10) or release", 32),
    Described("town", "households pay shops from purses with rules, few shops have most customers", 32),
    Described(
        "batches", "exact batches one after the other, sealed beside", 1, seconds=60.0, limit="copy_rows_per_second"
    ),
    Described("verify", "every block recomputed from the rows alone", 1, limit="sha256_bytes_per_second_all_cores"),
    Described("statements", "the last 50 movements of an account", 4, limit=""),
    Described("http", "the site over HTTP with an API key, one payment a request", 64),
    Described(
        "http-batches", "the site over HTTP with an API key, 100 payments a request", 64, limit="copy_rows_per_second"
    ),
)
IN_TOWN = ("town", "http", "http-batches")
BY_NAME = {one.name: one for one in ALL}
NAMES = tuple(BY_NAME)
