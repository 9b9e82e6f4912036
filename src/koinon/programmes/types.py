"""Funds, programmes, cycles and entitlements as operations and pages read them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from koinon.kernel.decisions import Ground
from koinon.kernel.periods import Month
from koinon.programmes.amounts import kept_amounts
from koinon.programmes.eligibility import kept
from koinon.programmes.rules import ProgrammeTerms
from koinon.programmes.spending import SpendingRule, spending_rule
from koinon.programmes.waiting import kept_waiting


@dataclass(frozen=True, slots=True)
class FundView:
    """A fund. ``spend_from`` and ``last_day`` are local days, inclusive."""

    id: UUID
    town_id: int
    code: str
    name: str
    source: str
    budget_minor: int | None
    rule_json: str
    spend_from: date | None
    last_day: date | None

    @property
    def rule(self) -> SpendingRule:
        return spending_rule(json.loads(self.rule_json))


@dataclass(frozen=True, slots=True)
class ProgrammeView:
    """A programme."""

    id: UUID
    town_id: int
    code: str
    name: str
    kind: str
    fund_id: UUID
    share_numerator: int
    share_denominator: int
    floor_monthly_minor: int
    rule_json: str
    for_whom: str
    amounts_json: str
    waiting_json: str | None
    holds_duplicates: bool

    @property
    def terms(self) -> ProgrammeTerms:
        return ProgrammeTerms(
            share=Fraction(self.share_numerator, self.share_denominator),
            floor_monthly_minor=self.floor_monthly_minor,
            eligibility=kept(json.loads(self.rule_json)),
            amounts=kept_amounts(json.loads(self.amounts_json)),
            waiting=kept_waiting(json.loads(self.waiting_json)) if self.waiting_json else None,
            for_whom=self.for_whom,
            holds_duplicates=self.holds_duplicates,
        )


@dataclass(frozen=True, slots=True)
class CycleView:
    """A cycle. ``refused`` counts those who are due nothing, ``waiting`` those whom the budget does not reach."""

    id: UUID
    programme_id: UUID
    programme_code: str
    programme_name: str
    fund_id: UUID
    month: str
    state: str
    prepared_by: str
    prepared_at: datetime
    approved_by: str
    approved_at: datetime | None
    disbursed_by: str
    disbursing_at: datetime | None
    disbursed_at: datetime | None
    cancelled_by: str
    cancelled_at: datetime | None
    total_minor: int
    count: int
    paid: int
    refused: int
    waiting: int

    @property
    def period(self) -> Month:
        return Month.parse(self.month)


@dataclass(frozen=True, slots=True)
class EntitlementView:
    """What a household is due in a cycle, or why nothing."""

    id: UUID
    cycle_id: UUID
    party_id: UUID
    month: str
    amount_minor: int
    state: str
    grounds_json: str
    snapshot_json: str

    @property
    def grounds(self) -> tuple[Ground, ...]:
        return tuple(Ground(kept["code"], kept["fields"]) for kept in json.loads(self.grounds_json))

    @property
    def snapshot(self) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads(self.snapshot_json)
        return facts


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep took back from purses whose last day has passed."""

    purses: int
    minor: int
