"""How much aid a household gets in a month: what its award says, a table, or a formula.

| kept as | gives |
| --- | --- |
| {} | the monthly amount of the award |
| {"table": [{"children": {"at_least": 2}, "pays": 15000}, …, {"pays": 5000}]} | what the first row pays whose conditions all hold |
| {"formula": {"base": 8000, "each_member": 2000, …}} | a sum, step by step |

A formula adds, in this order: ``base``; ``each_member``; ``each_further_adult`` (beyond the
first); ``each_child`` (an amount, or a list of ages with what each child of them gets);
``supplements`` (conditions with what they add); ``share_of_award``. Then the sum is not more
than ``at_most``, not less than ``at_least``, and rounded down to whole ``round_down_to``.

Amounts are whole minor units of the national currency, with which the town's unit
is at par. Which part of the aid is paid in the unit is the programme's share.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from koinon.kernel.decisions import Ground
from koinon.kernel.money import share_rounded_down
from koinon.kernel.periods import Month
from koinon.programmes.eligibility import (
    CHILD,
    EVERYBODY,
    Ages,
    Children,
    Condition,
    HouseholdFacts,
    Path,
    Reading,
    ages,
    each,
    read,
)
from koinon.programmes.spending import parse_share


@dataclass(frozen=True, slots=True)
class Aid:
    """What a rule gives, and how it came about. ``minor`` is None where it gives no answer."""

    minor: int | None
    ground: Ground


class AmountRule:
    """How much aid a household gets, before the programme's share of it."""

    __slots__ = ()
    needs_award = False

    def of(self, facts: HouseholdFacts, month: Month, award_minor: int | None) -> Aid:
        raise NotImplementedError

    def as_json(self) -> dict[str, Any]:
        raise NotImplementedError

    def conditions(self) -> Iterator[Condition]:
        """Every condition within, to see what the rule rests on."""
        yield from ()


@dataclass(frozen=True, slots=True)
class OfAward(AmountRule):
    """What the award says."""

    needs_award = True

    def of(self, facts: HouseholdFacts, month: Month, award_minor: int | None) -> Aid:
        if award_minor is None:
            return Aid(None, Ground("entitlement.no-award"))
        return Aid(award_minor, Ground("entitlement.share-of-award", {"monthly_minor": award_minor}))

    def as_json(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table, or a supplement of a formula: what it pays where its conditions hold."""

    when: Condition
    pays: int

    def as_json(self) -> dict[str, Any]:
        return {**self.when.as_json(), "pays": self.pays}


@dataclass(frozen=True, slots=True)
class Table(AmountRule):
    """The first row whose conditions hold."""

    rows: tuple[Row, ...]

    def of(self, facts: HouseholdFacts, month: Month, award_minor: int | None) -> Aid:
        for number, row in enumerate(self.rows, start=1):
            outcome = row.when.of(facts, month)
            if outcome.holds:
                fields = {"row": number, "aid_minor": row.pays}
                return Aid(row.pays, Ground("entitlement.by-table", fields))
        return Aid(None, Ground("entitlement.no-row", {"rows": len(self.rows)}))

    def as_json(self) -> dict[str, Any]:
        return {"table": [row.as_json() for row in self.rows]}

    def conditions(self) -> Iterator[Condition]:
        for row in self.rows:
            yield from each(row.when)


@dataclass(frozen=True, slots=True)
class ForChildren:
    """What each child of an age adds."""

    ages: Ages
    pays: int

    def as_json(self) -> dict[str, Any]:
        return {**self.ages.as_json(), "pays": self.pays}


@dataclass(frozen=True, slots=True)
class Formula(AmountRule):
    """A sum of steps, then its limits."""

    base: int = 0
    each_member: int = 0
    each_further_adult: int = 0
    each_child: tuple[ForChildren, ...] = ()
    supplements: tuple[Row, ...] = ()
    share_of_award: Fraction | None = None
    at_least: int | None = None
    at_most: int | None = None
    round_down_to: int = 1

    @property
    def needs_award(self) -> bool:  # type: ignore[override]
        return self.share_of_award is not None

    def of(self, facts: HouseholdFacts, month: Month, award_minor: int | None) -> Aid:
        if self.share_of_award is not None and award_minor is None:
            return Aid(None, Ground("entitlement.no-award"))
        steps = [step for step in self._steps(facts, month, award_minor or 0) if step["count"] and step["minor"]]
        whole = sum(step["minor"] for step in steps)
        bounded = whole if self.at_most is None else min(whole, self.at_most)
        bounded = bounded if self.at_least is None else max(bounded, self.at_least)
        aid = bounded - bounded % self.round_down_to
        fields: dict[str, Any] = {"aid_minor": aid, "steps": steps}
        if aid != whole:
            fields["before_limits_minor"] = whole
        return Aid(aid, Ground("entitlement.by-formula", fields))

    def _steps(self, facts: HouseholdFacts, month: Month, award_minor: int) -> Iterator[dict[str, Any]]:
        yield _step("base", 1, self.base)
        yield _step("each_member", facts.members, self.each_member)
        yield _step("each_further_adult", facts.adults(month) - 1, self.each_further_adult)
        for one in self.each_child:
            yield _step("each_child", one.ages.count(facts, month), one.pays, **one.ages.as_json())
        for number, row in enumerate(self.supplements, start=1):
            yield _step("supplement", int(row.when.of(facts, month).holds), row.pays, number=number)
        if self.share_of_award is not None:
            yield _step("share_of_award", 1, share_rounded_down(award_minor, self.share_of_award))

    def as_json(self) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for name in ("base", "each_member", "each_further_adult"):
            if getattr(self, name):
                kept[name] = getattr(self, name)
        if self.each_child:
            kept["each_child"] = [one.as_json() for one in self.each_child]
        if self.supplements:
            kept["supplements"] = [row.as_json() for row in self.supplements]
        if self.share_of_award is not None:
            kept["share_of_award"] = f"{self.share_of_award.numerator}/{self.share_of_award.denominator}"
        if not kept:
            kept["base"] = 0
        for name in ("at_least", "at_most"):
            if getattr(self, name) is not None:
                kept[name] = getattr(self, name)
        if self.round_down_to != 1:
            kept["round_down_to"] = self.round_down_to
        return {"formula": kept}

    def conditions(self) -> Iterator[Condition]:
        for row in self.supplements:
            yield from each(row.when)


OF_AWARD = OfAward()


def _step(what: str, count: int, each_minor: int, **more: Any) -> dict[str, Any]:
    return {"what": what, "count": count, "each_minor": each_minor, "minor": count * each_minor, **more}


def oldest_counted(condition: Condition, amounts: AmountRule) -> int:
    """Below which age these rules count children; 0 where they count none. What is not counted is not kept."""
    found = [
        one.ages.younger_than
        for one in (*each(condition), *amounts.conditions())
        if isinstance(one, Children)
    ]  # fmt: skip
    if isinstance(amounts, Formula):
        found += [one.ages.younger_than for one in amounts.each_child]
        found += [CHILD] if amounts.each_further_adult else []
    return max(found, default=0)


# --- Reading --------------------------------------------------------------------------------------

_FORMULA = (
    "base", "each_member", "each_further_adult", "each_child", "supplements", "share_of_award", "at_least", "at_most",
    "round_down_to",
)  # fmt: skip


def read_amounts(written: Any, reading: Reading, path: Path = ()) -> AmountRule:
    """An amount rule from a table; what is wrong in it goes to ``reading.problems``."""
    table = reading.table(path, written)
    if not table:
        return OF_AWARD
    reading.known(path, table, ("table", "formula"))
    if "table" in table and "formula" in table:
        reading.problem((*path, "formula"), "rule.either-or", one="table", other="formula")
    if "table" in table:
        return _table(table["table"], reading, (*path, "table"))
    return _formula(table["formula"], reading, (*path, "formula")) if "formula" in table else OF_AWARD


def _table(written: Any, reading: Reading, path: Path) -> AmountRule:
    rows = _rows(written, reading, path)
    for place, row in enumerate(rows[:-1]):
        if row.when == EVERYBODY:
            reading.problem((*path, place), "rule.rows-after-the-last", row=place + 1)
            break
    return Table(tuple(rows))


def _rows(written: Any, reading: Reading, path: Path) -> list[Row]:
    rows = []
    for place, table in enumerate(reading.tables(path, written)):
        at = (*path, place)
        when = read({key: value for key, value in table.items() if key != "pays"}, reading, at, depth=1)
        rows.append(Row(when, _amount(table, "pays", reading, at, required=True) or 0))
    return rows


def _amount(table: Mapping[str, Any], key: str, reading: Reading, path: Path, *, required: bool = False) -> int | None:
    if key in table:
        return reading.amount((*path, key), table[key])
    if required:
        reading.problem((*path, key), "rule.missing", key=key)
    return None


def _formula(written: Any, reading: Reading, path: Path) -> AmountRule:
    table = reading.table(path, written)
    if table is None:
        return OF_AWARD
    all_known = reading.known(path, table, _FORMULA)
    share = parse_share(table["share_of_award"]) if "share_of_award" in table else None
    if "share_of_award" in table and share is None:
        reading.problem((*path, "share_of_award"), "rule.not-a-share")
    if all_known and not table.keys() & set(_FORMULA[:6]):
        reading.problem(path, "rule.says-nothing", wanted=list(_FORMULA[:6]))
    at_least, at_most = (_amount(table, key, reading, path) for key in ("at_least", "at_most"))
    if at_least is not None and at_most is not None and at_most < at_least:
        reading.problem((*path, "at_most"), "rule.reversed", first="at_least", last="at_most")
    step = _amount(table, "round_down_to", reading, path)
    if step == 0:
        reading.problem((*path, "round_down_to"), "rule.not-above-zero")
    return Formula(
        base=_amount(table, "base", reading, path) or 0,
        each_member=_amount(table, "each_member", reading, path) or 0,
        each_further_adult=_amount(table, "each_further_adult", reading, path) or 0,
        each_child=_each_child(table["each_child"], reading, (*path, "each_child")) if "each_child" in table else (),
        supplements=tuple(_rows(table["supplements"], reading, (*path, "supplements")))
        if "supplements" in table
        else (),
        share_of_award=share,
        at_least=at_least,
        at_most=at_most,
        round_down_to=step or 1,
    )


def _each_child(written: Any, reading: Reading, path: Path) -> tuple[ForChildren, ...]:
    if not isinstance(written, list):
        pays = reading.amount(path, written)
        return () if pays is None else (ForChildren(Ages(), pays),)
    found = []
    for place, table in enumerate(reading.tables(path, written)):
        at = (*path, place)
        reading.known(at, table, ("younger_than", "from_age", "pays"))
        found.append(
            ForChildren(ages(table, reading, at), _amount(table, "pays", reading, at, required=True) or 0)
        )  # fmt: skip
    return tuple(found)


def kept_amounts(written: Any) -> AmountRule:
    """The amounts of a programme as its record keeps them; they were checked when they were written.

    >>> by_children = kept_amounts({"table": [{"children": {"at_least": 3}, "pays": 200_00},
    ...                                       {"children": {"at_least": 1}, "pays": 100_00}, {"pays": 50_00}]})
    >>> one_child = HouseholdFacts(members=2, children=(Month(2020, 3),))
    >>> by_children.of(one_child, Month(2026, 10), None).minor
    10000
    """
    reading = Reading()
    found = read_amounts(written, reading)
    assert not reading.problems, reading.problems
    return found
