"""Setting and asking PINs.

A try is counted and committed before the PIN is looked at, so that neither a crash nor a
payment that is undone afterwards takes the count back, and many who try at once get
no more looks than one. docs/algorithms/pin.md has the table and says whom each limit serves.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets as chance
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from psycopg import Connection

from koinon.audit.operations import record
from koinon.db.statements import execute, many, maybe, one, scalar, statement
from koinon.db.transactions import savepoint
from koinon.instruments import pin_seals, queries, rules
from koinon.instruments.errors import PinLocked, PinNotSet, PinWeak, PinWrong, PlaceMustWait
from koinon.instruments.operations import locked, tell
from koinon.instruments.types import Card, Presented, Try, Way
from koinon.parties import crypto
from koinon.parties.errors import SealBroken
from koinon.parties.secrets import Secrets

_PACKAGE = "koinon.instruments"
_FIRST = (0, UUID(int=0))  # No town's and no card's.
# OWASP Password Storage Cheat Sheet (2024): Argon2id with 19 MiB, two passes, one lane. About 20 ms here.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)

Opened = Callable[[], AbstractContextManager[Connection[Any]]]


@dataclass(frozen=True, slots=True)
class _Place:
    began_at: datetime
    wrong: int


@dataclass(frozen=True, slots=True)
class _Kept:
    town_id: int
    card: UUID
    hash: str


@dataclass(frozen=True, slots=True)
class _Counted:
    counted: int
    last_at: datetime


def set_pin(
    conn: Connection[Any], *, town_id: int, card_id: UUID, pin: str, actor: str, at: datetime, secrets: Secrets
) -> Card:
    """Give a card a PIN, the first or another one; waits for wrong ones end with it.

    Its holder stands at the counter and types it; who helped is recorded, the PIN is not. Part of the
    caller's transaction. Refuses with ``PinWeak``, ``CardNotFound`` and, for a card that
    does not work, ``CardNotHandedOver``, ``CardBlocked`` or ``CardEnded``.
    """
    with savepoint(conn):
        [card] = locked(conn, town_id, [card_id])
        rules.usable(card)
        grounds = rules.why_weak(pin, known=[card.number])
        six = rules.pin(pin)
        if grounds or six is None:
            raise PinWeak(grounds=grounds)
        plain = _HASHER.hash(_peppered(secrets, town_id, card_id, six))
        hashed = pin_seals.sealed(secrets, _seal_place(town_id, card_id), plain)
        execute(conn, statement(_PACKAGE, "set_pin"), town_id=town_id, card=card_id, hash=hashed, at=at, actor=actor)
        execute(conn, statement(_PACKAGE, "forget_tries"), town_id=town_id, card=card_id)
        record(
            conn,
            town_id=town_id,
            actor=actor,
            action="instruments.pin-reset" if card.has_pin else "instruments.pin-set",
            subject=f"card:{card_id}",
            at=at,
        )
        if card.has_pin:
            tell(conn, town_id, card, "pin.changed", at)
    return queries.card(conn, town_id=town_id, card_id=card_id)


def drawn_pin(*, known: str) -> str:
    """A PIN by chance, for a sealed letter; never a weak one. ``known`` is the card's number."""
    while True:
        drawn = f"{chance.randbelow(10**6):06d}"
        if not rules.why_weak(drawn, known=[known]):
            return drawn


def ask(
    opened: Opened, *, town_id: int, presented: Presented, pin: str, place: str, at: datetime, secrets: Secrets
) -> Card:
    """The card, if it works and this is its PIN; the refusal otherwise.

    ``opened`` opens a transaction and commits it at the end of its block: it is used twice, once to
    count and once to say how it ended, and nothing of the caller's may be open around it.
    ``place`` is the till or the counter at which the PIN was typed, as an opaque id.

    Refuses with ``CardNotHandedOver``, ``CardBlocked``, ``CardEnded``, ``PinNotSet``, ``PlaceMustWait``,
    ``PinLocked``, ``PinWrong``, and ``KeyMissing`` as ``count`` does.
    """
    with opened() as conn:
        counted = count(conn, town_id=town_id, presented=presented, place=place, at=at, secrets=secrets)
    right = is_right(counted, town_id=town_id, pin=pin, secrets=secrets)
    with opened() as conn:
        settle(conn, counted, town_id=town_id, right=right, at=at)
    if not right:
        raise PinWrong(card=counted.card.id, tries_left=counted.tries_left)
    return counted.card


def count(
    conn: Connection[Any], *, town_id: int, presented: Presented, place: str, at: datetime, secrets: Secrets
) -> Try:
    """Count a try. The caller commits before it looks at the PIN.

    Locks the place, then the card's tries; nothing waits for these two in another order. A machine that lacks the key the
    hash is sealed under refuses with ``KeyMissing`` and counts nothing: nobody is locked out by it.
    """
    card = queries.card(conn, town_id=town_id, card_id=presented.card.id)
    rules.usable(card)
    _count_place(conn, town_id, place, at)
    way = presented.way
    before = _lock_tries(conn, town_id, card.id, way, at)
    # After the lock: a PIN that was chosen while it was waited for is the one that is looked at.
    hashed = scalar(conn, statement(_PACKAGE, "pin_hash"), town_id=town_id, card=card.id)
    if hashed is None:
        raise PinNotSet(card=card.id)
    pin_seals.check_key(secrets, hashed)
    counted = 0 if at >= before.last_at + rules.FORGOTTEN_AFTER else before.counted
    until = rules.locked_until(counted, before.last_at)
    if until is not None and at < until:
        raise PinLocked(card=card.id, until=until)
    _set_tries(conn, town_id, card.id, way, counted + 1, at)
    return Try(card, way, place, hashed, rules.tries_left(counted + 1))


def is_right(counted: Try, *, town_id: int, pin: str, secrets: Secrets) -> bool:
    """Look at the PIN: slow on purpose, and so outside any transaction."""
    six = rules.pin(pin)
    if six is None:
        return False
    card_id = counted.card.id
    try:
        plain = pin_seals.opened(secrets, _seal_place(town_id, card_id), counted.hash)
        return _HASHER.verify(plain, _peppered(secrets, town_id, card_id, six))
    except (VerificationError, InvalidHashError, SealBroken):
        return False


def settle(conn: Connection[Any], counted: Try, *, town_id: int, right: bool, at: datetime) -> None:
    """Say how a counted try ended: a right PIN begins the tries anew; the one that begins a wait is recorded."""
    if right:
        place = one(conn, statement(_PACKAGE, "lock_place"), _Place, town_id=town_id, place=counted.place)
        _set_place(conn, town_id, counted.place, place.began_at, max(place.wrong - 1, 0))
        _set_tries(conn, town_id, counted.card.id, counted.way, 0, at)
    elif counted.tries_left == 0:
        record(
            conn,
            town_id=town_id,
            actor=counted.place,
            action="instruments.pin-locked",
            subject=f"card:{counted.card.id}",
            after={"way": counted.way.value},
            at=at,
        )


def rewrap(
    conn: Connection[Any], secrets: Secrets, *, limit: int = 1000, after: tuple[int, UUID] = _FIRST
) -> list[tuple[int, UUID]]:
    """Seal up to ``limit`` hashes that are not under the current key again; whose, by town and card from ``after`` on.

    No PIN is asked for, and tries go on being counted. Go on behind the last one, as with ``Vault.rewrap``.
    """
    stale = many(
        conn, statement(_PACKAGE, "pins_under_other_keys"), _Kept, mark=pin_seals.mark(secrets), town_id=after[0],
        card=after[1], size=limit,
    )  # fmt: skip
    execute(
        conn,
        statement(_PACKAGE, "seal_pins_anew"),
        towns=[kept.town_id for kept in stale],
        cards=[kept.card for kept in stale],
        hashes=[
            pin_seals.sealed_anew(secrets, _seal_place(kept.town_id, kept.card), kept.hash, of=f"card:{kept.card}")
            for kept in stale
        ],
    )
    return [(kept.town_id, kept.card) for kept in stale]


def _count_place(conn: Connection[Any], town_id: int, place: str, at: datetime) -> None:
    execute(conn, statement(_PACKAGE, "open_place"), town_id=town_id, place=place, at=at)
    found = one(conn, statement(_PACKAGE, "lock_place"), _Place, town_id=town_id, place=place)
    over = at >= found.began_at + rules.PLACE_WINDOW
    began, wrong = (at, 0) if over else (found.began_at, found.wrong)
    if wrong >= rules.MOST_WRONG_AT_A_PLACE:
        raise PlaceMustWait(until=began + rules.PLACE_WINDOW)
    _set_place(conn, town_id, place, began, wrong + 1)


def _lock_tries(conn: Connection[Any], town_id: int, card: UUID, way: Way, at: datetime) -> _Counted:
    """The tries of a card, locked. Whoever chooses a PIN takes them away, also from those who wait for them: then from nothing."""
    which: dict[str, Any] = {"town_id": town_id, "card": card, "way": way.value}
    while True:
        execute(conn, statement(_PACKAGE, "open_tries"), at=at, **which)
        found = maybe(conn, statement(_PACKAGE, "lock_tries"), _Counted, **which)
        if found is not None:
            return found


def _set_place(conn: Connection[Any], town_id: int, place: str, began_at: datetime, wrong: int) -> None:
    execute(conn, statement(_PACKAGE, "count_place"), town_id=town_id, place=place, began_at=began_at, wrong=wrong)


def _set_tries(conn: Connection[Any], town_id: int, card: UUID, way: Way, counted: int, at: datetime) -> None:
    execute(conn, statement(_PACKAGE, "count_try"), town_id=town_id, card=card, way=way.value, counted=counted, at=at)


def _seal_place(town_id: int, card_id: UUID) -> bytes:
    return crypto.place(town_id, card_id, "#pin")


def _peppered(secrets: Secrets, town_id: int, card_id: UUID, six: str) -> str:
    """What is hashed: without the key outside the database, a million tries of a copied hash find nothing."""
    pepper = hmac.new(secrets.lookup, b"koinon-pin-1", hashlib.sha256).digest()
    return hmac.new(pepper, f"{town_id}|{card_id}|{six}".encode(), hashlib.sha256).hexdigest()
