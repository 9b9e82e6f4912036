"""Time banks: members give each other hours, all together always zero. Every function is part of its caller's transaction.

An hour is an hour, whatever is done in it. Who receives time owes it to the circle; a member
may owe up to the bank's limit, and have up to another, so that time keeps moving.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit.operations import record
from koinon.coproduction import queries
from koinon.coproduction.errors import (
    KeyReused,
    OwnContribution,
    QuantityNotPlausible,
    ReasonMissing,
    SameMember,
    TimeBankDiffers,
    TimeLimit,
)
from koinon.coproduction.types import BankTerms, Exchange, Member, TimeBank
from koinon.db.statements import execute, scalar, statement
from koinon.db.transactions import savepoint
from koinon.kernel.identifiers import id_from, id_under
from koinon.kernel.money import Amount
from koinon.ledger import operations as ledger
from koinon.ledger.errors import CeilingReached, InsufficientFunds
from koinon.ledger.types import Code, Kind, NewAccount, Request, Reversal, Transfer
from koinon.parties import queries as parties

_PACKAGE = "koinon.coproduction"
OF_THE_BANK = 60_000_000  # Minutes the bank itself may owe for its activities: a million hours.
LONGEST = 24 * 60


def found_bank(conn: Connection[Any], *, town_id: int, terms: BankTerms, actor: str, at: datetime) -> TimeBank:
    """Found a time bank, or change its name and the limits that new members get.

    Refuses with ``TimeBankDiffers`` where the unit is another bank's or the town's
    currency, or not the one this bank was founded with.
    """
    town = parties.town(conn, town_id)
    known = queries.time_banks(conn, town_id=town_id)
    before = next((bank for bank in known if bank.code == terms.code), None)
    taken = terms.unit in {bank.unit for bank in known if bank.code != terms.code} | {town.unit_code}
    if taken or (before is not None and before.unit != terms.unit):
        raise TimeBankDiffers(bank=terms.code, unit=terms.unit)
    if before is None:
        (account,) = ledger.open_accounts(
            conn,
            town_id=town_id,
            accounts=[NewAccount(Kind.MEMBER, terms.unit, town.party_id, floor_minor=-OF_THE_BANK)],
            at=at,
            actor=actor,
        )
        changed = execute(
            conn,
            statement(_PACKAGE, "add_time_bank"),
            town_id=town_id,
            id=id_from(town_id, "time-bank", terms.code),
            code=terms.code,
            name=terms.name,
            unit=terms.unit,
            credit_limit=terms.credit_limit,
            most=terms.most,
            account=account,
            founded_by=actor,
            founded_at=at,
        )
    else:
        changed = execute(
            conn,
            statement(_PACKAGE, "change_time_bank"),
            town_id=town_id,
            id=before.id,
            name=terms.name,
            credit_limit=terms.credit_limit,
            most=terms.most,
        )
    found = queries.time_bank_by_code(conn, town_id=town_id, code=terms.code)
    if changed:
        record(
            conn,
            town_id=town_id,
            actor=actor,
            action="coproduction.time-bank-set",
            subject=f"time-bank:{found.id}",
            before=None if before is None else {"credit_limit": before.credit_limit, "most": before.most},
            after={"unit": terms.unit, "credit_limit": terms.credit_limit, "most": terms.most},
            at=at,
        )
    return found


def join(conn: Connection[Any], *, town_id: int, bank_id: UUID, party: UUID, actor: str, at: datetime) -> Member:
    """Take a resident into a time bank under the next number; who is a member stays one.

    The limits of that day are theirs. Refuses with ``TimeBankNotFound``,
    ``NotForThem`` (no resident), and ``MemberNotFound`` for one who left: the
    account is closed for good.
    """
    bank = queries.time_bank(conn, town_id=town_id, bank_id=bank_id)
    queries.payee(conn, town_id=town_id, party=party, activity=bank.code)
    execute(conn, statement(_PACKAGE, "lock_time_bank"), town_id=town_id, bank_id=bank_id)
    known = next((one for one in queries.members(conn, town_id=town_id, bank_id=bank_id) if one.party == party), None)
    if known is not None:
        return queries.member(conn, town_id=town_id, bank_id=bank_id, party=party)
    (account,) = ledger.open_accounts(
        conn,
        town_id=town_id,
        accounts=[NewAccount(Kind.MEMBER, bank.unit, party, floor_minor=-bank.credit_limit, ceiling_minor=bank.most)],
        at=at,
        actor=actor,
    )
    number = int(scalar(conn, statement(_PACKAGE, "next_member_number"), town_id=town_id, bank_id=bank_id))
    execute(
        conn,
        statement(_PACKAGE, "add_member"),
        town_id=town_id,
        bank_id=bank_id,
        party=party,
        number=number,
        account=account,
        joined_by=actor,
        joined_at=at,
    )
    record(
        conn,
        town_id=town_id,
        actor=actor,
        action="coproduction.member-joined",
        subject=f"party:{party}",
        after={"time_bank": bank.code, "number": number},
        at=at,
    )
    return queries.member(conn, town_id=town_id, bank_id=bank_id, party=party)


def leave(conn: Connection[Any], *, town_id: int, bank_id: UUID, party: UUID, actor: str, at: datetime) -> None:
    """A member who neither has nor owes time leaves.

    Refuses with ``MemberNotFound`` and the ledger's ``AccountNotEmpty``.
    """
    member = queries.member(conn, town_id=town_id, bank_id=bank_id, party=party)
    ledger.close_account(conn, town_id=town_id, account=member.account, at=at, actor=actor)
    execute(
        conn, statement(_PACKAGE, "leave"), town_id=town_id, bank_id=bank_id, party=party, left_by=actor, left_at=at
    )
    record(
        conn, town_id=town_id, actor=actor, action="coproduction.member-left", subject=f"party:{party}",
        after={"time_bank": member.bank_code}, at=at,
    )  # fmt: skip


def exchange(
    conn: Connection[Any],
    *,
    town_id: int,
    exchange_id: UUID,
    bank_id: UUID,
    payer: UUID,
    payee: UUID,
    minutes: int,
    actor: str,
    at: datetime,
) -> Exchange:
    """``payer`` received time from ``payee``, and owes it to the circle from now on.

    Whoever received it says so, or a coordinator whom it does not profit. The same id with the same
    content gives the first exchange again. Refuses with
    ``MemberNotFound``, ``SameMember``, ``OwnContribution``, ``QuantityNotPlausible``, ``KeyReused`` and
    ``TimeLimit``, which says whose limit it would pass.
    """
    first = queries.find_exchange(conn, town_id=town_id, exchange_id=exchange_id)
    if first is not None:
        return _same(first, bank_id, payer, payee, minutes)
    if payer == payee:
        raise SameMember
    _not_to_themselves(conn, actor, takes=payee, owes=payer)
    if not 0 < minutes <= LONGEST:
        raise QuantityNotPlausible(quantity=minutes, most=LONGEST)
    debit = queries.member(conn, town_id=town_id, bank_id=bank_id, party=payer)
    credit = queries.member(conn, town_id=town_id, bank_id=bank_id, party=payee)
    with savepoint(conn):
        added = execute(
            conn,
            statement(_PACKAGE, "add_exchange"),
            town_id=town_id,
            id=exchange_id,
            bank_id=bank_id,
            payer=payer,
            payee=payee,
            minutes=minutes,
            actor=actor,
            at=at,
        )
        if not added:
            return _same(
                queries.exchange(conn, town_id=town_id, exchange_id=exchange_id), bank_id, payer, payee, minutes
            )
        moved = Transfer(
            exchange_id, debit.account, credit.account, Amount(minutes, debit.unit), Code.EXCHANGE,
            effective_at=at, actor=actor, reference=f"time:{exchange_id}",
        )  # fmt: skip
        _post(conn, town_id, [moved], payer=debit, payee=credit)
    record(
        conn,
        town_id=town_id,
        actor=actor,
        action="coproduction.time-exchanged",
        subject=f"exchange:{exchange_id}",
        after={"time_bank": debit.bank_code, "payer": debit.number, "payee": credit.number, "minutes": minutes},
        at=at,
    )
    return queries.exchange(conn, town_id=town_id, exchange_id=exchange_id)


def undo_exchange(
    conn: Connection[Any], *, town_id: int, exchange_id: UUID, reason: str, actor: str, at: datetime
) -> Exchange:
    """An exchange was a mistake: the hours go back, wholly. May be repeated.

    Refuses with ``ExchangeNotFound``, ``ReasonMissing``, ``OwnContribution`` for whoever received the
    time, and ``TimeLimit`` where who gave it has used it since and would owe too much.
    """
    words = " ".join(reason.split())[:200]
    if len(words) < 3:
        raise ReasonMissing
    execute(conn, statement(_PACKAGE, "lock_exchange"), town_id=town_id, id=exchange_id)
    found = queries.exchange(conn, town_id=town_id, exchange_id=exchange_id)
    if found.undone_at is not None:
        return replace(found, replayed=True)
    _not_to_themselves(conn, actor, takes=found.payer, owes=found.payee)
    members = {one.party: one for one in queries.members(conn, town_id=town_id, bank_id=found.bank_id)}
    with savepoint(conn):
        back = Reversal(
            id_under(exchange_id, "undo"), exchange_id, effective_at=at, actor=actor, reference=f"time:{exchange_id}"
        )
        _post(conn, town_id, [back], payer=members[found.payee], payee=members[found.payer])
        execute(
            conn, statement(_PACKAGE, "undo_exchange"), town_id=town_id, id=exchange_id, actor=actor, at=at,
            reason=words,
        )  # fmt: skip
    record(
        conn, town_id=town_id, actor=actor, action="coproduction.exchange-undone", subject=f"exchange:{exchange_id}",
        reason=words, at=at,
    )  # fmt: skip
    return queries.exchange(conn, town_id=town_id, exchange_id=exchange_id)


def _post(conn: Connection[Any], town_id: int, requests: list[Request], *, payer: Member, payee: Member) -> None:
    try:
        ledger.post_all(conn, town_id=town_id, requests=requests)
    except InsufficientFunds as refused:
        raise TimeLimit(whose="payer", limit=payer.credit_limit) from refused
    except CeilingReached as refused:
        raise TimeLimit(whose="receiver", limit=payee.most) from refused


def _not_to_themselves(conn: Connection[Any], actor: str, *, takes: UUID, owes: UUID) -> None:
    """Nobody writes time down to themselves or their household that another one owes for it."""
    if queries.acts_for(conn, actor=actor, parties=[takes]) and not queries.acts_for(conn, actor=actor, parties=[owes]):
        raise OwnContribution(actor=actor)


def _same(first: Exchange, bank_id: UUID, payer: UUID, payee: UUID, minutes: int) -> Exchange:
    if (first.bank_id, first.payer, first.payee, first.minutes) != (bank_id, payer, payee, minutes):
        raise KeyReused(id=first.id)
    return replace(first, replayed=True)
