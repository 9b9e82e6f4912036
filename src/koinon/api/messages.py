"""What requests and answers look like. These definitions decode, encode and describe: OpenAPI is made from them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from koinon.outbox.types import KINDS
from koinon.payments import types as payments

# ``(?![\s\S])`` is the end of the text to Python and ECMAScript alike; ``$`` would let a line end pass in one of them.
_END = r"(?![\s\S])"
LARGEST = 2**53 - 1  # What every JSON reader holds exactly (RFC 8259, 6).

Minor = Annotated[
    int,
    Meta(
        ge=1,
        le=LARGEST,
        description="Whole minor units: 1250 is 12.50 where the unit has two decimals.",
        examples=[1250],
    ),
]
MinorLeft = Annotated[int, Meta(ge=0, le=LARGEST, description="Whole minor units, zero or more.", examples=[1250])]
UnitCode = Annotated[
    str,
    Meta(pattern=rf"^[A-Z0-9]{{1,12}}{_END}", description="The town's unit, as `/whoami` names it.", examples=["XTS"]),
]
Reference = Annotated[
    str,
    Meta(
        pattern=rf"^[A-Za-z0-9:._/#-]{{0,80}}{_END}",
        description="A receipt number or the like, for the books. Nothing about a person.",
        examples=["till-3/2041"],
    ),
]
Category = Annotated[
    str,
    Meta(
        pattern=rf"^(?:[a-z0-9][a-z0-9-]{{0,39}})?{_END}",
        description="What is bought, in the words that the town's rules use. Some money pays only for some of them.",
        examples=["food"],
    ),
]
Key = Annotated[
    str,
    Meta(
        pattern=rf"^[!-~]{{1,255}}{_END}",
        description="The idempotency key of this payment, as the header of a single one.",
        examples=["receipt-2041"],
    ),
]
Cursor = Annotated[
    str,
    Meta(
        pattern=rf"^(?:[A-Za-z0-9_-]{{22}})?{_END}",
        description="`next` of the page before, or nothing for the newest.",
    ),
]
Instant = Annotated[datetime, Meta(tz=True, description="An instant (RFC 3339), with its offset.")]
PartyId = Annotated[UUID, Meta(description="The opaque id of a party: a person, a household, an organisation.")]


class PaymentAsked(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A payment to be made. Which purses pay is decided by their rules."""

    payer: PartyId
    payee: PartyId
    amount_minor: Minor
    unit: UnitCode
    reference: Reference | UnsetType = UNSET
    category: Category | UnsetType = UNSET


class PaymentInBatch(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """One payment of a batch, with an idempotency key of its own."""

    key: Key
    payer: PartyId
    payee: PartyId
    amount_minor: Minor
    unit: UnitCode
    reference: Reference | UnsetType = UNSET
    category: Category | UnsetType = UNSET


class BatchAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """Payments to be made in this order. One that is refused leaves the others be."""

    payments: Annotated[list[PaymentInBatch], Meta(min_length=1, max_length=1000)]


class RefundAsked(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """What to give back of a payment; without an amount all that is left of it."""

    amount_minor: Minor | UnsetType = UNSET


class HoldAsked(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Money to be reserved as a payment would take it, until `lapses_at`."""

    payer: PartyId
    payee: PartyId
    amount_minor: Minor
    unit: UnitCode
    lapses_at: Annotated[
        datetime, Meta(tz=True, description="When the hold ends by itself (RFC 3339, with an offset).")
    ]
    reference: Reference | UnsetType = UNSET
    category: Category | UnsetType = UNSET


class CaptureAsked(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """What to pay from a hold, once; without an amount all of it. The rest is free again."""

    amount_minor: Minor | UnsetType = UNSET


class ReleaseAsked(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Give back all that a hold reserved. There is nothing to say."""


class RequestAsked(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """An amount that a payee asks for, once, from whoever it is shown to."""

    payee: PartyId
    amount_minor: Minor
    unit: UnitCode
    lasts_seconds: Annotated[int, Meta(ge=10, le=31 * 86400, description="How long it can be paid.", examples=[600])]
    reference: Reference | UnsetType = UNSET
    category: Category | UnsetType = UNSET


class RequestPaymentAsked(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Who pays a request."""

    payer: PartyId


class RequestTold(Struct, frozen=True):
    """An amount that a payee asks for, and what became of it."""

    id: UUID
    payee: PartyId
    amount_minor: Minor
    unit: UnitCode
    state: Literal["open", "paid", "withdrawn", "expired"]
    number: Annotated[str | None, Meta(description="Eight digits that a payer types; `null` a day after it is over.")]
    token: Annotated[
        str, Meta(description="The request with the town's signature, for a QR code: the page `/pay/#` and this.")
    ]
    reference: Reference
    made_at: Instant
    expires_at: Instant
    payment: Annotated[UUID | None, Meta(description="The payment that paid it.")]


class PaymentTold(Struct, frozen=True, gc=False):
    """A payment that was made."""

    id: UUID
    payer: Annotated[
        UUID | None,
        Meta(description="Who paid. Left out (`null`) where a payee's own credential reads what it received."),
    ]
    payee: PartyId
    amount_minor: Minor
    unit: UnitCode
    refunded_minor: MinorLeft
    reference: Reference
    effective_at: Instant
    posted_at: Instant
    hold: Annotated[UUID | None, Meta(description="The hold it captured, where it did.")]


class RefundTold(Struct, frozen=True, gc=False):
    """What was given back of a payment."""

    id: UUID
    payment: UUID
    amount_minor: Minor
    unit: UnitCode
    effective_at: Instant
    posted_at: Instant


class RefundsTold(Struct, frozen=True):
    """What was given back of a payment, oldest first."""

    refunds: list[RefundTold]


class HoldTold(Struct, frozen=True, gc=False):
    """Money that is or was reserved."""

    id: UUID
    payer: Annotated[
        UUID | None,
        Meta(description="Whose money. Left out (`null`) where a payee's own credential reads it."),
    ]
    payee: PartyId
    amount_minor: Minor
    unit: UnitCode
    captured_minor: MinorLeft
    state: Literal["open", "captured", "released", "lapsed"]
    lapses_at: Instant
    reference: Reference
    effective_at: Instant
    posted_at: Instant


class GroundTold(Struct, frozen=True, omit_defaults=True):
    """One reason for a refusal."""

    code: Annotated[str, Meta(examples=["spending.not-in-zone"])]
    text: Annotated[str, Meta(description="In the language of Accept-Language, where we speak it.")]
    fields: Annotated[dict[str, Any], Meta(description="The figures the text is about.")] = {}


class FindingTold(Struct, frozen=True, omit_defaults=True):
    """One thing in the request that makes no sense."""

    code: Literal["missing", "unknown", "twice", "type", "value", "invalid"]
    message: str
    pointer: Annotated[str, Meta(description="Where in the body: a JSON pointer (RFC 6901).", examples=["/payer"])] = ""
    parameter: Annotated[str, Meta(description="Which parameter, where it is not in the body.")] = ""


class Problem(Struct, frozen=True, omit_defaults=True):
    """Why a request was not served (RFC 9457)."""

    type: Annotated[
        str, Meta(description="An address that says what it means.", examples=["/api/v1/problems/payments.not-payable"])
    ]
    title: str
    status: Annotated[int, Meta(ge=400, le=599)]
    detail: str
    code: Annotated[str, Meta(description="Stable; meant for programs.", examples=["payments.not-payable"])]
    request_id: str
    fields: Annotated[dict[str, Any], Meta(description="What a program needs to act on it, by kind of problem.")] = {}
    grounds: Annotated[list[GroundTold], Meta(description="Every reason at once.")] = []
    findings: Annotated[list[FindingTold], Meta(description="With 422: everything that makes no sense.")] = []
    retry_after_seconds: Annotated[int | None, Meta(description="With 429 and 503; also in Retry-After.")] = None


class Outcome(Struct, frozen=True, omit_defaults=True):
    """What became of one payment of a batch: `payment` or `problem`."""

    key: str
    status: Literal["posted", "refused"]
    replayed: bool
    payment: PaymentTold | None = None
    problem: Problem | None = None


class BatchTold(Struct, frozen=True):
    """One outcome for each payment, in the order asked."""

    outcomes: list[Outcome]


class PurseTold(Struct, frozen=True):
    """What a party has for one purpose; without a fund it is free money."""

    fund: Annotated[UUID | None, Meta(description="`null` for free money.")]
    fund_code: str
    fund_name: str
    available_minor: Annotated[int, Meta(description="What can be spent from it, in minor units.")]
    spent_today_minor: MinorLeft
    spend_from: Annotated[date | None, Meta(description="First local day on which it is good.")]
    last_day: Annotated[date | None, Meta(description="Last local day on which it is good, inclusive.")]


class PursesTold(Struct, frozen=True):
    """A party's purses, or its till, in the order in which they pay."""

    party: PartyId
    unit: UnitCode
    available_minor: Annotated[int, Meta(description="The sum over all purses, in minor units.")]
    purses: list[PurseTold]


class PartTold(Struct, frozen=True):
    """What one purse had to do with a movement."""

    fund_name: str
    signed_minor: int


class MovementTold(Struct, frozen=True):
    """What came in (above zero) or went out (below) in one go."""

    id: Annotated[UUID, Meta(description="That of the payment or refund, or of a single transfer.")]
    effective_at: Instant
    code: Annotated[str, Meta(examples=["pay", "disburse", "expire", "redeem"])]
    is_reversal: bool
    signed_minor: int
    unit: UnitCode
    counterparty: Annotated[
        UUID | None,
        Meta(description="The other side; `null` for the town, and for people where the credential is a party's own."),
    ]
    counterparty_name: Annotated[str, Meta(description="Its shop sign, where it has one.")]
    reference: Reference
    parts: list[PartTold]


class MovementsTold(Struct, frozen=True):
    """A page of movements, newest first."""

    movements: list[MovementTold]
    next: Annotated[str | None, Meta(description="The cursor of the next page; `null` on the last one.")]


class MovementsAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """Which page of movements."""

    limit: Annotated[int, Meta(ge=1, le=200, description="How many at the most.")] = 50
    cursor: Cursor = ""


class WebhookAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """An address to be told of events from now on."""

    url: Annotated[
        str,
        Meta(min_length=1, max_length=2000, description="https only.", examples=["https://shop.example/koinon"]),
    ]
    events: Annotated[
        list[Annotated[str, Meta(max_length=80, extra_json_schema={"enum": list(KINDS)})]],
        Meta(min_length=1, max_length=50, description="Which kinds of events.", examples=[["payment.posted"]]),
    ]
    party: Annotated[
        UUID | UnsetType,
        Meta(description="Only events that concern this party; a party's own credential has no other choice."),
    ] = UNSET


class WebhookTold(Struct, frozen=True):
    """An address that is told of events. One that does not answer for three days is disabled."""

    id: UUID
    url: str
    events: list[str]
    party: UUID | None
    state: str
    created_at: Instant
    failures: MinorLeft
    failing_since: Annotated[datetime, Meta(tz=True)] | None
    disabled_at: Annotated[datetime, Meta(tz=True)] | None
    disabled_why: str


class WebhookMade(Struct, frozen=True):
    """A webhook and the secret that signs what it is told: shown this once."""

    webhook: WebhookTold
    secret: Annotated[str, Meta(description="For checking `webhook-signature` (Standard Webhooks).")]


class WebhooksTold(Struct, frozen=True):
    """The webhooks of the town, or of the credential's party, oldest first."""

    webhooks: list[WebhookTold]


class DeliveriesAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """Which page of deliveries."""

    limit: Annotated[int, Meta(ge=1, le=200, description="How many at the most.")] = 50
    cursor: Cursor = ""
    state: Annotated[Literal["", "due", "delivered", "failed", "abandoned"], Meta(description="Only these.")] = ""


class DeliveryTold(Struct, frozen=True):
    """One event on its way to a webhook."""

    event: UUID
    kind: str
    subject: Annotated[UUID, Meta(description="The payment, refund, hold, ... that it is about.")]
    at: Instant
    state: Literal["due", "delivered", "failed", "abandoned"]
    attempts: MinorLeft
    next_at: Annotated[datetime, Meta(tz=True)] | None
    last_status: Annotated[int | None, Meta(description="What the address answered last.")]
    last_error: str


class DeliveriesTold(Struct, frozen=True):
    """A page of deliveries, newest first."""

    deliveries: list[DeliveryTold]
    next: Annotated[str | None, Meta(description="The cursor of the next page; `null` on the last one.")]


class SentAgain(Struct, frozen=True):
    """How many deliveries go out once more."""

    deliveries: MinorLeft


class WhoTold(Struct, frozen=True):
    """Whose credential this is and what it may be used for."""

    credential: UUID
    name: str
    kind: Literal["key", "client"]
    town: str
    unit: UnitCode
    exponent: Annotated[int, Meta(ge=0, le=6, description="Decimals of the unit.")]
    sandbox: Annotated[bool, Meta(description="Whether this is a town for trying, whose money is play money.")]
    party: Annotated[UUID | None, Meta(description="The one party it acts for; `null` for the town as a whole.")]
    scopes: list[str]
    expires_at: Annotated[datetime, Meta(tz=True)] | None
    requests_per_second: int


class HealthTold(Struct, frozen=True):
    """That the service can take requests."""

    status: Literal["ok"]


class ProblemTypeTold(Struct, frozen=True):
    """What a kind of problem means."""

    code: str
    title: str
    status: int
    meaning: str


class TokenTold(Struct, frozen=True):
    """An access token (RFC 6749, 5.1)."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: Annotated[int, Meta(description="Seconds.", examples=[3600])]
    scope: str


class TokenRefused(Struct, frozen=True):
    """Why there is no token (RFC 6749, 5.2)."""

    error: Literal[
        "invalid_request", "invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope"
    ]
    error_description: str


encode = msgspec.json.Encoder(decimal_format="string", uuid_format="canonical").encode


def payment_told(payment: payments.Payment, *, with_payer: bool = True) -> PaymentTold:
    return PaymentTold(
        payment.id, payment.payer if with_payer else None, payment.payee, payment.amount_minor, payment.unit,
        payment.refunded_minor, payment.reference, payment.effective_at, payment.posted_at, payment.hold,
    )  # fmt: skip


def refund_told(refund: payments.Refund) -> RefundTold:
    return RefundTold(
        refund.id, refund.payment, refund.amount_minor, refund.unit, refund.effective_at, refund.posted_at
    )  # fmt: skip


def hold_told(hold: payments.HeldPayment, *, with_payer: bool = True) -> HoldTold:
    return HoldTold(
        hold.id, hold.payer if with_payer else None, hold.payee, hold.amount_minor, hold.unit, hold.captured_minor,
        str(hold.state), hold.lapses_at, hold.reference, hold.effective_at, hold.posted_at,  # type: ignore[arg-type]
    )  # fmt: skip
