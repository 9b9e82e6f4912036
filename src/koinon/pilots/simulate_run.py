"""Living a simulated day in a real town: what the model means to do goes through the tills.

Every intention becomes the operation that the API and the till use. A day is
one transaction, and its last row is an audit entry that says it is over; a
process that is killed leaves whole days only, and the next one goes on with
the first day that has no such entry.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit import operations as audit
from koinon.db.statements import many, statement
from koinon.kernel.errors import KoinonError
from koinon.kernel.money import Amount
from koinon.kernel.periods import Month
from koinon.parties.types import TownFacts
from koinon.payments import operations as payments
from koinon.pilots.simulate import Behaviour, Buyer, Intention, Kind, Model, PastPayment, Shop, Town
from koinon.treasury import operations as treasury
from koinon.treasury import queries as euros

ACTOR = "job:demo"
DAY_LIVED = "pilots.day-simulated"
_PACKAGE = "koinon.pilots"


@dataclass(frozen=True, slots=True)
class DayLived:
    """What came of a day: how many of each kind were done, and how many refused, by code."""

    day: date
    done: Mapping[str, int]
    refused: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Buyer:
    party: UUID
    zone: str
    members: int


@dataclass(frozen=True, slots=True)
class _Shop:
    place: int
    party: UUID
    zone: str
    sector: str
    wholesale: bool


@dataclass(frozen=True, slots=True)
class _Balance:
    party: UUID
    available_minor: int


@dataclass(frozen=True, slots=True)
class _Lived:
    day: str
    done: str
    refused: str


def model(
    conn: Connection[Any],
    town: TownFacts,
    *,
    month: Month,
    habits: Behaviour,
) -> Model:
    """The model of a town as its records are now."""
    buyers = many(conn, statement(_PACKAGE, "simulate_buyers"), _Buyer, town_id=town.id)
    shops = many(conn, statement(_PACKAGE, "simulate_shops"), _Shop, town_id=town.id, day=month.first_day)
    return Model(
        Town(
            time_zone=town.time_zone,
            exponent=town.exponent,
            buyers=tuple(
                Buyer(row.party, f"household-{place}", row.zone, row.members) for place, row in enumerate(buyers, 1)
            ),
            shops=tuple(Shop(row.party, f"shop-{row.place}", row.zone, row.sector, row.wholesale) for row in shops),
            neighbours=habits.neighbours.get(town.slug, frozenset()),
            smallest_redemption_minor=max(
                euros.terms(conn, town_id=town.id, day=day).minimum_minor for day in (month.first_day, month.last_day)
            ),
        ),
        habits,
    )


def days_lived(conn: Connection[Any], town: TownFacts, month: Month) -> dict[date, DayLived]:
    """The days of a month that are over, by the audit entries that end them."""
    rows = many(
        conn,
        statement(_PACKAGE, "simulate_days_lived"),
        _Lived,
        town_id=town.id,
        action=DAY_LIVED,
        subjects=[_subject(day) for day in month.days()],
    )
    lived = [DayLived(date.fromisoformat(row.day), json.loads(row.done), json.loads(row.refused)) for row in rows]
    return {one.day: one for one in lived}


def live(conn: Connection[Any], town: TownFacts, *, model: Model, day: date, start: datetime | None = None) -> DayLived:
    """Live one day, in the caller's transaction, and end it with an audit entry."""
    balances = many(conn, statement(_PACKAGE, "simulate_balances"), _Balance, town_id=town.id)
    yesterday = many(
        conn,
        statement(_PACKAGE, "simulate_purchases"),
        PastPayment,
        town_id=town.id,
        prefix=f"demo:{Month.of(day - timedelta(days=1))}:{(day - timedelta(days=1)).day:02d}:",
    )
    meant = model.day(
        day,
        balances={row.party: row.available_minor for row in balances},
        yesterday=yesterday,
        start=start,
    )
    done, refused = carry_out(conn, town, meant)
    lived = DayLived(day, done, refused)
    audit.record(
        conn,
        town_id=town.id,
        actor=ACTOR,
        action=DAY_LIVED,
        subject=_subject(day),
        reason="generated people and behaviour",
        after={"day": day.isoformat(), "done": dict(done), "refused": dict(refused)},
        at=meant[-1].at if meant else datetime.combine(day, datetime.min.time(), town.zone),
    )
    return lived


def carry_out(
    conn: Connection[Any], town: TownFacts, meant: Sequence[Intention]
) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """Take every intention to its till; a refusal is part of life, and operations undo what they refuse."""
    done: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for one in meant:
        try:
            _carry_out(conn, town, one)
        except KoinonError as no:
            refused[no.code] += 1
        else:
            done[one.kind] += 1
    return dict(sorted(done.items())), dict(sorted(refused.items()))


def _carry_out(conn: Connection[Any], town: TownFacts, one: Intention) -> None:
    amount = Amount(one.minor, town.unit_code)
    match one.kind:
        case Kind.PURCHASE | Kind.SUPPLY:
            assert one.other is not None
            payments.pay(
                conn,
                town_id=town.id,
                payer=one.party,
                payee=one.other,
                amount=amount,
                idempotency_key=one.key,
                effective_at=one.at,
                actor=ACTOR,
            )
        case Kind.REFUND:
            assert one.payment is not None
            payments.refund(
                conn,
                town_id=town.id,
                payment_id=one.payment,
                amount=amount,
                idempotency_key=one.key,
                effective_at=one.at,
                actor=ACTOR,
            )
        case Kind.REDEMPTION:
            treasury.request_redemption(
                conn, town_id=town.id, party=one.party, amount=amount, idempotency_key=one.key, at=one.at, actor=ACTOR
            )


def _subject(day: date) -> str:
    return f"day:{day.isoformat()}"
