"""Everything that is published of several months, taken together, gives no shop, no employer and no hidden month away.

The attacker has the register (which shop is where, which are of the social economy), every month's page and open data,
reports of any months together, the totals to the cent, and knows by repute which shop is the largest. Unknown are, for each
month and shop, what it received (and of that from businesses), what it paid businesses and residents, what the town paid into
its till, and what residents gave each other.

What is promised, and asserted here of random towns:

- no single shop's amount, no sum that is hidden and no kind of payment of fewer than ten (or mostly of one) is a linear
  combination of the published figures, were they exact;
- as they are rounded, by bounds, no single shop's amount is known within less than half of itself;
- the second largest of a sum, who takes its own share off, knows the largest to no better than 15 %.
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
from koinon.impact.disclosure import disclosed
from koinon.impact.figures import Figure
from koinon.impact.flow import CameIn, Held, MonthFlow, PublicFlow
from koinon.impact.indicators.b2b_depth import b2b_depth
from koinon.impact.indicators.catalogue import BY_KEY, Unit
from koinon.impact.indicators.concentration import concentration
from koinon.impact.indicators.multiplier import multiplier
from koinon.impact.indicators.recirculation import recirculation
from koinon.impact.indicators.velocity import velocity
from koinon.impact.measures import Supply
from koinon.impact.publication import PublicReport, PublicTable, publish
from koinon.impact.types import MonthReport, MonthTraded, ShopReceipts
from koinon.kernel.periods import Month
from tests.impact.test_publication import ZONES, month_of, report_of, traded_of

ISSUED = 20_000_00
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
    told = {
        (one.figure.indicator, one.figure.part): one.value
        for one in disclosed(
            [
                Figure("units", "spent", "", Fraction(spent, 100), Unit.MONEY),
                Figure("multiplier", "", "", Fraction(spent, issued), Unit.RATIO),
                Figure("b2b_depth", "", "", supply.depth, BY_KEY["b2b_depth"].unit),
                Figure("b2b_depth", "of-spending", "", supply.of_spending, Unit.SHARE),
            ],
            [one.public for one in some],
        )
    }
    together = {kind: plus(*(total(place, months[place], kind) for place in places)) for kind in KINDS}
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
        index = concentration(one.rows)
        figure = Figure("concentration", "", "", index.hhi if index else None, Unit.INDEX)
        for told in disclosed([figure], [one.public]):
            if told.value is not None:
                most, income = max(one.rows, key=_size), sum(row.receipts_minor for row in one.rows)
                low, high = float(told.value) - 0.005, sqrt(float(told.value) + 0.005)
                yield Row(
                    {(place, "received", most.holder): Fraction(1)}, low * (income - 2_50), high * (income + 2_50)
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
