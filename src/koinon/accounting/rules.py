"""How near a town is to a threshold, what a shop's statement adds up to, and the default chart: no clock, no database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from koinon.accounting.types import ChartAccount, Place, Standing, StatementLine, TillLine

NEAR_PER_CENT = 80
PACE_DAYS = 91

CHART: dict[Place, ChartAccount] = {
    Place.BANK: ChartAccount("5720", "Bank, account of the reserve"),
    Place.RESERVE: ChartAccount("4190", "Reserve received and not issued"),
    Place.ESCROW: ChartAccount("4191", "Units issued and not handed out yet"),
    Place.PURSE: ChartAccount("4192", "Units with residents"),
    Place.TILL: ChartAccount("4193", "Units with enterprises"),
    Place.TOWN_TILL: ChartAccount("5790", "Units in the town's own till"),
    Place.REDEMPTION: ChartAccount("4194", "Owed to enterprises for units redeemed"),
    Place.CLEARING: ChartAccount("4195", "Units in clearing"),
}
"""Without a chart of the town's own: the asset, and what it owes for it. Numbers are an example, to be changed for the town's."""


def period(until: datetime, months: int) -> datetime:
    """The instant ``months`` months before ``until``, on the last day of the month where it is shorter.

    >>> from datetime import UTC
    >>> period(datetime(2028, 2, 29, 12, tzinfo=UTC), 12)
    datetime.datetime(2027, 2, 28, 12, 0, tzinfo=datetime.timezone.utc)
    """
    month = until.year * 12 + until.month - 1 - months
    year, month = divmod(month, 12)
    first_of_next = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    last = (first_of_next - timedelta(days=1)).day
    return until.replace(year=year, month=month + 1, day=min(until.day, last))


def standing(volume_minor: int, threshold_minor: int | None, *, notified: bool) -> tuple[Standing, int | None]:
    """Where a volume stands, and the share of the threshold it takes, in whole per cent rounded down.

    The law speaks of a volume that exceeds the threshold: at the threshold itself it does not.

    >>> standing(80_000_000, 100_000_000, notified=False)
    (<Standing.NEAR: 'near'>, 80)
    >>> standing(100_000_000, 100_000_000, notified=False), standing(100_000_001, 100_000_000, notified=True)
    ((<Standing.NEAR: 'near'>, 100), (<Standing.NOTIFIED: 'notified'>, 100))
    """
    if threshold_minor is None:
        return Standing.NO_THRESHOLD, None
    used = volume_minor * 100 // threshold_minor
    if volume_minor > threshold_minor:
        return (Standing.NOTIFIED if notified else Standing.ABOVE), used
    return (Standing.NEAR if used >= NEAR_PER_CENT else Standing.BELOW), used


def reached_on(
    volume_minor: int, recent_minor: int, leaving_minor: Sequence[int], threshold_minor: int, today: date
) -> date | None:
    """The first day on which the rolling volume exceeds the threshold, if payments go on as in the last ``PACE_DAYS`` days.

    Parameters
    ----------
    volume_minor
        What was paid in the rolling period that ends today.
    recent_minor
        What was paid in its last ``PACE_DAYS`` days.
    leaving_minor
        What leaves the rolling period on each of the coming days, oldest first; as many days are looked ahead.

    >>> reached_on(90, 91, [0] * 30, 100, date(2026, 11, 1))
    datetime.date(2026, 11, 12)
    >>> reached_on(90, 91, [1] * 30, 100, date(2026, 11, 1)) is None
    True
    """
    gone = 0
    for ahead, leaving in enumerate(leaving_minor, start=1):
        gone += leaving
        # Compared as whole numbers: the pace is a fraction of a minor unit a day.
        if (volume_minor - gone - threshold_minor) * PACE_DAYS + recent_minor * ahead > 0:
            return today + timedelta(days=ahead)
    return None


# What lines on a till are called, and in which sum of a statement they go; positive amounts first.
_KINDS: dict[tuple[str, bool, bool], str] = {
    ("pay", False, True): "sold",
    ("pay", True, False): "refunded",
    ("pay", False, False): "spent",
    ("pay", True, True): "returned",
    # What another pays for a sale is consideration too: Directive 2006/112/EC, article 73.
    ("cover", False, True): "sold",
    ("cover", True, False): "refunded",
    ("redeem", False, False): "redeemed",
    ("redeem", True, True): "given_back",
    ("fee", False, False): "fees",
    ("fee", True, True): "fees_back",
    ("fee", False, True): "fees_received",
    ("fee", True, False): "fees_returned",
    ("topup", False, True): "topped_up",
    ("topup", True, False): "topups_returned",
}
SUMS = (
    "sold", "refunded", "spent", "returned", "redeemed", "given_back", "fees", "fees_back", "fees_received", "fees_returned",
    "topped_up", "topups_returned", "other_in", "other_out",
)  # fmt: skip


def kind(line: TillLine) -> str:
    """Which sum of a statement a line goes into.

    Units that become free or bound within the same till come as two lines and cancel out.
    """
    came = line.signed_minor > 0
    return _KINDS.get((line.code, line.is_reversal, came)) or ("other_in" if came else "other_out")


def statement(
    lines: Iterable[TillLine], *, balance_minor: int, until: datetime
) -> tuple[int, int, int, dict[str, int], tuple[StatementLine, ...]]:
    """Opening and closing balance, number of sales, sums by kind and the lines of a period, from what moved since it began.

    ``lines`` come newest first and reach from now back to the period's beginning, those after ``until`` included;
    ``balance_minor`` is what is in the till now. Transfers of one payment become one line. What the town covers beside
    a payment is no sale more, whichever day it comes on.
    """
    closing = balance_minor
    within: list[TillLine] = []
    for line in lines:
        if line.effective_at >= until:
            closing -= line.signed_minor
        else:
            within.append(line)
    opening = closing - sum(line.signed_minor for line in within)
    sums = dict.fromkeys(SUMS, 0)
    sales = len({line.group_id for line in within if kind(line) == "sold" and line.beside is None})
    told: list[StatementLine] = []
    balance = opening
    for line in sorted(within, key=lambda one: (one.effective_at, one.seq)):
        what = kind(line)
        sums[what] += abs(line.signed_minor)
        balance += line.signed_minor
        sale = line.beside or line.group_id
        if told and told[-1].id == sale and told[-1].what == what:
            last = told.pop()
            told.append(
                StatementLine(last.id, last.at, what, last.signed_minor + line.signed_minor, balance, last.reference)
            )
        else:
            told.append(StatementLine(sale, line.effective_at, what, line.signed_minor, balance, line.reference))
    return opening, closing, sales, sums, tuple(told)
