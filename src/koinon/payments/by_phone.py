"""Paying in one's own wallet: a request, or a shop found by its code, confirmed by the PIN of the phone.

What the payer was shown is what is paid: payee and amount come from the request that the town signed, or are those that
the page showed and asks for again. docs/algorithms/paying-by-phone.md.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.instruments import phones, pins, queries, rules
from koinon.instruments.pins import Opened
from koinon.instruments.types import Presented, Way
from koinon.kernel.money import Amount
from koinon.parties import queries as parties
from koinon.parties.secrets import Secrets
from koinon.payments import operations, requesting
from koinon.payments import queries as payments
from koinon.payments import rules as plans
from koinon.payments.types import Payment, Plan, PurseView


def preview(
    conn: Connection[Any], *, town_id: int, payer: UUID, payee: UUID, amount: Amount, at: datetime, category: str = ""
) -> tuple[Plan, list[PurseView]]:
    """Which purses would pay this now, or every ground why they cannot; and the purses. Nothing is locked or promised."""
    town = parties.town(conn, town_id)
    local = at.astimezone(town.zone)
    purses = payments.purses(conn, town_id=town_id, payer=payer, at=at)
    facts = parties.party_facts(conn, town_id, payee)
    plan = plans.plan(
        amount.minor,
        purses,
        payee=facts,
        day=local.date(),
        minute=local.hour * 60 + local.minute,
        category=category,
    )
    return plan, purses


def pay_request(
    opened: Opened,
    *,
    town_id: int,
    request_id: UUID,
    payer: UUID,
    account: int,
    pin: str,
    now: datetime,
    actor: str,
    secrets: Secrets,
) -> Payment:
    """Pay a request with the PIN of the account's phone.

    ``opened`` opens a transaction and commits it at the end of its block: for the PIN first (``pins.ask``), then for the
    payment. Whoever paid it already gets the payment again and is asked for no PIN. Refuses like ``phones.of_account``,
    ``pins.ask`` and ``requesting.pay``; a request that cannot be paid is refused before the PIN is looked at.
    """
    with opened() as conn:
        asked = requesting.asked(conn, town_id=town_id, request_id=request_id, at=now)
        if asked.payment is not None and asked.payment.payer == payer:
            return asked.payment
        if asked.payment is None:
            requesting.payable(asked.request, town_id=town_id, at=now, secrets=secrets)
    phone = _confirmed(opened, town_id, payer, account, pin, now, actor, secrets)
    with opened() as conn:
        rules.usable(queries.card(conn, town_id=town_id, card_id=phone))
        return requesting.pay(
            conn, town_id=town_id, request_id=request_id, payer=payer, actor=actor, at=now, secrets=secrets
        )


def pay(
    opened: Opened,
    *,
    town_id: int,
    payment_id: UUID,
    payer: UUID,
    account: int,
    pin: str,
    payee: UUID,
    amount: Amount,
    now: datetime,
    actor: str,
    secrets: Secrets,
) -> Payment:
    """Pay whom a code led to, an amount that the payer typed, with the PIN of the account's phone.

    ``opened`` as for ``pay_request``. The same id gives the first payment back and asks for no PIN; refuses like
    ``phones.of_account``, ``pins.ask`` and ``operations.pay``.
    """
    with opened() as conn:
        found = payments.payments(conn, town_id=town_id, payment_ids=[payment_id])
    if not found:
        phone = _confirmed(opened, town_id, payer, account, pin, now, actor, secrets)
    with opened() as conn:
        if not found:
            rules.usable(queries.card(conn, town_id=town_id, card_id=phone))
        return operations.pay(
            conn,
            town_id=town_id,
            payment_id=payment_id,
            payer=payer,
            payee=payee,
            amount=amount,
            effective_at=found[0].effective_at if found else now,
            actor=actor,
        )


def _confirmed(
    opened: Opened, town_id: int, payer: UUID, account: int, pin: str, now: datetime, actor: str, secrets: Secrets
) -> UUID:
    """The phone whose PIN this is; the refusal otherwise."""
    with opened() as conn:
        phone = phones.of_account(conn, town_id=town_id, party=payer, account=account)
    shown = Presented(phone, Way.SCANNED)
    return pins.ask(opened, town_id=town_id, presented=shown, pin=pin, place=actor, at=now, secrets=secrets).id
