"""Paying and giving back. The API, the till, the simulation and the tests all come through here."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.errors import UniqueViolation

from koinon.db.statements import execute, one, scalar, statement
from koinon.db.transactions import savepoint
from koinon.kernel.decisions import Ground
from koinon.kernel.errors import UnitMismatch
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount
from koinon.ledger import operations as ledger
from koinon.ledger.errors import AmountExceedsOriginal, InsufficientFunds
from koinon.ledger.types import Code, Kind, NewAccount, Reversal, Transfer
from koinon.payments import queries, rules
from koinon.payments.errors import (
    AmountNotPositive,
    KeyReused,
    NotPayable,
    PaymentNotFound,
    RefundNotCovered,
    RefundTooLarge,
    SameParty,
)
from koinon.payments.queries import Side
from koinon.payments.types import Payment, Plan, Refund

_PACKAGE = "koinon.payments"
_TRIES = 3


def pay(
    conn: Connection[Any],
    *,
    town_id: int,
    payer: UUID,
    payee: UUID,
    amount: Amount,
    idempotency_key: str,
    effective_at: datetime,
    actor: str,
    reference: str = "",
) -> Payment:
    """Pay ``amount`` from the purses whose rules allow it, as one group that posts wholly or not at all.

    Payer and payee are parties: a resident pays from purses, an organisation
    from its till; an organisation is paid at its till, anyone else into the
    free purse. The same key with the same payer, payee, amount and reference
    gives the first payment back, whatever has happened since; with anything else
    it is ``KeyReused``. ``NotPayable`` carries every ground at once.

    Refuses besides with ``AmountNotPositive``, ``SameParty``, ``PartyNotFound``,
    ``UnitMismatch``, and the ledger's own refusals where an account is closed, full
    or emptied at every try.

    Payments of one payer take turns until their transactions end, so that
    limits by the day hold however many tills ask at once.
    """
    if amount.minor <= 0:
        raise AmountNotPositive(amount=amount)
    if payer == payee:
        raise SameParty(party_id=payer)
    execute(conn, statement(_PACKAGE, "one_at_a_time"), town_id=town_id, party=payer)
    if (before := queries.payment_by_key(conn, town_id=town_id, key=idempotency_key)) is not None:
        return _same(before, payer, payee, amount, reference)
    by, to = queries.sides(conn, town_id=town_id, payer=payer, payee=payee, at=effective_at)
    if amount.unit != by.unit_code:
        raise UnitMismatch(left=amount.unit, right=by.unit_code)
    payment_id = new_id()
    plan = _plan(conn, town_id, by, to, amount, effective_at)
    credit = to.account or _receiving_account(conn, town_id, to, at=effective_at, actor=actor)
    for attempt in range(_TRIES):
        requests = [
            Transfer(
                new_id(),
                leg.account,
                credit,
                Amount(leg.amount_minor, amount.unit),
                Code.PAY,
                f"payment:{payment_id}:{place}",
                effective_at,
                actor,
                reference,
                payment_id,
            )
            for place, leg in enumerate(plan.legs)
        ]
        try:
            with savepoint(conn):
                ledger.post_all(conn, town_id=town_id, requests=requests)
                return one(
                    conn,
                    statement(_PACKAGE, "insert_payment"),
                    Payment,
                    town_id=town_id,
                    id=payment_id,
                    payer=payer,
                    payee=payee,
                    amount_minor=amount.minor,
                    unit=amount.unit,
                    key=idempotency_key,
                    effective_at=effective_at,
                    actor=actor,
                    reference=reference,
                )
        except InsufficientFunds:
            # Something that is no payment (a sweep, a hold, a redemption) took money since the plan was made.
            if attempt == _TRIES - 1:
                raise
            plan = _plan(conn, town_id, by, to, amount, effective_at)
        except UniqueViolation:
            # Another payer used the key in the same moment.
            winner = queries.payment_by_key(conn, town_id=town_id, key=idempotency_key)
            if winner is None:
                raise
            return _same(winner, payer, payee, amount, reference)
    raise AssertionError("the last try returns or raises")


def refund(
    conn: Connection[Any],
    *,
    town_id: int,
    payment_id: UUID,
    amount: Amount | None,
    idempotency_key: str,
    effective_at: datetime,
    actor: str,
) -> Refund:
    """Give back part of a payment, or with ``amount`` None all that is left of it.

    Each purse gets its part in proportion to what it paid: aid becomes aid
    again, with its rule and last day. All refunds together never exceed the
    payment, however many run at once. The same key with the same payment and
    amount gives the first refund back.

    Refuses with ``AmountNotPositive``, ``PaymentNotFound``, ``KeyReused`` for a key
    of another refund, ``UnitMismatch``, ``RefundTooLarge`` for more than is left,
    ``RefundNotCovered`` when the payee's till no longer has it, and the ledger's
    ``AccountNotOpen`` and ``CeilingReached`` for a purse that is closed or full.
    """
    if amount is not None and amount.minor <= 0:
        raise AmountNotPositive(amount=amount)
    if not scalar(conn, statement(_PACKAGE, "lock_payment"), town_id=town_id, payment_id=payment_id):
        raise PaymentNotFound(payment_id=payment_id)
    before = queries.refund_by_key(conn, town_id=town_id, key=idempotency_key)
    if before is not None:
        if before.payment != payment_id or (amount is not None and before.amount != amount):
            raise KeyReused(key=idempotency_key)
        return before
    payment = queries.payment(conn, town_id=town_id, payment_id=payment_id)
    asked = amount or payment.left
    if asked.unit != payment.unit:
        raise UnitMismatch(left=asked.unit, right=payment.unit)
    if not asked or asked > payment.left:
        raise RefundTooLarge(payment_id=payment_id, left=payment.left, asked=asked)
    legs = queries.legs_of(conn, town_id=town_id, payment_id=payment_id)
    shares = rules.split_refund(asked.minor, [leg.amount_minor - leg.refunded_minor for leg in legs])
    refund_id = new_id()
    requests = [
        Reversal(
            new_id(),
            leg.transfer_id,
            f"refund:{refund_id}:{place}",
            effective_at,
            actor,
            Amount(share, payment.unit),
            payment.reference,
            refund_id,
        )
        for place, (leg, share) in enumerate(zip(legs, shares, strict=True))
        if share
    ]
    try:
        with savepoint(conn):
            ledger.post_all(conn, town_id=town_id, requests=requests)
            execute(
                conn,
                statement(_PACKAGE, "record_refund"),
                town_id=town_id,
                id=refund_id,
                payment_id=payment_id,
                amount_minor=asked.minor,
                key=idempotency_key,
                effective_at=effective_at,
                actor=actor,
            )
    except InsufficientFunds as refused:
        raise RefundNotCovered(payment_id=payment_id, asked=asked) from refused
    except AmountExceedsOriginal as refused:
        raise RefundTooLarge(payment_id=payment_id, left=payment.left, asked=asked) from refused
    except UniqueViolation as refused:
        raise KeyReused(key=idempotency_key) from refused  # For a refund of another payment, in the same moment.
    found = queries.refund_by_key(conn, town_id=town_id, key=idempotency_key)
    assert found is not None
    return found


def _same(before: Payment, payer: UUID, payee: UUID, amount: Amount, reference: str) -> Payment:
    if (before.payer, before.payee, before.amount, before.reference) != (payer, payee, amount, reference):
        raise KeyReused(key=before.key)
    return before


def _plan(conn: Connection[Any], town_id: int, by: Side, to: Side, amount: Amount, at: datetime) -> Plan:
    if by.erased:
        grounds = (Ground("payments.payer-erased"),)
        raise NotPayable(asked=amount, payable=Amount(0, amount.unit), grounds=grounds)
    purses = queries.purses(conn, town_id=town_id, payer=by.party_id, at=at)
    plan = rules.plan(amount.minor, purses, payee=to.facts, day=to.local_day)
    if not plan.decision:
        raise NotPayable(asked=amount, payable=Amount(plan.payable_minor, amount.unit), grounds=plan.grounds)
    return plan


def _receiving_account(conn: Connection[Any], town_id: int, to: Side, *, at: datetime, actor: str) -> int:
    kind = Kind.TILL if to.facts.is_enterprise else Kind.PURSE
    account = NewAccount(kind, to.unit_code, to.party_id)
    return ledger.open_accounts(conn, town_id=town_id, accounts=[account], at=at, actor=actor)[0]
