"""Small purchases without a PIN: for a scanned card, up to an amount and so much a day, where a town allows them.

docs/algorithms/small-purchases.md has the table and says whom each limit serves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit.operations import record
from koinon.db.statements import execute, many, maybe, scalar, statement
from koinon.db.transactions import savepoint
from koinon.instruments import queries, rules
from koinon.instruments.errors import KeyReused, PinNeeded, SmallTermsNotSound
from koinon.instruments.operations import locked
from koinon.instruments.types import InstrumentKind, Presented, Way
from koinon.kernel.decisions import Ground

_PACKAGE = "koinon.instruments"
_KEPT = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class SmallTerms:
    """What a card pays without a PIN from ``from_day`` on, in minor units; 0 and 0: nothing."""

    from_day: date
    most_minor: int
    per_day_minor: int

    @property
    def allowed(self) -> bool:
        return self.most_minor > 0


OFF = SmallTerms(date.min, 0, 0)


def terms(conn: Connection[Any], *, town_id: int, day: date) -> SmallTerms:
    """The terms that hold on a local day; ``OFF`` where the town has said nothing."""
    return maybe(conn, statement(_PACKAGE, "small_terms"), SmallTerms, town_id=town_id, day=day) or OFF


def terms_after(conn: Connection[Any], *, town_id: int, day: date) -> list[SmallTerms]:
    """Terms that were announced and do not hold yet, the next ones first."""
    return many(conn, statement(_PACKAGE, "small_terms_after"), SmallTerms, town_id=town_id, day=day)


def set_terms(
    conn: Connection[Any],
    *,
    town_id: int,
    from_day: date,
    most_minor: int,
    per_day_minor: int,
    today: date,
    at: datetime,
    actor: str,
) -> SmallTerms:
    """Say what holds from a local day on; 0 and 0 switch it off.

    Part of the caller's transaction. The same again does nothing. Refuses with ``SmallTermsNotSound``, which has every
    ground, and ``KeyReused`` where other terms begin on that day already.
    """
    grounds = why_not_sound(from_day=from_day, most_minor=most_minor, per_day_minor=per_day_minor, today=today)
    if grounds:
        raise SmallTermsNotSound(grounds=grounds)
    said = SmallTerms(from_day, most_minor, per_day_minor)
    with savepoint(conn):
        if execute(
            conn, statement(_PACKAGE, "add_small_terms"), town_id=town_id, from_day=from_day, most=most_minor,
            per_day=per_day_minor, at=at, actor=actor,
        ):  # fmt: skip
            record(
                conn,
                town_id=town_id,
                actor=actor,
                action="instruments.small-terms-set",
                subject=f"town:{town_id}",
                after={"from_day": from_day.isoformat(), "most_minor": most_minor, "per_day_minor": per_day_minor},
                at=at,
            )
        elif terms(conn, town_id=town_id, day=from_day) != said:
            raise KeyReused(key=from_day.isoformat())
    return said


def why_not_sound(*, from_day: date, most_minor: int, per_day_minor: int, today: date) -> tuple[Ground, ...]:
    """Every ground against such terms.

    >>> [ground.code for ground in why_not_sound(
    ...     from_day=date(2026, 11, 1), most_minor=10_00, per_day_minor=5_00, today=date(2026, 11, 2))]
    ['small-terms.past', 'small-terms.day-below-purchase']
    """
    grounds = []
    if from_day < today:
        grounds.append(Ground("small-terms.past", {"from_day": from_day.isoformat()}))
    if min(most_minor, per_day_minor) < 0 or (most_minor == 0) != (per_day_minor == 0):
        grounds.append(Ground("small-terms.not-both"))
    elif per_day_minor < most_minor:
        grounds.append(Ground("small-terms.day-below-purchase"))
    return tuple(grounds)


def why_pin(
    held: SmallTerms, presented: Presented, *, amount_minor: int, spent_minor: int, tries: int
) -> tuple[Ground, ...]:
    """Every ground on which a PIN must be asked for this purchase; empty where none is needed.

    ``spent_minor`` is what the card paid without a PIN on that local day, ``tries`` how many wrong PINs in a row
    were typed for it, either way.
    """
    if not held.allowed:
        return (Ground("small.off"),)
    grounds = []
    if presented.card.kind is not InstrumentKind.CARD:
        grounds.append(Ground("small.phone"))
    if presented.way is not Way.SCANNED:
        grounds.append(Ground("small.typed"))
    if not presented.card.has_pin:
        grounds.append(Ground("small.no-pin-chosen"))
    if tries:
        grounds.append(Ground("small.wrong-pins"))
    if amount_minor > held.most_minor:
        grounds.append(Ground("small.too-large", {"most_minor": held.most_minor}))
    elif spent_minor + amount_minor > held.per_day_minor:
        grounds.append(Ground("small.day-limit", {"per_day_minor": held.per_day_minor}))
    return tuple(grounds)


def grounds(
    conn: Connection[Any], *, town_id: int, presented: Presented, amount_minor: int, day: date
) -> tuple[Ground, ...]:
    """``why_pin`` as things stand now, without a lock: what a till is told before it asks."""
    rules.usable(presented.card)
    held = terms(conn, town_id=town_id, day=day)
    if not held.allowed:
        return why_pin(held, presented, amount_minor=amount_minor, spent_minor=0, tries=0)
    card = presented.card.id
    spent = scalar(conn, statement(_PACKAGE, "small_spent"), town_id=town_id, card=card, day=day)
    tries = sum(one.counted for one in queries.tries(conn, town_id=town_id, card_id=card))
    return why_pin(held, presented, amount_minor=amount_minor, spent_minor=int(spent), tries=tries)


def count(
    conn: Connection[Any], *, town_id: int, presented: Presented, payment: UUID, amount_minor: int, day: date
) -> None:
    """Count a purchase without a PIN, or refuse with ``PinNeeded``; in the transaction that pays.

    Locks the card, so that purchases at several tills are counted one after another.
    """
    [card] = locked(conn, town_id, [presented.card.id])
    found = grounds(
        conn,
        town_id=town_id,
        presented=Presented(card, presented.way, presented.code),
        amount_minor=amount_minor,
        day=day,
    )
    if found:
        raise PinNeeded(card=card.id, grounds=found)
    execute(conn, statement(_PACKAGE, "forget_small"), town_id=town_id, card=card.id, before=day - _KEPT)
    execute(
        conn, statement(_PACKAGE, "add_small"), town_id=town_id, payment=payment, card=card.id, day=day,
        minor=amount_minor,
    )  # fmt: skip
