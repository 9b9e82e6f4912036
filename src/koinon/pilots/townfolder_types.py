"""A town as its folder describes it: frozen values, nothing about the database.

Amounts are whole minor units of the national currency, with which the town's
unit is at par. People carry their identifiers here because the folder does;
``apply`` puts them into the vault and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from koinon.coproduction.types import Cap, Measure, Rate
from koinon.impact.aims import Aim
from koinon.kernel.decisions import Finding
from koinon.kernel.money import Unit
from koinon.programmes.amounts import OF_AWARD, AmountRule
from koinon.programmes.approvals import Step
from koinon.programmes.eligibility import EVERYBODY, Condition, Status
from koinon.programmes.rules import ProgrammeTerms
from koinon.programmes.spending import Window
from koinon.programmes.waiting import WaitingRule


@dataclass(frozen=True, slots=True)
class LegalBasis:
    """An act that allows something, with the days on which it holds."""

    act: str
    article: str
    allows: str
    since: date | None = None
    until: date | None = None
    link: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the town promises shops: the smallest redemption, and when it pays."""

    minimum_redemption_minor: int
    payout_weekday: str


@dataclass(frozen=True, slots=True)
class TownSpec:
    slug: str
    name: str
    country: str
    time_zone: str
    languages: tuple[str, ...]
    unit: Unit
    national_currency: str
    tax_id: str
    iban: str
    account_holder: str
    legal_basis: tuple[LegalBasis, ...]
    terms: Terms
    income_bands: tuple[tuple[str, str], ...] = ()  # Each code with what the town's own list calls it.


@dataclass(frozen=True, slots=True)
class ZoneSpec:
    """A neighbourhood: its official code, its name, other spellings met in files, its outline as GeoJSON text."""

    code: str
    name: str
    also: tuple[str, ...] = ()
    outline: str = ""


@dataclass(frozen=True, slots=True)
class HouseholdSpec:
    """A family file of the social services. ``key`` is its number in one spelling.

    ``children_born`` holds months (YYYY-MM), and only of those whom a programme of the town counts.
    """

    key: str
    zone: str
    members: int
    income_band: str
    joined_on: date
    row: int
    resident_since: date | None = None
    children_born: tuple[str, ...] = ()
    statuses: tuple[Status, ...] = ()


class Role(StrEnum):
    REFERENCE = "reference"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class PersonSpec:
    """A member of a household. ``identifier`` is in its one spelling."""

    identifier: str
    identifier_kind: str
    name: str
    surnames: str
    born_on: date
    sex: str
    phone: str
    language: str
    household: str
    role: Role
    row: int


@dataclass(frozen=True, slots=True)
class BusinessSpec:
    """A shop, supplier or social enterprise that accepts the currency (or, a chain, may not)."""

    tax_id: str
    legal_name: str
    trade_name: str
    sector: str
    sector_group: str
    legal_form: str
    is_sse: bool
    registry_number: str
    size_class: str
    zone: str
    is_chain: bool
    is_supplier: bool
    accepts_since: date
    iban: str
    row: int
    latitude: Decimal | None = None
    longitude: Decimal | None = None


@dataclass(frozen=True, slots=True)
class RuleSpec:
    """Where a fund may be spent. None and empty mean no condition."""

    fund: str
    zones: tuple[str, ...] | None = None
    sectors: tuple[str, ...] | None = None
    legal_forms: tuple[str, ...] | None = None
    sse_only: bool = False
    exclude_chains: bool = False
    share_of_price: Fraction | None = None
    per_day_minor: int | None = None
    peers_allowed: bool = False
    payees: tuple[str, ...] | None = None
    except_payees: tuple[str, ...] | None = None
    sizes: tuple[str, ...] | None = None
    categories: tuple[str, ...] | None = None
    hours: tuple[Window, ...] | None = None
    per_cycle_minor: int | None = None
    chain: bool = False
    peers_bound: bool = False
    file: str = ""
    row: int = 0


@dataclass(frozen=True, slots=True)
class ChangeSpec:
    """What holds for a fund from a later day on, and where the folder says so."""

    from_day: date
    last_day: date | None
    reason: str
    rule: RuleSpec
    file: str
    row: int


@dataclass(frozen=True, slots=True)
class FundSpec:
    code: str
    name: str
    source: str
    budget_minor: int
    spend_from: date | None
    last_day: date | None
    rule: RuleSpec
    changes: tuple[ChangeSpec, ...] = ()
    notice_days: int = 14
    warn_days: int = 14
    file: str = ""
    row: int = 0


@dataclass(frozen=True, slots=True)
class ProgrammeSpec:
    """Aid paid in part in the currency: ``share`` of all aid above ``floor_monthly_minor``, to whom it is for."""

    code: str
    name: str
    fund: str
    share: Fraction
    floor_monthly_minor: int
    eligibility: Condition = EVERYBODY
    amounts: AmountRule = OF_AWARD
    waiting: WaitingRule | None = None
    for_whom: str = "awards"
    holds_duplicates: bool = False
    approvals: tuple[Step, ...] = ()

    @property
    def counts_children_below(self) -> int:
        """Below which age the programme counts children; 0 where it counts none."""
        terms = ProgrammeTerms(self.share, eligibility=self.eligibility, amounts=self.amounts, waiting=self.waiting)
        return terms.counts_children_below


@dataclass(frozen=True, slots=True)
class AwardSpec:
    """What a household is granted a month, in all, from a day on (both days included)."""

    programme: str
    household: str
    monthly_minor: int
    from_day: date
    to_day: date | None
    file: str
    row: int


@dataclass(frozen=True, slots=True)
class TimeBankSpec:
    """A circle of members who give each other time; limits in minutes."""

    code: str
    name: str
    unit: str
    credit_limit: int
    most: int


@dataclass(frozen=True, slots=True)
class RewardSpec:
    """An activity whose verified contributions earn money from a fund, hours of a time bank, or a certificate."""

    code: str
    name: str
    fund: str
    time_bank: str
    measure: Measure
    place: str
    zones: tuple[str, ...]
    first_day: date | None
    last_day: date | None
    second_above: int | None
    budget_minor: int | None
    rates: tuple[Rate, ...]
    caps: tuple[Cap, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """Something the town should know that stops nothing, such as a column left unread."""

    file: str
    row: int
    column: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class TownPlan:
    """A whole folder, read and found in order. ``warnings`` need a person's word before it is applied.

    ``aims`` are the rows of targets.toml with their lines.
    """

    town: TownSpec
    zones: tuple[ZoneSpec, ...]
    households: tuple[HouseholdSpec, ...]
    people: tuple[PersonSpec, ...]
    businesses: tuple[BusinessSpec, ...]
    excluded: tuple[BusinessSpec, ...]
    funds: tuple[FundSpec, ...]
    programmes: tuple[ProgrammeSpec, ...]
    awards: tuple[AwardSpec, ...]
    rewards: tuple[RewardSpec, ...]
    time_banks: tuple[TimeBankSpec, ...] = ()
    aims: Mapping[Aim, int] = field(default_factory=dict)
    warnings: tuple[Finding, ...] = ()
    notes: tuple[Note, ...] = ()
    sha256: dict[str, str] = field(default_factory=dict)
