"""The SQL of the month's report against a plain reading of every row, over random months."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection

from koinon.impact.types import Flows, MonthReport, Wait
from koinon.ledger.errors import LedgerError
from tests.impact.story import MADRID, Story, told

HOMES = [f"home{number}" for number in range(12)]
SHOPS = [f"shop{number}" for number in range(8)]


@dataclass(frozen=True)
class Row:
    code: str
    amount: int
    debit: tuple[str, UUID]
    credit: tuple[str, UUID]
    debit_account: int
    credit_account: int
    at: datetime
    group: int
    id: UUID
    reverses: UUID | None


def random_town(conn: Connection[Any], seed: int) -> Story:
    """Three months of issues, gifts, purchases, wages, refunds, redemptions and expiries, in any order of time."""
    chance = random.Random(seed)
    story = told(conn, "\n".join(f"home {name}" for name in HOMES))
    for number, name in enumerate(SHOPS):
        story.tell(f"shop {name} zone=z{number % 3}" + (" sse" if number % 4 == 0 else ""))
    story.tell("2026-09-20 08:00 issue 900.00")
    story.tell("2026-09-20 08:00 give home0 30.00")
    payments = 0
    for _ in range(350):
        day = datetime(2026, 9, 21, tzinfo=MADRID) + timedelta(minutes=chance.randrange(70 * 24 * 60))
        when, home, shop = f"{day:%Y-%m-%d %H:%M}", chance.choice(HOMES), chance.choice(SHOPS)
        amount = f"{chance.randrange(40)}.{chance.randrange(1, 100):02d}"
        line = chance.choice(
            [
                f"{when} issue {amount}",
                f"{when} unissue {amount}",
                f"{when} i{payments}: give {home} {amount}",
                f"{when} i{payments}: give {home} {amount}",
                f"{when} p{payments}: pay {home} {shop} {amount}",
                f"{when} p{payments}: pay {home} {shop} {amount}",
                f"{when} p{payments}: pay {home} {shop} {amount}",
                f"{when} p{payments}: pay {shop} {chance.choice(SHOPS)} {amount}",
                f"{when} p{payments}: pay {shop} {home} {amount}",
                f"{when} pay {home} {chance.choice(HOMES)} {amount} own",
                f"{when} r{payments}: redeem {shop} {amount}",
                f"{when} expire {home} {amount}",
                f"{when} refund {chance.choice(list(story.named) or ['none'])} {amount}",
                f"{when} refund {chance.choice(list(story.named) or ['none'])}",
            ]
        )
        payments += 1
        try:
            with conn.transaction():
                story.tell(line)
        except (LedgerError, KeyError):
            continue  # No funds, or nothing left to refund: the town goes on.
    return story


def rows_of(story: Story) -> list[Row]:
    found = story.place.conn.execute(
        """
        SELECT t.code, t.amount_minor, d.kind, d.holder, c.kind, c.holder, t.debit_account, t.credit_account,
               t.effective_at, t.group_seq, t.id, t.reverses
        FROM ledger.transfer t
        JOIN ledger.account d ON (d.town_id, d.id) = (t.town_id, t.debit_account)
        JOIN ledger.account c ON (c.town_id, c.id) = (t.town_id, t.credit_account)
        WHERE t.town_id = %s
        """,
        [story.place.town.pk],
    ).fetchall()
    return [Row(row[0], row[1], (row[2], row[3]), (row[4], row[5]), *row[6:]) for row in found]


def by_hand(rows: list[Row], shops: set[UUID], report: MonthReport) -> tuple[Flows, list[Wait], dict[UUID, int]]:
    """Flows, waits and receipts, one row at a time."""
    start, until = report.start.astimezone(UTC), report.until.astimezone(UTC)
    sums: dict[str, int] = defaultdict(int)
    receipts: dict[UUID, int] = dict.fromkeys(shops, 0)
    steps: list[tuple[datetime, int]] = []
    for row in rows:
        if row.at >= until:
            continue
        sign = 1 if row.reverses is None else -1
        change = {"issue": 1, "unissue": -1, "redeem": -1, "expire": -1}.get(row.code, 0) * sign * row.amount
        steps.append((max(row.at, start), change))
        if row.at < start:
            sums["outstanding_start"] += change
            continue
        if row.code in ("issue", "unissue"):
            sums["issued"] += change
        elif row.code in ("redeem", "expire"):
            sums["redeemed" if row.code == "redeem" else "expired"] -= change
        elif row.code == "pay" and row.debit[1] != row.credit[1]:
            payer, payee = (row.debit[1], row.credit[1])[::sign]
            sums["spent"] += sign * row.amount
            sums["refunded"] += row.amount if sign < 0 else 0
            sums["business_spending"] += sign * row.amount if payer in shops else 0
            if payee in shops:
                sums["business_income"] += sign * row.amount
                receipts[payee] += sign * row.amount
    weighted = sum(change * ((until - at) // timedelta(microseconds=1)) for at, change in steps)
    flows = Flows(
        **{name: sums[name] for name in ("issued", "spent", "refunded", "redeemed", "expired")},
        business_income=sums["business_income"],
        business_spending=sums["business_spending"],
        outstanding_start=sums["outstanding_start"],
        outstanding_end=sum(change for _, change in steps),
        outstanding_mean=Fraction(weighted, (until - start) // timedelta(microseconds=1)),
    )
    return flows, waits_by_hand(rows, start, until), receipts


def waits_by_hand(rows: list[Row], start: datetime, until: datetime) -> list[Wait]:
    undone: dict[UUID, int] = defaultdict(int)
    for row in rows:
        if row.reverses is not None:
            undone[row.reverses] += row.amount if row.at < until else 0
    given: dict[int, datetime] = {}
    for row in rows:
        if row.code == "disburse" and row.reverses is None and start <= row.at < until and row.amount > undone[row.id]:
            given[row.credit_account] = min(row.at, given.get(row.credit_account, row.at))
    counted: dict[int | None, int] = defaultdict(int)
    for purse, at in given.items():
        payments = [
            row.at
            for row in rows
            if (row.code, row.reverses, row.debit_account) == ("pay", None, purse) and at <= row.at < until
        ]
        first = min(payments, default=None)
        counted[None if first is None else (local_day(first) - local_day(at)).days] += 1
    return [Wait(days, counted[days]) for days in sorted(counted, key=lambda days: (days is None, days))]


def local_day(at: datetime) -> date:
    return at.astimezone(MADRID).date()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_report_agrees_with_a_reading_of_every_row(django_db, seed):
    story = random_town(django_db, seed)
    rows = rows_of(story)
    shops = {story.place.parties[name] for name in SHOPS}

    for month in ("2026-09", "2026-10", "2026-11"):
        report = story.month(month)
        flows, waits, receipts = by_hand(rows, shops, report)
        assert report.flows == flows
        assert list(report.first_spend.waits) == waits
        assert {row.holder: row.receipts_minor for row in report.receipts} == receipts
