"""Standing orders: whatever a till holds above an amount is asked for before every run, so that nobody has to think of it.

Each function is part of its caller's transaction and may be repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import execute, many, maybe, statement
from koinon.kernel.money import Amount
from koinon.ledger import queries as books
from koinon.ledger.types import Kind
from koinon.parties import queries as parties
from koinon.treasury import queries, rules
from koinon.treasury.errors import NoTill
from koinon.treasury.redemptions import request_redemption
from koinon.treasury.steps import PACKAGE, record
from koinon.treasury.types import Redemption

ACTOR = "job:standing-orders"
MONDAYS = "weekly:1"  # Where the town makes runs on any day, a standing order still asks once a week.


@dataclass(frozen=True, slots=True)
class StandingOrder:
    """What stays in a business's till, in minor units; ``upto`` is the run day up to which it was asked for."""

    party: UUID
    keep_minor: int
    upto: date
    set_at: datetime


def order_of(conn: Connection[Any], *, town_id: int, party: UUID) -> StandingOrder | None:
    """The standing order of a business, where it has one."""
    return maybe(conn, statement(PACKAGE, "standing_orders"), StandingOrder, town_id=town_id, party=party)


def orders(conn: Connection[Any], *, town_id: int) -> list[StandingOrder]:
    """The standing orders of a town."""
    return many(conn, statement(PACKAGE, "standing_orders"), StandingOrder, town_id=town_id, party=None)


def set_order(
    conn: Connection[Any], *, town_id: int, party: UUID, keep_minor: int, actor: str, at: datetime
) -> StandingOrder:
    """From the next run on, ask for whatever the till holds above ``keep_minor``. Refuses with ``NoTill``."""
    assert keep_minor >= 0
    town = parties.town(conn, town_id)
    if books.account(conn, town_id=town_id, kind=Kind.TILL, holder=party) is None:
        raise NoTill(party=party)
    today = at.astimezone(town.zone).date()
    # A run that a request of today would come too late for is not asked for.
    upto = today + timedelta(days=queries.terms(conn, town_id=town_id, day=today).cooling_days)
    kept = {"town_id": town_id, "party": party, "keep_minor": keep_minor, "upto": upto}
    if execute(conn, statement(PACKAGE, "set_standing_order"), **kept, actor=actor, at=at):
        record(conn, town_id, actor, "treasury.standing-order-set", f"party:{party}", at, keep_minor=keep_minor)
    order = order_of(conn, town_id=town_id, party=party)
    assert order is not None
    return order


def end_order(conn: Connection[Any], *, town_id: int, party: UUID, actor: str, at: datetime) -> bool:
    """End a standing order; what was asked for stays asked for. False where there was none."""
    ended = bool(execute(conn, statement(PACKAGE, "end_standing_order"), town_id=town_id, party=party))
    if ended:
        record(conn, town_id, actor, "treasury.standing-order-ended", f"party:{party}", at)
    return ended


def ask_due(conn: Connection[Any], *, town_id: int, party: UUID, at: datetime) -> Redemption | None:
    """Ask for the next run where its time has come: so early that the request has waited when the run is made.

    None where it is not time yet, or the till holds too little. A run is asked for once, however often this is called.
    Refuses as ``request_redemption`` does.
    """
    order = maybe(conn, statement(PACKAGE, "lock_standing_order"), StandingOrder, town_id=town_id, party=party)
    if order is None:
        return None
    town = parties.town(conn, town_id)
    today = at.astimezone(town.zone).date()
    terms = queries.terms(conn, town_id=town_id, day=today)
    reaches = today + timedelta(days=terms.cooling_days)
    if run_day_after(order.upto, terms.schedule) > reaches:
        return None
    execute(conn, statement(PACKAGE, "standing_order_asked"), town_id=town_id, party=party, upto=reaches)
    till = books.account(conn, town_id=town_id, kind=Kind.TILL, holder=party)
    over = till.available.minor - order.keep_minor if till is not None else 0
    if over < max(terms.minimum_minor, rules.fee_minor(max(over, 0), terms) + 1):
        return None
    return request_redemption(
        conn,
        town_id=town_id,
        party=party,
        amount=Amount(over, town.unit_code),
        idempotency_key=f"standing:{party}:{reaches}",
        at=at,
        actor=ACTOR,
    )


def run_day_after(day: date, schedule: str) -> date:
    """The first day after this one on which a standing order's run is made.

    >>> run_day_after(date(2026, 11, 6), "weekly:5"), run_day_after(date(2026, 11, 6), "")
    (datetime.date(2026, 11, 13), datetime.date(2026, 11, 9))
    """
    return rules.scheduled_day(day + timedelta(days=1), schedule or MONDAYS)
