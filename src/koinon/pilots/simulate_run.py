"""Living a simulated day in a real town: what the model means to do goes through the tills.

Every intention becomes the operation that the API and the till use, those that
follow one another in one batch. A day is one transaction, and its last row is
an audit entry that says it is over; a process that is killed leaves whole days
only, and the next one goes on with the first day that has no such entry. The id
of an intention follows from its town, day and number, so that none is ever
carried out twice.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit import operations as audit
from koinon.db.statements import many, statement
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import id_from
from koinon.kernel.money import Amount
from koinon.kernel.periods import Month
from koinon.parties.types import TownFacts
from koinon.payments import operations as payments
from koinon.payments.commands import Command, Pay, RefundPayment
from koinon.pilots.simulate import Behaviour, Buyer, Intention, Kind, Model, PastPayment, Shop, Town, key_of
from koinon.treasury import operations as treasury
from koinon.treasury import queries as euros

ACTOR = "job:demo"
DAY_LIVED = "pilots.day-simulated"
BATCH = 5_000  # Payments in one call of the operation.
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
class _Purchase:
    id: UUID
    payer: UUID
    payee: UUID
    minor: int


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
    return {one.day: one for one in _lived(conn, town, month.days())}


def _lived(conn: Connection[Any], town: TownFacts, days: Sequence[date]) -> list[DayLived]:
    rows = many(
        conn,
        statement(_PACKAGE, "simulate_days_lived"),
        _Lived,
        town_id=town.id,
        action=DAY_LIVED,
        subjects=[_subject(day) for day in days],
    )
    return [DayLived(date.fromisoformat(row.day), json.loads(row.done), json.loads(row.refused)) for row in rows]


def live(conn: Connection[Any], town: TownFacts, *, model: Model, day: date, start: datetime | None = None) -> DayLived:
    """Live one day, in the caller's transaction, and end it with an audit entry."""
    balances = many(conn, statement(_PACKAGE, "simulate_balances"), _Balance, town_id=town.id)
    meant = model.day(
        day,
        balances={row.party: row.available_minor for row in balances},
        yesterday=_purchases_of(conn, town, day - timedelta(days=1)),
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


def _purchases_of(conn: Connection[Any], town: TownFacts, day: date) -> list[PastPayment]:
    """What households bought on a simulated day and nothing was given back of, by the ids its intentions had."""
    meant = sum(sum(lived.done.values()) + sum(lived.refused.values()) for lived in _lived(conn, town, [day]))
    keys = {_id(town, key): key for key in (key_of(day, number) for number in range(1, meant + 1))}
    found = many(conn, statement(_PACKAGE, "simulate_purchases"), _Purchase, town_id=town.id, ids=list(keys))
    return [PastPayment(one.id, keys[one.id], one.payer, one.payee, one.minor) for one in found]


def carry_out(
    conn: Connection[Any], town: TownFacts, meant: Sequence[Intention]
) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """Take every intention to its till, in order; a refusal is part of life, and operations undo what they refuse."""
    done: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for at_the_till, group in groupby(meant, key=lambda one: one.kind is not Kind.REDEMPTION):
        intentions = list(group)
        outcomes = _at_the_till(conn, town, intentions) if at_the_till else _redeem(conn, town, intentions)
        for one, refusal in zip(intentions, outcomes, strict=True):
            if refusal is None:
                done[one.kind] += 1
            else:
                refused[refusal.code] += 1
    return dict(sorted(done.items())), dict(sorted(refused.items()))


def _at_the_till(conn: Connection[Any], town: TownFacts, meant: Sequence[Intention]) -> list[KoinonError | None]:
    """Payments and refunds, in exact batches; the refusal of each, or None."""
    refusals: list[KoinonError | None] = []
    for first in range(0, len(meant), BATCH):
        commands = [_command(town, one) for one in meant[first : first + BATCH]]
        outcomes = payments.perform(conn, town_id=town.id, commands=commands)
        refusals += [outcome if isinstance(outcome, KoinonError) else None for outcome in outcomes]
    return refusals


def _command(town: TownFacts, one: Intention) -> Command:
    identifier, amount = _id(town, one.key), Amount(one.minor, town.unit_code)
    if one.kind is Kind.REFUND:
        assert one.payment is not None
        return RefundPayment(identifier, one.payment, amount, one.at, ACTOR)
    assert one.other is not None
    return Pay(identifier, one.party, one.other, amount, one.at, ACTOR)


def _redeem(conn: Connection[Any], town: TownFacts, meant: Sequence[Intention]) -> list[KoinonError | None]:
    """Requests to be paid in euros; the refusal of each, or None."""
    refusals: list[KoinonError | None] = []
    for one in meant:
        try:
            treasury.request_redemption(
                conn,
                town_id=town.id,
                party=one.party,
                amount=Amount(one.minor, town.unit_code),
                idempotency_key=one.key,
                at=one.at,
                actor=ACTOR,
            )
        except KoinonError as refused:
            refusals.append(refused)
        else:
            refusals.append(None)
    return refusals


def _id(town: TownFacts, key: str) -> UUID:
    """The id of an intention in the books: the same in every installation."""
    return id_from(town.slug, "simulated", key)


def _subject(day: date) -> str:
    return f"day:{day.isoformat()}"
