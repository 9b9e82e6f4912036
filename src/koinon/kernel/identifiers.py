"""Identifiers made by the caller: 128 bits, ordered by time, the same everywhere."""

from __future__ import annotations

import os
import threading
import time
import uuid
from hashlib import sha256

_lock = threading.Lock()
_last = 0


def new_id() -> uuid.UUID:
    """A fresh UUID version 7 (RFC 9562, method 1: monotonic within the process).

    48 bits of Unix milliseconds, then a 74-bit random number that counts up
    within the millisecond. Made here and not by the database, because a volatile
    call as an argument would stop a distributed database from routing by town.

    >>> first, second = new_id(), new_id()
    >>> first < second, first.version
    (True, 7)
    """
    global _last
    with _lock:
        fresh = ((time.time_ns() // 1_000_000) << 74) | (int.from_bytes(os.urandom(10), "big") >> 7)
        _last = max(fresh, _last + 1)
        value = _last
    milliseconds, random = value >> 74, value & ((1 << 74) - 1)
    number = (milliseconds << 80) | (7 << 76) | ((random >> 62) << 64) | (2 << 62) | (random & ((1 << 62) - 1))
    return uuid.UUID(int=number)


NAMESPACE = uuid.UUID("6f1b6f0e-5a2c-5b0e-9d7e-6b6f696e6f6e")


def id_from(*parts: str | int) -> uuid.UUID:
    """The identifier that these parts always have (UUID version 5, RFC 9562).

    For things that an import must recognise the second time: never for secrets,
    because whoever knows the parts can compute it.

    >>> id_from("besos", "fund", "inclusion") == id_from("besos", "fund", "inclusion")
    True
    """
    return uuid.uuid5(NAMESPACE, "\x1f".join(map(str, parts)))


_TIME = ((1 << 48) - 1) << 80


def id_under(parent: uuid.UUID, *parts: str | int | uuid.UUID) -> uuid.UUID:
    """The identifier that these parts always have beneath another one.

    A version 7 parent hands its 48 bits of time on, so that what follows from it lies
    beside it in an index ordered by time; the rest is a digest of parent and parts. Any
    other parent gives a version 8 identifier (RFC 9562), a digest as a whole.

    >>> payment = new_id()
    >>> leg = id_under(payment, 1)
    >>> leg == id_under(payment, 1), leg.version, leg.bytes[:6] == payment.bytes[:6]
    (True, 7, True)
    """
    return _digested(parent if parent.version == 7 else None, (parent.hex, *map(str, parts)))


def id_for_key(scope: str, key: str) -> uuid.UUID:
    """The identifier that a client's idempotency key stands for, within the scope of that client.

    A key that is a version 7 UUID keeps its 48 bits of time: whoever looks for it needs to
    look no further back. Any other text gives a version 8 identifier. Two clients
    that use the same key never mean the same thing.

    >>> id_for_key("till-1", "receipt 17") == id_for_key("till-2", "receipt 17")
    False
    >>> key = str(new_id())
    >>> id_for_key("till-1", key).bytes[:6].hex() == key.replace("-", "")[:12]
    True
    """
    timed = None
    if len(key) == 36:
        try:
            timed = uuid.UUID(key)
        except ValueError:
            timed = None
    if timed is not None and (timed.version != 7 or str(timed) != key):
        timed = None
    return _digested(timed, (scope, key))


def _digested(timed: uuid.UUID | None, parts: tuple[str, ...]) -> uuid.UUID:
    number = int.from_bytes(sha256("\x1f".join(parts).encode()).digest()[:16], "big")
    version = 8
    if timed is not None:
        number, version = (timed.int & _TIME) | (number & ~_TIME), 7
    number = (number & ~(0xF << 76)) | (version << 76)
    return uuid.UUID(int=(number & ~(0x3 << 62)) | (0x2 << 62))
