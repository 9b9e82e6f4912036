"""What an entry is: no clock, no database. Matched only where nothing speaks against it; else every reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from koinon.banking.references import creditor_reference_in, our_ids
from koinon.banking.types import Entry, Known, KnownPayment, MatchKind, Piece, ReadEntry, Verdict
from koinon.kernel.decisions import Ground

# ISO 20022 bank transaction codes, subfamily: what the bank takes for itself.
CHARGES = frozenset({"CHRG", "COMM", "COME", "COMI", "COMT", "FEES", "INTR"})
MOST_KEPT_OF_A_RETURN = 50
"""In the national currency: what banks take for a payment that came back lies well below."""
NO_REFERENCE = frozenset({"", "NONREF", "NOTPROVIDED", "NOREF", "-", "0"})


@dataclass(frozen=True, slots=True)
class Facts:
    """What matching looks at: of an entry that is kept, or of one that a file shows."""

    amount_minor: int
    bank_reference: str
    structured_reference: str
    mentions: tuple[UUID, ...]
    is_return: bool
    is_charge: bool
    return_code: str

    @classmethod
    def of(cls, entry: Entry | ReadEntry) -> Facts:
        if isinstance(entry, Entry):
            reference, mentions = entry.structured_reference, entry.mentions
        else:
            reference, mentions = creditor_reference(entry), mentioned(entry)
        return cls(
            amount_minor=entry.amount_minor,
            bank_reference=entry.bank_reference,
            structured_reference=reference,
            mentions=mentions,
            is_return=entry.is_return,
            is_charge=entry.bank_code.rsplit("/", 1)[-1] in CHARGES,
            return_code=entry.return_code,
        )


def mentioned(entry: ReadEntry) -> tuple[UUID, ...]:
    """Our ids, wherever the bank put them."""
    return our_ids(entry.end_to_end_id, entry.message_id, entry.structured_reference, entry.details.text)


def creditor_reference(entry: ReadEntry) -> str:
    return creditor_reference_in(entry.structured_reference, entry.details.text)


def judge(entry: Facts, known: Known) -> Verdict:
    """What an entry is, or every reason why that cannot be told.

    Tried in this order, and the first kind that applies decides: money back that
    names a payment; a payout by the payment's id; a payout of a whole run; a receipt
    that is on the books under the same bank reference; a top-up or a fund by its
    creditor reference; a charge by the bank's own code. An amount must be the same
    to the cent. docs/algorithms/matching.md works the table.
    """
    doubts = []
    if entry.bank_reference in known.reused_references:
        doubts.append(Ground("entry.bank-reference-reused", {"reference": entry.bank_reference}))
    payments = [known.payments[one] for one in entry.mentions if one in known.payments]
    runs = [one for one in entry.mentions if one in known.runs]
    if len(payments) > 1 or (not payments and len(runs) > 1):
        return Verdict(grounds=(*doubts, Ground("entry.several-payments", {"count": len(payments) or len(runs)})))
    if payments:
        verdict = _back(entry, payments[0]) if entry.amount_minor > 0 else _out(entry, payments)
    elif runs and entry.amount_minor < 0:
        verdict = _out(entry, known.runs[runs[0]])
    elif runs:
        verdict = Verdict(grounds=(Ground("entry.return-names-run", {"run": str(runs[0])}),))
    else:
        verdict = _other(entry, known)
    return Verdict(grounds=(*doubts, *verdict.grounds)) if doubts else verdict


def _out(entry: Facts, payments: Sequence[KnownPayment]) -> Verdict:
    """Money that left for one payment, or for all those of a run that the bank had not refused."""
    awaited = [one for one in payments if one.state != "rejected"] if len(payments) > 1 else list(payments)
    due = -sum(one.amount_minor for one in awaited)
    grounds = []
    for one in awaited:
        if one.run_state not in ("exported", "settled"):
            grounds.append(Ground("entry.run-not-sent", {"run": str(one.run_id), "state": one.run_state}))
        elif one.state == "rejected":
            grounds.append(Ground("entry.payment-rejected", {"payment": str(one.id)}))
        if one.seen:
            grounds.append(Ground("entry.payout-seen", {"payment": str(one.id)}))
    if entry.amount_minor != due:
        grounds.append(Ground("entry.amount-differs", {"due_minor": due, "came_minor": entry.amount_minor}))
    if entry.is_return:
        grounds.append(Ground("entry.return-leaves"))
    if grounds or not awaited:
        return Verdict(grounds=_once(grounds) or (Ground("entry.nothing-due"),))
    return Verdict(pieces=tuple(Piece(one.id, -one.amount_minor, MatchKind.PAYOUT) for one in awaited))


def _back(entry: Facts, payment: KnownPayment) -> Verdict:
    grounds = []
    if payment.return_seen:
        grounds.append(Ground("entry.return-seen", {"payment": str(payment.id)}))
    if payment.state not in ("paid", "returned"):
        grounds.append(Ground("entry.payment-not-paid", {"payment": str(payment.id), "state": payment.state}))
    if entry.amount_minor != payment.amount_minor:
        fields = {"due_minor": payment.amount_minor, "came_minor": entry.amount_minor}
        grounds.append(Ground("entry.amount-differs", fields))
    if grounds:
        return Verdict(grounds=tuple(grounds))
    return Verdict(pieces=(Piece(payment.id, entry.amount_minor, MatchKind.RETURN),))


def _other(entry: Facts, known: Known) -> Verdict:
    receipt = known.receipts.get(entry.bank_reference)
    if receipt is not None:
        signed = receipt.amount_minor if receipt.is_received else -receipt.amount_minor
        grounds = []
        if receipt.seen:
            grounds.append(Ground("entry.receipt-seen", {"receipt": str(receipt.id)}))
        if signed != entry.amount_minor:
            grounds.append(Ground("entry.amount-differs", {"due_minor": signed, "came_minor": entry.amount_minor}))
        if grounds:
            return Verdict(grounds=tuple(grounds))
        kind = MatchKind.RECEIPT if receipt.is_received else MatchKind.WITHDRAWAL
        return Verdict(pieces=(Piece(receipt.id, entry.amount_minor, kind),))
    if entry.structured_reference in known.topups:
        return _topup(entry, known)
    if entry.structured_reference in known.funds:
        kind = MatchKind.RECEIPT if entry.amount_minor > 0 else MatchKind.WITHDRAWAL
        return Verdict(pieces=(Piece(known.funds[entry.structured_reference], entry.amount_minor, kind),))
    if entry.is_charge and entry.amount_minor < 0:
        return Verdict(pieces=(Piece(_ITSELF, entry.amount_minor, MatchKind.CHARGE),))
    grounds = []
    if entry.is_return:
        grounds.append(Ground("entry.return-unknown"))
    if entry.mentions:
        grounds.append(Ground("entry.id-unknown", {"id": str(entry.mentions[0])}))
    if entry.structured_reference:
        grounds.append(Ground("entry.reference-unknown", {"reference": entry.structured_reference}))
    return Verdict(grounds=tuple(grounds) or (Ground("entry.nothing-recognised"),))


def _topup(entry: Facts, known: Known) -> Verdict:
    topup = known.topups[entry.structured_reference]
    awaited = topup.asked_minor if topup.received_minor is None else topup.received_minor
    grounds = []
    if topup.seen:
        grounds.append(Ground("entry.topup-seen", {"topup": str(topup.id)}))
    if entry.amount_minor != awaited:
        grounds.append(Ground("entry.amount-differs", {"due_minor": awaited, "came_minor": entry.amount_minor}))
    if grounds:
        return Verdict(grounds=tuple(grounds))
    return Verdict(pieces=(Piece(topup.id, entry.amount_minor, MatchKind.TOPUP),))


_ITSELF = UUID(int=0)
"""Stands for the entry's own id where nothing in the books stands for it."""


def pieces_of(entry_id: UUID, verdict: Verdict) -> tuple[Piece, ...]:
    """The pieces of an entry that is matched, under its own id where they stand for nothing in the books.

    Together they are the entry, to the minor unit.
    """
    return tuple(replace(piece, target=entry_id) if piece.target == _ITSELF else piece for piece in verdict.pieces)


def in_order(entries: Sequence[tuple[UUID, Facts]]) -> list[tuple[UUID, Facts]]:
    """Payouts, then what came, then whatever else left.

    So a payment and its return in one statement are both understood, and what a fund gives back is there.
    """

    def turn(one: tuple[UUID, Facts]) -> int:
        facts = one[1]
        return 1 if facts.amount_minor > 0 else 0 if facts.mentions else 2

    return sorted(entries, key=turn)


def plan(entries: Sequence[tuple[UUID, Facts]], known: Known) -> dict[UUID, Verdict]:
    """What each of these entries is, one after the other: what an earlier one uses up, a later one cannot."""
    verdicts = {}
    for entry_id, facts in in_order(entries):
        verdict = judge(facts, known)
        verdicts[entry_id] = verdict
        known = after(known, facts, verdict)
    return verdicts


def after(known: Known, facts: Facts, verdict: Verdict) -> Known:
    """What is known once an entry is matched."""
    payments = dict(known.payments)
    topups, receipts = dict(known.topups), dict(known.receipts)
    for piece in verdict.pieces:
        if piece.kind is MatchKind.PAYOUT and piece.target in payments:
            payments[piece.target] = replace(payments[piece.target], state="paid", seen=True)
        elif piece.kind is MatchKind.RETURN:
            payments[piece.target] = replace(payments[piece.target], state="returned", return_seen=True)
        elif piece.kind is MatchKind.TOPUP:
            reference = facts.structured_reference
            topups[reference] = replace(topups[reference], received_minor=piece.amount_minor, seen=True)
        elif piece.kind in (MatchKind.RECEIPT, MatchKind.WITHDRAWAL) and facts.bank_reference in receipts:
            receipts[facts.bank_reference] = replace(receipts[facts.bank_reference], seen=True)
    runs = {run: tuple(payments.get(payment.id, payment) for payment in members) for run, members in known.runs.items()}
    return replace(known, payments=payments, runs=runs, topups=topups, receipts=receipts)


def by_hand(
    kind: MatchKind, entry: Facts, known: Known, target: UUID | None, *, most_kept_minor: int
) -> tuple[Ground, ...]:
    """Every reason why a person cannot match an entry so; empty when they can.

    A person may take an amount that differs where what came is less than was sent back
    and the bank can have kept the rest as its charge: at most ``most_kept_minor``. Whatever is more
    would make units for which no euros came.
    """
    grounds = []
    comes = entry.amount_minor > 0
    if kind in (MatchKind.RECEIPT, MatchKind.TOPUP, MatchKind.RETURN) and not comes:
        grounds.append(Ground("entry.money-left"))
    if kind in (MatchKind.WITHDRAWAL, MatchKind.PAYOUT, MatchKind.CHARGE) and comes:
        grounds.append(Ground("entry.money-came"))
    if kind in (MatchKind.PAYOUT, MatchKind.RETURN):
        payment = known.payments.get(target) if target else None
        if payment is None:
            grounds.append(Ground("entry.payment-unknown"))
        elif kind is MatchKind.PAYOUT:
            grounds += [one for one in _out(entry, [payment]).grounds if one.code != "entry.return-leaves"]
        else:
            found = _back(entry, payment).grounds
            kept = entry.amount_minor < payment.amount_minor <= entry.amount_minor + most_kept_minor
            grounds += [one for one in found if not (kept and one.code == "entry.amount-differs")]
    return _once(grounds)


def _once(grounds: Sequence[Ground]) -> tuple[Ground, ...]:
    found: list[Ground] = []
    for ground in grounds:
        if ground not in found:
            found.append(ground)
    return tuple(found)
