"""What of a report may be published: nothing from which one household's or one shop's figure follows.

docs/algorithms/disclosure-control.md works an example. The rules:

1. a cell with fewer than ten businesses, or fewer than ten payers, is hidden;
2. so is one of which a single business makes more than 85 %, or of which the second largest, who knows
   its own share, would know the largest to better than 15 %;
3. what is hidden must not follow from the total: the hidden cells of a table together
   must pass rules 1 and 2 themselves, else further cells are hidden, those with the fewest
   businesses in the register first;
4. nor from another table: where two tables differ by a group that would not pass, the
   second table is withheld;
5. a month is published when it is over: whoever watched a running one could subtract
   this minute's tables from the last one's and see each purchase;
6. counts are rounded to 5, amounts to 5 units, and shares are computed from the rounded
   amounts. The same report always gives the same answer: there is no chance in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations

from koinon.impact.indicators.days_to_first_spend import days_to_first_spend
from koinon.impact.types import FirstSpend, MonthPaid, MonthReport, MonthTraded, ShopReceipts
from koinon.kernel.periods import Month


@dataclass(frozen=True, slots=True)
class Rules:
    """Thresholds of the disclosure control. ``amount_base`` is in whole units of the currency; ``precision`` is how well
    the second largest in a sum, who takes its own share off, may know the largest at best."""

    least: int = 10
    count_base: int = 5
    amount_base: int = 5
    dominance: Fraction = Fraction(85, 100)
    precision: Fraction = Fraction(15, 100)


@dataclass(frozen=True, slots=True)
class PublicCell:
    """A cell as the public sees it; None where it is hidden. ``share`` is of the table's rounded total."""

    code: str | None
    label: str
    amount_minor: int | None
    share: Fraction | None
    shops: int | None

    @property
    def hidden(self) -> bool:
        return self.amount_minor is None


@dataclass(frozen=True, slots=True)
class PublicTable:
    """Receipts of businesses, by one attribute; ``withheld`` when no cell of it may be shown."""

    name: str
    cells: tuple[PublicCell, ...]
    total_minor: int | None
    withheld: bool


@dataclass(frozen=True, slots=True)
class PublicWait:
    """Purses that first paid from ``first`` to ``last`` days after the disbursement.

    ``last`` None is open-ended; both None are those that have not paid in the
    period. ``purses`` is None where it is hidden.
    """

    first: int | None
    last: int | None
    purses: int | None


@dataclass(frozen=True, slots=True)
class PublicReport:
    """A town's month as anybody may see it. Amounts in minor units, rounded; None is hidden or undefined.

    Of a month that still runs (not ``complete``) only what the town itself issued, redeemed
    and holds outstanding is shown. Ratios are rounded to a thousandth, velocity to a hundredth. ``paid_to_date``
    says whether all that was ever paid may stand beside it: no month that is hidden would follow from it. ``trade_told``
    says whether who paid whom (residents, businesses) may be told apart, and ``held_to_date`` whether what each held
    at the end may be: two of those, a hidden month apart, would be that month.
    """

    month: Month
    complete: bool
    unit: str
    exponent: int
    issued_minor: int
    redeemed_minor: int
    expired_minor: int
    outstanding_minor: int
    spent_minor: int | None
    paid_to_date: bool
    trade_told: bool
    held_to_date: bool
    multiplier: Fraction | None
    recirculation: Fraction | None
    velocity: Fraction | None
    active_shops: int | None
    days_to_first_spend: Fraction | None
    purses: int | None
    waits: tuple[PublicWait, ...]
    by_zone: PublicTable
    by_sse: PublicTable


@dataclass(frozen=True, slots=True)
class Part:
    """Some businesses together: what the rules look at."""

    shops: int
    payers: int
    amount: int
    gross: int
    largest: int
    second: int


# The same intervals for every town and month, so that two publications can be compared and never subtracted.
_WAITS: tuple[tuple[int, int | None], ...] = ((0, 0), (1, 2), (3, 6), (7, 13), (14, None))
_STANDARD = Rules()

# What follows from the figures: who paid residents from V less receipts; each kind of payment from R, the depth of supply
# and the way of the month; and what the town paid into tills from what businesses held before and after.
_PAYING = frozenset({"paying"})
_TRADE = frozenset({"spent", "spending", "sold", "bought", "wages", "earned", "gave", "got"})
_HELD = _TRADE | {"covered"}


def publish(report: MonthReport, rules: Rules = _STANDARD) -> PublicReport:
    """What of this report may be published."""
    payers = {(row.cells, row.code): row.payers for row in report.payers}
    everything = part_of_rows(report.receipts, payers.get(("all", None), 0))
    town_is_safe = report.complete and nobodys(everything, rules)
    now = [row for row in report.traded if row.first_day == report.month.first_day]
    payments_are_safe = (
        town_is_safe
        and all(people_are_safe(month, rules) for month in report.paid if month.first_day == report.month.first_day)
        and _nobodys(now, _PAYING, rules)
    )
    trade_is_safe = payments_are_safe and _nobodys(now, _TRADE, rules)
    paid_to_date = (
        payments_are_safe
        and all(_month_is_safe(month, rules) for month in report.paid)
        and _nobodys(report.traded, _PAYING, rules)
    )
    first_spend = report.first_spend if report.complete else days_to_first_spend([])
    base = rules.amount_base * 10**report.exponent
    by_zone, zone_of = _table(
        "zone",
        report,
        rules,
        {row.holder: row.zone if row.zone in report.zones else None for row in report.receipts},
        [(share.code, share.label) for share in report.by_zone],
        {code: count for (cells, code), count in payers.items() if cells == "zone"},
    )
    by_sse, sse_of = _table(
        "sse",
        report,
        rules,
        {row.holder: "sse" if row.is_sse else "other" for row in report.receipts},
        [(share.code, share.label) for share in report.by_sse],
        {code: count for (cells, code), count in payers.items() if cells == "sse"},
    )
    if not by_zone.withheld and not by_sse.withheld and _follows(report.receipts, zone_of, sse_of, rules):
        by_sse = _withheld(by_sse)
    return PublicReport(
        month=report.month,
        complete=report.complete,
        unit=report.unit,
        exponent=report.exponent,
        issued_minor=rounded(report.flows.issued, base),
        redeemed_minor=rounded(report.flows.redeemed, base),
        expired_minor=rounded(report.flows.expired, base),
        outstanding_minor=rounded(report.flows.outstanding_end, base),
        spent_minor=rounded(report.flows.spent, base) if payments_are_safe else None,
        paid_to_date=paid_to_date,
        trade_told=trade_is_safe,
        held_to_date=paid_to_date and _nobodys(report.traded, _HELD, rules),
        multiplier=_thousandth(report.multiplier) if payments_are_safe else None,
        recirculation=_thousandth(report.recirculation) if trade_is_safe else None,
        velocity=_hundredth(report.velocity) if payments_are_safe else None,
        active_shops=_count(report.active_shops, rules) if report.complete else None,
        days_to_first_spend=first_spend.median if first_spend.purses >= rules.least else None,
        purses=_count(first_spend.purses, rules),
        waits=_waits(first_spend, rules),
        by_zone=by_zone,
        by_sse=by_sse,
    )


def _table(
    name: str,
    report: MonthReport,
    rules: Rules,
    code_of: Mapping[object, str | None],
    cells: Sequence[tuple[str | None, str]],
    payers: Mapping[str | None, int],
) -> tuple[PublicTable, dict[object, object]]:
    """The table as published, and for each business which of its published or hidden parts it stands in."""
    members: dict[str | None, list[ShopReceipts]] = {code: [] for code, _ in cells}
    for row in report.receipts:
        members[code_of[row.holder]].append(row)
    # A cell without a business in it is nobody's, and everybody can see that in the register.
    parts = {code: part_of_rows(rows, payers.get(code, 0)) for code, rows in members.items() if rows}
    hidden = hidden_cells(parts, {code: len(rows) for code, rows in members.items()}, rules)
    whole = part_of_rows(report.receipts, 0)
    whole_payers = {row.cells: row.payers for row in report.payers}.get("all", 0)
    whole_is_safe = safe(replace(whole, payers=whole_payers), rules)
    base = rules.amount_base * 10**report.exponent
    total = rounded(whole.amount, base)
    public = PublicTable(
        name=name,
        cells=tuple(
            PublicCell(code, label, None, None, None)
            if code in hidden
            else _shown(code, label, parts.get(code), total, base, rules)
            for code, label in cells
        ),
        total_minor=total if whole_is_safe and report.complete else None,
        withheld=len(hidden) == len(parts),
    )
    if not (whole_is_safe and report.complete):
        public = _withheld(public)
    return public, {
        row.holder: "hidden" if code_of[row.holder] in hidden else (code_of[row.holder],) for row in report.receipts
    }


def _shown(code: str | None, label: str, part: Part | None, total: int, base: int, rules: Rules) -> PublicCell:
    if part is None:
        return PublicCell(code, label, 0, Fraction(0) if total > 0 else None, 0)
    amount = rounded(part.amount, base)
    return PublicCell(code, label, amount, Fraction(amount, total) if total > 0 else None, _count(part.shops, rules))


def together(tables: Iterable[PublicTable]) -> dict[str | None, int | None]:
    """Several months' tables as one, in minor units by code; a cell that one of them hides is hidden."""
    cells: dict[str | None, int | None] = {}
    for table in tables:
        for cell in table.cells:
            before = cells.get(cell.code, 0)
            cells[cell.code] = None if before is None or cell.amount_minor is None else before + cell.amount_minor
    return cells


def _withheld(table: PublicTable) -> PublicTable:
    cells = tuple(PublicCell(cell.code, cell.label, None, None, None) for cell in table.cells)
    return PublicTable(table.name, cells, table.total_minor, withheld=True)


def hidden_cells(
    parts: Mapping[str | None, Part], registered: Mapping[str | None, int], rules: Rules
) -> frozenset[str | None]:
    """Which cells of a table to hide so that the hidden ones together may be known (rules 1 to 3).

    Which cell protects another is chosen by what the register says of it, never by its amount: that it was the smallest
    would bound it, and with it the cell that it protects.
    """
    hidden = {code for code, part in parts.items() if not safe(part, rules)}
    if not hidden:
        return frozenset()
    # Fewest businesses in the register first, and by code where they are equal, so that the answer is always the same.
    spare = sorted(
        (code for code in parts if code not in hidden),
        key=lambda code: (registered[code], code is None, code or ""),
        reverse=True,
    )
    while not _together_safe([parts[code] for code in hidden], rules):
        if not spare:
            return frozenset(parts)
        hidden.add(spare.pop())
    return frozenset(hidden)


def _together_safe(parts: Sequence[Part], rules: Rules) -> bool:
    """Whether hidden cells may be known in sum, as they are by whoever subtracts the rest from the total.

    At least two of them must hold something: else the sum is the cell.
    """
    return sum(part.shops > 0 for part in parts) >= 2 and safe(_joined(parts), rules)


def part_of_rows(rows: Iterable[ShopReceipts], payers: int) -> Part:
    return part_of([row.receipts_minor for row in rows], payers)


def part_of(amounts: Sequence[int], payers: int) -> Part:
    """What the rules look at of some businesses (or people), by what each took, gave or got."""
    largest, second, *_ = *sorted(map(abs, amounts), reverse=True), 0, 0
    return Part(
        shops=sum(amount != 0 for amount in amounts),
        payers=payers,
        amount=sum(amounts),
        gross=sum(map(abs, amounts)),
        largest=largest,
        second=second,
    )


def _joined(parts: Iterable[Part]) -> Part:
    """Several parts as one. Payers may be the same people, so the largest number is what is certain."""
    listed = list(parts)
    largest, second, *_ = *sorted((size for part in listed for size in (part.largest, part.second)), reverse=True), 0, 0
    return Part(
        shops=sum(part.shops for part in listed),
        payers=max((part.payers for part in listed), default=0),
        amount=sum(part.amount for part in listed),
        gross=sum(part.gross for part in listed),
        largest=largest,
        second=second,
    )


def safe(part: Part, rules: Rules) -> bool:
    others = part.gross - part.largest - part.second
    return (
        part.shops >= rules.least
        and part.payers >= rules.least
        and part.largest <= rules.dominance * part.gross
        and others >= rules.precision * part.largest
    )


def nobodys(part: Part, rules: Rules) -> bool:
    """Whether a sum may be known: it is safe, or there is nothing in it."""
    return part.gross == 0 or safe(part, rules)


def _nobodys(rows: Iterable[MonthTraded], kinds: frozenset[str], rules: Rules) -> bool:
    """Whether the sum of each of these kinds of payment may be known, in each month."""
    return all(
        nobodys(Part(row.holders, row.holders, row.amount, row.gross, row.largest, row.second), rules)
        for row in rows
        if row.kind in kinds
    )


def people_are_safe(month: MonthPaid, rules: Rules) -> bool:
    """Whether what residents were paid in a month may follow: all payments less what businesses received is that."""
    return nobodys(
        Part(
            month.people,
            month.people,
            month.people_amount,
            month.people_gross,
            month.people_largest,
            month.people_second,
        ),
        rules,
    )


def _month_is_safe(month: MonthPaid, rules: Rules) -> bool:
    received = Part(month.shops, month.payers, month.amount, month.gross, month.largest, month.second)
    return nobodys(received, rules) and people_are_safe(month, rules)


def _follows(
    rows: Sequence[ShopReceipts], first: Mapping[object, object], second: Mapping[object, object], rules: Rules
) -> bool:
    """Whether two tables, subtracted from each other, say too much about some group (rule 4).

    Each union of the second table's parts is compared with the smallest union of
    the first's that covers it and with the largest that it covers; any other
    difference contains one of these and, besides, whole parts that may be known.
    """
    shops_of: dict[object, set[object]] = {}
    parts_of: dict[object, set[object]] = {}
    for row in rows:
        shops_of.setdefault(second[row.holder], set()).add(row.holder)
        parts_of.setdefault(first[row.holder], set()).add(row.holder)
    names = sorted(shops_of, key=str)
    amount = {row.holder: row for row in rows}
    for size in range(1, len(names)):
        for chosen in combinations(names, size):
            union = set[object]().union(*(shops_of[name] for name in chosen))
            around = set[object]().union(*(part for part in parts_of.values() if part & union)) - union
            within = union - set[object]().union(*(part for part in parts_of.values() if part <= union))
            for difference in (around, within):
                # Payers of a difference are not counted; ten businesses and no dominant one must do.
                part = part_of_rows([amount[holder] for holder in amount if holder in difference], rules.least)
                if difference and not safe(part, rules):
                    return True
    return False


def _waits(first_spend: FirstSpend, rules: Rules) -> tuple[PublicWait, ...]:
    """The distribution of the days to the first payment, in fixed intervals."""
    intervals: list[tuple[int | None, int | None]] = [*_WAITS, (None, None)]
    purses = dict.fromkeys(intervals, 0)
    for wait in first_spend.waits:
        purses[_interval_of(wait.days)] += wait.purses
    hidden = {interval for interval, count in purses.items() if count < rules.least}
    # Those that have not paid first, then the longest waits: an order that says nothing of how many they are.
    spare = [interval for interval in intervals if interval not in hidden]
    while (
        hidden
        and spare
        and (sum(purses[one] for one in hidden) < rules.least or sum(purses[one] > 0 for one in hidden) < 2)
    ):
        hidden.add(spare.pop())
    return tuple(
        PublicWait(first, last, None if (first, last) in hidden else _count(purses[first, last], rules))
        for first, last in intervals
    )


def _interval_of(days: int | None) -> tuple[int | None, int | None]:
    if days is None:
        return None, None
    return next((first, last) for first, last in _WAITS if last is None or days <= last)


def _count(number: int, rules: Rules) -> int | None:
    return None if number < rules.least else rounded(number, rules.count_base)


def rounded(number: int, base: int) -> int:
    """To the nearest multiple, halves to the even one."""
    return round(Fraction(number, base)) * base


def _thousandth(ratio: Fraction | None) -> Fraction | None:
    return None if ratio is None else Fraction(round(ratio * 1000), 1000)


def _hundredth(ratio: Fraction | None) -> Fraction | None:
    return None if ratio is None else Fraction(round(ratio * 100), 100)
