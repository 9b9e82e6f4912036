"""Cost of each unit delivered: what a verified hour, kilogram or session cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from koinon.impact.measures import Delivered, RunningCost

STEPS = {"hour": 60, "kilogram": 1000, "session": 1}


@dataclass(frozen=True, slots=True)
class Cost:
    """One activity: ``quantity`` in hours, kilograms or sessions; the costs, and both figures, in minor units.

    ``each`` counts rewards and running costs, ``rewards_each`` rewards alone. ``None`` where nothing was delivered.
    """

    activity: str
    name: str
    measure: str
    quantity: Fraction
    rewards: int
    running: Fraction
    each: Fraction | None
    rewards_each: Fraction | None


def cost_per_unit(
    delivered: Iterable[Delivered], costs: Iterable[RunningCost], *, first_day: date, last_day: date
) -> tuple[Cost, ...]:
    """Rewards and running costs of the days from ``first_day`` to ``last_day`` over the quantity verified in them.

    In minor units for an hour, a kilogram or a session; activities by their code. Different measures are never
    added. An activity that cost something and delivered nothing is listed, with ``None``.
    """
    rows = [row for row in delivered if first_day <= row.day <= last_day]
    running: dict[str, Fraction] = {}
    for cost in costs:
        running[cost.activity] = running.get(cost.activity, Fraction(0)) + cost.within(first_day, last_day)
    names = {row.activity: (row.name, row.measure) for row in rows}
    found = []
    for activity in sorted(names.keys() | {code for code, amount in running.items() if amount}):
        name, measure = names.get(activity, (activity, ""))
        mine = [row for row in rows if row.activity == activity]
        quantity = Fraction(sum(row.quantity for row in mine), STEPS.get(measure, 1))
        rewards, other = sum(row.reward_minor for row in mine), running.get(activity, Fraction(0))
        found.append(
            Cost(
                activity, name, measure, quantity, rewards, other,
                each=(rewards + other) / quantity if quantity else None,
                rewards_each=rewards / quantity if quantity else None,
            )
        )  # fmt: skip
    return tuple(found)
