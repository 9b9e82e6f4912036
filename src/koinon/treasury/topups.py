"""Residents and shops buy units: a request with a reference, and the euros that come for it.

A top-up is pending until its euros have come. The bank's statement and the card
provider may both say so, in either order and more than once: whoever is first
makes the units, everybody after that is told that they are made. Units are
issued only with the euros, in one group of transfers: received into the reserve,
issued into the town's escrow, moved on to the purse or till.

Locks: the top-up, then its party against an erasure, then the campaigns whose bonus it may earn, then purses, then
whatever else is posted to. A payment locks no top-up, so nobody waits in a ring. Confirm one top-up in a
transaction: locks are ordered within a call and not between two.
"""

from __future__ import annotations

import secrets as random
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.campaigns import granting
from koinon.campaigns.types import Trigger
from koinon.db.statements import execute, many, maybe, scalar, statement
from koinon.db.transactions import savepoint
from koinon.kernel.identifiers import id_under, new_id
from koinon.kernel.money import Amount
from koinon.ledger import operations as ledger
from koinon.ledger.types import Code, Kind, NewAccount, Request, Reversal, Transfer
from koinon.outbox import operations as outbox
from koinon.outbox.types import Event
from koinon.parties import queries as parties
from koinon.treasury.errors import (
    BankReferenceReused,
    KeyReused,
    TopUpAlreadyReceived,
    TopUpAmountDiffers,
    TopUpNotFound,
    TopUpNotOpen,
    TopUpReturnTooLarge,
)
from koinon.treasury.references import creditor_reference, read_reference
from koinon.treasury.steps import PACKAGE, above_zero, record
from koinon.treasury.types import Direction, TopUp, TopUpRow, TopUpState, Way

_DIGITS = 10
"""Of a reference's body: short enough to copy by hand, enough for ten thousand million top-ups of a town."""


def request(
    conn: Connection[Any],
    *,
    town_id: int,
    party: UUID,
    amount: Amount,
    way: Way,
    idempotency_key: str,
    at: datetime,
    actor: str,
) -> TopUp:
    """Somebody means to buy units: they get a reference to pay with. Nothing moves yet.

    The same key gives the first request again. Refuses with ``PartyNotFound``, ``PartyErased``, ``KeyReused`` and
    ``AmountNotPositive``.
    """
    above_zero(amount, idempotency_key)
    town = parties.town(conn, town_id)
    facts = parties.party_facts(conn, town_id, party)
    assert amount.unit == town.unit_code
    parties.must_be_there(conn, town_id, party)
    while True:
        first = _one(conn, town_id, town.unit_code, key=idempotency_key)
        if first is not None:
            if (first.party, first.amount, first.way) != (party, amount, way):
                raise KeyReused(key=idempotency_key)
            return replace(first, replayed=True)
        topup_id = new_id()
        body = f"{random.randbelow(10**_DIGITS):0{_DIGITS}d}"
        is_new = execute(
            conn,
            statement(PACKAGE, "add_topup"),
            town_id=town_id,
            id=topup_id,
            party=facts.party_id,
            amount_minor=amount.minor,
            way=way.value,
            reference=creditor_reference(body),
            key=idempotency_key,
            requested_at=at,
            requested_by=actor,
        )
        if is_new:  # Otherwise the key has come meanwhile, or the reference is taken: look again.
            break
    record(
        conn, town_id, actor, "treasury.topup-requested", f"topup:{topup_id}", at,
        party=str(party), amount_minor=amount.minor, way=way.value,
    )  # fmt: skip
    return topup(conn, town_id=town_id, topup_id=topup_id)


def confirm(
    conn: Connection[Any],
    *,
    town_id: int,
    reference: str,
    amount: Amount,
    way: Way,
    source_reference: str,
    at: datetime,
    actor: str,
    other_amount: bool = False,
) -> TopUp:
    """The euros of a top-up have come: its units are made, once, whoever says so first and however often.

    ``reference`` is the structured reference as it was read, in whatever grouping. ``way`` says who speaks,
    the bank's statement or the card provider, and ``source_reference`` is their own name for the entry or payment.
    ``replayed`` says that the units were there already. ``other_amount`` is for a person who has looked: then what came
    is credited, although another amount was announced. A top-up that was given up is credited all the same.

    Refuses with ``TopUpNotFound``; ``TopUpAmountDiffers``, as long as nobody has looked; ``PartyErased`` where nobody
    could spend the units any more and the euros go back; ``TopUpAlreadyReceived``
    where the same source shows a second entry for it, which is more money and not the same again;
    ``BankReferenceReused`` where the entry is on the books for something else; and what the ledger refuses.
    """
    above_zero(amount, reference)
    known = read_reference(reference)
    town = parties.town(conn, town_id)
    found = scalar(conn, statement(PACKAGE, "lock_topup"), town_id=town_id, reference=known, topup=None)
    asked = _one(conn, town_id, town.unit_code, topup=found) if found else None
    if asked is None:
        raise TopUpNotFound(reference=known or "")
    if asked.state is TopUpState.RECEIVED:
        return _said_again(conn, town_id, asked, amount, way, source_reference, at, actor)
    if amount != asked.amount and not other_amount:
        raise TopUpAmountDiffers(topup=asked.id, asked=asked.amount, came=amount)
    parties.must_be_there(conn, town_id, asked.party)
    used_for = scalar(
        conn, statement(PACKAGE, "topup_of_source"), town_id=town_id, way=way.value, source_reference=source_reference
    )
    if used_for is not None:
        raise BankReferenceReused(bank_reference=source_reference)
    with savepoint(conn):
        _make_units(conn, town_id, asked, amount, way, source_reference, at, actor)
    record(
        conn, town_id, actor, "treasury.topup-received", f"topup:{asked.id}", at,
        party=str(asked.party), amount_minor=amount.minor, way=way.value, source_reference=source_reference,
    )  # fmt: skip
    told: dict[str, str | int] = {"party": str(asked.party), "amount_minor": amount.minor, "unit": amount.unit}
    outbox.tell(conn, town_id=town_id, events=[Event("topup.received", asked.id, at, told)])
    return topup(conn, town_id=town_id, topup_id=asked.id)


def _said_again(
    conn: Connection[Any], town_id: int, asked: TopUp, amount: Amount, way: Way, source: str, at: datetime, actor: str
) -> TopUp:
    """The units are made. The same source with the same entry repeats itself; the other source says the same euros."""
    before = asked.bank_reference if way is Way.BANK else asked.card_reference
    if before == source:
        return replace(asked, replayed=True)
    if before is not None:
        raise TopUpAlreadyReceived(topup=asked.id, reference=asked.reference)
    if amount != asked.received:
        raise TopUpAmountDiffers(topup=asked.id, asked=asked.received or asked.amount, came=amount)
    execute(
        conn,
        statement(PACKAGE, "confirm_topup_again"),
        town_id=town_id,
        topup=asked.id,
        way=way.value,
        source_reference=source,
    )
    record(
        conn, town_id, actor, "treasury.topup-confirmed-again", f"topup:{asked.id}", at,
        way=way.value, source_reference=source,
    )  # fmt: skip
    return replace(topup(conn, town_id=town_id, topup_id=asked.id), replayed=True)


def _make_units(
    conn: Connection[Any], town_id: int, asked: TopUp, amount: Amount, way: Way, source: str, at: datetime, actor: str
) -> None:
    town = parties.town(conn, town_id)
    facts = parties.party_facts(conn, town_id, asked.party)
    unit = town.unit_code
    campaigns = granting.lock(conn, town_id=town_id, trigger=Trigger.TOPUP, giving=True, undoing=False)
    if campaigns:
        granting.lock_purses(conn, town_id=town_id, party=asked.party)
    issuance, reserve, escrow, own = ledger.open_accounts(
        conn,
        town_id=town_id,
        accounts=[
            NewAccount(Kind.ISSUANCE, unit, town.party_id, floor_minor=None),
            NewAccount(Kind.RESERVE, unit, town.party_id),
            NewAccount(Kind.ESCROW, unit, town.party_id),
            NewAccount(Kind.TILL if facts.is_enterprise else Kind.PURSE, unit, asked.party),
        ],
        at=at,
        actor=actor,
    )
    receive, issue, move = (id_under(asked.id, what) for what in ("receive", "issue", "topup"))
    receipt, about = id_under(asked.id, "receipt"), f"topup:{asked.id}"
    is_new = execute(
        conn,
        statement(PACKAGE, "add_receipt"),
        town_id=town_id,
        id=receipt,
        direction=Direction.RECEIVED.value,
        fund=None,
        amount_minor=amount.minor,
        bank_reference=source,
        key=about,
        transfer_id=receive,
        effective_at=at,
        actor=actor,
    )
    if not is_new:
        raise BankReferenceReused(bank_reference=source)
    steps = [
        (receive, issuance, reserve, Code.RECEIVE, source),
        (issue, reserve, escrow, Code.ISSUE, about),
        (move, escrow, own, Code.TOPUP, about),
    ]
    requests: list[Request] = [
        Transfer(id, debit, credit, amount, code, at, actor, reference, group=receive)
        for id, debit, credit, code, reference in steps
    ]
    if campaigns:
        earning = granting.Earning(asked.id, asked.party, None, ((None, amount.minor),), at, actor)
        grants = granting.Grants(
            conn, town_id=town_id, unit=unit, zone=town.zone, trigger=Trigger.TOPUP, locked=campaigns,
            happenings=[earning], available=lambda _account: None,
        )  # fmt: skip
        ledger.post_all(conn, town_id=town_id, requests=[*requests, *grants.requests])
        grants.keep()
    else:
        ledger.post_all(conn, town_id=town_id, requests=requests)
    execute(
        conn,
        statement(PACKAGE, "receive_topup"),
        town_id=town_id,
        topup=asked.id,
        received_minor=amount.minor,
        way=way.value,
        received_at=at,
        received_by=actor,
        receipt=receipt,
        issue_transfer=issue,
        transfer=move,
        source_reference=source,
    )


def cancel(conn: Connection[Any], *, town_id: int, topup_id: UUID, at: datetime, actor: str) -> TopUp:
    """The party gives a top-up up that it has not paid. Refuses with ``TopUpNotFound`` and ``TopUpNotOpen``."""
    execute(conn, statement(PACKAGE, "lock_topup"), town_id=town_id, reference=None, topup=topup_id)
    found = topup(conn, town_id=town_id, topup_id=topup_id)
    if found.state is not TopUpState.PENDING:
        raise TopUpNotOpen(topup=topup_id, state=found.state)
    execute(conn, statement(PACKAGE, "cancel_topup"), town_id=town_id, topup=topup_id, at=at, actor=actor)
    record(conn, town_id, actor, "treasury.topup-cancelled", f"topup:{topup_id}", at)
    return topup(conn, town_id=town_id, topup_id=topup_id)


def give_back(
    conn: Connection[Any],
    *,
    town_id: int,
    topup_id: UUID,
    amount: Amount | None,
    bank_reference: str,
    at: datetime,
    actor: str,
) -> TopUp:
    """Euros of a top-up went back to whoever brought them: a card charged back, a mistake. None is all that is left.

    Its units leave the purse or till and the reserve together with the euros, and a bonus on it is undone in
    proportion. The same reference of the bank with the same content answers as the first time.

    Refuses with ``TopUpNotFound``, ``TopUpNotOpen`` where nothing has come, ``TopUpReturnTooLarge``,
    ``BankReferenceReused``, and the ledger's ``InsufficientFunds`` where the units are spent.
    """
    if amount is not None:
        above_zero(amount, bank_reference)
    execute(conn, statement(PACKAGE, "lock_topup"), town_id=town_id, reference=None, topup=topup_id)
    found = topup(conn, town_id=town_id, topup_id=topup_id)
    if found.state is not TopUpState.RECEIVED or found.transfer_id is None:
        raise TopUpNotOpen(topup=topup_id, state=found.state)
    return_id = id_under(topup_id, "return", bank_reference)
    before = scalar(conn, statement(PACKAGE, "topup_return"), town_id=town_id, id=return_id)
    if before is not None:
        if amount is not None and amount.minor != before:
            raise BankReferenceReused(bank_reference=bank_reference)
        return replace(found, replayed=True)
    going = found.left if amount is None else amount
    if not going or going > found.left:
        raise TopUpReturnTooLarge(topup=topup_id, left=found.left, asked=going)
    with savepoint(conn):
        _take_units(conn, town_id, found, found.transfer_id, return_id, going, bank_reference, at, actor)
    record(
        conn, town_id, actor, "treasury.topup-given-back", f"topup:{topup_id}", at,
        amount_minor=going.minor, bank_reference=bank_reference,
    )  # fmt: skip
    return topup(conn, town_id=town_id, topup_id=topup_id)


def _take_units(
    conn: Connection[Any],
    town_id: int,
    found: TopUp,
    original: UUID,
    return_id: UUID,
    amount: Amount,
    bank_reference: str,
    at: datetime,
    actor: str,
) -> None:
    town = parties.town(conn, town_id)
    campaigns = granting.lock(conn, town_id=town_id, trigger=Trigger.TOPUP, giving=False, undoing=True)
    granting.lock_purses(conn, town_id=town_id, party=found.party)
    issuance, reserve, escrow = ledger.open_accounts(
        conn,
        town_id=town_id,
        accounts=[
            NewAccount(Kind.ISSUANCE, town.unit_code, town.party_id, floor_minor=None),
            NewAccount(Kind.RESERVE, town.unit_code, town.party_id),
            NewAccount(Kind.ESCROW, town.unit_code, town.party_id),
        ],
        at=at,
        actor=actor,
    )
    undo, unissue, withdraw = (id_under(return_id, what) for what in ("undo", "unissue", "withdraw"))
    about, receipt = f"topup:{found.id}", id_under(return_id, "receipt")
    is_new = execute(
        conn,
        statement(PACKAGE, "add_receipt"),
        town_id=town_id,
        id=receipt,
        direction=Direction.WITHDRAWN.value,
        fund=None,
        amount_minor=amount.minor,
        bank_reference=bank_reference,
        key=f"{about}:{bank_reference}",
        transfer_id=withdraw,
        effective_at=at,
        actor=actor,
    )
    if not is_new:
        raise BankReferenceReused(bank_reference=bank_reference)
    requests: list[Request] = [
        Reversal(undo, original, at, actor, amount, about, undo),
        Transfer(unissue, escrow, reserve, amount, Code.UNISSUE, at, actor, about, undo),
        Transfer(withdraw, reserve, issuance, amount, Code.WITHDRAW, at, actor, bank_reference, undo),
    ]
    grants = None
    if campaigns:
        left = (found.left - amount).minor
        grants = granting.Grants(
            conn, town_id=town_id, unit=town.unit_code, zone=town.zone, trigger=Trigger.TOPUP, locked=campaigns,
            happenings=[granting.GivingBack(return_id, found.id, found.party, left, at, actor)],
            available=lambda _account: None,
        )  # fmt: skip
        requests += grants.requests
    ledger.post_all(conn, town_id=town_id, requests=requests)
    if grants is not None:
        grants.keep()
    execute(
        conn,
        statement(PACKAGE, "add_topup_return"),
        town_id=town_id,
        id=return_id,
        topup=found.id,
        amount_minor=amount.minor,
        receipt=receipt,
        transfer=undo,
        unissue_transfer=unissue,
        returned_at=at,
        returned_by=actor,
    )


# --- Reading ----------------------------------------------------------------------------------


def topup(conn: Connection[Any], *, town_id: int, topup_id: UUID) -> TopUp:
    """One top-up, or ``TopUpNotFound``."""
    found = _one(conn, town_id, parties.town(conn, town_id).unit_code, topup=topup_id)
    if found is None:
        raise TopUpNotFound(reference=str(topup_id))
    return found


def topup_by_reference(conn: Connection[Any], *, town_id: int, reference: str) -> TopUp | None:
    """The top-up that a reference names, as typed or as the bank printed it; None where there is none."""
    known = read_reference(reference)
    return _one(conn, town_id, parties.town(conn, town_id).unit_code, reference=known) if known else None


def topups(
    conn: Connection[Any],
    *,
    town_id: int,
    party: UUID | None = None,
    state: TopUpState | None = None,
    limit: int = 100,
) -> list[TopUp]:
    """Top-ups of a town or of one party, newest first."""
    unit = parties.town(conn, town_id).unit_code
    rows = many(conn, statement(PACKAGE, "topups"), TopUpRow, **_which(town_id, party=party, state=state, size=limit))
    return [row.with_unit(unit) for row in rows]


def _one(conn: Connection[Any], town_id: int, unit: str, **which: Any) -> TopUp | None:
    row = maybe(conn, statement(PACKAGE, "topups"), TopUpRow, **_which(town_id, **which))
    return row.with_unit(unit) if row else None


def _which(town_id: int, **which: Any) -> dict[str, Any]:
    every = {"party": None, "topup": None, "key": None, "reference": None, "state": None, "size": 2}
    return {"town_id": town_id, **every, **which}
