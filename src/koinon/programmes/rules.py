"""Whom a programme is for, and what a household is due: no clock, no database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any

from koinon.kernel.decisions import Decision, Finding, Ground
from koinon.kernel.money import share_rounded_down
from koinon.kernel.periods import Month


@dataclass(frozen=True, slots=True)
class EligibilityRule:
    """Which households a programme is for, beyond having an award. ``None`` means: no such limit."""

    zones: frozenset[str] | None = None
    income_bands: frozenset[str] | None = None

    def as_json(self) -> dict[str, Any]:
        kept = {"zones": self.zones, "income_bands": self.income_bands}
        return {name: sorted(values) for name, values in kept.items() if values is not None}


def parse_eligibility(
    written: Mapping[str, Any], *, file: str = "", table: str = "eligibility", zones: frozenset[str] | None = None
) -> tuple[EligibilityRule, list[Finding]]:
    """An eligibility rule from JSON, with a finding for everything in it that cannot be meant."""
    findings: list[Finding] = []
    lists: dict[str, frozenset[str] | None] = {"zones": None, "income_bands": None}
    for key, value in written.items():
        if key not in lists:
            message = f"an eligibility rule knows no “{key}”"
            remedy = f"use one of {', '.join(sorted(lists))}"
            findings.append(Finding(file, 0, f"{table}.{key}", "rule.unknown-key", message, remedy))
        elif not isinstance(value, list) or not value or not all(isinstance(entry, str) for entry in value):
            message, remedy = f"“{key}” is not a list of texts", f'write {key} = ["one", "two"]'
            findings.append(Finding(file, 0, f"{table}.{key}", "rule.not-a-list", message, remedy))
        else:
            lists[key] = frozenset(entry.strip() for entry in value)
    for code in sorted((lists["zones"] or frozenset()) - (zones or lists["zones"] or frozenset())):
        message, remedy = f"the town has no zone “{code}”", "use a code from the list of zones"
        findings.append(Finding(file, 0, f"{table}.zones", "rule.unknown-zone", message, remedy))
    return EligibilityRule(lists["zones"], lists["income_bands"]), findings


def eligibility_rule(kept: Mapping[str, Any]) -> EligibilityRule:
    """The rule of a programme as its record keeps it; what is kept was checked when it was written."""
    rule, findings = parse_eligibility(kept)
    assert not findings, [finding.code for finding in findings]
    return rule


@dataclass(frozen=True, slots=True)
class AwardFacts:
    """What a decision on an entitlement looks at: a household, pseudonymous, and its award."""

    monthly_minor: int
    from_day: date
    to_day: date | None
    zone: str = ""
    income_band: str = ""
    members: int = 1
    erased: bool = False


@dataclass(frozen=True, slots=True)
class ProgrammeTerms:
    """How a programme turns an award into an entitlement."""

    share: Fraction
    floor_monthly_minor: int = 0
    eligibility: EligibilityRule = field(default_factory=EligibilityRule)


@dataclass(frozen=True, slots=True)
class Entitled:
    """What is due, and why; or nothing, and every reason against it."""

    amount_minor: int
    decision: Decision
    because: tuple[Ground, ...] = ()

    @property
    def grounds(self) -> tuple[Ground, ...]:
        """The reasons to keep on record, whichever way it went."""
        return self.decision.grounds or self.because


def entitlement(award: AwardFacts, *, terms: ProgrammeTerms, month: Month) -> Entitled:
    """What an award gives in a month: the programme's share of it, rounded down to the minor unit.

    Only awards above the floor are paid in the currency: one of exactly the
    floor is not.

    >>> award = AwardFacts(monthly_minor=568_01, from_day=date(2026, 1, 1), to_day=None)
    >>> terms = ProgrammeTerms(share=Fraction(1, 4), floor_monthly_minor=100_00)
    >>> entitlement(award, terms=terms, month=Month(2026, 10)).amount_minor
    14200
    """
    against: list[Ground] = []
    if award.erased:
        against.append(Ground("entitlement.household-erased"))
    if award.from_day > month.last_day:
        against.append(Ground("entitlement.award-not-begun", {"from_day": award.from_day.isoformat()}))
    if award.to_day is not None and award.to_day < month.first_day:
        against.append(Ground("entitlement.award-ended", {"to_day": award.to_day.isoformat()}))
    if award.monthly_minor <= terms.floor_monthly_minor:
        against.append(
            Ground(
                "entitlement.not-above-floor",
                {"monthly_minor": award.monthly_minor, "floor_minor": terms.floor_monthly_minor},
            )
        )
    wanted = terms.eligibility
    if wanted.zones is not None and award.zone not in wanted.zones:
        against.append(Ground("entitlement.not-in-zone", {"zone": award.zone, "zones": sorted(wanted.zones)}))
    if wanted.income_bands is not None and award.income_band not in wanted.income_bands:
        against.append(
            Ground(
                "entitlement.income-band",
                {"income_band": award.income_band, "income_bands": sorted(wanted.income_bands)},
            )
        )
    amount = share_rounded_down(award.monthly_minor, terms.share)
    if amount == 0 and not against:
        against.append(Ground("entitlement.nothing-after-rounding", {"monthly_minor": award.monthly_minor}))
    if against:
        return Entitled(0, Decision(tuple(against)))
    share = f"{terms.share.numerator}/{terms.share.denominator}"
    reason = Ground(
        "entitlement.share-of-award",
        {"share": share, "monthly_minor": award.monthly_minor, "floor_minor": terms.floor_monthly_minor},
    )
    return Entitled(amount, Decision(), (reason,))


def as_json(grounds: Sequence[Ground]) -> list[dict[str, Any]]:
    """Grounds as a record keeps them."""
    return [{"code": ground.code, "fields": ground.fields} for ground in grounds]
