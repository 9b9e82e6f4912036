"""Values that other packages need about towns and parties."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from koinon.kernel.money import Unit


@dataclass(frozen=True, slots=True)
class TownFacts:
    """A town as the operations need it."""

    id: int
    slug: str
    name: str
    country: str
    unit_code: str
    unit_name: str
    unit_symbol: str
    exponent: int
    national_currency: str
    time_zone: str
    party_id: UUID

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def unit(self) -> Unit:
        return Unit(self.unit_code, self.exponent, self.unit_name, self.unit_symbol)


@dataclass(frozen=True, slots=True)
class TownName:
    """Which town, for whoever goes through them all."""

    id: int
    slug: str


@dataclass(frozen=True, slots=True)
class PartyFacts:
    """What rules may look at when a party pays or is paid. Empty strings mean: not said."""

    party_id: UUID
    kind: str
    zone: str = ""
    sector: str = ""
    sector_group: str = ""
    legal_form: str = ""
    is_sse: bool = False
    is_chain: bool = False
    accepts_since: date | None = None
    active: bool = True
    size: str = ""

    @property
    def is_enterprise(self) -> bool:
        """Whether it is paid at a till: an organisation, or a public body."""
        return self.kind in ("organisation", "public_body")


@dataclass(frozen=True, slots=True)
class UserFacts:
    """Somebody who signs in."""

    id: int
    username: str
    email: str


@dataclass(frozen=True, slots=True)
class StaffFacts:
    """Somebody who works for a town, with the roles of the staff they have there.

    In those of ``sees_personal_data`` they are shown who people are.
    """

    id: int
    username: str
    email: str
    roles: list[str]
    sees_personal_data: list[str]


@dataclass(frozen=True, slots=True)
class OrganisationName:
    """An organisation as its sign and the register have it; ``active`` while it takes part."""

    party_id: UUID
    trade_name: str
    registry_number: str
    active: bool
