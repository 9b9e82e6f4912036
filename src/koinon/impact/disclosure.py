"""Which of a period's figures may leave the house, and how finely: what reports and public pages show.

An indicator is hidden unless a rule here lets it through. A whole town's ratio is shown when every month of the period
is (docs/algorithms/disclosure-control.md, rules 1 to 8): else the hidden month would follow from the period less the
others. What stands in a published table is taken from there, rounded as it is there, and added up over months only
where no month hides it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from koinon.impact.figures import Figure
from koinon.impact.indicators.catalogue import BY_KEY, Unit
from koinon.impact.indicators.zone_equity import equity_of
from koinon.impact.measures import ROUNDS_TOLD, Contributors, Ends
from koinon.impact.publication import Part, PublicReport, Rules, nobodys, rounded, safe, together
from koinon.impact.types import MonthTraded

_STANDARD = Rules()
_ROUNDS = {("retention", "hop:0"), ("retention", "hop:1"), *(("leakage", f"hop:{hop}") for hop in range(ROUNDS_TOLD))}
_MOST_CONCENTRATED = Fraction(1, 4)
_HOUSE_ONLY = ("cohort:", "fund:", "refunded")  # A small fund's figures would be those of its few.
_PLACES = {Unit.PER_YEAR: 100, Unit.MONEY_PER_UNIT: 100, Unit.MONEY_PER_PERSON: 100, Unit.KILOGRAMS: 1, Unit.DAYS: 2}


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure as it may be shown. ``hidden``: there is one and it is not told; else ``value`` None is undefined."""

    figure: Figure
    hidden: bool

    @property
    def value(self) -> Fraction | None:
        return None if self.hidden else self.figure.value

    @property
    def state(self) -> str:
        """As programs read it."""
        return "hidden" if self.hidden else "undefined" if self.value is None else "told"


def disclosed(
    figures: Iterable[Figure],
    months: Sequence[PublicReport],
    contributors: Iterable[Contributors] = (),
    purses: Iterable[MonthTraded] = (),
    residents: Mapping[str, int] | None = None,
    ends: Sequence[Ends] = (),
    rules: Rules = _STANDARD,
) -> tuple[Shown, ...]:
    """The figures of a period as they may be shown. ``months`` are all of its months, as published.

    ``contributors`` says of how many people each month's contributions were made: a figure of fewer than ten is hidden.
    ``purses`` says who paid from aid and who from free money in every month so far (sql/months_spent.sql), ``residents``
    how many people live in each neighbourhood, ``ends`` with how many a single month's own units ended: without it leakage is not
    told by round.
    Whether there is a figure at all is hidden like the figure: that there is no median says that most have not spent.
    """
    assert months, "a period has months"
    listed = list(figures)
    by = _Ground(
        months,
        tuple(contributors),
        tuple(purses),
        residents or {},
        tuple(ends),
        rules,
        {(one.indicator, one.part): one.value for one in listed},
    )
    shown = []
    for figure in listed:
        if not BY_KEY[figure.indicator].public or _for_the_house(figure):
            continue
        rule = _RULES.get(figure.indicator, _never)
        found = rule(figure if figure.value is not None else replace(figure, value=Fraction(0)), by)
        if found is None or figure.value is None:
            shown.append(Shown(replace(figure, value=None, low=None, high=None), hidden=found is None))
        else:
            shown.append(Shown(_coarse(found), hidden=False))
    return tuple(shown)


@dataclass(frozen=True, slots=True)
class _Ground:
    """What the rules look at: the months as published, who contributed what, the thresholds, and the period's exact figures."""

    months: Sequence[PublicReport]
    contributors: Sequence[Contributors]
    purses: Sequence[MonthTraded]
    residents: Mapping[str, int]
    ends: Sequence[Ends]
    rules: Rules
    exact: Mapping[tuple[str, str], Fraction | None]

    @property
    def base(self) -> Fraction:
        return Fraction(self.rules.amount_base)

    @property
    def payments_told(self) -> bool:
        return all(month.spent_minor is not None for month in self.months)

    @property
    def spent(self) -> Fraction | None:
        """What was paid in all months, as each was published, in whole units."""
        told = [month.spent_minor for month in self.months if month.spent_minor is not None]
        return Fraction(sum(told), 10 ** self.months[0].exponent) if len(told) == len(self.months) else None

    @property
    def trade_told(self) -> bool:
        return self.payments_told and all(month.trade_told for month in self.months)

    def ended(self, kind: str) -> dict[int | None, Part]:
        """By payments made, what of a month's own units left or is held."""
        return {
            row.payments: Part(row.holders, row.holders, row.amount, row.amount, row.largest, row.second)
            for row in self.ends
            if row.kind == kind
        }

    def leaving_told(self) -> frozenset[int | None]:
        """After how many payments it may be told what left; None among them: in all.

        What reached the first two rounds is told, so what is held there follows from what left: all of it must be of many.
        What is hidden is all that left less what is told: it must be of many together, of two rounds at least. Which round
        protects another is no question of amounts: the latest first.
        """
        left, held = self.ended("left"), self.ended("held")
        if not all(nobodys(whole, self.rules) for whole in (left.pop(None), held.pop(None))):
            return frozenset()
        if not all(nobodys(part, self.rules) for part in held.values()):
            return frozenset({None})
        few = {hop for hop, part in left.items() if not nobodys(part, self.rules)}
        spare = sorted(left.keys() - few, key=lambda hop: hop or 0)
        while few and not self._protect_each_other([left[hop] for hop in few]):
            if not spare:
                return frozenset({None})
            few.add(spare.pop())
        return frozenset({None, *(left.keys() - few)})

    def _protect_each_other(self, parts: Sequence[Part]) -> bool:
        """Their holders may be the same: the largest number is what is certain, and one may be the largest of each."""
        most = max(part.shops for part in parts)
        sizes = (sum(getattr(part, name) for part in parts) for name in ("amount", "gross", "largest", "second"))
        return sum(part.gross > 0 for part in parts) > 1 and safe(Part(most, most, *sizes), self.rules)

    def counted(self, figure: Figure) -> Fraction:
        """A share of all businesses, or of those that are active, of as many as a count would say."""
        value, active = _value(figure), self.exact.get(("active_shops", "")) or 0
        if active < self.rules.least or not value:
            return Fraction(round(value * 20), 20)
        base = self.rules.count_base
        if figure.indicator == "shop_reach":
            return min(Fraction(1), Fraction(rounded(int(active), base)) / (active / value))
        return min(Fraction(1), Fraction(rounded(round(active * value), base), rounded(int(active), base)))

    def table(self, name: str) -> Mapping[str | None, int | None]:
        """A published table over all months."""
        return together(getattr(month, name) for month in self.months)

    def share(self, name: str, code: str | None) -> Fraction | None:
        cells, totals = self.table(name), [getattr(month, name).total_minor for month in self.months]
        amount = cells.get(code)
        if amount is None or None in totals or not sum(totals):
            return None
        return Fraction(amount, sum(totals))


def _for_the_house(figure: Figure) -> bool:
    """Parts that are not even named.

    Of the rounds, two are told and no more: what is paid a third time may be one shop's, and nothing here counts whose it is.
    Of what leaves, that is counted up to the round from which on all is told together.
    """
    rounds = figure.part.startswith("hop:") and (figure.indicator, figure.part) not in _ROUNDS
    return rounds or figure.part.startswith(_HOUSE_ONLY)


def _value(figure: Figure) -> Fraction:
    assert figure.value is not None, "what is undefined is judged as if it were nothing"
    return figure.value


def _never(figure: Figure, by: _Ground) -> Figure | None:
    return None


def _units(figure: Figure, by: _Ground) -> Figure | None:
    """The town's own account; what was spent where every month's payments are told, as the sum of what they told: a payment
    that came late is in the books now, and would be what the period has more than its months."""
    if figure.part == "spent":
        return replace(figure, value=by.spent) if by.spent is not None else None
    return replace(figure, value=round(_value(figure) / by.base) * by.base)


def _multiplier(figure: Figure, by: _Ground) -> Figure | None:
    """Of one month as it was published, of several of what they told."""
    if by.spent is None:
        return None
    issued = by.exact.get(("units", "issued"))
    return replace(figure, value=by.spent / issued) if len(by.months) > 1 and issued else figure


def _with_payments(figure: Figure, by: _Ground) -> Figure | None:
    return figure if by.payments_told else None


def _with_trade(figure: Figure, by: _Ground) -> Figure | None:
    """From what businesses do with what they take."""
    return figure if by.trade_told else None


def _rounds(figure: Figure, by: _Ground) -> Figure | None:
    """What became of the money that was given out in these months: where in each of them ten households got aid, else it is
    what a few of them did with theirs."""
    return None if any(month.purses is None for month in by.months) else _with_trade(figure, by)


def _leakage(figure: Figure, by: _Ground) -> Figure | None:
    """By round of one month alone: of several, less one of them, it would be what few had left of theirs until later."""
    told = _rounds(figure, by)
    if not by.ends:
        return told if figure.part == "" else None
    kind, _, hop = figure.part.partition(":")
    payments = None if figure.part == "" else ROUNDS_TOLD if kind == "beyond" else int(hop)
    return told if payments in by.leaving_told() else None


def _depth(figure: Figure, by: _Ground) -> Figure | None:
    """Numbers of businesses over each other, of rounded counts or in halves: exact, both would follow."""
    match figure.part:
        case "buying":
            return _with_trade(replace(figure, value=by.counted(figure)), by)
        case "suppliers":
            return _with_trade(replace(figure, value=Fraction(round(_value(figure) * 2), 2)), by)
        case _:
            return _with_trade(figure, by)


def _first_spend(figure: Figure, by: _Ground) -> Figure | None:
    if any(month.purses is None for month in by.months):
        return None
    if figure.part == "spent" and any(
        wait.purses is None for month in by.months for wait in month.waits if wait.first is None
    ):
        return None  # All purses less these are those that have not spent.
    purses, spent = (by.exact.get(("days_to_first_spend", part)) for part in ("purses", "spent"))
    if figure.part == "spent" and (purses is None or purses - (spent or 0) < by.rules.least):
        return None  # Over several months fewer may be left than in each.
    if figure.unit is Unit.COUNT:
        return _counted(figure, by)
    return figure


def _unspent(figure: Figure, by: _Ground) -> Figure | None:
    """Of all funds together. It is since the first unit, so it is told where what was ever paid is, and where aid goes to
    many: else it is what a few households have left. A month's less that of the month before is what was paid from aid, and
    beside all that residents paid, what they paid from free money: each must be of many in every month."""
    rows = (Part(row.holders, row.holders, row.amount, row.gross, row.largest, row.second) for row in by.purses)
    of_many = by.months[-1].paid_to_date and by.months[-1].purses is not None
    return figure if of_many and all(nobodys(row, by.rules) for row in rows) else None


def _counted(figure: Figure, by: _Ground) -> Figure | None:
    if _value(figure) < by.rules.least:
        return None
    return replace(figure, value=Fraction(rounded(int(_value(figure)), by.rules.count_base)))


def _reach(figure: Figure, by: _Ground) -> Figure | None:
    """Of the rounded number of active shops: exact, beside the public register, it would be that number."""
    if figure.unit is Unit.COUNT:
        return _counted(figure, by) if by.payments_told else None
    return replace(figure, value=by.counted(figure)) if by.payments_told else None


def _concentration(figure: Figure, by: _Ground) -> Figure | None:
    """Only up to a quarter: the largest share lies between the index and its root, and above that they are close."""
    if not by.payments_told:
        return None
    if figure.unit is Unit.COUNT:
        equals = round(_value(figure))
        return replace(figure, value=Fraction(equals)) if equals >= 4 else None
    index = Fraction(round(_value(figure) * 100), 100)
    return replace(figure, value=index) if index <= _MOST_CONCENTRATED else None


def _by_sse(figure: Figure, by: _Ground) -> Figure | None:
    share = by.share("by_sse", "sse" if figure.part == "" else "other")
    return None if share is None else replace(figure, value=share)


def _by_zone(figure: Figure, by: _Ground) -> Figure | None:
    share = by.share("by_zone", figure.part.removeprefix("zone:") or None)
    return None if share is None else replace(figure, value=share)


def _equity(figure: Figure, by: _Ground) -> Figure | None:
    """Of the published tables: of the books as they are now, beside them, it would be what a shop took that moved since. The
    index is a sum over all zones: with one hidden it would be an equation for it."""
    cells = by.table("by_zone")
    kind, _, zone = figure.part.partition(":")
    told = {code: amount for code, amount in cells.items() if amount is not None}
    found = equity_of(told, by.residents)
    if kind == "zone":
        minor = found.per_resident.get(zone) if zone in told else None
        return None if minor is None else replace(figure, value=minor / 10 ** by.months[0].exponent)
    index = found.most if kind == "most" else found.theil
    return replace(figure, value=Fraction(index)) if len(told) == len(cells) and index is not None else None


def _delivered(figure: Figure, by: _Ground) -> Figure | None:
    """Where every activity, stream and month in it is of ten people at least and none did nearly all.

    A sum over some that pass and one that does not would give that one away: less the others; beside a second sum with
    other factors (kilograms and CO2); or less the same of fewer months. A month in which a factor or rate changed counts
    as two. Costs also say who was not paid the rate, which is public: hours above a cap, a reward that was left to somebody.
    """
    kind, _, code = figure.part.partition(":")
    code = code.split(":")[0]
    if kind == "activity":
        rows = [row for row in by.contributors if row.activity == code]
    else:
        rows = [
            row for row in by.contributors if row.measure == "kilogram" and (kind != "stream" or row.stream == code)
        ]
    if figure.indicator != "cost_per_unit":
        rows = [row for row in rows if row.kind == "done"]
    if not rows:
        return figure if figure.value == 0 else None  # Nothing was done: it is nobody's.
    parts = (Part(row.people, row.people, row.gross, row.gross, row.largest, row.second) for row in rows)
    return figure if all(safe(part, by.rules) for part in parts) else None


_RULES: dict[str, Callable[[Figure, _Ground], Figure | None]] = {
    "units": _units,
    "multiplier": _multiplier,
    "velocity": _with_payments,
    "recirculation": _with_trade,
    "lm3": _rounds,
    "retention": _rounds,
    "leakage": _leakage,
    "b2b_depth": _depth,
    "days_to_first_spend": _first_spend,
    "unspent": _unspent,
    "shop_reach": _reach,
    "active_shops": _counted,
    "concentration": _concentration,
    "share_by_sse": _by_sse,
    "share_by_zone": _by_zone,
    "zone_equity": _equity,
    "cost_per_unit": _delivered,
    "environment": _delivered,
}


def _coarse(figure: Figure) -> Figure:
    """Rounded to what a reader can use: thousandths of a ratio or share, hundredths of money, whole kilograms."""
    if figure.unit in {Unit.MONEY, Unit.COUNT}:
        return figure
    places = _PLACES.get(figure.unit, 1000)

    def coarse(value: Fraction | None) -> Fraction | None:
        return None if value is None else Fraction(round(value * places), places)

    return replace(figure, value=coarse(figure.value), low=coarse(figure.low), high=coarse(figure.high))
