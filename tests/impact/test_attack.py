"""Everything that is published of several months, taken together, gives no shop, no employer and no hidden month away.

The attacker has the register (which shop is where, which are of the social economy), every month's page and open data,
reports of any months together, the totals to the cent, and knows by repute which shop is the largest. Unknown are, for each
month and shop, what it received (and of that from businesses), what it paid businesses and residents, what the town paid into
its till, and what residents gave each other.

What is promised, and asserted here of random towns:

- no single shop's amount, no sum that is hidden and no kind of payment of fewer than ten (or mostly of one) is a linear
  combination of the published figures, were they exact;
- as they are rounded, by bounds, no single shop's amount is known within less than half of itself;
- the second largest of a sum, who takes its own share off, knows the largest to no better than 15 %;
- what few people brought or worked, before or after a day on which a rate or a factor changed, and what few were not paid
  for, is no linear combination of kilograms, CO2, costs, public rates, factors and budgets;
- what few redeemed, let expire or hold of a month's units is no linear combination of leakage by round, retention and LM3;
- what few paid from aid, or from their own money, is no linear combination of what is unspent month after month;
- how many households first spent after how many days, or have not, is never a combination where it is fewer than ten.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from math import inf, sqrt
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from koinon.impact import disclosure, publication
from koinon.impact import flow as flows
from koinon.impact.disclosure import Shown, disclosed
from koinon.impact.figures import Figure
from koinon.impact.flow import CameIn, Held, MonthFlow, PublicFlow
from koinon.impact.indicators.b2b_depth import b2b_depth
from koinon.impact.indicators.catalogue import BY_KEY, Unit
from koinon.impact.indicators.concentration import concentration
from koinon.impact.indicators.cost_per_unit import cost_per_unit
from koinon.impact.indicators.days_to_first_spend import days_to_first_spend
from koinon.impact.indicators.environment import environment
from koinon.impact.indicators.multiplier import multiplier
from koinon.impact.indicators.recirculation import recirculation
from koinon.impact.indicators.velocity import velocity
from koinon.impact.indicators.zone_equity import zone_equity
from koinon.impact.measures import ROUNDS_TOLD, Contributors, ConversionFactor, Delivered, Ends, RunningCost, Supply
from koinon.impact.publication import PublicReport, PublicTable, publish
from koinon.impact.types import MonthReport, MonthTraded, ShopReceipts, Wait
from koinon.kernel.periods import Month
from tests.impact.test_publication import ZONES, in_zones, month_of, report_of, traded_of

ISSUED = 20_000_00
LIVING = {"east": 40, "north": 900, "south": 1700, "west": 12}
HALF = Fraction(1, 2)
# Of each shop: received in all, of that from businesses, paid to businesses, paid to residents, covered by the town.
KINDS = ("received", "sold", "bought", "wages", "covered")
Column = tuple[int, str, object]
Form = Mapping[Column, Fraction]


@dataclass(frozen=True)
class Row:
    """A published sum: the unknowns with their factors, and between what it lies, in minor units."""

    form: Form
    low: float
    high: float


@dataclass(frozen=True)
class Lived:
    """A month of a town: exact, and as published."""

    rows: tuple[ShopReceipts, ...]
    covered: Mapping[UUID, int]
    gifts: tuple[int, ...]
    report: MonthReport
    public: PublicReport
    way: PublicFlow

    def amount(self, kind: str, row: ShopReceipts) -> int:
        return {
            "received": row.receipts_minor,
            "sold": row.from_businesses,
            "bought": row.to_businesses,
            "wages": row.to_residents,
            "covered": self.covered.get(row.holder, 0),
        }[kind]


def lived(seed: int) -> list[Lived]:
    """Two to four months of the same shops: some months with few shops, few that trade, one employer, one gift."""
    chance = random.Random(seed)
    count = chance.choice([12, 25, 40, 40])
    crowded = chance.random() < 0.5
    places = [
        (chance.choice(["north", "south"] if crowded else [*ZONES, *ZONES, None]), chance.random() < 0.4)
        for _ in range(count)
    ]
    if chance.random() < 0.5:
        places[0] = ("east", False)  # Alone there, where the town is crowded.
    largest = chance.choice([0, 0, 3_000_00, 30_000_00])
    months: list[Lived] = []
    held = Held(0, 0, 0)
    for number in range(chance.randint(2, 4)):
        open_shops = chance.choice([3, count, count, count])
        amounts = [chance.randint(1, 900_00) if place < open_shops else 0 for place in range(count)]
        amounts[0] += largest if open_shops else 0
        sold, bought = [0] * count, [0] * count
        traders = min(count, chance.choice([0, 3, 40, 40]))
        for _ in range(3 * traders):
            seller, buyer = chance.sample(range(traders), 2)
            paid = chance.randint(1, 80_00)
            sold[seller] += paid
            bought[buyer] += paid
        employers = min(count, chance.choice([0, 0, 1, 40]))
        people = [chance.choice([1, 15]) if place < employers else 0 for place in range(count)]
        rows = tuple(
            ShopReceipts(
                UUID(int=place + 1), zone, sse, amounts[place] + sold[place], payments=20, payers=20,
                from_businesses=sold[place], to_businesses=bought[place], to_residents=people[place] * 30_00,
                residents_paid=people[place], redeemed=0,
            )
            for place, (zone, sse) in enumerate(places)
        )  # fmt: skip
        gifts = tuple(chance.randint(1, 50_00) for _ in range(chance.choice([0, 0, 1, 30])))
        covered = {rows[0].holder: chance.randint(1, 400_00)} if chance.random() < 0.2 else {}
        months.append(_month(number, rows, gifts, covered, held, months))
        held = _after(held, rows, covered)
    return months


def _after(held: Held, rows: Sequence[ShopReceipts], covered: Mapping[UUID, int]) -> Held:
    spent, wages = sum(row.from_residents for row in rows), sum(row.to_residents for row in rows)
    return Held(
        0, held.residents + ISSUED - spent + wages, held.businesses + spent - wages + sum(covered.values())
    )  # fmt: skip


def _month(
    number: int,
    rows: tuple[ShopReceipts, ...],
    gifts: tuple[int, ...],
    covered: Mapping[UUID, int],
    held: Held,
    before: Sequence[Lived],
) -> Lived:
    day = date(2026, 1 + number, 1)
    plain = report_of(rows)
    income, wages = sum(row.receipts_minor for row in rows), sum(row.to_residents for row in rows)
    moved = replace(
        plain.flows,
        issued=ISSUED + sum(covered.values()),
        spent=income + wages + sum(gifts),
        business_income=income,
        business_spending=wages + sum(row.to_businesses for row in rows),
    )
    paid = month_of(rows, day=day)
    paid = replace(
        paid, people=paid.people + len(gifts), people_amount=paid.people_amount + sum(gifts),
        people_gross=paid.people_gross + sum(gifts), people_largest=_two([paid.people_largest, paid.people_second, *gifts])[0],
        people_second=_two([paid.people_largest, paid.people_second, *gifts])[1],
    )  # fmt: skip
    traded = [row for row in traded_of(rows, list(covered.values()), day) if row.kind != "paying"]
    payers = [row.to_residents for row in rows if row.to_residents] + list(gifts)
    kinds = {"gave": list(gifts), "got": list(gifts), "paying": payers}
    traded += [
        MonthTraded(day, kind, len(found), sum(found), sum(found), *_two(found))
        for kind, found in kinds.items()
        if found
    ]
    report = replace(
        plain, month=Month(2026, 1 + number), flows=moved, multiplier=multiplier(moved), recirculation=recirculation(moved),
        velocity=velocity(moved, periods_per_year=Fraction(12)),
        paid=(*(before[-1].report.paid if before else ()), paid),
        traded=(*(before[-1].report.traded if before else ()), *traded),
    )  # fmt: skip
    came_in = [CameIn("disburse", UUID(int=77), ISSUED, 40, 900_00, ISSUED)]
    came_in += [CameIn("cover", None, minor, 1, minor, minor) for minor in covered.values()]
    way = MonthFlow(
        month=report.month, exponent=2, came_in=tuple(came_in), businesses=rows, before=held,
        after=_after(held, rows, covered), redeemed=0, expired=0,
    )  # fmt: skip
    public = publish(report)
    return Lived(rows, covered, gifts, report, public, flows.publish(way, public))


def _two(amounts: Sequence[int]) -> tuple[int, int]:
    first, second, *_ = *sorted(amounts, reverse=True), 0, 0
    return first, second


# What is published, as rows.


def total(month: int, lived_: Lived, *kinds: str, sign: int = 1, only: object = None) -> dict[Column, Fraction]:
    """The sum of these kinds over shops (of ``only`` these holders), one unknown a shop."""
    return {
        (month, kind, row.holder): Fraction(sign)
        for row in lived_.rows
        for kind in kinds
        if only is None or row.holder in only  # type: ignore[operator]
    }


def plus(*forms: Form) -> dict[Column, Fraction]:
    found: dict[Column, Fraction] = {}
    for form in forms:
        for column, factor in form.items():
            found[column] = found.get(column, Fraction(0)) + factor
    return {column: factor for column, factor in found.items() if factor}


def near(form: Form, minor: int | Fraction, within: float = 2_50) -> Row:
    return Row(form, float(minor) - within, float(minor) + within)


def everything(months: Sequence[Lived]) -> Iterator[Row]:
    """Every published figure as an equation with an interval."""
    payments: list[Form] = []
    for place, one in enumerate(months):
        gifts = {(place, "gifts", None): Fraction(1)}
        payments.append(plus(total(place, one, "received", "wages"), gifts))
        yield Row(plus(total(place, one, "sold"), total(place, one, "bought", sign=-1)), 0, 0)
        yield from _report(place, one, payments)
        yield from _way(place, one, months)
    for first in range(len(months)):
        for last in range(first, len(months)):
            yield from _period(months, first, last, payments)


def _report(place: int, one: Lived, payments: Sequence[Form]) -> Iterator[Row]:
    public = one.public
    for table, of in ((public.by_zone, _zone), (public.by_sse, _group)):
        yield from _table(place, one, table, of)
    if public.spent_minor is not None:
        yield near(payments[place], public.spent_minor)
    if public.multiplier is not None:
        issued = one.report.flows.issued
        yield near(payments[place], public.multiplier * issued, issued / 2000)
    if public.paid_to_date:
        to_date = sum(month.amount + month.people_amount for month in one.report.paid)
        yield near(plus(*payments[: place + 1]), to_date)
    if public.recirculation is not None and public.by_zone.total_minor is not None:
        income = public.by_zone.total_minor
        yield near(total(place, one, "bought", "wages"), public.recirculation * income, income / 1000 + 5_00)


def _table(place: int, one: Lived, table: PublicTable, of: object) -> Iterator[Row]:
    if table.total_minor is None:
        return
    yield near(total(place, one, "received"), table.total_minor)
    shown = [cell for cell in table.cells if cell.amount_minor is not None]
    hidden = {row.holder for row in one.rows}
    for cell in shown:
        members = {row.holder for row in one.rows if of(row) == cell.code}  # type: ignore[operator]
        hidden -= members
        if members:
            yield near(total(place, one, "received", only=members), cell.amount_minor or 0)
    if hidden:
        left = table.total_minor - sum(cell.amount_minor or 0 for cell in shown)
        yield near(total(place, one, "received", only=hidden), left, 2_50 * (1 + len(shown)))


def _zone(row: ShopReceipts) -> str | None:
    return row.zone


def _group(row: ShopReceipts) -> str:
    return "sse" if row.is_sse else "other"


def _way(place: int, one: Lived, months: Sequence[Lived]) -> Iterator[Row]:
    way = one.way
    if way.spent_by_residents is not None:
        yield near(plus(total(place, one, "received"), total(place, one, "sold", sign=-1)), way.spent_by_residents)
        yield near(total(place, one, "sold"), way.between_businesses or 0)
        yield near(total(place, one, "wages"), way.paid_to_residents or 0)
    for minor, until in ((way.carried_by_businesses, place), (way.kept_by_businesses, place + 1)):
        if minor is not None and until:
            yield near(plus(*(_kept(number, months[number]) for number in range(until))), minor)
    for source in way.sources:
        if source.code == "cover":
            yield near(total(place, one, "covered"), source.minor)


def _kept(place: int, one: Lived) -> Form:
    """What businesses have more at the end of a month than before; residents' is what came in less it."""
    more = total(place, one, "received", "covered")
    return plus(more, total(place, one, "bought", "wages", sign=-1))


def _period(months: Sequence[Lived], first: int, last: int, payments: Sequence[Form]) -> Iterator[Row]:
    """A report of several months: what its ratios say of sums."""
    places = range(first, last + 1)
    some = [months[place] for place in places]
    rows = [row for one in some for row in one.rows]
    moved = [one.report.flows for one in some]
    issued, income = sum(one.issued for one in moved), sum(one.business_income for one in moved)
    supply = b2b_depth(
        Supply(
            from_residents=sum(row.from_residents for row in rows),
            between_businesses=sum(row.from_businesses for row in rows),
            to_residents=sum(row.to_residents for row in rows),
            active=len(rows), buyers=len(rows), links=len(rows),
        )
    )  # fmt: skip
    spent = sum(one.spent for one in moved)
    each = zone_equity(rows, LIVING).per_resident
    told = {
        (one.figure.indicator, one.figure.part): one.value
        for one in disclosed(
            [
                Figure("units", "spent", "", Fraction(spent, 100), Unit.MONEY),
                Figure("multiplier", "", "", Fraction(spent, issued), Unit.RATIO),
                Figure("b2b_depth", "", "", supply.depth, BY_KEY["b2b_depth"].unit),
                Figure("b2b_depth", "of-spending", "", supply.of_spending, Unit.SHARE),
                *(
                    Figure("zone_equity", f"zone:{zone}", "", minor / 100, Unit.MONEY_PER_PERSON)
                    for zone, minor in each.items()
                ),
            ],
            [one.public for one in some],
            residents=LIVING,
        )
    }
    together = {kind: plus(*(total(place, months[place], kind) for place in places)) for kind in KINDS}
    for zone, living in LIVING.items():
        if (value := told["zone_equity", f"zone:{zone}"]) is not None:
            there = {row.holder for row in rows if row.zone == zone}
            of_zone = plus(*(total(place, months[place], "received", only=there) for place in places))
            yield near(of_zone, value * living * 100, living * 50 + 2_50 * len(some))
    if (value := told["units", "spent"]) is not None:
        yield near(plus(*(payments[place] for place in places)), value * 100)
    if (value := told["multiplier", ""]) is not None:
        yield near(plus(*(payments[place] for place in places)), value * issued, issued / 2000)
    if told["b2b_depth", ""] is not None:
        # Beside receipts it gives both parts of them; so that no bound is better, they are taken as exact to a thousandth.
        yield near(together["sold"], sum(row.from_businesses for row in rows), income / 1000 + 5_00)
    if told["b2b_depth", "of-spending"] is not None:
        yield near(together["wages"], sum(row.to_residents for row in rows), income / 1000 + 5_00)


def largest(months: Sequence[Lived]) -> Iterator[Row]:
    """What the index of concentration says of the largest shop: its share lies between the index and its root."""
    for place, one in enumerate(months):
        found = concentration(one.rows)
        index = Figure("concentration", "", "", found.hhi if found else None, Unit.INDEX)
        equals = Figure("concentration", "equals", "", found.equals if found else None, Unit.COUNT)
        for told in disclosed([index, equals], [one.public]):
            if told.value is not None:
                most, income = max(one.rows, key=_size), sum(row.receipts_minor for row in one.rows)
                value = float(told.value)
                low, high = (
                    (1 / (value + 0.5), 1 / (value - 0.5)) if told.figure.part else (value - 0.005, value + 0.005)
                )
                yield Row(
                    {(place, "received", most.holder): Fraction(1)}, low * (income - 2_50), sqrt(high) * (income + 2_50)
                )


# The attack. Shops of the same zone and kind stand in the same sums: the largest of them for itself, the others together.


def merged(months: Sequence[Lived], form: Form) -> dict[Column, Fraction]:
    """The form over the largest shop of each place and the others there together."""
    found: dict[Column, Fraction] = {}
    for (place, kind, holder), factor in form.items():
        name = (place, kind, _name(months[place].rows, holder) if holder is not None else None)
        assert found.get(name, factor) == factor
        found[name] = factor
    return found


def _name(rows: Sequence[ShopReceipts], holder: object) -> object:
    mine = next(row for row in rows if row.holder == holder)
    place = (mine.zone, mine.is_sse)
    return place, max((row for row in rows if (row.zone, row.is_sse) == place), key=_size).holder == holder


def _size(row: ShopReceipts) -> tuple[int, int]:
    return row.receipts_minor, row.holder.int


class Span:
    """What follows linearly from some forms: exact elimination over the rationals."""

    def __init__(self, forms: Iterable[Form]) -> None:
        self.pivots: list[tuple[Column, dict[Column, Fraction]]] = []
        for form in forms:
            left = self.less(form)
            if left:
                pivot = min(left, key=repr)
                self.pivots.append((pivot, {column: factor / left[pivot] for column, factor in left.items()}))

    def less(self, form: Form) -> dict[Column, Fraction]:
        left = dict(form)
        for pivot, row in self.pivots:
            factor = left.get(pivot)
            if factor:
                for column, other in row.items():
                    value = left.get(column, Fraction(0)) - factor * other
                    if value:
                        left[column] = value
                    else:
                        left.pop(column, None)
        return left


def secrets(months: Sequence[Lived]) -> Iterator[tuple[str, Form]]:
    """What nobody may know: single shops, hidden cells that are not safe, and payments of a kind that few made."""
    for place, one in enumerate(months):
        for row in one.rows:
            for kind in KINDS:
                if one.amount(kind, row) and _name(one.rows, row.holder)[1]:  # type: ignore[index]
                    yield f"{kind} of {row.holder.int}, {place}", {(place, kind, row.holder): Fraction(1)}
        residents = [row.from_residents for row in one.rows]
        bought = plus(total(place, one, "received"), total(place, one, "sold", sign=-1))
        if _few(residents):
            yield f"spent by residents, {place}", bought
            yield f"net of residents, {place}", plus(bought, total(place, one, "wages", sign=-1))
        for kind in KINDS:
            if _few([one.amount(kind, row) for row in one.rows]):
                yield f"{kind}, {place}", total(place, one, kind)
        gifts: Form = {(place, "gifts", None): Fraction(1)}
        if _few(one.gifts):
            yield f"gifts, {place}", gifts
        if _few([*(row.to_residents for row in one.rows), *one.gifts]):
            yield f"what residents got, {place}", plus(total(place, one, "wages"), gifts)
        for of in (_zone, _group):
            for code in {of(row) for row in one.rows}:
                members = [row for row in one.rows if of(row) == code]
                if _few([row.receipts_minor for row in members]):
                    yield f"{code}, {place}", total(place, one, "received", only={row.holder for row in members})


def _few(amounts: Sequence[int]) -> bool:
    some = [amount for amount in amounts if amount]
    return bool(some) and (len(some) < 10 or max(some) > Fraction(85, 100) * sum(some))


def found_out(months: Sequence[Lived]) -> list[str]:
    """The secrets that follow by linear algebra."""
    span = Span(merged(months, row.form) for row in everything(months))
    return [name for name, form in secrets(months) if not span.less(merged(months, form))]


def bounds(months: Sequence[Lived], rows: Sequence[Row]) -> dict[Column, tuple[float, float]]:
    """Between what each unknown lies: nothing is negative, and no shop makes more than 85 % of a sum that is told."""
    merged_rows = [Row(merged(months, row.form), row.low, row.high) for row in rows]
    columns = {column for row in merged_rows for column in row.form}
    low, high = dict.fromkeys(columns, 0.0), dict.fromkeys(columns, inf)
    for _ in range(4):
        for row in merged_rows:
            least = {c: float(f) * (low[c] if f > 0 else high[c]) for c, f in row.form.items()}
            most = {c: float(f) * (high[c] if f > 0 else low[c]) for c, f in row.form.items()}
            under, over = sum(least.values()), sum(most.values())
            unbounded = [c for c in most if most[c] == inf]
            below = [c for c in least if least[c] == -inf]
            for column, factor in row.form.items():
                others = under - least[column] if not below else (-inf if below != [column] else _sum(least, column))
                upper = row.high - others
                others = (
                    over - most[column] if not unbounded else (inf if unbounded != [column] else _sum(most, column))
                )
                lower = row.low - others
                if factor < 0:
                    upper, lower = -lower, -upper
                high[column] = min(high[column], upper)
                low[column] = max(low[column], lower)
            if len(row.form) > 1 and all(factor == 1 for factor in row.form.values()):
                for column in row.form:
                    if isinstance(column[2], tuple) and column[2][1]:
                        high[column] = min(high[column], max(0.85 * row.high, low[column]))
    return {column: (low[column], high[column]) for column in columns}


def _sum(values: Mapping[Column, float], without: Column) -> float:
    return sum(value for column, value in values.items() if column != without)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32))
def test_nothing_hidden_follows_from_everything_published_of_all_months(seed):
    months = lived(seed)

    assert found_out(months) == []


def narrow(months: Sequence[Lived]) -> list[tuple[Column, int, float, float]]:
    """The single amounts that are known too well, and between what they are known to lie."""
    known = bounds(months, [*everything(months), *largest(months)])
    found = []
    for place, one in enumerate(months):
        for row in one.rows:
            alone = _name(one.rows, row.holder)
            for kind in KINDS:
                amount = one.amount(kind, row)
                if amount and alone[1]:  # type: ignore[index]
                    low, high = known.get((place, kind, alone), (0.0, inf))
                    assert low <= amount <= high + 1, "the attack says what is not so"
                    if high - low < HALF * amount:
                        found.append(((place, kind, row.holder), amount, low, high))
    return found


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32))
def test_no_shops_amount_is_bounded_within_half_of_itself(seed):
    assert narrow(lived(seed)) == []


def overrun(months: Sequence[Lived], row: Row) -> Fraction | None:
    """How far above its true amount the second largest of a sum must put the largest; None where it is no plain sum."""
    if set(row.form.values()) != {1} or any(kind == "gifts" for _, kind, _ in row.form) or len(row.form) == 1:
        return None
    shops = [{shop.holder: shop for shop in one.rows} for one in months]
    amounts = [months[place].amount(kind, shops[place][holder]) for place, kind, holder in row.form]  # type: ignore[index]
    first, second = _two(amounts)
    return Fraction(round(row.high) - second - first, first) if first > 100_00 else None


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32))
def test_the_second_largest_of_a_sum_does_not_know_the_largest(seed):
    months = lived(seed)
    found = [more for row in everything(months) if (more := overrun(months, row)) is not None]

    assert min(found, default=Fraction(1)) >= Fraction(15, 100)


def test_the_attack_by_bounds_finds_what_hiding_the_index_of_concentration_prevents(monkeypatch):
    monkeypatch.setattr(disclosure, "_MOST_CONCENTRATED", Fraction(1))

    assert any(narrow(lived(seed)) for seed in range(60))


@pytest.mark.parametrize("rule", ["_PAYING", "_TRADE", "_HELD"])
def test_the_attack_finds_what_each_rule_prevents(monkeypatch, rule):
    monkeypatch.setattr(publication, rule, frozenset[str]())

    assert any(found_out(lived(seed)) for seed in range(60))


def test_enough_is_published_for_the_attack_to_mean_something():
    months = [one for seed in range(25) for one in lived(seed)]

    assert sum(one.public.spent_minor is not None for one in months) > 20
    assert sum(one.public.trade_told for one in months) > 10
    assert sum(one.public.held_to_date for one in months) > 3
    assert (
        sum(any(cell.hidden for cell in one.public.by_zone.cells) and not one.public.by_zone.withheld for one in months)
        > 5
    )


# What people brought and worked. A cell is what was done in a month of one activity and stream at one rate and factor.

ACTIVITIES = {"compost": "kilogram", "jars": "kilogram", "garden": "hour"}
STREAMS = {"compost": ("bio", "glass"), "jars": ("glass",), "garden": ("",)}
REUSED = frozenset({"jars"})
COSTS = {"compost": 50_00, "jars": 31_00, "garden": 90_00}
RATE = {"compost": 50, "jars": 25, "garden": 4_00}
GRAMS = {1: 300, 2: 900}
CHANGED = 16
"""The day of a month from which another factor holds for glass, where the town has one."""


@dataclass(frozen=True)
class Cell:
    """Of each person the quantity in steps and what was not paid of it at the rate, in minor units."""

    month: int
    activity: str
    stream: str
    era: int
    quantities: tuple[int, ...]
    short: tuple[int, ...]

    @property
    def column(self) -> tuple[int, str, object]:
        return self.month, "done", (self.activity, self.stream, self.era)

    @property
    def unpaid(self) -> tuple[int, str, object]:
        return self.month, "short", (self.activity, self.stream, self.era)

    @property
    def paid(self) -> int:
        return sum(self.quantities) // STEPS[ACTIVITIES[self.activity]] * RATE[self.activity] - sum(self.short)

    @property
    def delivered(self) -> Delivered:
        day = date(2026, 1 + self.month, 1 if self.era == 1 else CHANGED)
        measure = ACTIVITIES[self.activity]
        return Delivered(
            self.activity, self.activity, measure, self.stream, day, sum(self.quantities), self.paid, len(self.quantities)
        )  # fmt: skip

    def contributors(self) -> Iterator[Contributors]:
        """As sql/contributors.sql counts them, which tests/impact/test_figures_reference.py holds to the books."""
        for kind, sizes in (("done", self.quantities), ("short", self.short)):
            some = [size for size in sizes if size]
            if some:
                yield Contributors(
                    date(2026, 1 + self.month, 1), self.activity, ACTIVITIES[self.activity], self.stream,
                    len(some), sum(some), *_two(some), kind,
                )  # fmt: skip


STEPS = {"kilogram": 1000, "hour": 60}


def worked(seed: int) -> list[Cell]:
    """One to three months: cells of nobody, of a few, of many, of many and a giant; caps that few or many met."""
    chance = random.Random(seed)
    cells = []
    for month in range(chance.randint(1, 3)):
        for activity, streams in STREAMS.items():
            step = STEPS[ACTIVITIES[activity]]
            for stream in streams:
                for era in (1, 2) if stream == "glass" and chance.random() < 0.5 else (1,):
                    count = chance.choice([0, 3, 12, 30, 30, 30])
                    quantities = [chance.randint(1, 20) * step for _ in range(count)]
                    if count and chance.random() < 0.1:
                        quantities[0] += 5_000 * step
                    capped = min(count, chance.choice([0, 0, 0, 2, 15]))
                    short = [chance.randint(1, 30) if place < capped else 0 for place in range(count)]
                    if count:
                        cells.append(Cell(month, activity, stream, era, tuple(quantities), tuple(short)))
    return cells


WIDE = publish(report_of(in_zones(north=12, south=31, east=14, west=18), [Wait(0, 40)]))


def done(cells: Sequence[Cell], first: int, last: int) -> dict[tuple[str, str], Fraction | None]:
    """The figures of these months, as published."""
    mine = [cell for cell in cells if first <= cell.month <= last]
    delivered = [cell.delivered for cell in mine]
    factors = [
        factor
        for month in range(4)
        for factor in (
            ConversionFactor("glass", date(2026, 1 + month, 1), GRAMS[1], "Inventory"),
            ConversionFactor("glass", date(2026, 1 + month, CHANGED), GRAMS[2], "Newer"),
        )
    ]
    factors.append(ConversionFactor("bio", date(2026, 1, 1), 100, "Inventory"))
    found = environment(delivered, factors, reuse=REUSED)
    figures = [
        Figure("environment", part, "", value, Unit.KILOGRAMS)
        for part, value in (("", found.kilograms), ("reused", found.reused), ("co2e", found.co2e))
    ]
    for stream in found.streams:
        for part, value in (("", stream.kilograms), (":co2e", stream.co2e)):
            figures.append(Figure("environment", f"stream:{stream.stream}{part}", "", value, Unit.KILOGRAMS))
    days = date(2026, 1 + first, 1), date(2026, 1 + last, 28)
    budget = [RunningCost(activity, *days, minor, "Budget") for activity, minor in COSTS.items()]
    for cost in cost_per_unit(delivered, budget, first_day=days[0], last_day=days[1]):
        for part, value in (("", cost.each), (":rewards", cost.rewards_each)):
            figures.append(Figure("cost_per_unit", f"activity:{cost.activity}{part}", "", value, Unit.MONEY_PER_UNIT))
    people = [row for cell in mine for row in cell.contributors()]
    shown = disclosed(figures, [WIDE] * (last - first + 1), people)
    return {(one.figure.indicator, one.figure.part): one.value for one in shown}


def of_cells(cells: Iterable[Cell], factor: Mapping[int, int] | None = None) -> dict[Column, Fraction]:
    return {cell.column: Fraction(1 if factor is None else factor[cell.era]) for cell in cells}


def figures_of_work(cells: Sequence[Cell]) -> Iterator[Form]:
    """Each figure that is told, of every run of months, as an equation: costs are so much over a quantity, and with a known
    budget both that and the rewards follow."""
    months = 1 + max((cell.month for cell in cells), default=-1)
    for first in range(months):
        for last in range(first, months):
            mine = [cell for cell in cells if first <= cell.month <= last]
            material = [cell for cell in mine if ACTIVITIES[cell.activity] == "kilogram"]
            for (indicator, part), value in done(cells, first, last).items():
                if value is None:
                    continue
                kind, _, code = part.partition(":")
                if indicator == "cost_per_unit":
                    of = [cell for cell in mine if cell.activity == code.partition(":")[0]]
                    yield of_cells(of)
                    rate = RATE[code.partition(":")[0]]
                    yield plus({cell.column: Fraction(rate) for cell in of}, {cell.unpaid: Fraction(-1) for cell in of})
                elif kind == "stream":
                    of = [cell for cell in material if cell.stream == code.partition(":")[0]]
                    yield of_cells(of, GRAMS if code == "glass:co2e" else None)
                elif part == "co2e":
                    glass, bio = ([cell for cell in material if cell.stream == name] for name in ("glass", "bio"))
                    yield plus(of_cells(glass, GRAMS), {cell.column: Fraction(100) for cell in bio})
                else:
                    yield of_cells(cell for cell in material if part == "" or cell.activity in REUSED)


def work_found_out(cells: Sequence[Cell]) -> list[str]:
    span = Span(figures_of_work(cells))
    secret = [(cell.column, cell.quantities) for cell in cells] + [(cell.unpaid, cell.short) for cell in cells]
    few = [(column, sizes) for column, sizes in secret if _few(sizes)]
    together = [
        (f"what few were not paid for of {activity}, {month}", {cell.unpaid: Fraction(1) for cell in mine})
        for month in {cell.month for cell in cells}
        for activity in ACTIVITIES
        if (mine := [cell for cell in cells if (cell.month, cell.activity) == (month, activity)])
        and _few([size for cell in mine for size in cell.short])
    ]
    alone = [(str(column), {column: Fraction(1)}) for column, _ in few]
    return [name for name, form in (*alone, *together) if not span.less(form)]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32))
def test_what_few_people_brought_or_worked_does_not_follow_from_kilograms_co2_and_costs(seed):
    assert work_found_out(worked(seed)) == []


@pytest.mark.parametrize("kept", ["done", "eras together", "nothing"])
def test_the_attack_on_work_finds_what_each_rule_prevents(monkeypatch, kept):
    """Without counting who was not paid the rate; without telling the eras of a month apart; without any rule."""
    exact = Cell.contributors

    def counted(cell: Cell) -> Iterator[Contributors]:
        many = Contributors(date(2026, 1 + cell.month, 1), cell.activity, "kilogram", cell.stream, 40, 4_000, 100, 100)
        few_alone = kept == "eras together" and cell.stream == "glass"
        return (row for row in ([many] if kept == "nothing" or few_alone else exact(cell)) if row.kind == "done")

    monkeypatch.setattr(Cell, "contributors", counted)

    assert any(work_found_out(worked(seed)) for seed in range(40))


def test_enough_work_is_told_for_the_attack_to_mean_something():
    told = [key for seed in range(40) for key, value in done(worked(seed), 0, 0).items() if value is not None]

    assert {indicator for indicator, _ in told} == {"environment", "cost_per_unit"}
    assert sum(part.endswith("co2e") for _, part in told) > 10
    assert sum(part.startswith("activity:") for _, part in told) > 30


# How long households waited. A cell is how many first spent after how many days, or have not; over two months each
# household counts once, so that those are numbers of their own.


def counts_of(waits: Sequence[Wait], months: int, place: object) -> tuple[list[Form], dict[Column, int], list[Shown]]:
    """What is published of these waits, as equations; the numbers behind them; and the figures."""
    public = publish(report_of(in_zones(north=40), waits))
    found = days_to_first_spend(waits)
    interval = {column: (column.first, column.last) for column in public.waits}
    behind: dict[Column, int] = {}
    for wait in found.waits:
        (name,) = (
            key for key in interval.values()
            if (wait.days is None) == (key[0] is None)
            and (wait.days is None or (key[0] <= wait.days and (key[1] is None or wait.days <= key[1])))
        )  # fmt: skip
        column = (0, repr(place), name)
        behind[column] = behind.get(column, 0) + wait.purses
    every = {(0, repr(place), name): Fraction(1) for name in interval.values()}
    figures = [
        Figure("days_to_first_spend", part, "", Fraction(count), Unit.COUNT)
        for part, count in (("purses", found.purses), ("spent", found.spent))
    ]
    shown = list(disclosed(figures, [public] * months))
    forms: list[Form] = []
    if months == 1:
        forms += [{(0, repr(place), interval[wait]): Fraction(1)} for wait in public.waits if wait.purses is not None]
        if public.purses is not None:
            forms.append(every)
    if shown[0].value is not None:
        forms.append(every)
    if shown[1].value is not None:
        forms.append({column: one for column, one in every.items() if column[2] != (None, None)})
    return forms, behind, shown


def households(seed: int) -> list[Wait]:
    chance = random.Random(seed)
    days = (0, 1, 4, 9, 20, None)
    return [Wait(day, count) for day in days if (count := chance.choice([0, 1, 3, 8, 12, 40, 200]))]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32))
def test_how_few_households_have_spent_by_a_day_does_not_follow_from_the_counts(seed):
    for months in (1, 2):
        forms, behind, _ = counts_of(households(seed), months, seed)
        span = Span(forms)

        assert [
            (name, count) for name, count in behind.items() if count < 10 and not span.less({name: Fraction(1)})
        ] == []


def test_the_attack_on_counts_means_something():
    shown = [counts_of(households(seed), months, seed) for seed in range(60) for months in (1, 2)]

    assert sum(len(forms) > 2 for forms, _, _ in shown) > 15
    assert sum(figures[1].hidden for _, _, figures in shown) > 10
    assert sum(not figures[1].hidden for _, _, figures in shown) > 10


# In whose hands a month's units ended, by the payments they had made. What was paid once and twice is told beside it, as LM3
# and the first rounds of retention.

END_KINDS = {"left": ROUNDS_TOLD + 1, "held": ROUNDS_TOLD}


def endings(seed: int) -> dict[Column, int]:
    """How much of it each of a town's holders had at which end: of none, of a few, of many, of many and a giant."""
    chance = random.Random(seed)
    found: dict[Column, int] = {}
    for kind, rounds in END_KINDS.items():
        for payments in range(rounds):
            count = chance.choice([0, 3, 14, 40, 40, 40])
            amounts = {holder: chance.randint(1, 90_00) for holder in chance.sample(range(50), count)}
            if amounts and chance.random() < 0.1:
                amounts[next(iter(amounts))] += 60_000_00
            found |= {(payments, kind, holder): amount for holder, amount in amounts.items()}
    return found


def ends_of(ended: Mapping[Column, int]) -> list[Ends]:
    """As town/ends.py counts them, which tests/impact/test_reports.py holds to the books."""

    def row(kind: str, payments: int | None) -> Ends:
        each: dict[object, int] = {}
        for (at, of, holder), amount in ended.items():
            if of == kind and payments in (None, at):
                each[holder] = each.get(holder, 0) + amount
        return Ends(kind, payments, len(each), sum(each.values()), *_two(list(each.values())))

    return [row(kind, payments) for kind, rounds in END_KINDS.items() for payments in (None, *range(rounds))]


def ends_found_out(ended: Mapping[Column, int]) -> tuple[list[str], int]:
    """What of few, or of one, follows from the rounds as they are told; and how many are told. Of each end the largest holder
    stands for itself, the others together: they are in the same sums."""

    def those(kinds: Sequence[str] = ("left", "held"), first: int = 0, last: int = 9) -> dict[Column, Fraction]:
        return {
            (at, kind, who): Fraction(1)
            for kind in kinds
            for at in range(END_KINDS[kind])
            for who in ("largest", "others")
            if first <= at <= last
        }

    def of_few(form: Form) -> bool:
        each: dict[object, int] = {}
        for (at, kind, holder), amount in ended.items():
            if (at, kind, "others") in form:
                each[holder] = each.get(holder, 0) + amount
        return _few(list(each.values()))

    parts = ["", *(f"hop:{hop}" for hop in range(ROUNDS_TOLD)), "beyond"]
    shown = disclosed(
        [Figure("leakage", part, "", Fraction(1, 10), Unit.SHARE) for part in parts], [WIDE], ends=ends_of(ended)
    )
    told = [place - 1 for place, one in enumerate(shown) if not one.hidden]
    span = Span(
        [
            *(those(first=round_) for round_ in range(ROUNDS_TOLD)),
            *(those(["left"]) if hop < 0 else those(["left"], hop, hop) for hop in told),
        ]
    )
    sums = {f"{kind} after {at}": those([kind], at, at) for kind, rounds in END_KINDS.items() for at in range(rounds)}
    sums |= {f"{kind} in all": those([kind]) for kind in END_KINDS}
    secret = [(name, form) for name, form in sums.items() if of_few(form)]
    secret += [(str(column), {column: Fraction(1)}) for column in those() if column[2] == "largest"]
    return [name for name, form in secret if not span.less(form)], len(told)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32))
def test_what_few_redeemed_or_hold_does_not_follow_from_leakage_by_round(seed):
    assert ends_found_out(endings(seed))[0] == []


def test_the_attack_on_rounds_finds_what_counting_their_holders_prevents(monkeypatch):
    told = [ends_found_out(endings(seed))[1] for seed in range(60)]
    monkeypatch.setattr(disclosure, "nobodys", lambda part, rules: True)

    assert any(ends_found_out(endings(seed))[0] for seed in range(10))
    assert len({*told}) > 3, "rounds are told in some towns and hidden in others"


# What is unspent of aid since the first unit, month after month: less the month before it is what was paid from aid, and what
# residents spent less that is what they paid from free money.


def spending(seed: int) -> list[MonthTraded]:
    """Two to four months of payments from aid and from free money: of nobody, of a few, of many, of many and a giant."""
    chance = random.Random(seed)
    rows = []
    for month in range(chance.randint(2, 4)):
        for kind in ("bound", "own"):
            amounts = [chance.randint(1, 90_00) for _ in range(chance.choice([0, 3, 15, 40, 40, 40]))]
            if amounts and chance.random() < 0.1:
                amounts[0] += 60_000_00
            if amounts:
                sums = len(amounts), sum(amounts), sum(amounts), *_two(amounts)
                rows.append(MonthTraded(date(2026, 1 + month, 1), kind, *sums))
    return rows


def spending_found_out(rows: Sequence[MonthTraded]) -> tuple[list[str], int]:
    """Payments of few that follow from what is told unspent, and from all that residents spent; and how often it is told."""
    months = sorted({row.first_day for row in rows})
    figure = Figure("unspent", "", "", Fraction(1, 4), Unit.SHARE)
    forms: list[Form] = []
    told = 0
    for place, month in enumerate(months):
        forms.append({(place, kind, None): Fraction(1) for kind in ("bound", "own")})
        (shown,) = disclosed([figure], [WIDE], purses=[row for row in rows if row.first_day <= month])
        if not shown.hidden:
            told += 1
            forms.append({(before, "bound", None): Fraction(1) for before in range(place + 1)})
    span = Span(forms)
    few = [row for row in rows if row.holders < 10 or row.largest > Fraction(85, 100) * row.gross]
    columns = {(months.index(row.first_day), row.kind, None): row for row in few}
    return [str(row) for column, row in columns.items() if not span.less({column: Fraction(1)})], told


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32))
def test_what_few_paid_from_aid_or_from_their_own_does_not_follow_from_what_is_unspent(seed):
    assert spending_found_out(spending(seed))[0] == []


def test_the_attack_on_what_is_unspent_finds_what_its_rule_prevents(monkeypatch):
    assert sum(spending_found_out(spending(seed))[1] for seed in range(60)) > 20

    monkeypatch.setattr(disclosure, "nobodys", lambda part, rules: True)

    assert any(spending_found_out(spending(seed))[0] for seed in range(10))
