"""Funds, programmes, cycles and entitlements as operations and pages read them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from koinon.kernel.decisions import Ground
from koinon.kernel.identifiers import id_under
from koinon.kernel.periods import Month
from koinon.programmes.amounts import kept_amounts
from koinon.programmes.approvals import Step, kept_steps
from koinon.programmes.eligibility import grounds_from_json, kept
from koinon.programmes.rules import ProgrammeTerms
from koinon.programmes.spending import SpendingRule, Version, in_force, spending_rule, versions_of
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
    later_json: str
    notice_days: int
    warn_days: int

    @property
    def rule(self) -> SpendingRule:
        """What held first; ``on`` says what holds on a day."""
        return spending_rule(json.loads(self.rule_json))

    @property
    def versions(self) -> tuple[Version, ...]:
        """What its record says, and what was announced to hold from later days on."""
        return versions_of(self.rule, self.last_day, self.later_json)

    def on(self, day: date) -> Version:
        """The rule and the last day that hold on a local day."""
        return in_force(self.versions, day)


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
    approvals_json: str
    holds_duplicates: bool

    @property
    def approval_steps(self) -> tuple[Step, ...]:
        """How many people approve a cycle, by its total."""
        return kept_steps(json.loads(self.approvals_json))

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
    """A cycle. ``refused`` counts those who are due nothing, ``waiting`` those whom the budget does not reach.

    ``paid`` and ``failed`` count what became of those who are due something, so far. ``fingerprint`` is that of
    the list as it was submitted, which ``approvals`` people of ``approvers_needed`` have approved.
    """

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
    paid_minor: int
    failed: int
    refused: int
    waiting: int
    submitted_by: str
    submitted_at: datetime | None
    fingerprint: str
    checksum: str
    approvers_needed: int
    scheduled_by: str
    scheduled_at: datetime | None
    problem: str
    stopped_by: str
    stopped_at: datetime | None
    retries: int
    retried_at: datetime | None
    approvals: int

    @property
    def period(self) -> Month:
        return Month.parse(self.month)


@dataclass(frozen=True, slots=True)
class EntitlementView:
    """What a household is due in a cycle, or why nothing; ``state`` is one of ``models.EntitlementState``."""

    id: UUID
    cycle_id: UUID
    party_id: UUID
    month: str
    amount_minor: int
    state: str
    grounds_json: str
    snapshot_json: str
    failure: str

    @property
    def decision(self) -> str:
        """What was decided, due, refused or waiting, whatever became of it since."""
        return "due" if self.state in ("paid", "failed") else self.state

    @property
    def transfer_id(self) -> UUID:
        """Under which id it is paid: the same however often it is tried."""
        return id_under(self.id, "disburse")

    @property
    def grounds(self) -> tuple[Ground, ...]:
        return grounds_from_json(json.loads(self.grounds_json))

    @property
    def snapshot(self) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads(self.snapshot_json)
        return facts


@dataclass(frozen=True, slots=True)
class ExceptionView:
    """What two people decide about a household against the rules. ``last_month`` is empty until it is withdrawn."""

    id: UUID
    programme_id: UUID
    programme_code: str
    programme_name: str
    household: UUID
    kind: str
    aid_minor: int | None
    first_month: str
    last_month: str
    reason: str
    state: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str
    decided_at: datetime | None
    withdrawn_by: str
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class DuplicateView:
    """Two households that may be one; ``kept`` was registered first."""

    id: UUID
    kept: UUID
    other: UUID
    score: int
    grounds_json: str
    state: str
    found_at: datetime
    decided_by: str
    decided_at: datetime | None
    reason: str

    @property
    def grounds(self) -> tuple[Ground, ...]:
        return grounds_from_json(json.loads(self.grounds_json))


@dataclass(frozen=True, slots=True)
class Approval:
    """That a person approved the list with this fingerprint."""

    actor: str
    at: datetime
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep took back from purses whose last day has passed."""

    purses: int
    minor: int
