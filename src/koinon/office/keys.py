"""Turning over the key outside the database: what stands under which key, wrapping it anew, and when an old key may go.

The key that is current wraps the key of every party and seals hashes of PINs, codes of cards in the drawer and secrets
of webhooks. Turning over makes another key current and wraps all of it again, batch by batch; every batch is a transaction
of its own, and every row says under which key it is, so that whoever has both keys reads everything at every moment. A run
that is killed is run again and goes on. docs/guides/turn-the-keys.md is for the person who does it; docs/decisions/0042
says what does not turn, and why.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit.operations import record
from koinon.db.statements import many, statement
from koinon.instruments import operations as cards
from koinon.instruments import pins
from koinon.office.queries import KEPT_FOR
from koinon.outbox import operations as outbox
from koinon.parties.errors import KeyInUse, KeyMissing, KeysBusy, KeyUnknown, NextKeyMissing
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from koinon.payments import shifts

_PACKAGE = "koinon.office"
GRACE = timedelta(days=1)
"""How long an old key stays at the least: a program that began before the turn may seal under it until it ends."""

PATIENCE_SECONDS = 30.0
_PAUSE_SECONDS = 0.2

Opened = Callable[[], AbstractContextManager[Connection[Any]]]
Told = Callable[[str, int, int], None]
_Row = tuple[int, UUID]


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a batch of a kind is wrapped anew behind some row, and the row before the first."""

    wrap: Callable[[Connection[Any], Secrets, int, Any], Sequence[Any]]
    first: Any = None


def _people(conn: Connection[Any], secrets: Secrets, limit: int, after: UUID) -> Sequence[UUID]:
    return Vault(conn, secrets).rewrap(limit=limit, after=after)


def _pins(conn: Connection[Any], secrets: Secrets, limit: int, after: _Row) -> Sequence[_Row]:
    return pins.rewrap(conn, secrets, limit=limit, after=after)


def _cashiers_pins(conn: Connection[Any], secrets: Secrets, limit: int, after: _Row) -> Sequence[_Row]:
    return shifts.rewrap_pins(conn, secrets, limit=limit, after=after)


def _cards(conn: Connection[Any], secrets: Secrets, limit: int, _after: None) -> Sequence[int]:
    return range(cards.rewrap(conn, secrets, limit=limit))


def _webhooks(conn: Connection[Any], secrets: Secrets, limit: int, _after: None) -> Sequence[int]:
    return range(outbox.rewrap(conn, secrets, limit=limit))


WRAPPED: Mapping[str, _Kind] = {
    "people": _Kind(_people, UUID(int=0)),
    "pins": _Kind(_pins, (0, UUID(int=0))),
    "cashiers-pins": _Kind(_cashiers_pins, (0, UUID(int=0))),
    "cards-in-the-drawer": _Kind(_cards),
    "webhooks": _Kind(_webhooks),
}
"""What is wrapped anew. Payment requests and files being looked at are not: they end by themselves."""


@dataclass(frozen=True, slots=True)
class Held:
    """How many of a kind stand under a key, and until when, where they end by themselves."""

    what: str
    key_id: str
    held: int
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """A key of the file, what stands under it, and from when on it may be destroyed, if nothing is to be wrapped first."""

    key_id: str
    is_current: bool
    is_next: bool
    held: Mapping[str, int]
    free_from: datetime | None

    @property
    def state(self) -> str:
        return "current" if self.is_current else "next" if self.is_next else "old"


@dataclass(frozen=True, slots=True)
class _Last:
    town_id: int
    action: str


def held(conn: Connection[Any], *, at: datetime) -> list[Held]:
    """What stands under which key, in every town."""
    return many(conn, statement(_PACKAGE, "held_by_keys"), Held, at=at, since=at - KEPT_FOR)


def standing(conn: Connection[Any], secrets: Secrets, *, at: datetime) -> list[Standing]:
    """Every key of the file, as it stands. Refuses with ``KeyMissing`` where something is under a key that is not there."""
    found = held(conn, at=at)
    for one in found:
        if one.key_id and one.key_id not in secrets.keys and one.what in WRAPPED:
            raise KeyMissing(key_id=one.key_id)
    return [_standing(secrets, key_id, [one for one in found if one.key_id == key_id], at) for key_id in secrets.keys]


def _standing(secrets: Secrets, key_id: str, under: Sequence[Held], at: datetime) -> Standing:
    counted = {one.what: one.held for one in under}
    is_current, is_next = key_id == secrets.current, key_id == secrets.next
    ends = [one.until for one in under if one.until is not None]
    if secrets.turned_at is not None:
        ends.append(secrets.turned_at + GRACE)
    free = None if is_current or is_next or any(what in WRAPPED for what in counted) else max([at, *ends])
    return Standing(key_id, is_current, is_next, counted, free)


def left(conn: Connection[Any], secrets: Secrets, *, at: datetime) -> dict[str, int]:
    """How many of each kind are still to be wrapped under the current key."""
    counted = dict.fromkeys(WRAPPED, 0)
    for one in held(conn, at=at):
        if one.what in counted and one.key_id != secrets.current:
            counted[one.what] += one.held
    return counted


def turn(opened: Opened, secrets: Secrets, *, actor: str, at: datetime) -> Secrets:
    """Make the key that waits the current one; where none waits, go on with a turn that was not ended, or that was.

    Refuses with ``KeyMissing`` before anything is changed, where something is under a key that the file does not hold;
    with ``NextKeyMissing`` where there is no turn to go on with; and with ``NextKeyUnfit``.
    """
    with opened() as conn:
        keys = standing(conn, secrets, at=at)
        to_do = sum(left(conn, secrets, at=at).values())
    if secrets.next:
        secrets = secrets.turned(at=at)
    elif not to_do and all(key.is_current for key in keys):
        raise NextKeyMissing(path=secrets.path)
    if secrets.turned_at is not None:
        with opened() as conn:
            _record(conn, "parties.key-turned", secrets.current, actor=actor, at=at)
    return secrets


def rewrap(
    opened: Opened, secrets: Secrets, *, at: datetime, told: Told, batch: int = 1000, patience: float = PATIENCE_SECONDS
) -> dict[str, int]:
    """Wrap all that stands under other keys under the current one; how many of each kind.

    ``opened`` opens a transaction and commits it at the end of its block: it is used once for each ``batch``.
    ``told`` hears of a kind, how many of it are done and how many there were. What others are writing is passed over and,
    once all else is wrapped, tried again for ``patience`` seconds; then refused with ``KeysBusy``. Run again, it goes on.
    """
    done = dict.fromkeys(WRAPPED, 0)
    with opened() as conn:
        total = left(conn, secrets, at=at)
    until: float | None = None
    while True:
        for what, kind in WRAPPED.items():
            after = kind.first
            while total[what]:
                with opened() as conn:
                    moved = kind.wrap(conn, secrets, batch, after)
                if not moved:
                    break
                after = moved[-1]
                done[what] += len(moved)
                told(what, done[what], max(total[what], done[what]))
        with opened() as conn:
            still = left(conn, secrets, at=at)
        if not any(still.values()):
            return done
        if until is None:
            until = time.monotonic() + patience
        elif time.monotonic() > until:
            raise KeysBusy(left=sum(still.values()))
        total = {what: done[what] + count if count else 0 for what, count in still.items()}
        time.sleep(_PAUSE_SECONDS)


def destroy(opened: Opened, secrets: Secrets, *, key_id: str, actor: str, at: datetime) -> Secrets:
    """Take an old key out of the file for good; called again, it ends what was killed on the way.

    ``opened`` opens a transaction and commits it at the end of its block. Every town's trail says that it begins, then
    the file is replaced, then the trail says that it is done, each kept before the next: no key is ever gone of which
    the trail knows nothing.

    Refuses as ``check_free`` does.
    """
    with opened() as conn:
        check_free(conn, secrets, key_id=key_id, at=at)
        _record(conn, "parties.key-destruction-begun", key_id, actor=actor, at=at)
    left = secrets.without(key_id)
    with opened() as conn:
        _record(conn, "parties.key-destroyed", key_id, actor=actor, at=at)
    return left


def check_free(conn: Connection[Any], secrets: Secrets, *, key_id: str, at: datetime) -> None:
    """Whether a key may be destroyed now, or is out of the file already while the trail has still to say so.

    Refuses with ``KeyUnknown``, and with ``KeyInUse`` for a key that is current or waits, under which anything stands, or from
    which the installation turned away less than a day ago; and in a database that holds nothing under the current one either.
    """
    found = standing(conn, secrets, at=at)
    key = next((one for one in found if one.key_id == key_id), None)
    if key is None and not _is_begun(conn, key_id):
        raise KeyUnknown(key_id=key_id, known=list(secrets.keys))
    if key is not None and (reason := _still_needed(key, at)):
        raise KeyInUse(key_id=key_id, reason=reason)
    if not any(what in WRAPPED for one in found if one.is_current for what in one.held):
        # That nothing is under the old one says nothing then: all of it may stand in another database.
        raise KeyInUse(
            key_id=key_id,
            reason="this database holds nothing under the current key either; is it the one of this file?",
        )


def _still_needed(key: Standing, at: datetime) -> str:
    """Why a key of the file must stay for now; empty where it may go."""
    if key.is_current:
        return "it is the current one; `koinon keys rotate` turns to another"
    if key.is_next:
        return "it waits to be turned to; `koinon keys rotate` does"
    if wrapped := sum(count for what, count in key.held.items() if what in WRAPPED):
        return f"{wrapped} are still wrapped by it; `koinon keys rotate` wraps them by the current one"
    if key.free_from is not None and key.free_from > at:
        return f"it may be destroyed from {key.free_from:%Y-%m-%d %H:%M} UTC on"
    return ""


def _is_begun(conn: Connection[Any], key_id: str) -> bool:
    return any(last.action == "parties.key-destruction-begun" for last in _last_acts(conn, key_id))


def _record(conn: Connection[Any], action: str, key_id: str, *, actor: str, at: datetime) -> None:
    """Say it in every town's trail, for the key is the installation's; once, for a run that was killed is run again."""
    for last in _last_acts(conn, key_id):
        if last.action != action:
            record(conn, town_id=last.town_id, actor=actor, action=action, subject=_subject(key_id), at=at)


def _last_acts(conn: Connection[Any], key_id: str) -> list[_Last]:
    return many(conn, statement(_PACKAGE, "last_acts"), _Last, subject=_subject(key_id))


def _subject(key_id: str) -> str:
    return f"key:{key_id}"
