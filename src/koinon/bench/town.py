"""A town to measure in: households with purses that have rules, shops of which few have most of the customers.

It is founded as real ones are: euros arrive for each fund, a programme's cycle is prepared,
approved by a second person and paid out. Every invariant of Koinon holds in it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.bench.server import Server
from koinon.db.connections import connect
from koinon.db.statements import execute, statement
from koinon.db.transactions import transaction
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount
from koinon.kernel.periods import Month
from koinon.programmes import operations as programmes
from koinon.treasury import operations as treasury

TEMPLATE = "bench_town"
UNIT = "XTS"
HOUSEHOLDS = 10_000  # Enough that in a round each pays a few times, as in a day.
SHOPS = 200
ZONES = ("port", "hill", "market", "river")
GROUPS = ("food", "food", "books", "health")  # Half of the shops sell food.
MONTHLY_MINOR = 1_000_000_00
OFFICER, APPROVER = "user:1", "user:2"


@dataclass(frozen=True, slots=True)
class _Fund:
    """``share`` of the households have it."""

    code: str
    rule: dict[str, Any]
    last_day_in: int
    every: int  # Each so many-th household has a purse of it.


FUNDS = (
    _Fund("aid", {"exclude_chains": True}, 60, every=1),
    _Fund("food", {"sectors": ["food"], "share_of_price": "1/2", "per_day_minor": 10**9}, 30, every=3),
)


@dataclass(frozen=True, slots=True)
class Town:
    """Who there is in the template, in the order of the numbers that traffic draws."""

    id: int
    households: list[UUID]
    shops: list[UUID]


def make_template(server: Server, base: str, *, households: int = HOUSEHOLDS, shops: int = SHOPS) -> Town:
    """The town in a database to be copied for each workload."""
    database = server.create(TEMPLATE, template=base)
    now = datetime.now(UTC)
    with connect(database.owner_url, application_name="koinon bench", statement_timeout_seconds=600) as conn:
        with transaction(conn):
            town = _found(conn, now, households, shops)
        for number, fund in enumerate(FUNDS):
            with transaction(conn):
                _pay_out(conn, town, fund, number, now)
    server.checkpoint()
    return town


def _found(conn: Connection[Any], now: datetime, households: int, shops: int) -> Town:
    town_id, body = 1, new_id()
    town = Town(town_id, [new_id() for _ in range(households)], [new_id() for _ in range(shops)])
    sql = "koinon.bench"
    execute(conn, statement(sql, "found_town"), town_id=town_id, unit=UNIT, body=body, now=now, zones=list(ZONES))
    execute(conn, statement(sql, "settle_households"), town_id=town_id, ids=town.households, now=now)
    execute(
        conn,
        statement(sql, "open_shops"),
        town_id=town_id,
        ids=town.shops,
        groups=[GROUPS[place % len(GROUPS)] for place in range(shops)],
        now=now,
    )
    return town


def _pay_out(conn: Connection[Any], town: Town, fund: _Fund, number: int, now: datetime) -> None:
    """One month of a programme over its fund, with the whole award paid in the currency."""
    today = now.date()
    fund_id, programme_id = new_id(), new_id()
    entitled = town.households[:: fund.every]
    total = Amount(MONTHLY_MINOR * len(entitled), UNIT)
    execute(
        conn,
        statement("koinon.bench", "begin_programme"),
        town_id=town.id,
        fund_id=fund_id,
        programme_id=programme_id,
        code=fund.code,
        rule=json.dumps(fund.rule),
        last_day=today + timedelta(days=fund.last_day_in),
        households=entitled,
        award_ids=[new_id() for _ in entitled],
        monthly_minor=MONTHLY_MINOR,
        from_day=date(today.year - 1, 1, 1),
    )
    treasury.receive_budget(
        conn,
        town_id=town.id,
        fund=fund_id,
        amount=total,
        bank_reference=f"bench/{number}",
        idempotency_key=f"bench/{number}",
        at=now,
        actor=OFFICER,
    )
    cycle = programmes.prepare_cycle(
        conn,
        town_id=town.id,
        programme_id=programme_id,
        month=Month(today.year, today.month),
        actor=OFFICER,
        now=now,
    )
    programmes.submit_cycle(conn, town_id=town.id, cycle_id=cycle.id, actor=OFFICER, now=now)
    programmes.approve_cycle(conn, town_id=town.id, cycle_id=cycle.id, actor=APPROVER, now=now)
    programmes.disburse_cycle(conn, town_id=town.id, cycle_id=cycle.id, actor=OFFICER, now=now)
