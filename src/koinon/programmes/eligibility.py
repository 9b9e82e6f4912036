"""Whom a programme is for: conditions over registered facts, and every ground of a yes or a no.

A rule is a table whose entries all hold together:

| entry | holds in a month |
| --- | --- |
| zones = ["50", "53"] | the household lives in one of these neighbourhoods |
| income_bands = ["none"] | it is in one of these income bands |
| members = { at_least = 2, at_most = 5 } | it has so many members; members = 3 means exactly three |
| children = { younger_than = 18, at_least = 1 } | it has so many children of that age (``from_age`` is the lower end) |
| resident = { at_least_months = 12 } | it has lived in the town for so many full months |
| statuses = ["disability"] | one of these is on record of it; with { any_of, at_least_months }, for so long |
| all = [ … ], any = [ … ], not = { … } | every one, at least one, none of the tables within |

What is dated counts for a month when it holds on any day of it, as awards do. A
child is as old as at the beginning of the month, and only its month of birth is
known: it counts as the younger age until the end of the month of its birthday.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from koinon.kernel.decisions import Ground
from koinon.kernel.periods import Month

CHILD = 18  # Whoever is younger than this is a child where a rule names no other age.
LARGEST = 99  # Members, children, years.
MOST_MONTHS = 1200
DEEPEST, WIDEST = 8, 200


@dataclass(frozen=True, slots=True)
class Status:
    """Something on record about a household, under the town's own code; both days inclusive."""

    code: str
    from_day: date | None = None
    to_day: date | None = None

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "from_day": _iso(self.from_day), "to_day": _iso(self.to_day)}


@dataclass(frozen=True, slots=True)
class HouseholdFacts:
    """What is registered of a household, pseudonymous. Empty and None mean: not said."""

    members: int = 1
    children: tuple[Month, ...] = ()  # The months in which they were born.
    zone: str = ""
    income_band: str = ""
    resident_since: date | None = None
    statuses: tuple[Status, ...] = ()
    erased: bool = False

    def ages(self, month: Month) -> tuple[int, ...]:
        """Full years of each child at the beginning of the month, oldest first; those not yet born are left out.

        >>> HouseholdFacts(children=(Month(2008, 11), Month(2026, 11), Month(2026, 12))).ages(Month(2026, 11))
        (17, 0)
        """
        apart = [12 * (month.year - born.year) + month.number - born.number for born in self.children]
        return tuple(sorted((max(0, (months - 1) // 12) for months in apart if months >= 0), reverse=True))

    def adults(self, month: Month) -> int:
        """Members who are not children; a household has one at least."""
        return max(1, self.members - sum(age < CHILD for age in self.ages(month)))

    def months_resident(self, month: Month) -> int | None:
        """Full months of residence on the last day of the month; None where it is not said since when."""
        return None if self.resident_since is None else full_months(self.resident_since, month.last_day)


def full_months(since: date, until: date) -> int:
    """Full months from a day to another; on the 31st as on the last day of a shorter month.

    >>> full_months(date(2025, 10, 15), date(2026, 10, 14)), full_months(date(2026, 1, 31), date(2026, 2, 28))
    (11, 1)
    """
    months = 12 * (until.year - since.year) + until.month - since.month
    short = until.day < since.day and until.day < Month.of(until).last_day.day
    return max(0, months - short)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether a condition holds, and every ground of that answer."""

    holds: bool
    grounds: tuple[Ground, ...]


class Condition:
    """Something that holds of a household in a month, or does not."""

    __slots__ = ()

    def of(self, facts: HouseholdFacts, month: Month) -> Outcome:
        raise NotImplementedError

    def as_json(self) -> dict[str, Any]:
        """As the record of a programme keeps it; ``read`` reads it back."""
        raise NotImplementedError


def _outcome(holds: bool, yes: str, no: str, fields: dict[str, Any]) -> Outcome:
    kept = {name: value for name, value in fields.items() if value is not None}
    return Outcome(holds, (Ground(f"entitlement.{yes if holds else no}", kept),))


@dataclass(frozen=True, slots=True)
class Zones(Condition):
    codes: frozenset[str]

    def of(self, facts: HouseholdFacts, month: Month) -> Outcome:
        fields = {"zone": facts.zone, "zones": sorted(self.codes)}
        return _outcome(facts.zone in self.codes, "in-zone", "not-in-zone", fields)

    def as_json(self) -> dict[str, Any]:
        return {"zones": sorted(self.codes)}


@dataclass(frozen=True, slots=True)
class IncomeBands(Condition):
    codes: frozenset[str]

    def of(self, facts: HouseholdFacts, month: Month) -> Outcome:
        fields = {"income_band": facts.income_band, "income_bands": sorted(self.codes)}
        return _outcome(facts.income_band in self.codes, "has-income-band", "income-band", fields)

    def as_json(self) -> dict[str, Any]:
        return {"income_bands": sorted(self.codes)}


@dataclass(frozen=True, slots=True)
class Members(Condition):
    at_least: int | None = None
    at_most: int | None = None

    def of(self, facts: HouseholdFacts, month: Month) -> Outcome:
        fields = {"members": facts.members, "at_least": self.at_least, "at_most": self.at_most}
        return _outcome(_within(facts.members, self.at_least, self.at_most), "has-members", "members", fields)

    def as_json(self) -> dict[str, Any]:
        return {"members": _kept(at_least=self.at_least, at_most=self.at_most)}


@dataclass(frozen=True, slots=True)
class Ages:
    """Children from one age up to below another, in full years."""

    younger_than: int = CHILD
    from_age: int = 0

    def count(self, facts: HouseholdFacts, month: Month) -> int:
        return sum(self.from_age <= age < self.younger_than for age in facts.ages(month))

    def as_json(self) -> dict[str, Any]:
        return {"younger_than": self.younger_than, **({"from_age": self.from_age} if self.from_age else {})}


@dataclass(frozen=True, slots=True)
class Children(Condition):
    ages: Ages = field(default_factory=Ages)
    at_least: int | None = None
    at_most: int | None = None

    def of(self, facts: HouseholdFacts, month: Month) -> Outcome:
        found = self.ages.count(facts, month)
        fields = {"children": found, **self.ages.as_json(), "at_least": self.at_least, "at_most": self.at_most}
        return _outcome(_within(found, self.at_least, self.at_most), "has-children", "children", fields)

    def as_json(self) -> dict[str, Any]:
        return {"children": {**self.ages.as_json(), **_kept(at_least=self.at_least, at_most=self.at_most)}}


@dataclass(frozen=True, slots=True)
class Resident(Condition):
    at_least_months: int

    def of(self, facts: HouseholdFacts, month: Month) -> Outcome:
        months = facts.months_resident(month)
        if months is None:
            return Outcome(
                False, (Ground("entitlement.residence-not-said", {"at_least_months": self.at_least_months}),)
            )
        fields = {"since": _iso(facts.resident_since), "months": months, "at_least_months": self.at_least_months}
        return _outcome(months >= self.at_least_months, "is-resident", "residence", fields)

    def as_json(self) -> dict[str, Any]:
        return {"resident": {"at_least_months": self.at_least_months}}


@dataclass(frozen=True, slots=True)
class Statuses(Condition):
    any_of: frozenset[str]
    at_least_months: int = 0

    def of(self, facts: HouseholdFacts, month: Month) -> Outcome:
        held = sorted({status.code for status in facts.statuses if self._counts(status, month)})
        fields = {"any_of": sorted(self.any_of), "at_least_months": self.at_least_months or None, "held": held or None}
        return _outcome(bool(held), "has-status", "status", fields)

    def _counts(self, status: Status, month: Month) -> bool:
        begun = status.from_day is None or status.from_day <= month.last_day
        ended = status.to_day is not None and status.to_day < month.first_day
        if status.code not in self.any_of or not begun or ended:
            return False
        until = min(status.to_day or month.last_day, month.last_day)
        long = status.from_day is not None and full_months(status.from_day, until) >= self.at_least_months
        return long or not self.at_least_months

    def as_json(self) -> dict[str, Any]:
        if not self.at_least_months:
            return {"statuses": sorted(self.any_of)}
        return {"statuses": {"any_of": sorted(self.any_of), "at_least_months": self.at_least_months}}


@dataclass(frozen=True, slots=True)
class All(Condition):
    """Every part holds. Without parts it holds always: a rule that says nothing allows everybody."""

    parts: tuple[Condition, ...] = ()

    def of(self, facts: HouseholdFacts, month: Month) -> Outcome:
        outcomes = [part.of(facts, month) for part in self.parts]
        holds = all(outcome.holds for outcome in outcomes)
        # Of a no, the parts that failed; of a yes, all: each of them was needed.
        return Outcome(holds, tuple(g for one in outcomes if one.holds == holds for g in one.grounds))

    def as_json(self) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for part in self.parts:
            written = part.as_json()
            if kept.keys() & written.keys():  # Two of a kind: each in a table of its own.
                return {"all": [one.as_json() for one in self.parts]}
            kept |= written
        if list(kept) != sorted(kept, key=KEYS.index):  # A table is read in an order of its own, a list as it stands.
            return {"all": [one.as_json() for one in self.parts]}
        return kept


@dataclass(frozen=True, slots=True)
class AnyOf(Condition):
    """At least one part holds."""

    parts: tuple[Condition, ...]

    def of(self, facts: HouseholdFacts, month: Month) -> Outcome:
        outcomes = [part.of(facts, month) for part in self.parts]
        if any(outcome.holds for outcome in outcomes):
            return Outcome(True, tuple(g for one in outcomes if one.holds for g in one.grounds))
        tried = [grounds_as_json(one.grounds) for one in outcomes]
        return Outcome(False, (Ground("entitlement.none-of", {"tried": tried}),))

    def as_json(self) -> dict[str, Any]:
        return {"any": [part.as_json() for part in self.parts]}


@dataclass(frozen=True, slots=True)
class Not(Condition):
    """The part does not hold."""

    part: Condition

    def of(self, facts: HouseholdFacts, month: Month) -> Outcome:
        found = self.part.of(facts, month)
        code = "entitlement.excluded" if found.holds else "entitlement.not-excluded"
        return Outcome(not found.holds, (Ground(code, {"because": grounds_as_json(found.grounds)}),))

    def as_json(self) -> dict[str, Any]:
        return {"not": self.part.as_json()}


EVERYBODY = All()


def each(condition: Condition) -> Iterator[Condition]:
    """A condition and all those within it."""
    yield condition
    for part in getattr(condition, "parts", ()) or ([condition.part] if isinstance(condition, Not) else []):
        yield from each(part)


def grounds_as_json(grounds: Sequence[Ground]) -> list[dict[str, Any]]:
    """Grounds as a record keeps them."""
    return [{"code": ground.code, "fields": ground.fields} for ground in grounds]


def grounds_from_json(kept: Sequence[Mapping[str, Any]]) -> tuple[Ground, ...]:
    return tuple(Ground(one["code"], dict(one["fields"])) for one in kept)


def _within(count: int, at_least: int | None, at_most: int | None) -> bool:
    return (at_least is None or count >= at_least) and (at_most is None or count <= at_most)


def _kept(**values: int | None) -> dict[str, int]:
    return {name: value for name, value in values.items() if value is not None}


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


# --- Reading a rule -------------------------------------------------------------------------------

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a rule that cannot be meant: where, which, and the facts for a sentence about it."""

    path: Path
    code: str
    facts: dict[str, Any] = field(default_factory=dict)


class Reading:
    """How the words of a rule are understood, and what was wrong with them.

    This one reads rules as records keep them: codes as they are, amounts as whole
    minor units. Whoever reads what people write answers these questions in their
    own way, and says what is wrong with a word by ``problem``.
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def problem(self, path: Path, code: str, **facts: Any) -> None:
        self.problems.append(Problem(path, code, facts))

    def zone(self, path: Path, word: str) -> str | None:
        return word

    def income_band(self, path: Path, word: str) -> str | None:
        return word

    def status(self, path: Path, word: str) -> str | None:
        return word

    def amount(self, path: Path, value: Any) -> int | None:
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        self.problem(path, "rule.not-an-amount")
        return None

    # What every reading has in common

    def table(self, path: Path, value: Any) -> Mapping[str, Any] | None:
        if isinstance(value, Mapping):
            return value
        self.problem(path, "rule.not-a-table")
        return None

    def tables(self, path: Path, value: Any) -> list[Mapping[str, Any]]:
        if not isinstance(value, list) or not value or not all(isinstance(one, Mapping) for one in value):
            self.problem(path, "rule.not-a-list-of-tables")
            return []
        if len(value) > WIDEST:
            self.problem(path, "rule.too-long", most=WIDEST)
            return []
        return list(value)

    def texts(self, path: Path, value: Any) -> list[str]:
        if not isinstance(value, list) or not value or not all(isinstance(one, str) and one.strip() for one in value):
            self.problem(path, "rule.not-a-list")
            return []
        return [one.strip() for one in value]

    def whole(self, path: Path, value: Any, *, most: int) -> int | None:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most:
            return value
        self.problem(path, "rule.not-a-number", most=most)
        return None

    def number(self, path: Path, table: Mapping[str, Any], key: str, *, most: int = LARGEST) -> int | None:
        """A whole number that may be absent."""
        return self.whole((*path, key), table[key], most=most) if key in table else None

    def known(self, path: Path, table: Mapping[str, Any], keys: Sequence[str]) -> bool:
        """Whether it knows every key of a table; a misspelt one is one mistake, not two."""
        unknown = [key for key in table if key not in keys]
        for key in unknown:
            self.problem((*path, key), "rule.unknown-key", key=str(key), known=sorted(keys))
        return not unknown


KEYS = ("zones", "income_bands", "members", "children", "resident", "statuses", "all", "any", "not")


def read(written: Any, reading: Reading, path: Path = (), *, also: Sequence[str] = (), depth: int = 0) -> Condition:
    """A condition from a table; what is wrong in it goes to ``reading.problems``.

    ``also`` names keys of the same table that somebody else reads.
    """
    table = reading.table(path, written)
    if table is None:
        return EVERYBODY
    if depth > DEEPEST:
        reading.problem(path, "rule.too-deep", most=DEEPEST)
        return EVERYBODY
    reading.known(path, table, (*KEYS, *also))
    parts = [  # In an order of their own: PostgreSQL keeps the keys of a table in its own as well.
        found
        for key in KEYS
        if key in table and (found := _entry(key, table[key], reading, (*path, key), depth)) is not None
    ]
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def _entry(key: str, value: Any, reading: Reading, path: Path, depth: int) -> Condition | None:
    match key:
        case "zones":
            return _codes(Zones, reading.zone, value, reading, path)
        case "income_bands":
            return _codes(IncomeBands, reading.income_band, value, reading, path)
        case "members":
            return _members(value, reading, path)
        case "children":
            return _children(value, reading, path)
        case "resident":
            return _resident(value, reading, path)
        case "statuses":
            return _statuses(value, reading, path)
        case "not":
            return Not(read(value, reading, path, depth=depth + 1))
    within = [
        read(one, reading, (*path, place), depth=depth + 1) for place, one in enumerate(reading.tables(path, value))
    ]
    if not within:
        return None
    return All(tuple(within)) if key == "all" else AnyOf(tuple(within))


def _codes(kind: Any, understand: Any, value: Any, reading: Reading, path: Path) -> Condition | None:
    codes = [understand(path, word) for word in reading.texts(path, value)]
    return kind(frozenset(code for code in codes if code is not None)) if codes else None


def bounds(
    table: Mapping[str, Any], reading: Reading, path: Path, *, most: int = LARGEST
) -> tuple[int | None, int | None]:
    at_least, at_most = (reading.number(path, table, key, most=most) for key in ("at_least", "at_most"))
    if at_least is not None and at_most is not None and at_most < at_least:
        reading.problem((*path, "at_most"), "rule.reversed", first="at_least", last="at_most")
    return at_least, at_most


def _members(value: Any, reading: Reading, path: Path) -> Condition | None:
    if isinstance(value, int):
        exactly = reading.whole(path, value, most=LARGEST)
        return None if exactly is None else Members(exactly, exactly)
    table = reading.table(path, value)
    if table is None:
        return None
    all_known = reading.known(path, table, ("at_least", "at_most"))
    at_least, at_most = bounds(table, reading, path)
    if all_known and "at_least" not in table and "at_most" not in table:
        reading.problem(path, "rule.says-nothing", wanted=["at_least", "at_most"])
    return Members(at_least, at_most)


def ages(table: Mapping[str, Any], reading: Reading, path: Path) -> Ages:
    younger_than = reading.number(path, table, "younger_than")
    from_age = reading.number(path, table, "from_age")
    found = Ages(CHILD if younger_than is None else younger_than, from_age or 0)
    if found.younger_than <= found.from_age:
        at = "younger_than" if "younger_than" in table else "from_age"
        reading.problem((*path, at), "rule.reversed", first="from_age", last="younger_than")
    return found


def _children(value: Any, reading: Reading, path: Path) -> Condition | None:
    if isinstance(value, int):
        exactly = reading.whole(path, value, most=LARGEST)
        return None if exactly is None else Children(Ages(), exactly, exactly)
    table = reading.table(path, value)
    if table is None:
        return None
    all_known = reading.known(path, table, ("younger_than", "from_age", "at_least", "at_most"))
    at_least, at_most = bounds(table, reading, path)
    if all_known and "at_least" not in table and "at_most" not in table:
        reading.problem(path, "rule.says-nothing", wanted=["at_least", "at_most"])
    return Children(ages(table, reading, path), at_least, at_most)


def _resident(value: Any, reading: Reading, path: Path) -> Condition | None:
    table = reading.table(path, value)
    if table is None:
        return None
    all_known = reading.known(path, table, ("at_least_months",))
    if "at_least_months" not in table:
        if all_known:
            reading.problem(path, "rule.says-nothing", wanted=["at_least_months"])
        return None
    return Resident(reading.number(path, table, "at_least_months", most=MOST_MONTHS) or 0)


def _statuses(value: Any, reading: Reading, path: Path) -> Condition | None:
    months = 0
    place = path
    if isinstance(value, Mapping):
        reading.known(path, value, ("any_of", "at_least_months"))
        months = reading.number(path, value, "at_least_months", most=MOST_MONTHS) or 0
        place = (*path, "any_of")
        value = value.get("any_of")
    codes = [reading.status(place, word) for word in reading.texts(place, value)]
    return Statuses(frozenset(code for code in codes if code is not None), months) if codes else None


def kept(written: Any) -> Condition:
    """The rule of a programme as its record keeps it; what is kept was checked when it was written.

    >>> rule = kept({"zones": ["a"], "any": [{"children": {"at_least": 2}}, {"statuses": ["disability"]}]})
    >>> no = rule.of(HouseholdFacts(zone="a", children=(Month(2020, 1),)), Month(2026, 10))
    >>> no.holds, [ground.code for ground in no.grounds]
    (False, ['entitlement.none-of'])
    >>> rule.as_json()["any"][1]
    {'statuses': ['disability']}
    """
    reading = Reading()
    found = read(written, reading)
    assert not reading.problems, reading.problems
    return found
