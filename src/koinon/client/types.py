"""What the service tells, as frozen values; members that a later version adds are ignored."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints
from uuid import UUID

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment that was made. ``replayed``: the key had been used before, and this is what came of it then."""

    id: UUID
    payer: UUID | None
    payee: UUID
    amount_minor: int
    unit: str
    refunded_minor: int
    reference: str
    effective_at: datetime
    posted_at: datetime
    hold: UUID | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Refund:
    """What was given back of a payment."""

    id: UUID
    payment: UUID
    amount_minor: int
    unit: str
    effective_at: datetime
    posted_at: datetime
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """Money that is or was reserved; ``state`` is open, captured, released or lapsed."""

    id: UUID
    payer: UUID | None
    payee: UUID
    amount_minor: int
    unit: str
    captured_minor: int
    state: str
    lapses_at: datetime
    reference: str
    effective_at: datetime
    posted_at: datetime
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class NewPayment:
    """A payment to be made, for ``Client.pay_many``. Without a key it gets one."""

    payer: UUID
    payee: UUID
    amount_minor: int
    unit: str
    reference: str = ""
    key: str = ""
    category: str = ""


@dataclass(frozen=True, slots=True)
class Purse:
    """What a party has for one purpose; without a fund it is free money. Days are local ones, inclusive."""

    fund: UUID | None
    fund_code: str
    fund_name: str
    available_minor: int
    spent_today_minor: int
    spend_from: date | None
    last_day: date | None


@dataclass(frozen=True, slots=True)
class Purses:
    """A party's purses, in the order in which they pay."""

    party: UUID
    unit: str
    available_minor: int
    purses: list[Purse]


@dataclass(frozen=True, slots=True)
class Part:
    """What one purse had to do with a movement."""

    fund_name: str
    signed_minor: int


@dataclass(frozen=True, slots=True)
class Movement:
    """What came in (above zero) or went out (below) in one go."""

    id: UUID
    effective_at: datetime
    code: str
    is_reversal: bool
    signed_minor: int
    unit: str
    counterparty: UUID | None
    counterparty_name: str
    reference: str
    parts: list[Part]


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that is told of events."""

    id: UUID
    url: str
    events: list[str]
    party: UUID | None
    state: str
    created_at: datetime
    failures: int
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_why: str


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A webhook just made; ``secret`` is shown this once."""

    webhook: Webhook
    secret: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to a webhook; ``state`` is due, delivered, failed or abandoned."""

    event: UUID
    kind: str
    subject: UUID
    at: datetime
    state: str
    attempts: int
    next_at: datetime | None
    last_status: int | None
    last_error: str


@dataclass(frozen=True, slots=True)
class WhoAmI:
    """Whose credential this is and what it may be used for."""

    credential: UUID
    name: str
    kind: str
    town: str
    unit: str
    exponent: int
    sandbox: bool
    party: UUID | None
    scopes: list[str]
    expires_at: datetime | None
    requests_per_second: int


def read(kind: type[T], told: Mapping[str, Any], **more: Any) -> T:
    """A value of this kind from what the service told.

    >>> read(Part, {"fund_name": "Aid", "signed_minor": -100, "later": "ignored"})
    Part(fund_name='Aid', signed_minor=-100)
    """
    hints = _hints(cast(Any, kind))
    known = {name: _value(hints[name], told[name]) for name in hints if name in told}
    return kind(**known, **more)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _value(kind: Any, told: Any) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        if told is None:
            return None
        kind = next(one for one in get_args(kind) if one is not type(None))
        origin = get_origin(kind)
    if origin is list:
        (inner,) = get_args(kind)
        return [_value(inner, one) for one in told]
    if kind is UUID:
        return UUID(told)
    if kind is datetime:
        return datetime.fromisoformat(told)
    if kind is date:
        return date.fromisoformat(told)
    if is_dataclass(kind) and isinstance(kind, type):
        return read(kind, told)
    return told
