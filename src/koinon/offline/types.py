"""Terms, tills, vouchers, and what became of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from koinon.kernel.decisions import Ground
from koinon.kernel.money import Amount


class Bearer(StrEnum):
    """Who bears what a voucher cannot be paid, where the till could not have known."""

    TOWN = "town"
    SHOP = "shop"


class Algorithm(StrEnum):
    """How a till signs: Ed25519 (RFC 8032), or ECDSA on P-256 with SHA-256 where its browser lacks that."""

    ED25519 = "ed25519"
    P256 = "p256"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a town promises its shops about payments without a network. Amounts in minor units; days local and inclusive.

    ``voucher_most_minor`` is the most of one payment, ``card_most_minor`` the most that a card pays offline on one day (at
    one till as it counts itself, over all tills as the town counts), ``device_most_minor`` the most that one till has
    accepted and not sent. ``sync_days`` is how long it may keep it. ``bearer`` bears what cannot be paid and
    no till could know; the town out of ``fund_id``, and at most ``month_most_minor`` of what arrives in a month.
    """

    from_day: date
    voucher_most_minor: int
    card_most_minor: int
    device_most_minor: int
    sync_days: int
    devices_most: int
    bearer: Bearer
    fund_id: UUID | None
    month_most_minor: int
    source: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "bearer", Bearer(self.bearer))


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop that the town has switched on, and how long."""

    party: UUID
    trade_name: str
    since: datetime
    set_by: str
    ended_at: datetime | None
    ended_by: str | None
    devices: int


@dataclass(frozen=True, slots=True)
class Device:
    """A till that may accept payments offline. ``number`` names it on paper; ``highest`` is the last counter that came."""

    id: UUID
    number: int
    party: UUID
    trade_name: str
    label: str
    algorithm: Algorithm
    public_key: bytes = field(repr=False)
    registered_at: datetime
    registered_by: str
    revoked_at: datetime | None
    revoked_by: str | None
    synced_at: datetime | None
    highest: int
    vouchers: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "algorithm", Algorithm(self.algorithm))

    @property
    def missing(self) -> int:
        """How many counters before the highest have not come."""
        return self.highest - self.vouchers


@dataclass(frozen=True, slots=True)
class Content:
    """What a till signed. ``box_digest`` is SHA-256 of the sealed code of the card."""

    town_id: int
    device: UUID
    counter: int
    amount_minor: int
    unit: str
    accepted_at: datetime
    box_digest: bytes


@dataclass(frozen=True, slots=True)
class Sent:
    """A voucher as it arrives: the signed bytes, the signature, and the sealed code of the card."""

    body: bytes
    signature: bytes
    box: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a voucher is settled as far as rules decide: what may be charged, and whose the rest is."""

    charge_minor: int
    shop_bears: bool
    grounds: tuple[Ground, ...]


@dataclass(frozen=True, slots=True)
class Voucher:
    """A voucher that arrived, settled for good.

    ``paid_minor`` came from the purses of the card's holder, ``covered_minor`` from the town's fund, ``owed_minor`` is the
    town's to pay once the fund has it, ``borne_minor`` the shop bears. ``grounds`` say why not all was paid. Of what was
    covered, ``returned_minor`` came back to the fund because the shop gave the sale back.
    """

    id: UUID
    device: UUID
    device_number: int
    counter: int
    clashes: bool
    party: UUID
    trade_name: str
    card: UUID | None
    amount_minor: int
    unit: str
    accepted_at: datetime
    received_at: datetime
    paid_minor: int
    covered_minor: int
    owed_minor: int
    borne_minor: int
    returned_minor: int
    payment_id: UUID | None
    grounds_json: str

    @property
    def name(self) -> str:
        """How paper and pages name it: the till's number and the voucher's on that till."""
        return f"{self.device_number}-{self.counter}"

    @property
    def amount(self) -> Amount:
        return Amount(self.amount_minor, self.unit)

    @property
    def loss_minor(self) -> int:
        return self.covered_minor + self.owed_minor + self.borne_minor

    @property
    def grounds(self) -> list[Ground]:
        told: list[dict[str, Any]] = json.loads(self.grounds_json)
        return [Ground(one["code"], one["fields"]) for one in told]


@dataclass(frozen=True, slots=True)
class Gap:
    """Counters of a till that have not come although later ones have: vouchers that were lost, or kept back."""

    device: UUID
    device_number: int
    party: UUID
    trade_name: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Totals:
    """What arrived in a period, and who paid it, in minor units."""

    vouchers: int
    amount_minor: int
    paid_minor: int
    covered_minor: int
    owed_minor: int
    borne_minor: int
    returned_minor: int


@dataclass(frozen=True, slots=True)
class Report:
    """What became of offline payments that arrived in a period.

    ``lossy`` are those not wholly paid, each with the others of its card accepted or arrived that day; ``clashes`` pairs
    that carry one counter; ``gaps`` what never came.
    """

    totals: Totals
    lossy: list[tuple[Voucher, list[Voucher]]]
    clashes: list[tuple[Voucher, Voucher]]
    gaps: list[Gap]
