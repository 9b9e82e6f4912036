"""Who works at a shop's tills, and when: cashiers with a PIN of their own, and shifts that are counted at their end.

A shop without cashiers has one person at its till, who signed in; every right is theirs. Names are sealed in the vault,
under the shop's key, and stand in no log.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from psycopg import Connection

from koinon.audit.operations import record
from koinon.db.statements import execute, many, maybe, statement
from koinon.db.transactions import savepoint
from koinon.instruments import pin_seals, rules
from koinon.instruments.pins import Opened
from koinon.kernel.identifiers import id_for_key, new_id
from koinon.parties import crypto
from koinon.parties.errors import SealBroken
from koinon.parties.rules import ascii_digits
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from koinon.payments.errors import (
    CashierMustWait,
    CashierNotFound,
    CashierPinWeak,
    CashierPinWrong,
    ManagerNeeded,
    ShiftNotFound,
)

_PACKAGE = "koinon.payments"
_FIRST = (0, UUID(int=0))  # No town's and no cashier's.
LONGEST_NAME = 40
# As for cards: OWASP Password Storage Cheat Sheet (2024).
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


class Duty(StrEnum):
    """A cashier charges; a manager also gives money back, counts others' shifts and says who works here."""

    CASHIER = "cashier"
    MANAGER = "manager"


@dataclass(frozen=True, slots=True)
class Cashier:
    """Somebody who works at a shop's tills. The name shows in no ``repr``."""

    id: UUID
    payee: UUID
    role: Duty
    made_at: datetime
    ended_at: datetime | None
    name: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "role", Duty(self.role))

    @property
    def actor(self) -> str:
        """How the books and the trail name them."""
        return f"cashier:{self.id}"


@dataclass(frozen=True, slots=True)
class Shift:
    """Somebody's time at a till, with what was taken in it, in minor units."""

    id: UUID
    cashier: UUID | None
    opened_at: datetime
    closed_at: datetime | None
    sales: int
    sold_minor: int
    refunds: int
    refunded_minor: int

    @property
    def taken_minor(self) -> int:
        return self.sold_minor - self.refunded_minor


@dataclass(frozen=True, slots=True)
class _Row:
    id: UUID
    payee: UUID
    role: str
    sealed_name: bytes
    pin_hash: str
    counted: int
    last_at: datetime | None
    made_at: datetime
    ended_at: datetime | None


def cashiers(conn: Connection[Any], *, town_id: int, payee: UUID, secrets: Secrets) -> list[Cashier]:
    """Those who work at a shop's tills, by name."""
    vault = Vault(conn, secrets)
    rows = many(conn, statement(_PACKAGE, "cashiers_of"), _Row, town_id=town_id, payee=payee)
    return sorted((_cashier(row, vault) for row in rows), key=lambda one: one.name.casefold())


def has_cashiers(conn: Connection[Any], *, town_id: int, payee: UUID) -> bool:
    """Whether anybody must say who they are before they charge."""
    return bool(many(conn, statement(_PACKAGE, "cashiers_of"), _Row, town_id=town_id, payee=payee))


def cashier(conn: Connection[Any], *, town_id: int, payee: UUID, cashier_id: UUID, secrets: Secrets) -> Cashier:
    """One who works at the shop's tills now, or ``CashierNotFound``."""
    return _cashier(_row(conn, town_id, payee, cashier_id), Vault(conn, secrets))


def duty_of(conn: Connection[Any], *, town_id: int, payee: UUID, cashier_id: UUID | None) -> Duty | None:
    """What somebody may do at the shop's tills now; None where they work there no more.

    Without a ``cashier_id`` it is whoever signed in, who may do everything as long as the shop has no cashiers.
    """
    there = many(conn, statement(_PACKAGE, "cashiers_of"), _Row, town_id=town_id, payee=payee)
    if cashier_id is None:
        return None if there else Duty.MANAGER
    return next((Duty(row.role) for row in there if row.id == cashier_id), None)


def add_cashier(
    conn: Connection[Any],
    *,
    town_id: int,
    payee: UUID,
    name: str,
    role: Duty,
    pin: str,
    key: str,
    actor: str,
    at: datetime,
    secrets: Secrets,
) -> Cashier:
    """Let somebody work at the shop's tills, once for each ``key``. The first is a manager.

    Part of the caller's transaction. Refuses with ``CashierPinWeak`` and ``ManagerNeeded``.
    """
    assert 0 < len(name) <= LONGEST_NAME
    made = id_for_key(f"cashier:{payee}", key)
    with savepoint(conn):
        there = many(conn, statement(_PACKAGE, "lock_cashiers"), _Row, town_id=town_id, payee=payee)
        if any(row.id == made for row in there):
            return _cashier(next(row for row in there if row.id == made), Vault(conn, secrets))
        if role is not Duty.MANAGER and not any(row.role == Duty.MANAGER for row in there):
            raise ManagerNeeded
        execute(
            conn,
            statement(_PACKAGE, "add_cashier"),
            town_id=town_id,
            id=made,
            payee=payee,
            role=role.value,
            sealed_name=Vault(conn, secrets).seal_for(payee, f"cashier:{made}", name.encode()),
            pin_hash=_hashed(secrets, town_id, made, pin),
            at=at,
            actor=actor,
        )
        _record(conn, town_id, actor, "payments.cashier-added", made, at, payee=payee, role=role)
    return cashier(conn, town_id=town_id, payee=payee, cashier_id=made, secrets=secrets)


def set_pin(
    conn: Connection[Any],
    *,
    town_id: int,
    payee: UUID,
    cashier_id: UUID,
    pin: str,
    actor: str,
    at: datetime,
    secrets: Secrets,
) -> None:
    """Give a cashier another PIN, which ends waits for wrong ones. Refuses with ``CashierNotFound`` and ``CashierPinWeak``."""
    with savepoint(conn):
        _row(conn, town_id, payee, cashier_id)
        hashed = _hashed(secrets, town_id, cashier_id, pin)
        execute(conn, statement(_PACKAGE, "set_cashier_pin"), town_id=town_id, id=cashier_id, pin_hash=hashed)
        _record(conn, town_id, actor, "payments.cashier-pin-set", cashier_id, at, payee=payee)


def end_cashier(
    conn: Connection[Any], *, town_id: int, payee: UUID, cashier_id: UUID, actor: str, at: datetime
) -> None:
    """Let somebody work here no more; an open shift of theirs is closed. The last manager leaves after everybody else.

    Refuses with ``CashierNotFound`` and ``ManagerNeeded``.
    """
    with savepoint(conn):
        there = many(conn, statement(_PACKAGE, "lock_cashiers"), _Row, town_id=town_id, payee=payee)
        if all(row.id != cashier_id for row in there):
            raise CashierNotFound(cashier=cashier_id)
        left = [row for row in there if row.id != cashier_id]
        if left and not any(row.role == Duty.MANAGER for row in left):
            raise ManagerNeeded
        if (shift := open_shift_of(conn, town_id=town_id, payee=payee, cashier_id=cashier_id)) is not None:
            close_shift(conn, town_id=town_id, payee=payee, shift_id=shift, actor=actor, at=at)
        execute(conn, statement(_PACKAGE, "end_cashier"), town_id=town_id, id=cashier_id, at=at, actor=actor)
        _record(conn, town_id, actor, "payments.cashier-ended", cashier_id, at, payee=payee)


def ask(
    opened: Opened, *, town_id: int, payee: UUID, cashier_id: UUID, pin: str, at: datetime, secrets: Secrets
) -> Cashier:
    """The cashier, if this is their PIN; a try is counted and committed before it is looked at, as for cards.

    ``opened`` opens a transaction and commits it at the end of its block; nothing of the caller's is open around it.
    Refuses with ``CashierNotFound``, ``CashierMustWait``, ``CashierPinWrong``, and with ``KeyMissing`` where this machine
    lacks the key that the PIN's hash is sealed under: that counts no try.
    """
    with opened() as conn:
        row = _row(conn, town_id, payee, cashier_id, lock=True)
        counted = 0 if row.last_at is None or at >= row.last_at + rules.FORGOTTEN_AFTER else row.counted
        until = rules.locked_until(counted, row.last_at) if row.last_at is not None else None
        if until is not None and at < until:
            raise CashierMustWait(cashier=cashier_id, until=until)
        pin_seals.check_key(secrets, row.pin_hash)
        _count(conn, town_id, cashier_id, counted + 1, at)
    try:
        plain = pin_seals.opened(secrets, _seal_place(town_id, cashier_id), row.pin_hash)
        _HASHER.verify(plain, _peppered(secrets, town_id, cashier_id, ascii_digits(pin).strip()))
    except (VerificationError, InvalidHashError, SealBroken):
        raise CashierPinWrong(cashier=cashier_id) from None
    with opened() as conn:
        _count(conn, town_id, cashier_id, 0, at)
        return _cashier(row, Vault(conn, secrets))


def open_shift(
    conn: Connection[Any], *, town_id: int, payee: UUID, cashier_id: UUID | None, actor: str, at: datetime
) -> UUID:
    """Begin somebody's shift, or go on with the one that is open. Part of the caller's transaction."""
    found = open_shift_of(conn, town_id=town_id, payee=payee, cashier_id=cashier_id)
    if found is not None:
        return found
    made = new_id()
    if execute(
        conn, statement(_PACKAGE, "add_shift"), town_id=town_id, id=made, payee=payee, cashier=cashier_id, at=at,
        actor=actor,
    ):  # fmt: skip
        return made
    found = open_shift_of(conn, town_id=town_id, payee=payee, cashier_id=cashier_id)
    assert found is not None, "who could not begin a shift has one"
    return found


def open_shift_of(conn: Connection[Any], *, town_id: int, payee: UUID, cashier_id: UUID | None) -> UUID | None:
    """The open shift of a cashier, or (None) of a shop without any."""
    found = maybe(conn, statement(_PACKAGE, "open_shift"), _Id, town_id=town_id, payee=payee, cashier=cashier_id)
    return found.id if found else None


def close_shift(conn: Connection[Any], *, town_id: int, payee: UUID, shift_id: UUID, actor: str, at: datetime) -> Shift:
    """End a shift and count it; again, it is counted as it was. Part of the caller's transaction. ``ShiftNotFound``."""
    with savepoint(conn):
        ended = execute(
            conn, statement(_PACKAGE, "close_shift"), town_id=town_id, payee=payee, id=shift_id, at=at, actor=actor
        )
        found = shift(conn, town_id=town_id, payee=payee, shift_id=shift_id)
        if ended:
            record(
                conn,
                town_id=town_id,
                actor=actor,
                action="payments.shift-closed",
                subject=f"shift:{shift_id}",
                after={"sold_minor": found.sold_minor, "refunded_minor": found.refunded_minor},
                at=at,
            )
    return found


def shift(conn: Connection[Any], *, town_id: int, payee: UUID, shift_id: UUID) -> Shift:
    """One shift with what was taken in it, or ``ShiftNotFound``."""
    for found in many(conn, statement(_PACKAGE, "shifts_of"), Shift, town_id=town_id, payee=payee, id=shift_id, most=1):
        return found
    raise ShiftNotFound(shift=shift_id)


def shifts(conn: Connection[Any], *, town_id: int, payee: UUID, most: int = 30) -> Sequence[Shift]:
    """A shop's shifts, the newest first."""
    return many(conn, statement(_PACKAGE, "shifts_of"), Shift, town_id=town_id, payee=payee, id=None, most=most)


@dataclass(frozen=True, slots=True)
class _Kept:
    town_id: int
    id: UUID
    pin_hash: str


def rewrap_pins(
    conn: Connection[Any], secrets: Secrets, *, limit: int = 1000, after: tuple[int, UUID] = _FIRST
) -> list[tuple[int, UUID]]:
    """Seal up to ``limit`` hashes of cashiers' PINs under the current key again, as ``pins.rewrap`` those of cards."""
    stale = many(
        conn, statement(_PACKAGE, "pins_under_other_keys"), _Kept, mark=pin_seals.mark(secrets), town_id=after[0],
        id=after[1], size=limit,
    )  # fmt: skip
    execute(
        conn,
        statement(_PACKAGE, "seal_pins_anew"),
        towns=[kept.town_id for kept in stale],
        ids=[kept.id for kept in stale],
        hashes=[
            pin_seals.sealed_anew(secrets, _seal_place(kept.town_id, kept.id), kept.pin_hash, of=f"cashier:{kept.id}")
            for kept in stale
        ],
    )
    return [(kept.town_id, kept.id) for kept in stale]


@dataclass(frozen=True, slots=True)
class _Id:
    id: UUID


def _row(conn: Connection[Any], town_id: int, payee: UUID, cashier_id: UUID, *, lock: bool = False) -> _Row:
    name = "lock_cashiers" if lock else "cashiers_of"
    for row in many(conn, statement(_PACKAGE, name), _Row, town_id=town_id, payee=payee):
        if row.id == cashier_id:
            return row
    raise CashierNotFound(cashier=cashier_id)


def _cashier(row: _Row, vault: Vault) -> Cashier:
    name = vault.unseal_for(row.payee, f"cashier:{row.id}", bytes(row.sealed_name)).decode()
    return Cashier(row.id, row.payee, Duty(row.role), row.made_at, row.ended_at, name)


def _count(conn: Connection[Any], town_id: int, cashier_id: UUID, counted: int, at: datetime) -> None:
    execute(conn, statement(_PACKAGE, "count_cashier"), town_id=town_id, id=cashier_id, counted=counted, at=at)


def _hashed(secrets: Secrets, town_id: int, cashier_id: UUID, pin: str) -> str:
    bare = ascii_digits(pin).strip()
    if not re.fullmatch(r"[0-9]{4,6}", bare) or len(set(bare)) == 1:
        raise CashierPinWeak
    plain = _HASHER.hash(_peppered(secrets, town_id, cashier_id, bare))
    return pin_seals.sealed(secrets, _seal_place(town_id, cashier_id), plain)


def _seal_place(town_id: int, cashier_id: UUID) -> bytes:
    return crypto.place(town_id, cashier_id, "#cashier-pin")


def _peppered(secrets: Secrets, town_id: int, cashier_id: UUID, bare: str) -> str:
    pepper = hmac.new(secrets.lookup, b"koinon-cashier-pin-1", hashlib.sha256).digest()
    return hmac.new(pepper, f"{town_id}|{cashier_id}|{bare}".encode(), hashlib.sha256).hexdigest()


def _record(
    conn: Connection[Any],
    town_id: int,
    actor: str,
    action: str,
    cashier_id: UUID,
    at: datetime,
    *,
    payee: UUID,
    role: Duty | None = None,
) -> None:
    after = {"shop": str(payee)} | ({"role": role.value} if role else {})
    record(conn, town_id=town_id, actor=actor, action=action, subject=f"cashier:{cashier_id}", after=after, at=at)
