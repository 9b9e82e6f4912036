"""Every address of the API."""

from __future__ import annotations

from typing import Any

from koinon.api import handlers, messages, public, requests, webhooks
from koinon.api.errors import (
    BodyNotJson,
    BodyTooLarge,
    KeyMalformed,
    KeyMissing,
    MediaTypeUnsupported,
    NoSuchThing,
    NotReady,
    OutsideOfParty,
    RequestInvalid,
    ScopeMissing,
    TownCredentialNeeded,
)  # fmt: skip
from koinon.api.routes import KIB, Route
from koinon.api.types import Scope
from koinon.db.errors import NotSettled
from koinon.ledger import errors as ledger
from koinon.outbox import errors as outbox
from koinon.parties.errors import PartyErased, PartyNotFound
from koinon.payments import errors as payments

_BODY = (BodyNotJson, BodyTooLarge, MediaTypeUnsupported, RequestInvalid)
_MONEY = (*_BODY, KeyMissing, KeyMalformed, ScopeMissing, OutsideOfParty, payments.KeyReused, NotReady, NotSettled)
_PAY = (*_MONEY, TownCredentialNeeded, payments.NotPayable, payments.SameParty, PartyNotFound, ledger.InsufficientFunds)
PAYER, PAYEE = "0192f0c4-1a2b-7c3d-8e4f-5a6b7c8d9e0f", "0192f0c4-1a2b-7c3d-9f01-23456789abcd"
_EXAMPLE: dict[str, Any] = {
    "payer": PAYER,
    "payee": PAYEE,
    "amount_minor": 1250,
    "unit": "XTS",
    "reference": "till-3/2041",
}

ROUTES: tuple[Route, ...] = (
    Route(
        "POST", "/payments", "pay", handlers.pay,
        "Make a payment",
        "Pays from the payer's purses as their rules allow, soonest last day first. The answer says that the money has "
        "moved and will stay moved. Where no answer came, send the same request with the same key: it is made once.",
        asks=messages.PaymentAsked, answers=messages.PaymentTold, status=201, moves_money=True,
        scopes=(Scope.PAYMENTS_WRITE, Scope.PAYMENTS_CHARGE), refuses=_PAY, example=_EXAMPLE,
    ),
    Route(
        "POST", "/payments/batch", "pay_batch", handlers.pay_batch,
        "Make up to 1,000 payments",
        "Payments are made in the order given, with exactly the outcomes of making them one by one: one that is "
        "refused leaves the others be. Each has an idempotency key of its own, so that the whole batch can be repeated. "
        "Counts as one request and one more for each ten payments.",
        asks=messages.BatchAsked, answers=messages.BatchTold, limit=1024 * KIB,
        scopes=(Scope.PAYMENTS_WRITE, Scope.PAYMENTS_CHARGE), refuses=(*_BODY, ScopeMissing, NotReady, NotSettled),
        example={"payments": [{"key": "receipt-2041", **_EXAMPLE}]},
    ),
    Route(
        "GET", "/payments/{payment}", "payment", handlers.payment,
        "Read a payment", "With what was given back of it so far.",
        answers=messages.PaymentTold, has_etag=True, scopes=(Scope.PAYMENTS_READ,), refuses=(NoSuchThing, ScopeMissing),
    ),
    Route(
        "POST", "/payments/{payment}/refunds", "refund", handlers.refund,
        "Give back a payment",
        "Wholly or in part, as often as something is left; each purse gets its part in proportion to what it paid.",
        asks=messages.RefundAsked, answers=messages.RefundTold, status=201, moves_money=True,
        scopes=(Scope.REFUNDS_WRITE,), example={"amount_minor": 250}, tag="refunds",
        refuses=(*_MONEY, NoSuchThing, payments.RefundTooLarge, payments.RefundNotCovered),
    ),
    Route(
        "GET", "/payments/{payment}/refunds", "refunds", handlers.refunds,
        "Read the refunds of a payment", "Oldest first.",
        answers=messages.RefundsTold, has_etag=True, scopes=(Scope.PAYMENTS_READ,), refuses=(NoSuchThing, ScopeMissing),
        tag="refunds",
    ),
    Route(
        "POST", "/holds", "place_hold", handlers.place_hold,
        "Place a hold",
        "Reserves money in the payer's purses, as a payment would take it, until it is captured, released or lapses.",
        asks=messages.HoldAsked, answers=messages.HoldTold, status=201, moves_money=True, scopes=(Scope.HOLDS_WRITE,),
        refuses=(*_PAY, payments.LapsesTooSoon), example={**_EXAMPLE, "lapses_at": "2026-12-24T18:00:00Z"}, tag="holds",
    ),
    Route(
        "GET", "/holds/{hold}", "hold", handlers.hold,
        "Read a hold", "With what became of it.",
        answers=messages.HoldTold, has_etag=True, scopes=(Scope.PAYMENTS_READ,), refuses=(NoSuchThing, ScopeMissing),
        tag="holds",
    ),
    Route(
        "POST", "/holds/{hold}/capture", "capture_hold", handlers.capture_hold,
        "Pay from a hold",
        "Once, all of it or a part; what is not captured is free again. The payment is as any other.",
        asks=messages.CaptureAsked, answers=messages.PaymentTold, status=201, moves_money=True,
        scopes=(Scope.HOLDS_WRITE,), refuses=(*_MONEY, NoSuchThing, payments.HoldNotOpen, payments.CaptureTooLarge),
        example={"amount_minor": 1000}, tag="holds",
    ),
    Route(
        "POST", "/holds/{hold}/release", "release_hold", handlers.release_hold,
        "Release a hold", "Gives back all that it reserved.",
        asks=messages.ReleaseAsked, answers=messages.HoldTold, moves_money=True, scopes=(Scope.HOLDS_WRITE,),
        refuses=(*_MONEY, NoSuchThing, payments.HoldNotOpen), example={}, tag="holds",
    ),
    Route(
        "POST", "/requests", "ask", requests.ask,
        "Ask to be paid",
        "Makes a request of one amount, which whoever scans or types it may pay, once and in time. It bears the town's "
        "signature, so that nobody can change what it says.",
        asks=messages.RequestAsked, answers=messages.RequestTold, status=201, moves_money=True,
        scopes=(Scope.PAYMENTS_CHARGE, Scope.PAYMENTS_WRITE), tag="requests",
        refuses=(*_MONEY, payments.RequestTooLong, PartyNotFound, PartyErased),
        example={"payee": PAYEE, "amount_minor": 1250, "unit": "XTS", "lasts_seconds": 600, "reference": "till-3/2041"},
    ),
    Route(
        "GET", "/requests/{request}", "request", requests.one,
        "Read a request", "With what became of it: ask until it is paid, or have a webhook told of `payment.posted`.",
        answers=messages.RequestTold, has_etag=True, scopes=(Scope.PAYMENTS_READ,), refuses=(NoSuchThing, ScopeMissing),
        tag="requests",
    ),
    Route(
        "POST", "/requests/{request}/withdraw", "withdraw_request", requests.withdraw,
        "Take a request back", "Nobody can pay it any more. What is paid is given back by a refund.",
        answers=messages.RequestTold, scopes=(Scope.PAYMENTS_CHARGE, Scope.PAYMENTS_WRITE), tag="requests",
        refuses=(NoSuchThing, ScopeMissing, OutsideOfParty, payments.RequestPaid),
    ),
    Route(
        "POST", "/requests/{request}/payment", "pay_request", requests.pay,
        "Pay a request",
        "Wholly and once. Whoever paid it already gets that payment again, so that a lost answer can be asked for.",
        asks=messages.RequestPaymentAsked, answers=messages.PaymentTold, status=201, scopes=(Scope.PAYMENTS_WRITE,),
        refuses=(
            *_BODY, ScopeMissing, OutsideOfParty, NoSuchThing, NotReady, NotSettled, payments.NotPayable,
            payments.SameParty, payments.RequestPaid, payments.RequestWithdrawn, payments.RequestExpired,
            payments.RequestNotGenuine, PartyNotFound, ledger.InsufficientFunds,
        ),
        example={"payer": PAYER}, tag="requests",
    ),
    Route(
        "GET", "/parties/{party}/purses", "purses", handlers.purses,
        "Read a party's purses",
        "What it has for which purpose and until when, in the order in which the purses pay.",
        answers=messages.PursesTold, has_etag=True, scopes=(Scope.ACCOUNTS_READ,), refuses=(NoSuchThing, ScopeMissing),
        tag="accounts",
    ),
    Route(
        "GET", "/parties/{party}/movements", "movements", handlers.movements,
        "Read a party's movements",
        "Newest first, page by page: follow `next`, or the Link header (RFC 8288). A page that was read stays as it "
        "was, whatever is paid meanwhile.",
        answers=messages.MovementsTold, parameters=messages.MovementsAsked, has_etag=True,
        scopes=(Scope.ACCOUNTS_READ,), refuses=(NoSuchThing, ScopeMissing, RequestInvalid), tag="accounts",
    ),
    Route(
        "POST", "/webhooks", "add_webhook", webhooks.add,
        "Add a webhook",
        "Tells an address of events from now on, signed as Standard Webhooks has it and tried again for three days. "
        "The secret that signs is in this answer and in no other.",
        asks=messages.WebhookAsked, answers=messages.WebhookMade, status=201, scopes=(Scope.WEBHOOKS_MANAGE,),
        refuses=(*_BODY, ScopeMissing, outbox.AddressRefused, outbox.KindUnknown, outbox.TooManyListeners, PartyNotFound),
        example={"url": "https://shop.example/koinon", "events": ["payment.posted"]}, tag="webhooks",
    ),
    Route(
        "GET", "/webhooks", "webhooks", webhooks.listed,
        "Read the webhooks", "Oldest first, without their secrets.",
        answers=messages.WebhooksTold, has_etag=True, scopes=(Scope.WEBHOOKS_MANAGE,), refuses=(ScopeMissing,),
        tag="webhooks",
    ),
    Route(
        "GET", "/webhooks/{webhook}", "webhook", webhooks.one,
        "Read a webhook", "Without its secret.",
        answers=messages.WebhookTold, has_etag=True, scopes=(Scope.WEBHOOKS_MANAGE,),
        refuses=(ScopeMissing, NoSuchThing), tag="webhooks",
    ),
    Route(
        "DELETE", "/webhooks/{webhook}", "remove_webhook", webhooks.remove,
        "Remove a webhook", "It is told nothing more; what waited for it is abandoned.",
        answers=None, status=204, scopes=(Scope.WEBHOOKS_MANAGE,), refuses=(ScopeMissing, NoSuchThing), tag="webhooks",
    ),
    Route(
        "POST", "/webhooks/{webhook}/secret", "rotate_webhook_secret", webhooks.rotate,
        "Change a webhook's secret", "For a day messages carry both signatures.",
        answers=messages.WebhookMade, scopes=(Scope.WEBHOOKS_MANAGE,), refuses=(ScopeMissing, NoSuchThing),
        tag="webhooks",
    ),
    Route(
        "POST", "/webhooks/{webhook}/resume", "resume_webhook", webhooks.resume,
        "Resume a webhook", "Begins again with one that was disabled; what waited goes out at once.",
        answers=messages.WebhookTold, scopes=(Scope.WEBHOOKS_MANAGE,), refuses=(ScopeMissing, NoSuchThing),
        tag="webhooks",
    ),
    Route(
        "GET", "/webhooks/{webhook}/deliveries", "deliveries", webhooks.deliveries,
        "Read what a webhook was told", "Newest first, page by page, with what its address answered.",
        answers=messages.DeliveriesTold, parameters=messages.DeliveriesAsked, has_etag=True,
        scopes=(Scope.WEBHOOKS_MANAGE,), refuses=(ScopeMissing, NoSuchThing, RequestInvalid), tag="webhooks",
    ),
    Route(
        "POST", "/webhooks/{webhook}/deliveries/{event}/send-again", "send_again", webhooks.send_again,
        "Send an event again", "Whatever became of it before. Who receives it knows it by its id.",
        answers=messages.SentAgain, scopes=(Scope.WEBHOOKS_MANAGE,), refuses=(ScopeMissing, NoSuchThing),
        tag="webhooks",
    ),
    Route(
        "GET", "/whoami", "whoami", handlers.whoami,
        "Read one's own credential", "Which town, which party, which scopes, and whether it is a sandbox.",
        answers=messages.WhoTold, tag="credentials",
    ),
    Route(
        "POST", "/oauth2/token", "token", public.token,
        "Get an access token",
        "OAuth 2.0 client credentials (RFC 6749, 4.4). The client shows its name and secret by HTTP Basic or in the "
        "form. The token lasts an hour and is sent as `Authorization: Bearer`.",
        asks=dict, answers=messages.TokenTold, media_type="application/x-www-form-urlencoded", public=True, limit=4 * KIB,
        refuses=(BodyTooLarge, MediaTypeUnsupported, NotReady), tag="credentials",
        example={"grant_type": "client_credentials", "scope": "payments:read"},
    ),
    Route(
        "GET", "/openapi.json", "openapi", public.openapi,
        "Read this description", "OpenAPI 3.1, made from the definitions that read requests and write answers.",
        answers=dict, public=True, has_etag=True, tag="service",
    ),
    Route(
        "GET", "/problems/{code}", "problem_type", public.problem_type,
        "Read what a problem means", "The address that the `type` of a problem is.",
        answers=messages.ProblemTypeTold, public=True, refuses=(NoSuchThing,), tag="service",
    ),
    Route(
        "GET", "/health", "health", public.health,
        "Ask whether the service can take requests", "For load balancers; tells nothing else.",
        answers=messages.HealthTold, public=True, refuses=(NotReady,), tag="service",
    ),
)  # fmt: skip
