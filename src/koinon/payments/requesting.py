"""Asking to be paid: requests of one amount, and the codes by which a payee is found without one.

A request is paid once, because the id of its payment follows from its own: whoever pays it second, however many pay at
the same instant, is refused by the books. So nothing is written down about it that the books could contradict.
docs/algorithms/payment-requests.md has the table of who may do what, and when.
"""

from __future__ import annotations

import base64
import os
import secrets as chance
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit.operations import record
from koinon.db.statements import execute, many, maybe, scalar, statement
from koinon.db.transactions import savepoint
from koinon.kernel.errors import UnitMismatch
from koinon.kernel.identifiers import id_for_key, id_under
from koinon.kernel.money import Amount
from koinon.parties import queries as parties
from koinon.parties.errors import PartyErased, PartyNotFound
from koinon.parties.secrets import Secrets
from koinon.payments import operations, queries, rules, signing
from koinon.payments.errors import (
    AmountNotPositive,
    KeyReused,
    NotACodeToPay,
    PayeeCodeReplaced,
    RequestExpired,
    RequestNotFound,
    RequestNotGenuine,
    RequestPaid,
    RequestTooLong,
    RequestWithdrawn,
)
from koinon.payments.types import Asked, PayeeCode, Payment, PaymentRequest, RequestState, SignedRequest

_PACKAGE = "koinon.payments"
LONGEST = timedelta(days=31)
NUMBER_RESTS = timedelta(days=1)
RECENT = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class _Party:
    erased: bool


def payment_of(request_id: UUID) -> UUID:
    """The id of the payment that pays a request: there can be only one."""
    return id_under(request_id, "paid")


# --- Requests -------------------------------------------------------------------------------------


def ask(
    conn: Connection[Any],
    *,
    town_id: int,
    payee: UUID,
    amount: Amount,
    lasts: timedelta,
    idempotency_key: str,
    actor: str,
    at: datetime,
    secrets: Secrets,
    reference: str = "",
    category: str = "",
    with_number: bool = True,
) -> PaymentRequest:
    """Ask to be paid an amount, by whoever it is shown to, until a time; the same key gives the first request again.

    ``with_number`` gives it eight digits to type; without them only who has the code or the link finds it. Refuses with
    ``AmountNotPositive``, ``UnitMismatch``, ``RequestTooLong``, ``PartyNotFound``, ``PartyErased`` and ``KeyReused``.
    """
    town = parties.town(conn, town_id)
    if amount.unit != town.unit_code:
        raise UnitMismatch(left=amount.unit, right=town.unit_code)
    if not 0 < amount.minor < 2**63:
        raise AmountNotPositive(amount=amount)
    if not timedelta(0) < lasts <= LONGEST:
        raise RequestTooLong(longest=LONGEST)
    request_id = id_for_key(f"{_PACKAGE}.request:{town_id}:{payee}", idempotency_key)
    with savepoint(conn):
        _lock_payee(conn, town_id, payee)
        before = maybe(
            conn, statement(_PACKAGE, "request"), PaymentRequest, town_id=town_id, id=request_id, number=None
        )
        if before is not None:
            if (before.amount, before.reference, before.category) != (amount, reference, category):
                raise KeyReused(key=idempotency_key)
            return before
        expires_at = (at + lasts).replace(microsecond=0) + timedelta(seconds=1 if (at + lasts).microsecond else 0)
        signed = signing.sign(
            secrets, town_id=town_id, request=request_id, payee=payee, amount=amount, expires_at=expires_at
        )
        _add_request(conn, signed, reference, category, at, actor, with_number=with_number)
        record(
            conn,
            town_id=town_id,
            actor=actor,
            action="payments.request-made",
            subject=f"request:{request_id}",
            after={"payee": str(payee), "amount": str(amount), "expires_at": expires_at.isoformat()},
            at=at,
        )
    return request(conn, town_id=town_id, request_id=request_id)


def withdraw(conn: Connection[Any], *, town_id: int, request_id: UUID, actor: str, at: datetime) -> PaymentRequest:
    """Take a request back: nobody can pay it any more. Repeated, it answers as the first time.

    Refuses with ``RequestNotFound`` and ``RequestPaid``: what is paid is given back by a refund.
    """
    with savepoint(conn):
        found = _locked(conn, town_id, request_id)
        if _payment(conn, town_id, found.id) is not None:
            raise RequestPaid(request_id=request_id)
        if found.withdrawn_at is None:
            execute(conn, statement(_PACKAGE, "withdraw_request"), town_id=town_id, id=request_id, at=at, actor=actor)
            record(
                conn,
                town_id=town_id,
                actor=actor,
                action="payments.request-withdrawn",
                subject=f"request:{request_id}",
                at=at,
            )
    return request(conn, town_id=town_id, request_id=request_id)


def pay(
    conn: Connection[Any],
    *,
    town_id: int,
    request_id: UUID,
    payer: UUID,
    actor: str,
    at: datetime,
    secrets: Secrets,
) -> Payment:
    """Pay a request wholly, once, from the purses whose rules allow it; who paid it already gets that payment again.

    Part of the caller's transaction. Refuses with ``RequestNotFound``, ``RequestNotGenuine`` for a row that the town did
    not sign as it stands, ``RequestPaid``, ``RequestWithdrawn`` and ``RequestExpired``, and like ``operations.pay``.
    """
    with savepoint(conn):
        found = _locked(conn, town_id, request_id)
        paid = _payment(conn, town_id, found.id)
        if paid is not None:
            if paid.payer != payer:
                raise RequestPaid(request_id=request_id)
            return paid
        payable(found, at=at, secrets=secrets, town_id=town_id)
        try:
            return operations.pay(
                conn,
                town_id=town_id,
                payment_id=payment_of(request_id),
                payer=payer,
                payee=found.payee,
                amount=found.amount,
                effective_at=at,
                actor=actor,
                reference=found.reference,
                category=found.category,
            )
        except KeyReused:  # Somebody else's payment stood in the books by the time that ours was tried.
            raise RequestPaid(request_id=request_id) from None


def payable(found: PaymentRequest, *, town_id: int, at: datetime, secrets: Secrets) -> None:
    """Whether a request that nobody has paid may be paid now; the refusal otherwise."""
    signing.verify(secrets, signed(found, town_id=town_id))
    if found.withdrawn_at is not None:
        raise RequestWithdrawn(request_id=found.id)
    if at >= found.expires_at:
        raise RequestExpired(request_id=found.id, expired_at=found.expires_at)


def signed(found: PaymentRequest, *, town_id: int) -> SignedRequest:
    """A request as its signature has it, and so as it travels."""
    return SignedRequest(
        town_id, found.id, found.payee, found.amount, found.expires_at, found.key_id, bytes(found.signature)
    )


def request(conn: Connection[Any], *, town_id: int, request_id: UUID) -> PaymentRequest:
    """One request, or ``RequestNotFound``."""
    found = maybe(conn, statement(_PACKAGE, "request"), PaymentRequest, town_id=town_id, id=request_id, number=None)
    if found is None:
        raise RequestNotFound(request_id=request_id)
    return found


def asked(conn: Connection[Any], *, town_id: int, request_id: UUID, at: datetime) -> Asked:
    """One request with what became of it, or ``RequestNotFound``."""
    return _as_they_stand(conn, town_id, [request(conn, town_id=town_id, request_id=request_id)], at)[0]


def asked_by(
    conn: Connection[Any], *, town_id: int, payee: UUID, at: datetime, limit: int = 50, since: datetime | None = None
) -> list[Asked]:
    """The requests of a payee since an instant, or within the last month, newest first, with what became of each."""
    found = many(
        conn, statement(_PACKAGE, "requests_of"), PaymentRequest, town_id=town_id, payee=payee,
        since=since or at - RECENT, size=limit,
    )  # fmt: skip
    return _as_they_stand(conn, town_id, found, at)


def _as_they_stand(conn: Connection[Any], town_id: int, found: Sequence[PaymentRequest], at: datetime) -> list[Asked]:
    paid = {one.id: one for one in _payments(conn, town_id, [one.id for one in found])}
    return [Asked(one, _state(one, paid.get(payment_of(one.id)), at), paid.get(payment_of(one.id))) for one in found]


def _state(found: PaymentRequest, paid: Payment | None, at: datetime) -> RequestState:
    if paid is not None:
        return RequestState.PAID
    if found.withdrawn_at is not None:
        return RequestState.WITHDRAWN
    return RequestState.EXPIRED if at >= found.expires_at else RequestState.OPEN


def _payments(conn: Connection[Any], town_id: int, request_ids: Collection[UUID]) -> list[Payment]:
    if not request_ids:
        return []
    return queries.payments(conn, town_id=town_id, payment_ids=[payment_of(one) for one in request_ids])


def _payment(conn: Connection[Any], town_id: int, request_id: UUID) -> Payment | None:
    found = _payments(conn, town_id, [request_id])
    return found[0] if found else None


def _locked(conn: Connection[Any], town_id: int, request_id: UUID) -> PaymentRequest:
    found = maybe(conn, statement(_PACKAGE, "lock_request"), PaymentRequest, town_id=town_id, id=request_id)
    if found is None:
        raise RequestNotFound(request_id=request_id)
    return found


def _add_request(
    conn: Connection[Any],
    signed: SignedRequest,
    reference: str,
    category: str,
    at: datetime,
    actor: str,
    *,
    with_number: bool,
) -> None:
    while True:
        number = None
        if with_number:
            number = rules.payable_number(500_000 + chance.randbelow(500_000))
            execute(
                conn,
                statement(_PACKAGE, "free_number"),
                town_id=signed.town_id,
                number=number,
                before=at - NUMBER_RESTS,
            )
        if execute(
            conn, statement(_PACKAGE, "add_request"), town_id=signed.town_id, id=signed.id, payee=signed.payee,
            amount_minor=signed.amount.minor, unit=signed.amount.unit, reference=reference, category=category,
            number=number, at=at, actor=actor, expires_at=signed.expires_at, key_id=signed.key_id,
            signature=signed.signature,
        ):  # fmt: skip
            return


# --- The codes of payees --------------------------------------------------------------------------


def code_of(conn: Connection[Any], *, town_id: int, payee: UUID) -> PayeeCode | None:
    """The code in force by which a payee is found, if it has one."""
    return maybe(
        conn, statement(_PACKAGE, "payee_code"), PayeeCode, town_id=town_id, token=None, number=None, payee=payee
    )


def have_code(conn: Connection[Any], *, town_id: int, payee: UUID, actor: str, at: datetime) -> PayeeCode:
    """The code by which a payee is found, made where it has none. Refuses with ``PartyNotFound`` and ``PartyErased``."""
    with savepoint(conn):
        _lock_payee(conn, town_id, payee)
        return code_of(conn, town_id=town_id, payee=payee) or _new_code(conn, town_id, payee, actor, at)


def replace_code(
    conn: Connection[Any], *, town_id: int, payee: UUID, replaced: UUID, actor: str, at: datetime
) -> PayeeCode:
    """Give a payee another code in place of ``replaced``, which says from now on that it is over.

    Repeated, it answers as the first time. Refuses like ``have_code``.
    """
    with savepoint(conn):
        _lock_payee(conn, town_id, payee)
        before = code_of(conn, town_id=town_id, payee=payee)
        if before is not None:
            if before.id != replaced:
                return before
            execute(conn, statement(_PACKAGE, "end_payee_code"), town_id=town_id, payee=payee, at=at, actor=actor)
            record(
                conn,
                town_id=town_id,
                actor=actor,
                action="payments.payee-code-ended",
                subject=f"payee-code:{before.id}",
                at=at,
            )
        return _new_code(conn, town_id, payee, actor, at)


def _new_code(conn: Connection[Any], town_id: int, payee: UUID, actor: str, at: datetime) -> PayeeCode:
    while True:
        token = rules.PAYEE_MARK + base64.b32encode(os.urandom(rules.PAYEE_BYTES)).decode().rstrip("=")
        number = rules.payable_number(chance.randbelow(500_000))
        code_id = id_for_key(_PACKAGE, token)
        if execute(
            conn, statement(_PACKAGE, "add_payee_code"), town_id=town_id, id=code_id, payee=payee, token=token,
            number=number, at=at, actor=actor,
        ):  # fmt: skip
            break
    record(
        conn,
        town_id=town_id,
        actor=actor,
        action="payments.payee-code-made",
        subject=f"payee-code:{code_id}",
        after={"payee": str(payee)},
        at=at,
    )
    made = code_of(conn, town_id=town_id, payee=payee)
    assert made is not None
    return made


def _lock_payee(conn: Connection[Any], town_id: int, payee: UUID) -> None:
    found = maybe(conn, statement(_PACKAGE, "lock_payee"), _Party, town_id=town_id, party=payee)
    if found is None:
        raise PartyNotFound(party_id=payee)
    if found.erased:
        raise PartyErased(party_id=payee)


# --- What somebody scanned or typed ---------------------------------------------------------------


def found(conn: Connection[Any], *, town_id: int, text: str, secrets: Secrets) -> PaymentRequest | PayeeCode:
    """What a payer scanned, opened or typed: a request to look at, or the code of a payee.

    A request is given as it stands; whether it can still be paid is for ``pay`` to say, and for ``asked`` to show. Refuses
    with ``NotACodeToPay`` for what is neither, ``RequestNotGenuine``, ``RequestNotFound`` for a number of nobody, and
    ``PayeeCodeReplaced``.
    """
    kind, what = rules.read_payable(text)
    if kind == "request":
        carried = signing.read(secrets, what)
        if carried.town_id != town_id:
            raise NotACodeToPay
        kept = request(conn, town_id=town_id, request_id=carried.id)
        if signed(kept, town_id=town_id) != carried:
            raise RequestNotGenuine
        return kept
    if kind == "number" and what[0] >= "5":
        by_number = maybe(conn, statement(_PACKAGE, "request"), PaymentRequest, town_id=town_id, id=None, number=what)
        if by_number is None:
            raise RequestNotFound(request_id=None)
        return by_number
    code = maybe(
        conn, statement(_PACKAGE, "payee_code"), PayeeCode, town_id=town_id,
        token=what if kind == "payee" else None, number=what if kind == "number" else None, payee=None,
    )  # fmt: skip
    if code is None:
        raise NotACodeToPay
    if code.ended_at is not None:
        raise PayeeCodeReplaced
    return code


def shop_sign(conn: Connection[Any], *, town_id: int, party: UUID) -> str:
    """What stands over the door of a payee that is a shop; empty for everybody else."""
    return str(scalar(conn, statement(_PACKAGE, "shop_sign"), town_id=town_id, party=party) or "")
