"""Who gets how much of a bonus, and how much of it stays after a refund: no clock, no database."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from fractions import Fraction
from uuid import UUID

from koinon.campaigns.types import Earner, Terms, Trigger
from koinon.kernel.decisions import Decision, Finding, Ground
from koinon.kernel.money import share_rounded_down
from koinon.parties.types import PartyFacts
from koinon.programmes.spending import may_spend

Part = tuple[UUID | None, int]
"""What one purse paid: its fund (None is free money) and minor units."""


def earning(parts: Iterable[Part], *, excluded: Collection[UUID], bonus_funds: Collection[UUID]) -> int:
    """The part of a price that earns: free money, and money of funds that are neither excluded nor bonus money.

    >>> aid, bonus = UUID(int=1), UUID(int=2)
    >>> earning([(None, 600), (aid, 300), (bonus, 100)], excluded=[aid], bonus_funds=[bonus])
    600
    """
    return sum(minor for fund, minor in parts if fund is None or (fund not in excluded and fund not in bonus_funds))


def may_earn(
    terms: Terms, earner: Earner, *, day: date, minute: int | None = None, payee: PartyFacts | None, earning_minor: int
) -> Decision:
    """Whether a purchase or top-up on this local day earns a bonus at all, with every ground against it.

    ``minute`` counts from the local midnight. ``payee`` is the shop of a purchase, None for a top-up.
    """
    grounds: list[Ground] = []
    if day < terms.first_day:
        grounds.append(Ground("campaigns.not-begun", {"first_day": terms.first_day.isoformat()}))
    if day > terms.last_day:
        grounds.append(Ground("campaigns.over", {"last_day": terms.last_day.isoformat()}))
    if not earner.is_resident:
        grounds.append(Ground("campaigns.not-a-resident"))
    if terms.trigger is Trigger.PURCHASE:
        if payee is None or not earner.is_shop:
            grounds.append(Ground("campaigns.not-at-a-shop"))
        else:
            grounds += may_spend(terms.shops, payee=payee, day=day, minute=minute).grounds
        if earner.related:
            grounds.append(Ground("campaigns.related"))
    if earning_minor <= 0:
        grounds.append(Ground("campaigns.nothing-earns"))
    elif earning_minor < terms.minimum_minor:
        fields = {"minimum_minor": terms.minimum_minor, "earning_minor": earning_minor}
        grounds.append(Ground("campaigns.below-minimum", fields))
    return Decision(tuple(grounds))


def bonus(terms: Terms, *, earning_minor: int, person_has_minor: int, granted_minor: int) -> int:
    """The bonus on what earns: the share rounded down, and at most what the person's most and the ceiling leave.

    ``person_has_minor`` is what the person has got from the campaign before (of several people of a household the one
    who has got most), ``granted_minor`` what all have. docs/algorithms/bonuses.md works a table by hand.
    """
    most = [share_rounded_down(earning_minor, terms.share), terms.ceiling_minor - granted_minor]
    if terms.person_most_minor is not None:
        most.append(terms.person_most_minor - person_has_minor)
    return max(0, min(most))


def due_back(amount_minor: int, *, paid_minor: int, left_minor: int) -> int:
    """What of a bonus a refund undoes when ``left_minor`` of the price stays paid: what stays is rounded down.

    >>> due_back(3_33, paid_minor=20_00, left_minor=10_00), due_back(3_33, paid_minor=20_00, left_minor=0)
    (167, 333)
    """
    assert 0 <= left_minor <= paid_minor
    return amount_minor - share_rounded_down(amount_minor, Fraction(left_minor, paid_minor))


def findings(
    terms: Terms, *, file: str = "", today: date, fund_pays_aid: bool, fund_last_day: date | None
) -> list[Finding]:
    """What in a campaign's terms cannot be meant, each with its place."""
    found: list[Finding] = []

    def find(column: str, code: str, message: str, remedy: str) -> None:
        found.append(Finding(file, 0, column, f"campaign.{code}", message, remedy))

    if not terms.name.strip():
        find("name", "no-name", "The campaign has no name.", "Say what residents shall call it.")
    if not 0 < terms.share <= 1:
        find("share", "no-share", "The share is not above zero and at most the whole.", "Write it like 20 %.")
    if terms.minimum_minor < 0:
        find("minimum", "negative", "The smallest amount is below zero.", "Leave it out or write an amount.")
    if terms.ceiling_minor <= 0:
        find("ceiling", "no-ceiling", "A campaign needs a ceiling above zero.", "Say what it may cost at most.")
    if terms.person_most_minor is not None and not 0 < terms.person_most_minor <= max(terms.ceiling_minor, 1):
        find(
            "most_per_person", "most-per-person", "The most for one person is not between zero and the ceiling.",
            "Leave it out, or write an amount up to the ceiling.",
        )  # fmt: skip
    if terms.last_day < terms.first_day:
        find("last_day", "ends-before-it-begins", "The last day is before the first.", "Put the days right.")
    elif terms.last_day < today:
        find("last_day", "over", "The last day has passed.", "Choose a later day.")
    if fund_last_day is not None and fund_last_day < terms.last_day:
        find(
            "last_day", "fund-ends-before", "The fund's last day is before the campaign's: bonuses could not be spent.",
            f"End the campaign by {fund_last_day.isoformat()}, or take another fund.",
        )  # fmt: skip
    if not 1 <= terms.alert_percent <= 100:
        find("alert_at", "alert", "The alert is not between 1 and 100 per cent.", "Write it like 80 %.")
    if fund_pays_aid:
        find(
            "fund", "fund-pays-aid", "A programme pays aid from this fund: its money could not be told from bonuses.",
            "Make a fund for campaigns alone.",
        )  # fmt: skip
    return found
