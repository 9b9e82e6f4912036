"""Who comes first when the budget ends: points, then how long one has waited, then a lot that anyone can draw again.

Kept as ``{"score": [{"points": 30, "income_bands": ["none"]}, {"points": 5, "each": "child"}], "monthly_budget": 500000}``:

| entry of a score | gives |
| --- | --- |
| points | these points where the conditions beside it hold |
| each | these points for each "child" (``younger_than``, ``from_age``), "member", "month_waiting" or "month_resident" |
| at_most | never more than so many points from this entry |

Nobody overtakes: the first household that the money does not reach waits, and so does everyone behind it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from koinon.kernel.periods import Month
from koinon.programmes.eligibility import (
    EVERYBODY,
    LARGEST,
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

EACH = ("child", "member", "month_waiting", "month_resident")
MOST_POINTS = 10_000


@dataclass(frozen=True, slots=True)
class Points:
    """An entry of a score."""

    points: int
    when: Condition = EVERYBODY
    each: str = ""
    ages: Ages = field(default_factory=Ages)
    at_most: int | None = None

    def of(self, facts: HouseholdFacts, month: Month, months_waited: int) -> int:
        if not self.when.of(facts, month).holds:
            return 0
        counted = {
            "": 1,
            "child": self.ages.count(facts, month),
            "member": facts.members,
            "month_waiting": months_waited,
            "month_resident": facts.months_resident(month) or 0,
        }[self.each]
        given = self.points * counted
        return given if self.at_most is None else min(given, self.at_most)

    def as_json(self) -> dict[str, Any]:
        kept: dict[str, Any] = {**self.when.as_json(), "points": self.points}
        if self.each:
            kept["each"] = self.each
        if self.each == "child":
            kept |= self.ages.as_json()
        if self.at_most is not None:
            kept["at_most"] = self.at_most
        return kept


@dataclass(frozen=True, slots=True)
class WaitingRule:
    """How a programme fills its budget. Without ``monthly_budget_minor`` the fund's own budget is the limit."""

    score: tuple[Points, ...] = ()
    monthly_budget_minor: int | None = None
    continued_first: bool = True

    def points(self, facts: HouseholdFacts, month: Month, months_waited: int) -> list[int]:
        """The points of each entry, in the order in which they are written."""
        return [entry.of(facts, month, months_waited) for entry in self.score]

    def as_json(self) -> dict[str, Any]:
        kept: dict[str, Any] = {"score": [entry.as_json() for entry in self.score]}
        if self.monthly_budget_minor is not None:
            kept["monthly_budget"] = self.monthly_budget_minor
        if not self.continued_first:
            kept["continued_first"] = False
        return kept


@dataclass(frozen=True, slots=True)
class Candidate:
    """A household that the rules say yes to. ``continued``: it was paid in the cycle before."""

    party: UUID
    amount_minor: int
    score: int = 0
    months_waited: int = 0
    continued: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """A candidate in the order of the list; ``reached`` when the money reaches it."""

    candidate: Candidate
    place: int
    reached: bool


def lot(party: UUID, month: Month) -> str:
    """What decides between equals: chosen by nobody, other in each month, the same whenever it is drawn again."""
    return hashlib.sha256(f"{month}|{party}".encode()).hexdigest()


def in_order(candidates: Sequence[Candidate], month: Month, *, continued_first: bool = True) -> list[Candidate]:
    """Those paid before come first (where the rule says so), then points, months waited, the lot."""
    return sorted(
        candidates,
        key=lambda one: (
            not one.continued if continued_first else False,
            -one.score,
            -one.months_waited,
            lot(one.party, month),
        ),
    )


def fill(
    candidates: Sequence[Candidate], *, budget_minor: int | None, month: Month, continued_first: bool = True
) -> list[Placed]:
    """The list in its order, and whom the money reaches. ``None``: there is enough for everybody.

    >>> one, two, three = (Candidate(UUID(int=n), 100_00, score=points) for n, points in ((1, 10), (2, 30), (3, 20)))
    >>> filled = fill([one, two, three], budget_minor=250_00, month=Month(2026, 10))
    >>> [(placed.candidate.score, placed.place, placed.reached) for placed in filled]
    [(30, 1, True), (20, 2, True), (10, 3, False)]
    """
    placed: list[Placed] = []
    left, open_still = budget_minor, True
    for place, one in enumerate(in_order(candidates, month, continued_first=continued_first), start=1):
        open_still = open_still and (left is None or one.amount_minor <= left)
        if open_still and left is not None:
            left -= one.amount_minor
        placed.append(Placed(one, place, open_still))
    return placed


def counts_children(rule: WaitingRule | None) -> int:
    """Below which age the score counts children; 0 where it counts none."""
    entries = rule.score if rule else ()
    within = [one.ages.younger_than for entry in entries for one in each(entry.when) if isinstance(one, Children)]
    return max([*within, *(entry.ages.younger_than for entry in entries if entry.each == "child")], default=0)


# --- Reading --------------------------------------------------------------------------------------


def read_waiting(written: Any, reading: Reading, path: Path = ()) -> WaitingRule | None:
    """A waiting rule from a table, or None where there is none; what is wrong goes to ``reading.problems``."""
    if written is None:
        return None
    table = reading.table(path, written)
    if table is None:
        return None
    reading.known(path, table, ("score", "monthly_budget", "continued_first"))
    continued_first = table.get("continued_first", True)
    if not isinstance(continued_first, bool):
        reading.problem((*path, "continued_first"), "rule.not-true-or-false")
    score: list[Points] = []
    if table.get("score"):
        for place, entry in enumerate(reading.tables((*path, "score"), table["score"])):
            score.append(_points(entry, reading, (*path, "score", place)))
    budget = reading.amount((*path, "monthly_budget"), table["monthly_budget"]) if "monthly_budget" in table else None
    return WaitingRule(tuple(score), budget, bool(continued_first))


_OWN = ("points", "each", "younger_than", "from_age", "at_most")


def _points(table: Any, reading: Reading, path: Path) -> Points:
    if "points" not in table:
        reading.problem((*path, "points"), "rule.missing", key="points")
    counted = table.get("each", "")
    if counted not in ("", *EACH):
        reading.problem((*path, "each"), "rule.not-one-of", word=str(counted)[:40], options=list(EACH))
        counted = ""
    if counted != "child":
        reading.known(path, {key: 0 for key in table if key in ("younger_than", "from_age")}, ())
    when = read({key: value for key, value in table.items() if key not in _OWN}, reading, path, depth=1)
    return Points(
        points=reading.number(path, table, "points", most=MOST_POINTS) or 0,
        when=when,
        each=counted,
        ages=ages(table, reading, path) if counted == "child" else Ages(),
        at_most=reading.number(path, table, "at_most", most=MOST_POINTS * LARGEST),
    )


def kept_waiting(written: Any) -> WaitingRule | None:
    """The waiting rule of a programme as its record keeps it; it was checked when it was written."""
    reading = Reading()
    found = read_waiting(written, reading)
    assert not reading.problems, reading.problems
    return found
