"""Campaigns, their terms, and the bonuses they grant."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from fractions import Fraction
from typing import Any
from uuid import UUID

from koinon.programmes.spending import SpendingRule, spending_rule


class Trigger(StrEnum):
    """What earns a bonus: a purchase in a shop, or topping up."""

    PURCHASE = "purchase"
    TOPUP = "topup"


class CampaignState(StrEnum):
    """draft, submitted for a second person to release its money, running, ended; or cancelled before it ran.

    A running campaign grants bonuses from its first to its last day.
    """

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RUNNING = "running"
    ENDED = "ended"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a campaign promises. Amounts in minor units; days local and inclusive.

    ``minimum_minor`` is the smallest amount that earns a bonus, ``person_most_minor`` the most that one person gets over all
    their accounts (None: no such limit), ``ceiling_minor`` the most that all get together. Money of
    ``excluded_funds``, and bonus money of any campaign, earns nothing. ``shops`` says where purchases earn.
    """

    name: str
    fund_id: UUID
    trigger: Trigger
    share: Fraction
    minimum_minor: int
    person_most_minor: int | None
    ceiling_minor: int
    first_day: date
    last_day: date
    alert_percent: int = 80
    excluded_funds: frozenset[UUID] = frozenset()
    shops: SpendingRule = field(default_factory=SpendingRule)
    terms_url: str = ""


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign as it stands. What comes with a step is None before it.

    ``granted_minor`` is net of what was undone: it is what the ceiling looks at. ``lost_minor`` is what refunds should have
    undone and was spent before.
    """

    id: UUID
    town_id: int
    code: str
    terms: Terms
    state: CampaignState
    granted_minor: int
    bonuses: int
    lost_minor: int
    alerted_at: datetime | None
    drafted_by: str
    drafted_at: datetime
    submitted_by: str | None
    submitted_at: datetime | None
    approved_by: str | None
    approved_at: datetime | None
    ended_by: str | None
    ended_at: datetime | None
    reason: str

    @property
    def left_minor(self) -> int:
        """What the ceiling still leaves."""
        return self.terms.ceiling_minor - self.granted_minor

    @property
    def percent_granted(self) -> int:
        return self.granted_minor * 100 // self.terms.ceiling_minor

    @property
    def nearly_spent(self) -> bool:
        return self.granted_minor * 100 >= self.terms.ceiling_minor * self.terms.alert_percent


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """The same as its row has it."""

    id: UUID
    town_id: int
    code: str
    name: str
    fund_id: UUID
    trigger: str
    share_numerator: int
    share_denominator: int
    minimum_minor: int
    person_most_minor: int | None
    ceiling_minor: int
    first_day: date
    last_day: date
    alert_percent: int
    excluded_funds: list[UUID]
    shops_json: str
    terms_url: str
    state: str
    granted_minor: int
    bonuses: int
    lost_minor: int
    alerted_at: datetime | None
    drafted_by: str
    drafted_at: datetime
    submitted_by: str | None
    submitted_at: datetime | None
    approved_by: str | None
    approved_at: datetime | None
    ended_by: str | None
    ended_at: datetime | None
    reason: str

    def campaign(self) -> Campaign:
        shops: Mapping[str, Any] = json.loads(self.shops_json)
        terms = Terms(
            self.name, self.fund_id, Trigger(self.trigger), Fraction(self.share_numerator, self.share_denominator),
            self.minimum_minor, self.person_most_minor, self.ceiling_minor, self.first_day, self.last_day,
            self.alert_percent, frozenset(self.excluded_funds), spending_rule(shops), self.terms_url,
        )  # fmt: skip
        return Campaign(
            self.id, self.town_id, self.code, terms, CampaignState(self.state), self.granted_minor, self.bonuses,
            self.lost_minor, self.alerted_at, self.drafted_by, self.drafted_at, self.submitted_by, self.submitted_at,
            self.approved_by, self.approved_at, self.ended_by, self.ended_at, self.reason,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bonus:
    """What a campaign granted on a purchase or a top-up.

    ``earning_minor`` is the part of ``paid_minor`` that earned it. ``due_back_minor`` is what refunds have undone of it and
    ``undone_minor`` what of that was still there to be taken back.
    """

    id: UUID
    campaign_id: UUID
    source: UUID
    party: UUID
    paid_minor: int
    earning_minor: int
    amount_minor: int
    due_back_minor: int
    undone_minor: int
    granted_at: datetime


@dataclass(frozen=True, slots=True)
class Earner:
    """Who pays, and what is registered about them and whom they pay.

    ``persons`` are those against whose most the bonus counts: the payer, or everybody of the household whose purse pays.
    """

    payer: UUID
    payee: UUID | None
    is_resident: bool
    is_shop: bool
    related: bool
    persons: tuple[UUID, ...]
