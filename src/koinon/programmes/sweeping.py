"""After a fund's last day: what was not spent goes back to its reserve."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import execute, many, statement
from koinon.db.transactions import savepoint
from koinon.kernel.identifiers import id_under
from koinon.kernel.money import Amount
from koinon.ledger import operations as ledger
from koinon.ledger.errors import InsufficientFunds
from koinon.ledger.types import Code, Kind, NewAccount, Refused, Transfer
from koinon.parties import queries as parties
from koinon.parties.types import TownFacts
from koinon.programmes import queries
from koinon.programmes.errors import FundNotOver, StillBound
from koinon.programmes.steps import PACKAGE, PIECE, open_account, record
from koinon.programmes.types import Swept


@dataclass(frozen=True, slots=True)
class _Purse:
    account: int
    available_minor: int
    debits_posted: int


@dataclass(frozen=True, slots=True)
class _Till:
    account: int
    holder: UUID
    available_minor: int
    debits_posted: int


@dataclass(frozen=True, slots=True)
class Unbound:
    """What became free of what tills could only pay on; ``more`` says that there may be more of it."""

    tills: int
    minor: int
    more: bool


def sweep_fund(conn: Connection[Any], *, town_id: int, fund_id: UUID, actor: str, now: datetime) -> Swept:
    """After the fund's last day, return what lies unspent in purses to the fund's reserve.

    Held amounts stay until their hold ends; a later sweep takes them. Running
    it again takes only what has come back since, a refund for example.

    Refuses with ``FundNotFound``, ``FundNotOver``, and the ledger's own refusals
    when anything but a spent purse stands in the way; nothing is swept then.
    """
    town = parties.town(conn, town_id)
    fund = queries.fund(conn, town_id=town_id, fund_id=fund_id)
    today = now.astimezone(town.zone).date()
    last_day = fund.on(today).last_day
    if last_day is None or today <= last_day:
        raise FundNotOver(fund_id=fund_id, last_day=last_day)
    execute(conn, statement(PACKAGE, "lock_fund"), fund_id=fund_id)  # As a month that is paid in one transaction.
    reserve = open_account(conn, town, Kind.RESERVE, town.party_id, fund_id, at=now, actor=actor)
    with savepoint(conn):
        swept = _sweep(conn, town, fund_id, reserve=reserve, actor=actor, now=now)
    if swept.purses:
        record(
            conn, town_id, actor, "fund.swept", fund_id, now, kind="fund",
            after={"purses": swept.purses, "minor": swept.minor, "last_day": last_day.isoformat()},
        )  # fmt: skip
    return swept


def unbind(
    conn: Connection[Any], *, town_id: int, fund_id: UUID, actor: str, now: datetime, at_most: int = PIECE
) -> Unbound:
    """Make free what lies bound in tills, once the fund's last day is over or its rule has no chain any more.

    It is what shops earned, so it is not swept: it moves to their tills for free money. A piece of the tills; call
    it again while there is more, each time in a transaction of its own: within a call the ledger locks in order, and
    two calls of one transaction could each hold what the other waits for.

    Refuses with ``FundNotFound``, and ``StillBound`` while the chain holds.
    """
    town = parties.town(conn, town_id)
    fund = queries.fund(conn, town_id=town_id, fund_id=fund_id)
    today = now.astimezone(town.zone).date()
    version = fund.on(today)
    if version.rule.chain and (version.last_day is None or today <= version.last_day):
        raise StillBound(fund=fund.code, last_day=version.last_day)
    found = many(
        conn, statement(PACKAGE, "bound_tills"), _Till, town_id=town_id, fund_id=fund_id, after=0, size=at_most
    )  # fmt: skip
    tills = ledger.open_accounts(
        conn,
        town_id=town_id,
        accounts=[NewAccount(Kind.TILL, town.unit_code, till.holder) for till in found],
        at=now,
        actor=actor,
    )
    requests = [
        Transfer(
            id_under(fund_id, "unbind", bound.account, bound.debits_posted, bound.available_minor),
            bound.account,
            free,
            Amount(bound.available_minor, town.unit_code),
            Code.UNBIND,
            now,
            actor,
            f"fund:{fund_id}",
        )
        for bound, free in zip(found, tills, strict=True)
    ]
    count, minor = 0, 0
    for bound, outcome in zip(found, ledger.post(conn, town_id=town_id, requests=requests), strict=True):
        if isinstance(outcome, Refused):
            if not isinstance(outcome.error, InsufficientFunds):
                raise outcome.error
        elif not outcome.replayed:
            count, minor = count + 1, minor + bound.available_minor
    if count:
        record(
            conn, town_id, actor, "fund.unbound", fund_id, now, kind="fund", after={"tills": count, "minor": minor}
        )  # fmt: skip
    return Unbound(count, minor, more=count > 0 and len(found) == at_most)


def _sweep(conn: Connection[Any], town: TownFacts, fund_id: UUID, *, reserve: int, actor: str, now: datetime) -> Swept:
    purses, minor, last = 0, 0, 0
    while found := many(
        conn, statement(PACKAGE, "purses_with_money"), _Purse,
        town_id=town.id, fund_id=fund_id, after=last, size=PIECE,
    ):  # fmt: skip
        last = found[-1].account
        requests = [_expiry(town, fund_id, purse, reserve, actor, now) for purse in found]
        for purse, outcome in zip(found, ledger.post(conn, town_id=town.id, requests=requests), strict=True):
            if isinstance(outcome, Refused):
                # What was paid or held since it was read stays for the next sweep.
                if not isinstance(outcome.error, InsufficientFunds):
                    raise outcome.error
            elif not outcome.replayed:
                purses, minor = purses + 1, minor + purse.available_minor
    return Swept(purses, minor)


def _expiry(town: TownFacts, fund_id: UUID, purse: _Purse, reserve: int, actor: str, now: datetime) -> Transfer:
    # The id names the state it was read in: the same purse may be swept again after a refund.
    return Transfer(
        id_under(fund_id, "sweep", purse.account, purse.debits_posted, purse.available_minor),
        purse.account,
        reserve,
        Amount(purse.available_minor, town.unit_code),
        Code.EXPIRE,
        now,
        actor,
        f"fund:{fund_id}",
    )
