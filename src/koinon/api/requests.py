"""Requests to be paid over HTTP: a payee's credential asks and takes back, a payer's pays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from koinon.api.asking import Answer, Ask
from koinon.api.errors import NoSuchThing, OutsideOfParty, ScopeMissing
from koinon.api.handlers import NO_STORE
from koinon.api.messages import RequestAsked, RequestPaymentAsked, RequestTold, encode, payment_told
from koinon.api.types import Scope
from koinon.kernel.money import Amount
from koinon.parties import queries as parties
from koinon.payments import requesting, signing
from koinon.payments.errors import RequestNotFound
from koinon.payments.types import Asked


async def ask(ask: Ask) -> Answer:
    asked = ask.decoded(RequestAsked)
    key = str(ask.id())
    credential = ask.known.credential
    _may_ask(ask, asked.payee)

    def write(conn: Any) -> Asked:
        parties.party_facts(conn, credential.town_id, asked.payee)
        made = requesting.ask(
            conn, town_id=credential.town_id, payee=asked.payee, amount=Amount(asked.amount_minor, asked.unit),
            lasts=timedelta(seconds=asked.lasts_seconds), idempotency_key=key, actor=ask.known.actor, at=ask.now,
            secrets=ask.api.secrets(), reference=asked.reference or "", category=asked.category or "",
        )  # fmt: skip
        return requesting.asked(conn, town_id=credential.town_id, request_id=made.id, at=ask.now)

    made = await ask.read(write)
    location = (b"location", b"/api/v1/requests/%s" % str(made.request.id).encode())
    return Answer(201, encode(_told(ask, made)), [NO_STORE, location])


async def one(ask: Ask) -> Answer:
    found = await _found(ask, ask.uuid())
    return ask.tagged(_told(ask, found))


async def withdraw(ask: Ask) -> Answer:
    request_id = ask.uuid()
    found = await _found(ask, request_id)
    _may_ask(ask, found.request.payee)
    town_id = ask.known.credential.town_id

    def write(conn: Any) -> Asked:
        requesting.withdraw(conn, town_id=town_id, request_id=request_id, actor=ask.known.actor, at=ask.now)
        return requesting.asked(conn, town_id=town_id, request_id=request_id, at=ask.now)

    return Answer(200, encode(_told(ask, await ask.read(write))), [NO_STORE])


async def pay(ask: Ask) -> Answer:
    asked = ask.decoded(RequestPaymentAsked)
    request_id = ask.uuid()
    credential = ask.known.credential
    if credential.party not in (None, asked.payer):
        raise OutsideOfParty
    town_id = credential.town_id

    def write(conn: Any) -> Any:
        try:
            return requesting.pay(
                conn, town_id=town_id, request_id=request_id, payer=asked.payer, actor=ask.known.actor, at=ask.now,
                secrets=ask.api.secrets(),
            )  # fmt: skip
        except RequestNotFound:
            raise NoSuchThing from None

    done = await ask.read(write)
    location = (b"location", b"/api/v1/payments/%s" % str(done.id).encode())
    return Answer(201, encode(payment_told(done)), [NO_STORE, location])


def _may_ask(ask: Ask, payee: UUID) -> None:
    """A payee's own credential asks with payments:charge, the town's with payments:write."""
    party = ask.known.credential.party
    if party not in (None, payee):
        raise OutsideOfParty
    needed = Scope.PAYMENTS_WRITE if party is None else Scope.PAYMENTS_CHARGE
    if needed not in ask.known.scopes:
        raise ScopeMissing(scope=needed)


async def _found(ask: Ask, request_id: UUID) -> Asked:
    """A request that the credential is concerned with: the payee's own, or any of the town; others are not there."""
    credential = ask.known.credential

    def read(conn: Any) -> Asked:
        return requesting.asked(conn, town_id=credential.town_id, request_id=request_id, at=ask.now)

    try:
        found = await ask.read(read)
    except RequestNotFound:
        raise NoSuchThing from None
    if credential.party not in (None, found.request.payee):
        raise NoSuchThing
    return found


def _told(ask: Ask, found: Asked) -> RequestTold:
    one = found.request
    return RequestTold(
        one.id, one.payee, one.amount_minor, one.unit, found.state.value, one.number,
        signing.token(requesting.signed(one, town_id=ask.known.credential.town_id)), one.reference, one.made_at,
        one.expires_at, found.payment.id if found.payment else None,
    )  # fmt: skip
