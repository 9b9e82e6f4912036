"""All indicators of a town's period, in the catalogue's order, as flat rows that a table, a page or a file can show.

A row is an indicator's figure or one part of it. ``None`` is undefined, never zero. Money stands in the town's unit
(not in minor units), so that a figure and its target compare. Exact and complete, so for the town's staff: what the
public sees goes through disclosure control.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection

from koinon.coproduction.queries import activities
from koinon.db.statements import many, one, statement
from koinon.impact import aims, queries
from koinon.impact.indicators.active_shops import active_shops
from koinon.impact.indicators.b2b_depth import b2b_depth
from koinon.impact.indicators.catalogue import CATALOGUE, Unit, gettext_noop
from koinon.impact.indicators.concentration import concentration
from koinon.impact.indicators.cost_per_unit import cost_per_unit
from koinon.impact.indicators.days_to_first_spend import days_to_first_spend
from koinon.impact.indicators.environment import environment
from koinon.impact.indicators.leakage import leakage
from koinon.impact.indicators.lm3 import lm3
from koinon.impact.indicators.multiplier import multiplier
from koinon.impact.indicators.price_signals import price_signals
from koinon.impact.indicators.recirculation import recirculation
from koinon.impact.indicators.retention import retention
from koinon.impact.indicators.share_by_sse import share_by_sse
from koinon.impact.indicators.share_by_zone import share_by_zone
from koinon.impact.indicators.shop_reach import shop_reach
from koinon.impact.indicators.unspent import unspent
from koinon.impact.indicators.velocity import velocity
from koinon.impact.indicators.zone_equity import zone_equity
from koinon.impact.measures import ROUNDS_TOLD, Baskets, Delivered, FundUse, Hops, Supply, Traced, hops_of
from koinon.impact.town.queries import followed
from koinon.impact.types import Flows, MonthReport, ShopReceipts, Wait
from koinon.kernel.periods import Month
from koinon.parties import queries as parties

_PACKAGE = "koinon.impact"
_ = gettext_noop


@dataclass(frozen=True, slots=True)
class Period:
    """Whole months of a town, from ``first`` to ``last``, both included; ``until`` cuts one that still runs."""

    first: Month
    last: Month
    start: datetime
    end: datetime
    until: datetime
    time_zone: ZoneInfo

    @classmethod
    def of(cls, first: Month, last: Month, time_zone: ZoneInfo, until: datetime | None = None) -> Period:
        start, end = first.bounds(time_zone)[0], last.bounds(time_zone)[1]
        until = end if until is None else min(until, end)
        assert start < until, "the period has not begun"
        return cls(first, last, start, end, until, time_zone)

    @property
    def first_day(self) -> date:
        return self.start.astimezone(self.time_zone).date()

    @property
    def last_day(self) -> date:
        """The last local day that is in it, wholly or in part."""
        return (self.until.astimezone(self.time_zone) - timedelta(microseconds=1)).date()

    @property
    def months(self) -> tuple[str, ...]:
        """Its months, such as 2026-11."""
        found = [self.first]
        while found[-1] < self.last:
            found.append(found[-1].next())
        return tuple(map(str, found))

    @property
    def per_year(self) -> Fraction:
        """How many such periods a year has: months count alike, and one that still runs by the time that has passed."""
        microsecond = timedelta(microseconds=1)
        passed = Fraction((self.end - self.start) // microsecond, (self.until - self.start) // microsecond)
        return Fraction(12, len(self.months)) * passed


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: of an indicator as a whole (``part`` ""), or of one of its parts.

    ``label`` says in English what the part is (translate it), ``name`` what of it the town's records call by a name:
    a neighbourhood, a fund, an activity. ``low`` and ``high`` where it comes from a sample or a judgement, or where
    the conventions of following units differ: the lower and the higher of both.
    """

    indicator: str
    part: str
    label: str
    value: Fraction | None
    unit: Unit
    low: Fraction | None = None
    high: Fraction | None = None
    name: str = ""


def figures(
    conn: Connection[Any],
    town_id: int,
    period: Period,
    *,
    keys: Collection[str] | None = None,
    cohorts: Mapping[str, Sequence[Traced]] | None = None,
    month: MonthReport | None = None,
) -> tuple[Figure, ...]:
    """Every figure of a period that comes from the books, the trace and contributions.

    ``keys`` asks for some indicators only. What needs the trace reads ``cohorts`` ("fifo", and "mixing" beside it):
    as they were last followed of the town's books, unless others are given. It says what became of the period's money
    up to then, and is undefined where the books were never followed. ``month`` is the period's report where somebody has
    read it already: what stands in it is not read again. What a survey or an appraisal says is not in it:
    each has a file of its own.
    """
    assert month is None or (month.start, month.until) == (period.start, period.until), "a report of another period"
    material = _Material(conn, town_id, period, cohorts, month)
    return tuple(
        figure
        for entry in CATALOGUE
        if entry.key in _COMPUTED and (keys is None or entry.key in keys)
        for figure in _COMPUTED[entry.key](material)
    )


@dataclass
class _Material:
    """What indicators are computed from, each read once and only where somebody asks for it."""

    conn: Connection[Any]
    town_id: int
    period: Period
    given: Mapping[str, Sequence[Traced]] | None
    month: MonthReport | None

    def _rows(self, name: str, row: type[Any], **params: Any) -> list[Any]:
        return many(self.conn, statement(_PACKAGE, name), row, town_id=self.town_id, **params)

    @cached_property
    def _between(self) -> dict[str, datetime]:
        return {"start": self.period.start, "until": self.period.until}

    @cached_property
    def scale(self) -> int:
        """Minor units in one unit."""
        return int(10 ** parties.town(self.conn, self.town_id).exponent)

    def money(self, minor: int | Fraction | None) -> Fraction | None:
        return None if minor is None else Fraction(minor) / self.scale

    @cached_property
    def flows(self) -> Flows:
        if self.month is not None:
            return self.month.flows
        return queries.flows(self.conn, self.town_id, self.period.start, self.period.until)

    @cached_property
    def receipts(self) -> Sequence[ShopReceipts]:
        if self.month is not None:
            return self.month.receipts
        return self._rows("receipts", ShopReceipts, **self._between)

    @cached_property
    def zones(self) -> Mapping[str, str]:
        if self.month is not None:
            return self.month.zones
        return queries.zones(self.conn, self.town_id)

    @cached_property
    def waits(self) -> Sequence[Wait]:
        if self.month is not None:
            return self.month.first_spend.waits
        return self._rows("first_spend", Wait, **self._between, time_zone=str(self.period.time_zone))

    @cached_property
    def funds(self) -> list[FundUse]:
        return self._rows("fund_use", FundUse, until=self.period.until)

    @cached_property
    def supply(self) -> Supply:
        return one(self.conn, statement(_PACKAGE, "supply"), Supply, town_id=self.town_id, **self._between)

    @cached_property
    def baskets(self) -> list[Baskets]:
        return self._rows("baskets", Baskets, **self._between)

    @cached_property
    def delivered(self) -> list[Delivered]:
        days = {"first_day": self.period.first_day, "last_day": self.period.last_day}
        return self._rows("delivered", Delivered, **days)

    @cached_property
    def cohorts(self) -> Mapping[str, Sequence[Traced]]:
        """By convention; lots alone are exact."""
        if self.given is not None:
            return self.given
        return {name: one.cohorts for name, one in followed(self.conn, town_id=self.town_id).items()}

    def by_cohort(self, convention: str = "fifo") -> dict[str, Hops]:
        """Hops of the cohorts given out in the period's months; labels end with their month."""
        cohorts = self.cohorts.get(convention, ())
        return {one.label: hops_of([one]) for one in cohorts if one.issued and one.label[-7:] in self.period.months}

    def hops(self, convention: str = "fifo") -> Hops:
        return sum(self.by_cohort(convention).values(), Hops((), ()))


def _units(of: _Material) -> Iterator[Figure]:
    flows = of.flows
    for part, label, minor in (
        ("", _("Outstanding at the end"), flows.outstanding_end),
        ("issued", _("Issued"), flows.issued),
        ("spent", _("Spent"), flows.spent),
        ("refunded", _("Refunded"), flows.refunded),
        ("redeemed", _("Redeemed"), flows.redeemed),
        ("expired", _("Expired"), flows.expired),
        ("outstanding-start", _("Outstanding at the start"), flows.outstanding_start),
    ):
        yield Figure("units", part, label, of.money(minor), Unit.MONEY)


def _multiplier(of: _Material) -> Iterator[Figure]:
    yield Figure("multiplier", "", "", multiplier(of.flows), Unit.RATIO)


def _recirculation(of: _Material) -> Iterator[Figure]:
    yield Figure("recirculation", "", "", recirculation(of.flows), Unit.SHARE)


def _velocity(of: _Material) -> Iterator[Figure]:
    yield Figure("velocity", "", "", velocity(of.flows, periods_per_year=of.period.per_year), Unit.PER_YEAR)


def _lm3(of: _Material) -> Iterator[Figure]:
    def both(part: str, name: str, lots: Hops, mixing: Hops) -> Figure:
        value, other = lm3(lots).lm3, lm3(mixing).lm3
        return Figure("lm3", part, "", value, Unit.RATIO, *_between(value, other), name=name)

    yield both("", "", of.hops(), of.hops("mixing"))
    mixed = of.by_cohort("mixing")
    for label, hops in of.by_cohort().items():
        yield both(f"cohort:{label}", label, hops, mixed.get(label, Hops((), ())))


def _retention(of: _Material) -> Iterator[Figure]:
    rounds, mixed = retention(of.hops()), dict(enumerate(retention(of.hops("mixing"))))
    first = dict(enumerate(rounds)).get(1)
    ends = _between(first, mixed.get(1))
    yield Figure("retention", "", _("Paid on by first receivers"), first, Unit.SHARE, *ends)
    for hop, share in enumerate(rounds):
        if share is None:
            break  # Nothing reached this round, nor any later one.
        ends = _between(share, mixed.get(hop))
        yield Figure("retention", f"hop:{hop}", _round(hop), share, Unit.SHARE, *ends)


def _round(hop: int) -> str:
    """What left or was paid on then, in words.

    >>> _round(0), _round(2)
    ('Before any payment', 'After payment 2')
    """
    return _("After payment %(number)s") % {"number": hop} if hop else _("Before any payment")


def _leakage(of: _Material) -> Iterator[Figure]:
    found = leakage(of.hops())
    yield Figure("leakage", "", _("Left after any number of payments"), found.total if found else None, Unit.SHARE)
    if found is None:
        return
    by_hop = [*found.by_hop, *[Fraction(0)] * (ROUNDS_TOLD - len(found.by_hop))]
    for hop, share in enumerate(by_hop):
        yield Figure("leakage", f"hop:{hop}", _round(hop), share, Unit.SHARE)
    beyond = sum(by_hop[ROUNDS_TOLD:], Fraction(0))
    yield Figure("leakage", "beyond", _("After three payments or more"), beyond, Unit.SHARE)


def _between(one: Fraction | None, other: Fraction | None) -> tuple[Fraction | None, Fraction | None]:
    """The lower and the higher of two conventions' figures; nothing where only one has been followed."""
    return (None, None) if one is None or other is None else (min(one, other), max(one, other))


def _first_spend(of: _Material) -> Iterator[Figure]:
    found = days_to_first_spend(of.waits)
    yield Figure("days_to_first_spend", "", _("Median"), found.median, Unit.DAYS)
    yield Figure("days_to_first_spend", "purses", _("Purses"), Fraction(found.purses), Unit.COUNT)
    yield Figure("days_to_first_spend", "spent", _("Purses that have spent"), Fraction(found.spent), Unit.COUNT)


def _unspent(of: _Material) -> Iterator[Figure]:
    def shares(funds: Iterable[FundUse], prefix: str, name: str) -> Iterator[Figure]:
        use = unspent(funds)
        for part, label, share in (
            ("", _("Unspent"), use.unspent),
            ("spent", _("Spent"), use.spent),
            ("expired", _("Expired"), use.expired),
        ):
            yield Figure("unspent", ":".join(filter(None, (prefix, part))), label, share, Unit.SHARE, name=name)

    yield from shares(of.funds, "", "")
    for fund in of.funds:
        yield from shares([fund], f"fund:{fund.code}", fund.name)


def _shop_reach(of: _Material) -> Iterator[Figure]:
    yield Figure("shop_reach", "", "", shop_reach(of.receipts), Unit.SHARE)
    for part, label, count in (
        ("reached", _("Businesses that were reached"), active_shops(of.receipts)),
        ("accepting", _("Businesses that accept the currency"), len(of.receipts)),
    ):
        yield Figure("shop_reach", part, label, Fraction(count), Unit.COUNT)


def _active_shops(of: _Material) -> Iterator[Figure]:
    yield Figure("active_shops", "", "", Fraction(active_shops(of.receipts)), Unit.COUNT)


def _concentration(of: _Material) -> Iterator[Figure]:
    found = concentration(of.receipts)
    yield Figure("concentration", "", "", found.hhi if found else None, Unit.INDEX)
    equals = found.equals if found else None
    yield Figure("concentration", "equals", _("As many businesses of equal size"), equals, Unit.COUNT)


def _share_by_sse(of: _Material) -> Iterator[Figure]:
    named = {"sse": ("", _("Social and solidarity economy")), "other": ("other", _("Other businesses"))}
    for share in share_by_sse(of.receipts):
        part, label = named[share.code or "other"]
        yield Figure("share_by_sse", part, label, share.share, Unit.SHARE)


def _share_by_zone(of: _Material) -> Iterator[Figure]:
    for share in share_by_zone(of.receipts, of.zones):
        label = _("Outside the neighbourhoods") if share.code is None else ""
        yield Figure("share_by_zone", f"zone:{share.code or ''}", label, share.share, Unit.SHARE, name=share.label)


def _zone_equity(of: _Material) -> Iterator[Figure]:
    counts = aims.zone_residents(of.conn, of.town_id)
    found = zone_equity(of.receipts, aims.residents_on(counts, of.period.last_day))
    theil, most = (None if value is None else Fraction(value) for value in (found.theil, found.most))
    yield Figure("zone_equity", "", "", theil, Unit.INDEX)
    yield Figure("zone_equity", "most", _("The most it could be"), most, Unit.INDEX)
    each = _("for each resident")
    for zone, minor in found.per_resident.items():
        name = of.zones.get(zone, zone)
        yield Figure("zone_equity", f"zone:{zone}", each, of.money(minor), Unit.MONEY_PER_PERSON, name=name)


def _b2b_depth(of: _Material) -> Iterator[Figure]:
    found = b2b_depth(of.supply)
    for part, label, value, unit in (
        ("", "", found.depth, Unit.RATIO),
        ("of-spending", _("Of what businesses spend"), found.of_spending, Unit.SHARE),
        ("buying", _("Businesses that buy from another"), found.buying, Unit.SHARE),
        ("suppliers", _("Suppliers each of them pays"), found.suppliers, Unit.COUNT),
    ):
        yield Figure("b2b_depth", part, label, value, unit)


def _price_signals(of: _Material) -> Iterator[Figure]:
    found = price_signals(of.baskets)
    yield Figure("price_signals", "", _("Shops to look at"), Fraction(found.flagged), Unit.COUNT)
    yield Figure("price_signals", "compared", _("Shops compared"), Fraction(len(found.compared)), Unit.COUNT)
    yield Figure("price_signals", "too-few", _("Shops with too few purchases"), Fraction(found.too_few), Unit.COUNT)
    for signal in found.compared:
        if signal.flagged:
            part, label = f"shop:{signal.shop}", _("The middle basket is dearer by")
            yield Figure("price_signals", part, label, signal.dearer, Unit.SHARE, name=str(signal.shop))


def _cost_per_unit(of: _Material) -> Iterator[Figure]:
    days = {"first_day": of.period.first_day, "last_day": of.period.last_day}
    names = {one.code: one.name for one in activities(of.conn, town_id=of.town_id)}
    for cost in cost_per_unit(of.delivered, aims.running_costs(of.conn, of.town_id), **days):
        part, name = f"activity:{cost.activity}", names.get(cost.activity, cost.name)
        yield Figure("cost_per_unit", part, "", of.money(cost.each), Unit.MONEY_PER_UNIT, name=name)
        rewards = of.money(cost.rewards_each)
        yield Figure("cost_per_unit", f"{part}:rewards", _("Rewards alone"), rewards, Unit.MONEY_PER_UNIT, name=name)


def _environment(of: _Material) -> Iterator[Figure]:
    reuse = frozenset(row.activity for row in aims.reused(of.conn, of.town_id))
    found = environment(of.delivered, aims.conversion_factors(of.conn, of.town_id), reuse=reuse)
    for part, label, value in (
        ("", _("Material"), found.kilograms),
        ("reused", _("Used again"), found.reused),
        ("co2e", _("CO2 equivalent spared"), found.co2e),
    ):
        yield Figure("environment", part, label, value, Unit.KILOGRAMS)
    for stream in found.streams:
        part, name = f"stream:{stream.stream}", stream.stream
        yield Figure("environment", part, _("Material"), stream.kilograms, Unit.KILOGRAMS, name=name)
        spared = _("CO2 equivalent spared")
        yield Figure("environment", f"{part}:co2e", spared, stream.co2e, Unit.KILOGRAMS, name=name)


_COMPUTED: dict[str, Callable[[_Material], Iterator[Figure]]] = {
    "units": _units,
    "multiplier": _multiplier,
    "recirculation": _recirculation,
    "velocity": _velocity,
    "lm3": _lm3,
    "retention": _retention,
    "leakage": _leakage,
    "days_to_first_spend": _first_spend,
    "unspent": _unspent,
    "shop_reach": _shop_reach,
    "active_shops": _active_shops,
    "concentration": _concentration,
    "share_by_sse": _share_by_sse,
    "share_by_zone": _share_by_zone,
    "zone_equity": _zone_equity,
    "b2b_depth": _b2b_depth,
    "price_signals": _price_signals,
    "cost_per_unit": _cost_per_unit,
    "environment": _environment,
}
COMPUTED = frozenset(_COMPUTED)
"""The indicators that ``figures`` computes; the others read a file."""
