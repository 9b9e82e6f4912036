"""Reading the books."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import many, maybe, one, scalar, statement
from koinon.ledger.types import Account, Block, Movement, PostedTransfer, Totals


@dataclass(frozen=True, slots=True)
class _Undone:
    original: UUID
    reversed_minor: int


def account(
    conn: Connection[Any], *, town_id: int, kind: str, holder: UUID, fund: UUID | None = None
) -> Account | None:
    """The account of a holder for one purpose; ``fund`` None is the free fund."""
    sql = statement("koinon.ledger", "account")
    return maybe(conn, sql, Account, town_id=town_id, kind=kind, holder=holder, fund=fund)


def account_by_id(conn: Connection[Any], *, town_id: int, account: int) -> Account | None:
    """The account with this number."""
    return maybe(conn, statement("koinon.ledger", "account_by_id"), Account, town_id=town_id, account=account)


def accounts_of(conn: Connection[Any], *, town_id: int, holder: UUID) -> list[Account]:
    """Every account of a holder, oldest first."""
    return many(conn, statement("koinon.ledger", "accounts_of"), Account, town_id=town_id, holder=holder)


def accounts_of_kind(conn: Connection[Any], *, town_id: int, kind: str) -> list[Account]:
    """Every account of one kind in a town."""
    return many(conn, statement("koinon.ledger", "accounts_of_kind"), Account, town_id=town_id, kind=kind)


def statement_of(
    conn: Connection[Any], *, town_id: int, account: int, limit: int = 50, before: UUID | None = None
) -> list[Movement]:
    """An account's newest movements; ``before`` (a transfer's id) pages on."""
    sql = statement("koinon.ledger", "statement")
    return many(conn, sql, Movement, town_id=town_id, account=account, before=before, size=limit)


def transfer(conn: Connection[Any], *, town_id: int, transfer_id: UUID) -> PostedTransfer | None:
    """One transfer."""
    sql = statement("koinon.ledger", "transfer_by_id")
    return maybe(conn, sql, PostedTransfer, town_id=town_id, transfer_id=transfer_id)


def transfers_of_group(conn: Connection[Any], *, town_id: int, group_id: UUID) -> list[PostedTransfer]:
    """The transfers that posted together under one group."""
    return many(
        conn, statement("koinon.ledger", "transfers_of_group"), PostedTransfer, town_id=town_id, group_id=group_id
    )


def reversed_minor(conn: Connection[Any], *, town_id: int, originals: Sequence[UUID]) -> dict[UUID, int]:
    """How much of each transfer has been reversed, in minor units; those without any are left out."""
    rows = many(conn, statement("koinon.ledger", "reversed_minor"), _Undone, town_id=town_id, originals=list(originals))
    return {row.original: row.reversed_minor for row in rows}


def totals(conn: Connection[Any], *, town_id: int) -> Totals:
    """Units issued, paid, redeemed, expired and outstanding, and the reserve behind them."""
    return one(conn, statement("koinon.ledger", "totals"), Totals, town_id=town_id)


def head(conn: Connection[Any], *, town_id: int) -> Block | None:
    """The newest sealed block."""
    return maybe(conn, statement("koinon.ledger", "head"), Block, town_id=town_id)


def blocks(conn: Connection[Any], *, town_id: int, first: int = 1, most: int | None = None) -> list[Block]:
    """Sealed blocks in order, from number ``first`` on."""
    return many(conn, statement("koinon.ledger", "blocks"), Block, town_id=town_id, first=first, most=most)


def unsealed(conn: Connection[Any], *, town_id: int) -> int:
    """How many rows of the journal wait for the next seal."""
    return int(scalar(conn, statement("koinon.ledger", "unsealed"), town_id=town_id))
