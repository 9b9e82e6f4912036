"""Writing in the books. Every function is part of its caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection, DatabaseError

from koinon.db.statements import many, scalar, statement
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount
from koinon.ledger import errors, queries
from koinon.ledger.types import (
    Block,
    Capture,
    Hold,
    NewAccount,
    Outcome,
    Posted,
    Refused,
    Release,
    Request,
    Reversal,
    Transfer,
)

_MALFORMED = "KL004"
_NUMBER = {Transfer: 1, Hold: 2, Capture: 3, Release: 4, Reversal: 5}


@dataclass(frozen=True, slots=True)
class _Answer:
    place: int
    outcome: str
    result: UUID | None
    account_id: int | None
    available_minor: int | None
    asked_minor: int | None


@dataclass(frozen=True, slots=True)
class _Opened:
    place: int
    id: int
    opened: bool


def post(conn: Connection[Any], *, town_id: int, requests: Sequence[Request]) -> list[Outcome]:
    """Post a batch; one outcome for each request, in order.

    The outcomes are exactly those of posting the requests one by one in this
    order. Neighbours with the same ``group`` post wholly or not at all. A key
    that was accepted before gives its first result again (``replayed``) when
    the request asks the same, else ``ledger.key-reused``; refused requests do
    not use their key up. What a retry may change is not compared: its id,
    times, group and actor.

    Raises ``BatchMalformed`` for a batch that makes no sense as a whole; the
    transaction is then of no further use.

    Call it once in a transaction where many write at a time: locks are ordered
    within a call, not between two.
    """
    if not requests:
        return []
    try:
        answers = _answers(conn, town_id, requests)
    except DatabaseError as refused:
        if refused.sqlstate != _MALFORMED:
            raise
        raise errors.BatchMalformed(reason=refused.diag.message_primary or "the batch makes no sense") from refused
    return [_outcome(request, answer) for request, answer in zip(requests, answers, strict=True)]


def _answers(conn: Connection[Any], town_id: int, requests: Sequence[Request]) -> list[_Answer]:
    return many(
        conn,
        statement("koinon.ledger", "post"),
        _Answer,
        town_id=town_id,
        kind=[_NUMBER[type(request)] for request in requests],
        id=[request.id for request in requests],
        key=[request.key for request in requests],
        debit=[request.debit if isinstance(request, Transfer | Hold) else None for request in requests],
        credit=[request.credit if isinstance(request, Transfer | Hold) else None for request in requests],
        amount=[_amount(request).minor if _amount(request) is not None else None for request in requests],  # type: ignore[union-attr]
        unit=[_amount(request).unit if _amount(request) is not None else None for request in requests],  # type: ignore[union-attr]
        code=[request.code if isinstance(request, Transfer | Hold) else None for request in requests],
        target=[_target(request) for request in requests],
        group=[request.group for request in requests],
        effective_at=[request.effective_at for request in requests],
        lapses_at=[request.lapses_at if isinstance(request, Hold) else None for request in requests],
        actor=[request.actor for request in requests],
        reference=[request.reference for request in requests],
    )


def _amount(request: Request) -> Amount | None:
    return None if isinstance(request, Release) else request.amount


def _target(request: Request) -> UUID | None:
    match request:
        case Capture() | Release():
            return request.hold
        case Reversal():
            return request.original
        case _:
            return None


def _outcome(request: Request, answer: _Answer) -> Outcome:
    if answer.outcome in ("posted", "replayed"):
        assert answer.result is not None
        return Posted(answer.result, replayed=answer.outcome == "replayed")
    asked = _amount(request)
    unit = asked.unit if asked is not None else ""
    kind = errors.BY_CODE[f"ledger.{answer.outcome}"]
    return Refused(
        kind(
            key=request.key,
            account_id=answer.account_id,
            available=None if answer.available_minor is None else Amount(answer.available_minor, unit),
            asked=None if answer.asked_minor is None else Amount(answer.asked_minor, unit),
        )
    )


def post_all(conn: Connection[Any], *, town_id: int, requests: Sequence[Request]) -> list[Posted]:
    """Post a batch of which nothing may be refused.

    Raises the refusal of the first request that was refused for a reason of
    its own; the caller's savepoint or transaction then undoes the rest.
    """
    posted: list[Posted] = []
    group_refused: errors.RequestRefused | None = None
    for outcome in post(conn, town_id=town_id, requests=requests):
        if isinstance(outcome, Posted):
            posted.append(outcome)
        elif isinstance(outcome.error, errors.GroupRefused):
            group_refused = outcome.error
        else:
            raise outcome.error
    assert group_refused is None, "a group is only refused where one of its requests is"
    return posted


def transfer(
    conn: Connection[Any],
    *,
    town_id: int,
    debit: int,
    credit: int,
    amount: Amount,
    code: str,
    idempotency_key: str,
    effective_at: datetime,
    actor: str,
    reference: str = "",
) -> UUID:
    """Move money between two accounts; the id of the transfer, or of the first one under this key.

    Raises the refusals that koinon.ledger.errors lists.
    """
    request = Transfer(
        new_id(), debit, credit, amount, code, idempotency_key, effective_at, actor=actor, reference=reference
    )
    return post_all(conn, town_id=town_id, requests=[request])[0].id


def open_accounts(
    conn: Connection[Any], *, town_id: int, accounts: Sequence[NewAccount], at: datetime, actor: str
) -> list[int]:
    """Open accounts, or find the ones that serve the same purpose already.

    A purpose is kind, holder, fund and unit; floors and ceilings of accounts
    found stay as they are. Ids in the order asked.
    """
    if not accounts:
        return []
    opened = many(
        conn,
        statement("koinon.ledger", "open_accounts"),
        _Opened,
        town_id=town_id,
        kind=[account.kind for account in accounts],
        unit=[account.unit for account in accounts],
        holder=[account.holder for account in accounts],
        fund=[account.fund for account in accounts],
        floor=[account.floor_minor for account in accounts],
        ceiling=[account.ceiling_minor for account in accounts],
        at=at,
        actor=actor,
    )
    assert len(opened) == len(accounts)
    return [row.id for row in opened]


def close_account(conn: Connection[Any], *, town_id: int, account: int, at: datetime, actor: str) -> None:
    """Close an empty account for good.

    Raises ``AccountNotFound``, ``AccountNotOpen`` or ``AccountNotEmpty``.
    """
    answer = scalar(
        conn,
        "SELECT ledger.close_account(%(town_id)s, %(account)s, %(at)s, %(actor)s)",
        town_id=town_id,
        account=account,
        at=at,
        actor=actor,
    )
    if answer == "account-not-empty":
        raise errors.AccountNotEmpty(account_id=account)
    if answer != "closed":
        raise errors.BY_CODE[f"ledger.{answer}"](key=f"close-{account}", account_id=account)


def lapse_holds(conn: Connection[Any], *, town_id: int, now: datetime) -> int:
    """Give back what is held by holds whose time is over; how many there were."""
    return int(scalar(conn, "SELECT ledger.lapse_holds(%(town_id)s, %(now)s)", town_id=town_id, now=now))


def seal(conn: Connection[Any], *, town_id: int, at: datetime) -> Block | None:
    """Close a block over what was posted since the last one; None when there is nothing to seal.

    Transfers of transactions that are still running, this one included, wait for the next block.
    """
    number = scalar(conn, "SELECT ledger.seal(%(town_id)s, %(at)s)", town_id=town_id, at=at)
    return None if number is None else queries.blocks(conn, town_id=town_id, first=number)[0]


def adopt_cluster(conn: Connection[Any]) -> None:
    """Tell the books which database cluster they live in; run once at every start."""
    scalar(conn, "SELECT ledger.adopt_cluster()")
