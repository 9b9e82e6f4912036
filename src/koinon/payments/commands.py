"""What a caller may ask of payments.

A command's ``id`` is its idempotency key: 128 bits made by the caller, unique in the
town. The same id with the same content gives the first result again, with any other it is
refused as ``payments.key-reused``. What a retry may change is not compared: time and actor.

``category`` is what is bought, as the till says it (``food``); empty where it does not say. Money of a fund whose
rule names categories pays only for these.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from koinon.kernel.money import Amount


@dataclass(frozen=True, slots=True)
class Pay:
    """Pay ``amount`` from the payer's purses whose rules allow it; the payment will have this id."""

    id: UUID
    payer: UUID
    payee: UUID
    amount: Amount
    effective_at: datetime
    actor: str
    reference: str = ""
    category: str = ""


@dataclass(frozen=True, slots=True)
class RefundPayment:
    """Give back part of a payment, or with ``amount`` None all that is left of it; the refund will have this id."""

    id: UUID
    payment: UUID
    amount: Amount | None
    effective_at: datetime
    actor: str


@dataclass(frozen=True, slots=True)
class PlaceHold:
    """Reserve ``amount`` in the payer's purses, as a payment would take it, until ``lapses_at``."""

    id: UUID
    payer: UUID
    payee: UUID
    amount: Amount
    lapses_at: datetime
    effective_at: datetime
    actor: str
    reference: str = ""
    category: str = ""


@dataclass(frozen=True, slots=True)
class CaptureHold:
    """Pay from a hold, once; with ``amount`` None all of it. What is not captured is free again.

    The payment will have this id.
    """

    id: UUID
    hold: UUID
    amount: Amount | None
    effective_at: datetime
    actor: str


@dataclass(frozen=True, slots=True)
class ReleaseHold:
    """Give back all that a hold reserved."""

    id: UUID
    hold: UUID
    effective_at: datetime
    actor: str


Command = Pay | RefundPayment | PlaceHold | CaptureHold | ReleaseHold
