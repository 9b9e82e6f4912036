"""A town's papers laid beside each other, as an auditor lays them: every figure that two of them tell must be the same.

Nothing here is computed as the papers compute it: sums are made of what they show.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.accounting import journal as written_out
from koinon.accounting import queries, year
from koinon.accounting.types import Entry, Statement
from koinon.banking import queries as banking
from koinon.db.checks import run_checks
from koinon.parties import queries as parties
from koinon.payments import queries as payments
from koinon.treasury import queries as treasury

ADDED = ("sold", "returned", "given_back", "fees_back", "fees_received", "topped_up", "other_in")
TILLS = {"till", "town-till"}


def disagreements(conn: Connection[Any], *, town_id: int, first_day: date, last_day: date) -> list[str]:
    """What any two papers say differently about the days, which must be all days on which anything happened."""
    return [
        *(f"invariant {found.name}" for found in run_checks(conn) if not found.passed),
        *_journal(conn, town_id, first_day, last_day),
        *_statements(conn, town_id, first_day, last_day),
        *_years(conn, town_id, first_day, last_day),
        *_bank(conn, town_id, last_day),
    ]


def _months(first_day: date, last_day: date) -> Iterator[tuple[date, date]]:
    while first_day <= last_day:
        following = (first_day.replace(day=1) + timedelta(days=32)).replace(day=1)
        yield first_day, min(last_day, following - timedelta(days=1))
        first_day = following


def _unlike(what: str, *said: object) -> Iterator[str]:
    if any(one != said[0] for one in said[1:]):
        yield f"{what}: {' | '.join(map(str, said))}"


def _entries(conn: Connection[Any], town_id: int, first_day: date, last_day: date, *, by_day: bool) -> list[Entry]:
    return list(queries.journal(conn, town_id=town_id, first_day=first_day, last_day=last_day, by_day=by_day))


def _stock(conn: Connection[Any], town_id: int, day: date) -> Counter[tuple[str, str]]:
    return Counter({(one.place, one.fund): one.minor for one in queries.stock(conn, town_id=town_id, day=day)})


def _journal(conn: Connection[Any], town_id: int, first_day: date, last_day: date) -> Iterator[str]:
    """Both sides are the same, day sums are those of the transfers, and it leads from one trial balance to the next."""
    town = parties.town(conn, town_id)
    chart = queries.chart(conn, town_id=town_id)
    for first, last in _months(first_day, last_day):
        each, by_day = (_entries(conn, town_id, first, last, by_day=summed) for summed in (False, True))
        for entries in (each, by_day):
            rows = written_out.journal_rows(
                entries, chart=chart, currency=town.national_currency, exponent=town.exponent
            )
            sides = [(Decimal(row[4] or 0), Decimal(row[5] or 0)) for row in rows]
            yield from _unlike(f"sides of the journal of {first}", *(sum(side) for side in zip(*sides, strict=True)))
        summed: list[Counter[tuple[Any, ...]]] = [Counter(), Counter()]
        for total, entries in zip(summed, (each, by_day), strict=True):
            for one in entries:
                key = (
                    one.day,
                    one.code,
                    one.is_reversal,
                    one.debit_place,
                    one.debit_fund,
                    one.credit_place,
                    one.credit_fund,
                )
                total[key] += one.amount_minor
                total["transfers", *key] += one.transfers
        yield from _unlike(f"journal of {first} by day and by transfer", *summed)
        stands = _stock(conn, town_id, first)
        for one in each:
            stands[one.debit_place, one.debit_fund] -= one.amount_minor
            stands[one.credit_place, one.credit_fund] += one.amount_minor
        after = _stock(conn, town_id, last + timedelta(days=1))
        yield from _unlike(
            f"journal of {first} and the next trial balance",
            {place: minor for place, minor in stands.items() if minor}, dict(after),
        )  # fmt: skip
        yield from _unlike(f"sides of the trial balance after {last}", sum(after.values()), 0)


def _shops(conn: Connection[Any], town_id: int) -> list[UUID]:
    rows = conn.execute(
        "SELECT DISTINCT holder FROM ledger.account WHERE town_id = %s AND kind = 'till' ORDER BY holder", [town_id]
    )
    return [holder for (holder,) in rows.fetchall()]


def _statements(conn: Connection[Any], town_id: int, first_day: date, last_day: date) -> Iterator[str]:
    """Each adds up, months follow each other, a till's days say the same, and all of them are what the journal says of tills."""
    together: Counter[str] = Counter()
    closing = 0
    for party in _shops(conn, town_id):

        def of(first: date, last: date, party: UUID = party) -> Statement:
            return queries.shop_statement(conn, town_id=town_id, party=party, first_day=first, last_day=last)

        whole = of(first_day, last_day)
        monthly: Counter[str] = Counter()
        sales, before = 0, whole.opening_minor
        for month in (of(*days) for days in _months(first_day, last_day)):
            moved = sum(minor if what in ADDED else -minor for what, minor in month.sums.items())
            yield from _unlike(
                f"statement of {party} from {month.first_day}", month.opening_minor + moved, month.closing_minor,
                month.opening_minor + sum(line.signed_minor for line in month.lines),
            )  # fmt: skip
            yield from _unlike(f"carried forward to {month.first_day} for {party}", before, month.opening_minor)
            before = month.closing_minor
            monthly.update(month.sums)
            sales += month.sales
        yield from _unlike(f"months of {party}", +Counter(whole.sums), +monthly)
        yield from _unlike(
            f"money made free or bound in the till of {party}", whole.sums["other_in"], whole.sums["other_out"]
        )
        days = payments.sales_by_day(conn, town_id=town_id, payee=party, first_day=first_day, last_day=last_day)
        yield from _unlike(f"sold by {party}", whole.sums["sold"], sum(day.sold_minor for day in days))
        yield from _unlike(f"given back by {party}", whole.sums["refunded"], sum(day.refunded_minor for day in days))
        yield from _unlike(f"number of sales of {party}", whole.sales, sales, sum(day.payments for day in days))
        together.update(whole.sums)
        closing += whole.closing_minor
    told: Counter[str] = Counter()
    for one in _entries(conn, town_id, first_day, last_day, by_day=True):
        for place, came in ((one.debit_place, False), (one.credit_place, True)):
            if place in TILLS:
                told[_SUMS[one.code, one.is_reversal, came]] += one.amount_minor
    yield from _unlike("statements and journal", +together, +told)
    stands = _stock(conn, town_id, last_day + timedelta(days=1))
    tills = sum(minor for (place, _), minor in stands.items() if place in TILLS)
    yield from _unlike("what lies in tills", closing, tills)


_SUMS = {
    ("pay", False, True): "sold", ("pay", True, False): "refunded", ("pay", False, False): "spent",
    ("pay", True, True): "returned", ("cover", False, True): "sold", ("cover", True, False): "refunded",
    ("redeem", False, False): "redeemed", ("redeem", True, True): "given_back", ("fee", False, False): "fees",
    ("fee", True, True): "fees_back", ("fee", False, True): "fees_received", ("fee", True, False): "fees_returned",
    ("topup", False, True): "topped_up", ("topup", True, False): "topups_returned", ("unbind", False, True): "other_in",
    ("unbind", False, False): "other_out", ("unbind", True, True): "other_in", ("unbind", True, False): "other_out",
}  # fmt: skip


def _years(conn: Connection[Any], town_id: int, first_day: date, last_day: date) -> Iterator[str]:
    """Each adds up, begins where the one before ended, and says what journal and treasury say."""
    town = parties.town(conn, town_id)
    before = None
    receipts, told = treasury.receipts(conn, town_id=town_id), Counter[str]()
    for number in range(first_day.year, last_day.year + 1):
        found = year.year(conn, town_id=town_id, year=number)
        moved, (began, ended), (bank, left) = found.moved, found.outstanding, found.reserve
        yield from _unlike(
            f"in circulation after {number}", began + moved["issued"] - moved["redeemed"] - moved["expired"], ended
        )
        yield from _unlike(
            f"in the bank after {number}", bank + moved["received"] - moved["withdrawn"] - moved["paid_out"], left
        )
        yield from _unlike(f"the beginning of {number}", before or (began, bank), (began, bank))
        before = (ended, left)
        for figure in moved:
            yield from _unlike(
                f"{figure} of {number} by fund", moved[figure], sum(one.moved[figure] for one in found.funds)
            )
        for direction, figure in (("received", "received"), ("withdrawn", "withdrawn")):
            kept = sum(
                one.amount.minor for one in receipts
                if one.direction == direction and one.effective_at.astimezone(town.zone).year == number
            )  # fmt: skip
            yield from _unlike(f"{figure} of {number} in the treasury", moved[figure], kept)
        told.update(moved)
        entries = _entries(conn, town_id, date(number, 1, 1), date(number, 12, 31), by_day=False)
        paid = [one for one in entries if one.code == "pay" and not one.is_reversal]
        yield from _unlike(f"paid in {number}", moved["paid"], sum(one.amount_minor for one in paid))
    euros = treasury.euros(conn, town_id=town_id)
    assert before is not None
    yield from _unlike(
        "euros in the bank", before[1], euros.held, told["received"] - told["withdrawn"] - euros.paid_out
    )
    owed = _stock(conn, town_id, last_day + timedelta(days=1))["redemption", ""]
    yield from _unlike("owed to enterprises", owed, euros.owed, told["redeemed"] - told["paid_out"])


def _bank(conn: Connection[Any], town_id: int, last_day: date) -> Iterator[str]:
    """What banks hold and what the books say they hold differ by the parts that are listed, and by nothing else."""
    reserve = banking.reserve(conn, town_id=town_id)
    stands = _stock(conn, town_id, last_day + timedelta(days=1))
    if reserve.accounts:
        yield from _unlike("unexplained at the bank", reserve.unexplained_minor, 0)
    yield from _unlike(
        "the reserve by the bank's page, the books and the treasury", reserve.books_minor, -stands["issuance", ""],
        treasury.euros(conn, town_id=town_id).held,
    )  # fmt: skip
