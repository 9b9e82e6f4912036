"""Whose credential a request carries: looked up once, remembered briefly.

What was looked up serves for at most ``STALE_AFTER_SECONDS``: that long a revoked key may still be taken, and no longer,
whatever happens to the database. From ``LOOK_AGAIN_AFTER_SECONDS`` on, a request in flight has it looked up anew beside
the work, so that a busy client never waits for it. An end that was set is kept to the moment.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import TypeVar
from uuid import UUID

from koinon.api import queries, rules
from koinon.api.errors import CredentialRefused
from koinon.api.limits import Bucket
from koinon.api.readers import Readers
from koinon.api.types import Credential

K = TypeVar("K")
V = TypeVar("V")
LOOK_AGAIN_AFTER_SECONDS = 1.0
STALE_AFTER_SECONDS = 2.0
_MOST_KEPT = 10_000


class Known:
    """A credential in force, when that was known, and how much it may still ask."""

    __slots__ = ("actor", "bucket", "checked", "credential", "ends", "looking", "scopes")

    def __init__(self, credential: Credential, bucket: Bucket, checked: float) -> None:
        self.credential = credential
        self.actor = credential.actor
        self.scopes = frozenset(credential.scopes)
        self.bucket = bucket
        self.checked = checked
        self.looking = False
        self.ends = float("inf")
        if credential.expires_at is not None:
            self.ends = checked + (credential.expires_at - datetime.now(UTC)).total_seconds()


class Credentials:
    """Those in use, by the hash of what the Authorization header says; a secret itself is not kept."""

    def __init__(self, *, strangers: Readers, known: Readers, clock: Callable[[], float] = time.monotonic) -> None:
        self._strangers = strangers  # Whoever floods the door with invented keys waits here, for each other only.
        self._regulars = known
        self._clock = clock
        self._known: dict[bytes, Known] = {}
        self._refused: dict[bytes, float] = {}
        self._asked: dict[bytes, asyncio.Task[Known | None]] = {}
        self._buckets: dict[tuple[int, UUID], Bucket] = {}

    def at_once(self, header: bytes) -> Known | None:
        """The credential where it is known and fresh: the way of nearly every request."""
        known = self._known.get(sha256(header).digest())
        if known is None:
            return None
        now = self._clock()
        age = now - known.checked
        if age >= STALE_AFTER_SECONDS or now >= known.ends:
            return None
        if age >= LOOK_AGAIN_AFTER_SECONDS and not known.looking:
            known.looking = True
            self._look(header)
        return known

    async def of(self, header: bytes) -> Known:
        """The credential that an Authorization header carries, or ``CredentialRefused``."""
        if (known := self.at_once(header)) is not None:
            return known
        key = sha256(header).digest()
        if self._clock() - self._refused.get(key, float("-inf")) < LOOK_AGAIN_AFTER_SECONDS:
            raise CredentialRefused
        found = await asyncio.shield(self._look(header))
        if found is None:
            raise CredentialRefused
        return found

    def _look(self, header: bytes) -> Awaitable[Known | None]:
        key = sha256(header).digest()
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.get_running_loop().create_task(self._looked_up(key, header))
            task.add_done_callback(lambda done: self._answered(key, done))
        return task

    def _answered(self, key: bytes, done: asyncio.Task[Known | None]) -> None:
        self._asked.pop(key, None)
        if not done.cancelled() and done.exception() is not None and (known := self._known.get(key)) is not None:
            known.looking = False  # Nobody may be waiting for it; the next request tries again.

    async def _looked_up(self, key: bytes, header: bytes) -> Known | None:
        secret = secret_in(header)
        if secret is None or rules.town_of(secret) is None:
            return None
        began = self._clock()  # What is revoked after this may have been missed.
        readers = self._regulars if key in self._known else self._strangers
        found = await readers.run(lambda conn: queries.credential_of(conn, secret))
        if found is None:
            self._known.pop(key, None)
            self._keep(self._refused, key, began)
            return None
        known = Known(found, self.bucket(found), began)
        self._keep(self._known, key, known)
        return known

    def bucket(self, credential: Credential) -> Bucket:
        """The one bucket of a credential, whichever of its tokens is used."""
        called = (credential.town_id, credential.id)
        bucket = self._buckets.get(called)
        if bucket is None or bucket.rate != credential.requests_per_second:
            bucket = Bucket(rate=credential.requests_per_second, now=self._clock())
            self._keep(self._buckets, called, bucket)
        return bucket

    @staticmethod
    def _keep(kept: dict[K, V], key: K, value: V) -> None:
        if len(kept) >= _MOST_KEPT and key not in kept:
            del kept[next(iter(kept))]
        kept[key] = value


def secret_in(header: bytes) -> str | None:
    """The secret of ``Authorization: Bearer ...``.

    >>> secret_in(b"bearer abc"), secret_in(b"Basic abc")
    ('abc', None)
    """
    scheme, _space, rest = header.partition(b" ")
    if scheme.lower() != b"bearer":
        return None
    try:
        return rest.strip().decode("ascii")
    except UnicodeDecodeError:
        return None
