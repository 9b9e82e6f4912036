"""How many people must approve a cycle, by its total. Pure: no clock, no database.

A programme keeps its steps as JSON: ``[{"from_minor": 0, "people": 1}, {"from_minor": 1000000, "people": 2}]``.
No step at all is one person. docs/algorithms/disbursement.md works a table by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_PEOPLE = 9


@dataclass(frozen=True, slots=True)
class Step:
    """From a total of ``from_minor`` (inclusive) on, ``people`` approve."""

    from_minor: int
    people: int


def kept_steps(raw: Iterable[Mapping[str, Any]]) -> tuple[Step, ...]:
    """Steps as a programme keeps them."""
    return tuple(Step(int(step["from_minor"]), int(step["people"])) for step in raw)


def as_json(steps: Sequence[Step]) -> list[dict[str, int]]:
    """Steps to keep, smallest total first."""
    return [
        {"from_minor": step.from_minor, "people": step.people}
        for step in sorted(steps, key=lambda step: step.from_minor)
    ]


def problems(steps: Sequence[Step]) -> list[str]:
    """What is wrong with steps somebody wrote down; all of it.

    >>> problems([Step(0, 1), Step(0, 2), Step(-1, 0)])
    ['two steps begin at 0', 'a step begins at -1, below zero', '0 people cannot approve: 1 to 9']
    """
    found = []
    begins = [step.from_minor for step in steps]
    found += [f"two steps begin at {minor}" for minor in sorted(set(begins)) if begins.count(minor) > 1]
    found += [f"a step begins at {minor}, below zero" for minor in begins if minor < 0]
    found += [
        f"{step.people} people cannot approve: 1 to {MOST_PEOPLE}"
        for step in steps
        if not 1 <= step.people <= MOST_PEOPLE
    ]
    return found


def people_needed(total_minor: int, steps: Sequence[Step]) -> int:
    """How many people approve a total: those of the highest step it reaches, and never nobody.

    >>> steps = [Step(0, 1), Step(10_000_00, 2), Step(250_000_00, 3)]
    >>> [people_needed(minor, steps) for minor in (0, 9_999_99, 10_000_00, 250_000_00)]
    [1, 1, 2, 3]
    >>> people_needed(5, [])
    1
    """
    reached = [step for step in steps if step.from_minor <= total_minor]
    return max(1, max(reached, key=lambda step: step.from_minor).people) if reached else 1
