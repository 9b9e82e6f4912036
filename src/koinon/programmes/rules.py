"""What a household is due in a month, and every ground of the answer: no clock, no database.

Whom a programme is for stands in ``eligibility``, how much aid it gives in
``amounts``, who comes first when the budget ends in ``waiting``; here they meet
an award, an exception that two people made, and what is known of duplicates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any
from uuid import UUID

from koinon.kernel.decisions import Decision, Ground
from koinon.kernel.money import share_rounded_down
from koinon.kernel.periods import Month
from koinon.programmes.amounts import OF_AWARD, AmountRule, oldest_counted
from koinon.programmes.eligibility import EVERYBODY, Condition, HouseholdFacts, grounds_as_json
from koinon.programmes.waiting import WaitingRule, counts_children

AWARDS, HOUSEHOLDS = "awards", "households"


@dataclass(frozen=True, slots=True)
class AwardFacts:
    """What was granted to a household: the whole monthly aid, from a day on, to a last day or until further notice."""

    monthly_minor: int
    from_day: date
    to_day: date | None = None


@dataclass(frozen=True, slots=True)
class ExceptionFacts:
    """What two people decided against the rules: ``pay`` or ``refuse``; ``aid_minor`` where the amount is theirs too."""

    id: UUID
    kind: str
    aid_minor: int | None = None


@dataclass(frozen=True, slots=True)
class ProgrammeTerms:
    """How a programme turns facts into an entitlement."""

    share: Fraction
    floor_monthly_minor: int = 0
    eligibility: Condition = EVERYBODY
    amounts: AmountRule = OF_AWARD
    waiting: WaitingRule | None = None
    for_whom: str = AWARDS
    holds_duplicates: bool = False

    def as_json(self) -> dict[str, Any]:
        """The terms as a cycle keeps them, for whoever asks later by which it was prepared."""
        return {
            "share": f"{self.share.numerator}/{self.share.denominator}",
            "floor_monthly_minor": self.floor_monthly_minor,
            "eligibility": self.eligibility.as_json(),
            "amounts": self.amounts.as_json(),
            "waiting": self.waiting.as_json() if self.waiting else None,
            "for_whom": self.for_whom,
            "holds_duplicates": self.holds_duplicates,
        }

    @property
    def counts_children_below(self) -> int:
        """Below which age children are counted; 0 where nobody asks for them, and then their age is not kept."""
        return max(oldest_counted(self.eligibility, self.amounts), counts_children(self.waiting))


@dataclass(frozen=True, slots=True)
class Entitled:
    """What is due, and why; or nothing, and every reason against it. ``aid_minor`` is the whole aid, in either case."""

    amount_minor: int
    decision: Decision
    because: tuple[Ground, ...] = ()
    aid_minor: int = 0

    @property
    def grounds(self) -> tuple[Ground, ...]:
        """The reasons to keep on record, whichever way it went."""
        return self.decision.grounds or self.because


def entitlement(
    facts: HouseholdFacts,
    award: AwardFacts | None,
    *,
    terms: ProgrammeTerms,
    month: Month,
    exception: ExceptionFacts | None = None,
    same_as: UUID | None = None,
    undecided: bool = False,
) -> Entitled:
    """What a household is due: the programme's share of its aid, rounded down to the minor unit.

    Only aid above the floor is paid in the currency: an amount of exactly the
    floor is not. ``same_as`` is the household that a person found this one to be;
    ``undecided`` says that it may be one, and nobody has decided yet.

    >>> award = AwardFacts(monthly_minor=568_01, from_day=date(2026, 1, 1))
    >>> terms = ProgrammeTerms(share=Fraction(1, 4), floor_monthly_minor=100_00)
    >>> entitlement(HouseholdFacts(), award, terms=terms, month=Month(2026, 10)).amount_minor
    14200
    """
    aid = terms.amounts.of(facts, month, award.monthly_minor if award else None)
    given = exception.aid_minor if exception and exception.aid_minor is not None else aid.minor
    for_good = _whatever_was_decided(facts, given is None, aid.ground, same_as)
    by_rule = _by_rule(award, terms, month, given)
    if terms.holds_duplicates and undecided:
        by_rule.append(Ground("entitlement.duplicate-undecided"))
    outcome = terms.eligibility.of(facts, month)
    if not outcome.holds:
        by_rule += outcome.grounds
    pays = exception is not None and exception.kind == "pay"
    against = [*for_good, *([] if pays else by_rule)]
    if exception is not None and exception.kind == "refuse":
        against.append(Ground("entitlement.exception-refuses", {"exception": str(exception.id)}))
    amount = share_rounded_down(given or 0, terms.share)
    if amount == 0 and not against:
        against.append(Ground("entitlement.nothing-after-rounding", {"monthly_minor": given}))
    if against:
        return Entitled(0, Decision(tuple(against)), aid_minor=given or 0)
    because = _why(aid.ground, terms, exception, by_rule)
    held = outcome.grounds if outcome.holds else ()
    return Entitled(amount, Decision(), (*because, *held), given or 0)


def _whatever_was_decided(
    facts: HouseholdFacts, no_amount: bool, amount_ground: Ground, same_as: UUID | None
) -> list[Ground]:
    """Grounds that no exception outweighs."""
    against = []
    if facts.erased:
        against.append(Ground("entitlement.household-erased"))
    if same_as is not None:
        against.append(Ground("entitlement.same-household", {"household": str(same_as)}))
    if no_amount:
        against.append(amount_ground)
    return against


def _by_rule(award: AwardFacts | None, terms: ProgrammeTerms, month: Month, aid_minor: int | None) -> list[Ground]:
    against = []
    if award is None and terms.for_whom == AWARDS and not terms.amounts.needs_award:
        against.append(Ground("entitlement.no-award"))
    if award is not None and award.from_day > month.last_day:
        against.append(Ground("entitlement.award-not-begun", {"from_day": award.from_day.isoformat()}))
    if award is not None and award.to_day is not None and award.to_day < month.first_day:
        against.append(Ground("entitlement.award-ended", {"to_day": award.to_day.isoformat()}))
    if aid_minor is not None and aid_minor <= terms.floor_monthly_minor:
        fields = {"monthly_minor": aid_minor, "floor_minor": terms.floor_monthly_minor}
        against.append(Ground("entitlement.not-above-floor", fields))
    return against


def _why(
    amount_ground: Ground, terms: ProgrammeTerms, exception: ExceptionFacts | None, outweighed: Sequence[Ground]
) -> list[Ground]:
    """The grounds of a yes: an exception and what it outweighed, then how the amount came about."""
    share = f"{terms.share.numerator}/{terms.share.denominator}"
    limits = {"share": share, "floor_minor": terms.floor_monthly_minor}
    if exception is None:
        return [Ground(amount_ground.code, {**amount_ground.fields, **limits})]
    fields = {"exception": str(exception.id), "outweighed": grounds_as_json(outweighed)}
    made = Ground("entitlement.exception-pays", fields)
    if exception.aid_minor is not None:
        return [made, Ground("entitlement.amount-of-exception", {"aid_minor": exception.aid_minor, **limits})]
    return [made, Ground(amount_ground.code, {**amount_ground.fields, **limits})]


as_json = grounds_as_json
