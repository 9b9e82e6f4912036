"""Saying what entries are. Each entry is matched in a transaction of its own, and can be tried again.

Locks, in this order: the entry, then what the treasury locks for one movement of
its own (a run, a top-up, accounts lowest id first). Two entries are never matched
in one transaction, because the books order locks within a call and not between
two: a statement of a thousand entries would meet payments at tills crosswise.
Whatever ends in between, the rest stays listed, and trying again goes on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.types.json import Jsonb

from koinon.audit.operations import record
from koinon.banking import queries, rules
from koinon.banking.errors import EntryMatched, EntryNotFound, EntryNotMatched, MatchKept, MatchNotPossible
from koinon.banking.queries import PACKAGE
from koinon.banking.rules import Facts
from koinon.banking.types import ASIDE, Entry, Known, MatchKind, Piece, Verdict
from koinon.db.statements import execute, scalar, statement
from koinon.db.transactions import savepoint
from koinon.kernel.decisions import Ground
from koinon.kernel.errors import KoinonError
from koinon.kernel.money import Amount
from koinon.parties import queries as parties
from koinon.treasury import operations as treasury
from koinon.treasury import topups
from koinon.treasury.references import read_reference
from koinon.treasury.types import PaymentState, Way

_OPAQUE = re.compile(r"[A-Za-z0-9:._/#-]{1,64}")
_UNDONE = "entry.match-undone"
MOST_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Matched:
    """What came of trying every listed entry."""

    matched: int
    listed: int


def match_listed(
    conn: Connection[Any],
    *,
    town_id: int,
    at: datetime,
    actor: str,
    in_transaction: Callable[[], AbstractContextManager[Any]],
) -> Matched:
    """Try every entry that is listed: what left first, then what came.

    The one function here that opens transactions, by the caller's ``in_transaction``: one
    to look, one for each entry that can be matched, and one to write down why the rest is listed.
    """
    with in_transaction():
        every = queries.entries(conn, town_id=town_id, listed=True, limit=MOST_AT_ONCE)
        entries = [one for one in every if all(ground.code != _UNDONE for ground in one.grounds)]
        facts = [(one.id, Facts.of(one)) for one in reversed(entries)]
        plan = rules.plan(facts, queries.known(conn, town_id=town_id, facts=[one for _, one in facts]))
    matched = 0
    for entry_id, _ in rules.in_order(facts):
        if plan[entry_id].pieces:
            with in_transaction():
                matched += match_entry(conn, town_id=town_id, entry_id=entry_id, at=at, actor=actor)
    with in_transaction():
        _list(conn, town_id, {entry_id: verdict.grounds for entry_id, verdict in plan.items() if verdict.grounds})
    return Matched(matched, len(every) - matched)


def match_entry(conn: Connection[Any], *, town_id: int, entry_id: UUID, at: datetime, actor: str) -> bool:
    """Match one entry by the rules and book what it stands for; False when it stays listed, with its reasons.

    An entry that is matched stays so, and answers False. Refuses with ``EntryNotFound``.
    """
    entry = _locked(conn, town_id, entry_id)
    if entry.is_matched:
        return False
    facts = Facts.of(entry)
    known = queries.known(conn, town_id=town_id, facts=[facts])
    verdict = rules.judge(facts, known)
    try:
        if verdict.grounds:
            raise MatchNotPossible(entry=entry_id, grounds=verdict.grounds)
        with savepoint(conn):
            _book(conn, town_id, entry, verdict, known, at, actor)
    except MatchNotPossible as listed:
        _list(conn, town_id, {entry_id: listed.grounds})
        return False
    except KoinonError as refused:
        _list(conn, town_id, {entry_id: (Ground("entry.refused", {"refusal": refused.code}),)})
        return False
    return True


def match_by_hand(
    conn: Connection[Any],
    *,
    town_id: int,
    entry_id: UUID,
    kind: MatchKind,
    reason: str,
    target: UUID | None = None,
    reference: str = "",
    at: datetime,
    actor: str,
) -> Entry:
    """A treasurer says what a listed entry is, and why.

    ``target`` is the fund of a receipt or withdrawal, or the payment of a payout or return;
    ``reference`` a top-up's. Of a return that came back smaller the rest is a charge of
    the bank's. Refuses with ``EntryNotFound``, ``EntryMatched``, ``MatchNotPossible`` with every
    reason, and what the treasury and the ledger refuse.
    """
    entry = _locked(conn, town_id, entry_id)
    if entry.is_matched:
        raise EntryMatched(entry=entry_id)
    facts = replace(Facts.of(entry), structured_reference=read_reference(reference) or "", mentions=())
    known = queries.known(conn, town_id=town_id, facts=[facts], also=[target] if target else [])
    most_kept = rules.MOST_KEPT_OF_A_RETURN * 10 ** parties.town(conn, town_id).exponent
    grounds = list(rules.by_hand(kind, facts, known, target, most_kept_minor=most_kept))
    if not reason.strip():
        grounds.append(Ground("entry.reason-missing"))
    if kind is MatchKind.TOPUP and facts.structured_reference not in known.topups:
        grounds.append(Ground("entry.reference-unknown", {"reference": facts.structured_reference}))
    if kind in (MatchKind.RECEIPT, MatchKind.WITHDRAWAL) and target is None:
        grounds.append(Ground("entry.fund-missing"))
    if grounds:
        raise MatchNotPossible(entry=entry_id, grounds=grounds)
    with savepoint(conn):
        verdict = Verdict(_by_hand(kind, entry, known, target, facts))
        known = replace(known, receipts={})
        _book(conn, town_id, entry, verdict, known, at, actor, reason=" ".join(reason.split())[:200], topup=facts)
    return queries.entry(conn, town_id=town_id, entry_id=entry_id)


def undo_match(conn: Connection[Any], *, town_id: int, entry_id: UUID, reason: str, at: datetime, actor: str) -> Entry:
    """List an entry again that was set aside: nothing in the books stands for it, so nothing moves.

    Refuses with ``EntryNotFound``, ``EntryNotMatched``, and ``MatchKept`` for what is on the books.
    """
    entry = _locked(conn, town_id, entry_id)
    if not entry.is_matched:
        raise EntryNotMatched(entry=entry_id)
    booked = [match.kind for match in entry.matches if match.kind.is_booked]
    if booked:
        raise MatchKept(entry=entry_id, kind=booked[0])
    execute(conn, statement(PACKAGE, "delete_matches"), town_id=town_id, entry=entry_id)
    grounds = Jsonb([{"code": _UNDONE, "fields": {}}])
    execute(conn, statement(PACKAGE, "reopen_entry"), town_id=town_id, entry=entry_id, grounds=grounds)
    record(
        conn, town_id=town_id, actor=actor, action="banking.match-undone", subject=f"entry:{entry_id}",
        before={"kinds": [match.kind.value for match in entry.matches]}, reason=" ".join(reason.split())[:200], at=at,
    )  # fmt: skip
    return queries.entry(conn, town_id=town_id, entry_id=entry_id)


def _by_hand(kind: MatchKind, entry: Entry, known: Known, target: UUID | None, facts: Facts) -> tuple[Piece, ...]:
    if kind in ASIDE:
        return (Piece(entry.id, entry.amount_minor, kind),)
    if kind is MatchKind.TOPUP:
        return (Piece(known.topups[facts.structured_reference].id, entry.amount_minor, kind),)
    assert target is not None
    if kind is MatchKind.RETURN and entry.amount_minor < known.payments[target].amount_minor:
        back = known.payments[target].amount_minor
        return (Piece(target, back, kind), Piece(entry.id, entry.amount_minor - back, MatchKind.CHARGE))
    return (Piece(target, entry.amount_minor, kind),)


def _book(
    conn: Connection[Any],
    town_id: int,
    entry: Entry,
    verdict: Verdict,
    known: Known,
    at: datetime,
    actor: str,
    *,
    reason: str = "",
    topup: Facts | None = None,
) -> None:
    """Book each piece in the treasury and write down what the entry is. By hand when there is a ``reason``."""
    pieces = [
        _booked(conn, town_id, entry, piece, known, at, actor, topup)
        for piece in rules.pieces_of(entry.id, verdict)
        if piece.kind is not MatchKind.PAYOUT
    ]
    pieces += _paid_out(conn, town_id, rules.pieces_of(entry.id, verdict), known, at, actor)
    for piece in pieces:
        is_new = execute(
            conn,
            statement(PACKAGE, "add_match"),
            town_id=town_id,
            entry=entry.id,
            kind=piece.kind.value,
            target=piece.target,
            amount_minor=piece.amount_minor,
            at=at,
            actor=actor,
            by_hand=bool(reason),
            reason=reason,
        )
        if not is_new:
            raise MatchNotPossible(
                entry=entry.id, grounds=[Ground(f"entry.{piece.kind.value}-seen", {"target": str(piece.target)})]
            )
    execute(conn, statement(PACKAGE, "close_entry"), town_id=town_id, entry=entry.id, at=at)
    record(
        conn, town_id=town_id, actor=actor, action="banking.entry-matched", subject=f"entry:{entry.id}",
        before={"grounds": [ground.code for ground in entry.grounds]},
        after={"matched": [[piece.kind.value, str(piece.target), piece.amount_minor] for piece in pieces]},
        reason=reason, at=at,
    )  # fmt: skip


def _booked(
    conn: Connection[Any],
    town_id: int,
    entry: Entry,
    piece: Piece,
    known: Known,
    at: datetime,
    actor: str,
    topup: Facts | None,
) -> Piece:
    """The piece under the id of what the treasury has on its books for it."""
    amount = Amount(abs(piece.amount_minor), parties.town(conn, town_id).unit_code)
    if piece.kind is MatchKind.RETURN:
        if known.payments[piece.target].state == PaymentState.PAID:
            treasury.return_payment(
                conn, town_id=town_id, payment_id=piece.target, reason=entry.return_code, at=at, actor=actor
            )
    elif piece.kind is MatchKind.TOPUP:
        facts = topup or Facts.of(entry)
        topups.confirm(
            conn,
            town_id=town_id,
            reference=facts.structured_reference,
            amount=amount,
            way=Way.BANK,
            source_reference=_source(conn, town_id, entry),
            at=at,
            actor=actor,
            other_amount=topup is not None,
        )
    elif piece.kind in (MatchKind.RECEIPT, MatchKind.WITHDRAWAL):
        if piece.target in {receipt.id for receipt in known.receipts.values()}:
            return piece
        move = treasury.receive_budget if piece.kind is MatchKind.RECEIPT else treasury.withdraw
        receipt = move(
            conn,
            town_id=town_id,
            fund=piece.target,
            amount=amount,
            bank_reference=_source(conn, town_id, entry),
            idempotency_key=f"entry:{entry.id}",
            at=at,
            actor=actor,
        )
        return replace(piece, target=receipt.id)
    return piece


def _paid_out(
    conn: Connection[Any], town_id: int, pieces: Sequence[Piece], known: Known, at: datetime, actor: str
) -> list[Piece]:
    """Settle what the bank paid: one payment, or all those of a run that were awaited."""
    paid = [piece for piece in pieces if piece.kind is MatchKind.PAYOUT]
    everything = {**known.payments, **{one.id: one for members in known.runs.values() for one in members}}
    due = [everything[piece.target] for piece in paid if everything[piece.target].state == PaymentState.DUE]
    if due:
        treasury.settle_run(
            conn, town_id=town_id, run_id=due[0].run_id, payment_ids=[one.id for one in due], at=at, actor=actor
        )
    return paid


def _source(conn: Connection[Any], town_id: int, entry: Entry) -> str:
    """The bank's reference where it stands for this entry alone, else our own."""
    reference = entry.bank_reference
    if not _OPAQUE.fullmatch(reference) or scalar(
        conn, statement(PACKAGE, "references_shared"), town_id=town_id, reference=reference
    ):
        return f"entry:{entry.id}"
    return reference


def _locked(conn: Connection[Any], town_id: int, entry_id: UUID) -> Entry:
    if not execute(conn, statement(PACKAGE, "lock_entry"), town_id=town_id, entry=entry_id):
        raise EntryNotFound(entry=entry_id)
    return queries.entry(conn, town_id=town_id, entry_id=entry_id)


def _list(conn: Connection[Any], town_id: int, why: dict[UUID, Sequence[Ground]]) -> None:
    if why:
        execute(
            conn,
            statement(PACKAGE, "set_grounds"),
            town_id=town_id,
            entries=list(why),
            grounds=[Jsonb([{"code": one.code, "fields": one.fields} for one in grounds]) for grounds in why.values()],
        )
