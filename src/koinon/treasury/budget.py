"""Euros between the town's budget and the reserve of a fund."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import execute, scalar, statement
from koinon.db.transactions import savepoint
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount
from koinon.ledger import operations as ledger
from koinon.ledger.types import Code, Kind, NewAccount, Transfer
from koinon.parties import queries as parties
from koinon.parties.types import TownFacts
from koinon.treasury import queries
from koinon.treasury.errors import (
    BankReferenceReused,
    FundNotFound,
    KeyReused,
)
from koinon.treasury.steps import PACKAGE, above_zero, record
from koinon.treasury.types import (
    Direction,
    Receipt,
)


def receive_budget(
    conn: Connection[Any],
    *,
    town_id: int,
    fund: UUID,
    amount: Amount,
    bank_reference: str,
    idempotency_key: str,
    at: datetime,
    actor: str,
) -> Receipt:
    """Euros arrived in the bank for a fund: as many units may now be issued from its reserve.

    The same key, or the same reference of the bank with the same content, gives
    the first receipt again. Refuses with ``FundNotFound``, ``KeyReused``,
    ``BankReferenceReused`` and what the ledger refuses.
    """
    return _move(conn, Direction.RECEIVED, town_id, fund, amount, bank_reference, idempotency_key, at, actor)


def withdraw(
    conn: Connection[Any],
    *,
    town_id: int,
    fund: UUID,
    amount: Amount,
    bank_reference: str,
    idempotency_key: str,
    at: datetime,
    actor: str,
) -> Receipt:
    """Euros went back to the town's budget: never more than the fund's reserve has not issued.

    Repeatable and refusing as ``receive_budget``; what is issued cannot be
    withdrawn (``ledger.insufficient-funds``).
    """
    return _move(conn, Direction.WITHDRAWN, town_id, fund, amount, bank_reference, idempotency_key, at, actor)


def _move(
    conn: Connection[Any],
    direction: Direction,
    town_id: int,
    fund: UUID,
    amount: Amount,
    bank_reference: str,
    key: str,
    at: datetime,
    actor: str,
) -> Receipt:
    above_zero(amount, key)
    town = parties.town(conn, town_id)
    if not scalar(conn, statement(PACKAGE, "fund_exists"), town_id=town_id, fund=fund):
        raise FundNotFound(fund=fund)
    receipt = Receipt(
        id=new_id(),
        direction=direction,
        fund=fund,
        amount=amount,
        bank_reference=bank_reference,
        transfer_id=new_id(),
        effective_at=at,
    )
    with savepoint(conn):
        issuance, reserve = ledger.open_accounts(
            conn,
            town_id=town_id,
            accounts=[
                NewAccount(Kind.ISSUANCE, town.unit_code, town.party_id, floor_minor=None),
                NewAccount(Kind.RESERVE, town.unit_code, town.party_id, fund=fund),
            ],
            at=at,
            actor=actor,
        )
        received = direction is Direction.RECEIVED
        request = Transfer(
            id=receipt.transfer_id,
            debit=issuance if received else reserve,
            credit=reserve if received else issuance,
            amount=amount,
            code=Code.RECEIVE if received else Code.WITHDRAW,
            effective_at=at,
            actor=actor,
            reference=bank_reference,
        )
        is_new = execute(
            conn,
            statement(PACKAGE, "add_receipt"),
            town_id=town_id,
            id=receipt.id,
            direction=direction.value,
            fund=fund,
            amount_minor=amount.minor,
            bank_reference=bank_reference,
            key=key,
            transfer_id=receipt.transfer_id,
            effective_at=at,
            actor=actor,
        )
        if not is_new:
            return _first_receipt(conn, town, receipt, key)
        ledger.post_all(conn, town_id=town_id, requests=[request])
    record(
        conn,
        town_id,
        actor,
        f"treasury.budget-{direction}",
        f"receipt:{receipt.id}",
        at,
        fund=str(fund),
        amount_minor=amount.minor,
        bank_reference=bank_reference,
    )
    return receipt


def _first_receipt(conn: Connection[Any], town: TownFacts, asked: Receipt, key: str) -> Receipt:
    known = queries.known_receipts(
        conn, town_id=town.id, key=key, bank_reference=asked.bank_reference, unit=town.unit_code
    )
    by_key, by_reference = known.get("key"), known.get("bank_reference")
    first = by_key or by_reference
    assert first is not None
    if (first.direction, first.fund, first.amount) != (asked.direction, asked.fund, asked.amount) or (
        by_key is not None and by_key.bank_reference != asked.bank_reference
    ):
        if by_key is not None:
            raise KeyReused(key=key)
        raise BankReferenceReused(bank_reference=asked.bank_reference)
    return replace(first, replayed=True)
