"""Writing in the books. Every function is part of its caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from psycopg import Connection, DatabaseError

from koinon.db import arrays
from koinon.db.arrays import Int2Array, Int4Array, Int8Array, TextArray, TimeArray, UuidArray
from koinon.db.lanes import Statement
from koinon.db.statements import many, scalar, statement
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
_LARGEST = 2**63 - 1  # Far more than ledger.amount-too-large lets through.
_NUMBER: dict[type, int] = {Transfer: 1, Hold: 2, Capture: 3, Release: 4, Reversal: 5}


@dataclass(frozen=True, slots=True)
class _Opened:
    place: int
    id: int
    opened: bool


def post(conn: Connection[Any], *, town_id: int, requests: Sequence[Request]) -> list[Outcome]:
    """Post a batch; one outcome for each request, in order.

    The outcomes are exactly those of posting the requests one by one in this
    order. Neighbours with the same ``group`` post wholly or not at all. An id
    that was accepted before gives its first result again (``replayed``) when the
    request asks the same, else ``ledger.key-reused``; refused requests do not use
    their id up. What a retry may change is not compared: its times, group and actor.

    Raises ``BatchMalformed`` for a batch that makes no sense as a whole or has
    more than 65,536 requests; the transaction is then of no further use.

    Call it once in a transaction where many write at a time: locks are ordered
    within a call, not between two.
    """
    if not requests:
        return []
    sql, values = asking(town_id=town_id, requests=requests)
    try:
        with arrays.cursor(conn) as cursor:
            rows = cursor.execute(sql, values, prepare=True).fetchall()
    except DatabaseError as refused:
        if refused.sqlstate != _MALFORMED:
            raise
        raise errors.BatchMalformed(reason=refused.diag.message_primary or "the batch makes no sense") from refused
    return answered(requests, rows)


def asking(*, town_id: int, requests: Sequence[Request]) -> Statement:
    """The statement that posts a batch, for whoever sends it otherwise than ``post``."""
    first = requests[0]
    if len(requests) == 1 and type(first) is Transfer and first.group is None:
        return statement("koinon.ledger", "post_one"), _values(town_id, first)
    return statement("koinon.ledger", "post"), _columns(town_id, requests)


def answered(requests: Sequence[Request], rows: Sequence[tuple[Any, ...]]) -> list[Outcome]:
    """The outcomes that the rows of such a statement mean."""
    outcomes: list[Outcome] = [Posted(request.id) for request in requests]
    for place, outcome, account, available, asked in rows:
        outcomes[place - 1] = _otherwise(requests[place - 1], outcome, account, available, asked)
    return outcomes


def _values(town_id: int, request: Transfer) -> dict[str, Any]:
    return {
        "town_id": town_id,
        "id": request.id,
        "debit": _account(request.debit),
        "credit": _account(request.credit),
        "amount": _minor(request.amount.minor),
        "unit": request.amount.unit,
        "code": request.code,
        "effective_at": request.effective_at,
        "actor": request.actor,
        "reference": request.reference,
    }


def _columns(town_id: int, requests: Sequence[Request]) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "town_id": town_id,
        "id": UuidArray([request.id for request in requests]),
        "group": Int4Array(_groups(requests)),
        "effective_at": TimeArray(_once([request.effective_at for request in requests])),
        "actor": TextArray(_once([request.actor for request in requests])),
        "reference": TextArray(_once([request.reference for request in requests])),
    }
    if all(type(request) is Transfer for request in requests):  # Nearly all there is.
        plain = cast(Sequence[Transfer], requests)
        columns["kind"] = _TRANSFERS
        columns["lapses_at"], columns["target"] = _NO_TIME, _NO_TARGET
        columns["debit"] = Int4Array([_account(request.debit) for request in plain])
        columns["credit"] = Int4Array([_account(request.credit) for request in plain])
        columns["amount"] = Int8Array([_minor(request.amount.minor) for request in plain])
        columns["unit"] = TextArray(_once([request.amount.unit for request in plain]))
        columns["code"] = TextArray(_once([request.code for request in plain]))
        return columns
    begins = [request if isinstance(request, Transfer | Hold) else None for request in requests]
    amounts = [None if isinstance(request, Release) else request.amount for request in requests]
    columns["kind"] = Int2Array([_NUMBER[type(request)] for request in requests])
    columns["debit"] = Int4Array([request and _account(request.debit) for request in begins])
    columns["credit"] = Int4Array([request and _account(request.credit) for request in begins])
    columns["code"] = TextArray([request and request.code for request in begins])
    columns["amount"] = Int8Array([None if amount is None else _minor(amount.minor) for amount in amounts])
    columns["unit"] = TextArray([None if amount is None else amount.unit for amount in amounts])
    columns["target"] = UuidArray([_target(request) for request in requests])
    columns["lapses_at"] = TimeArray([request.lapses_at if isinstance(request, Hold) else None for request in requests])
    return columns


_TRANSFERS, _NO_TARGET, _NO_TIME = Int2Array([1]), UuidArray([None]), TimeArray([None])


def _once(values: list[Any]) -> list[Any]:
    """One value where all are the same: ledger.post takes it for every request."""
    return values[:1] if values.count(values[0]) == len(values) else values


def _groups(requests: Sequence[Request]) -> list[int]:
    """For each request the place of the first of its group, or one 0 where each stands alone."""
    if all(request.group is None for request in requests):
        return [0]
    places: list[int] = []
    first: dict[UUID, int] = {}
    for place, request in enumerate(requests, start=1):
        places.append(place if request.group is None else first.setdefault(request.group, place))
    return places


def _account(number: int) -> int:
    return number if 0 < number < 2**31 else 0  # No account has such a number: account-not-found.


def _minor(minor: int) -> int:
    return max(-_LARGEST, min(minor, _LARGEST))


def _target(request: Request) -> UUID | None:
    match request:
        case Capture() | Release():
            return request.hold
        case Reversal():
            return request.original
        case _:
            return None


def _otherwise(
    request: Request, outcome: str, account: int | None, available: int | None, asked: int | None
) -> Outcome:
    if outcome == "replayed":
        return Posted(request.id, replayed=True)
    if account == 0 and isinstance(request, Transfer | Hold):  # The number that no account can have.
        account = request.credit if _account(request.debit) else request.debit
    amount = None if isinstance(request, Release) else request.amount
    unit = amount.unit if amount is not None else ""
    return Refused(
        errors.BY_CODE[f"ledger.{outcome}"](
            key=str(request.id),
            account_id=account,
            available=None if available is None else Amount(available, unit),
            asked=None if asked is None else Amount(asked, unit),
        )
    )


def refusal(
    outcome: str,
    *,
    key: str,
    unit: str,
    account_id: int | None,
    available_minor: int | None,
    asked_minor: int | None,
) -> errors.RequestRefused:
    """The refusal that a row of ledger.post or ledger.disburse means, for whoever calls them in a statement of their own."""
    return errors.BY_CODE[f"ledger.{outcome}"](
        key=key,
        account_id=account_id,
        available=None if available_minor is None else Amount(available_minor, unit),
        asked=None if asked_minor is None else Amount(asked_minor, unit),
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
    id: UUID,
    effective_at: datetime,
    actor: str,
    reference: str = "",
) -> Posted:
    """Move money between two accounts, once however often the same ``id`` is sent.

    Raises the refusals that koinon.ledger.errors lists.
    """
    request = Transfer(id, debit, credit, amount, code, effective_at, actor=actor, reference=reference)
    return post_all(conn, town_id=town_id, requests=[request])[0]


_MOST_MET = 10_000
_met: set[tuple[int, str]] = set()
"""Actors whose number somebody has committed, as far as this process knows; one that is missing here costs a statement."""


def strangers(town_id: int, actors: Iterable[str]) -> list[str]:
    """Those of these actors whom this process has not met yet."""
    return sorted({actor for actor in actors if (town_id, actor) not in _met})


def meet(conn: Connection[Any], *, town_id: int, actors: Iterable[str]) -> None:
    """Give new actors their numbers; for whoever locks accounts itself before it posts (``ledger.meet_actors``)."""
    fresh = strangers(town_id, actors)
    if fresh:
        known = scalar(conn, statement("koinon.ledger", "meet_actors"), town_id=town_id, actors=fresh)
        if len(_met) >= _MOST_MET:
            _met.clear()
        _met.update((town_id, actor) for actor in known)


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
    """Close a block over what was posted since the last one; None when there is nothing (more) to seal.

    A block takes at most 65,536 rows, and fewer rather than a part of a group: ``seal_all`` seals the rest.
    Rows of transactions that are still running, this one included, wait for a later block.
    """
    number = scalar(conn, "SELECT ledger.seal(%(town_id)s, %(at)s)", town_id=town_id, at=at)
    return None if number is None else queries.blocks(conn, town_id=town_id, first=number, most=1)[0]


def seal_all(conn: Connection[Any], *, town_id: int, at: datetime) -> list[Block]:
    """Close as many blocks as it takes for what was posted until now; what is posted meanwhile waits for the next time.

    Call it in a transaction that has not written anything yet: others' rows are then sealed at once.
    """
    blocks = []
    while block := seal(conn, town_id=town_id, at=at):
        blocks.append(block)
    return blocks
