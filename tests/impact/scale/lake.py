"""Two towns with three months of invented movements, committed, sealed and exported: what engines are compared on."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from django.db import transaction

from koinon.db.connections import Database, connect
from koinon.impact.export import operations
from koinon.impact.export.layout import Export, opened
from koinon.ledger import operations as ledger
from koinon.parties import queries as parties
from koinon.parties.connection import raw
from koinon.parties.types import TownFacts
from tests.conftest import django_on
from tests.impact.story import Story, told
from tests.impact.test_month import NOVEMBER
from tests.treasury.place import build

SEALED = datetime(2027, 2, 1, tzinfo=UTC)
MONTHS = ("2026-11", "2026-12", "2027-01")

WINTER = """
    2026-12-01 00:00  issue    250.00
    2026-12-01 00:00  give     ana 80.00
    2026-12-01 00:30  give     ben 40.00
    2026-12-03 10:00  refund   p 10.00
    2026-12-31 23:59  pay      ana mill 12.34
    2027-01-01 00:00  pay      ana bakery 7.01
    2027-01-15 12:00  unissue  20.00
    2027-01-20 12:00  redeem   mill 9.99
    2027-01-31 00:00  expire   ben 5.00
"""


MISTYPED = """
    9999-12-31 23:59  pay      ana mill 1.00
    9999-12-31 23:59  redeem   mill 2.00
    1026-11-03 10:00  pay      ana bakery 0.50
"""
"""Nobody can have lived these days; the first two count when they were sealed, in February 2027."""


def lively(seed: int, shops: int = 6, homes: int = 12, payments: int = 60) -> str:
    """A month of chance: aid, purchases, wages, suppliers, refunds, redemption; nobody pays what is not there.

    The last days and hours of November lie in December where the town is, but not by UTC.
    """
    toss = random.Random(seed)
    zones = ("north", "south", "")
    lines = [
        f"shop s{number} {'sse' if number % 3 == 0 else ''} {f'zone={zones[number % 3]}' if zones[number % 3] else ''}"
        for number in range(shops)
    ]
    lines += [f"home h{number}" for number in range(homes)]
    lines.append("2026-11-01 00:00 issue 5000.00")
    fund = {f"h{number}": 10_000 for number in range(homes)}
    till = dict.fromkeys((f"s{number}" for number in range(shops)), 0)
    lines += [f"2026-11-01 00:00 give {name} 100.00" for name in fund]
    at = datetime(2026, 11, 1, 6, 0, tzinfo=UTC)  # Read as the time of the town.

    for number in range(payments):
        at += timedelta(minutes=toss.randrange(60, 2_000))
        payer = toss.choice([*fund, *till])
        have = fund.get(payer, till.get(payer, 0))
        payee = toss.choice([*till, "h0"])
        if have < 100 or payee == payer:
            continue
        minor = toss.randrange(1, have // 2)
        if payer in fund:
            fund[payer] -= minor
        else:
            till[payer] -= minor
        if payee in till:
            till[payee] += minor
        lines.append(f"{at:%Y-%m-%d %H:%M} x{number}: pay {payer} {payee} {minor / 100:.2f}")
        if payer in fund and payee in till and toss.random() < 0.2:
            back = minor // 2
            if back and back <= till[payee]:
                till[payee] -= back
                fund[payer] += back
                lines.append(f"{at + timedelta(days=9):%Y-%m-%d %H:%M} refund x{number} {back / 100:.2f}")
        elif payee in till and toss.random() < 0.2 and till[payee] > 200:
            minor = till[payee] // 2
            till[payee] -= minor
            lines.append(f"{at + timedelta(hours=1):%Y-%m-%d %H:%M} redeem {payee} {minor / 100:.2f}")
    return "\n".join(lines)


@dataclass(frozen=True)
class Lake:
    """The towns as facts, their stories, and their export."""

    conn: psycopg.Connection[Any]
    towns: tuple[TownFacts, ...]
    export: Export


@contextmanager
def lake(database: Database, folder: Path) -> Iterator[Lake]:
    """The export of both towns."""
    with django_on(database):
        towns = [
            tell(NOVEMBER + WINTER + MISTYPED),
            tell(lively(7), slug="piraeus", time_zone="Europe/Athens", unit_code="PIR"),
        ]
    conn = connect(database.app_url, application_name="koinon tests")
    try:
        for town in towns:
            seal(conn, town)
            operations.export(conn, town, folder)
        yield Lake(conn, tuple(towns), opened(folder))
    finally:
        conn.close()


def tell(text: str, *, slug: str = "besos", **changes: Any) -> TownFacts:
    """A town in which all this happened, committed."""
    with transaction.atomic():
        if slug == "besos":
            story = told(raw(), text)
        else:
            story = Story(build(raw(), slug=slug, **changes))
            story.tell(text)
        return parties.town(raw(), story.place.town.pk)


def seal(conn: psycopg.Connection[Any], town: TownFacts) -> None:
    """Close blocks over all that is committed."""
    ledger.seal_all(conn, town_id=town.id, at=SEALED)
    conn.commit()
