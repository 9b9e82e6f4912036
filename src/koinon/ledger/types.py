"""The values of the books: accounts, requests and what becomes of them, blocks and proofs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from koinon.kernel.money import Amount
from koinon.ledger.errors import RequestRefused


class Kind(StrEnum):
    """What an account is for. Every kind but issuance keeps a floor."""

    ISSUANCE = "issuance"
    RESERVE = "reserve"
    ESCROW = "escrow"
    PURSE = "purse"
    TILL = "till"
    REDEMPTION = "redemption"
    CLEARING = "clearing"
    MEMBER = "member"


class Code(StrEnum):
    """Why money moves; table ledger.route says between which kinds of account."""

    RECEIVE = "receive"
    WITHDRAW = "withdraw"
    ISSUE = "issue"
    UNISSUE = "unissue"
    DISBURSE = "disburse"
    PAY = "pay"
    REDEEM = "redeem"
    PAYOUT = "payout"
    EXPIRE = "expire"
    TOPUP = "topup"
    BONUS = "bonus"
    REWARD = "reward"
    FEE = "fee"
    UNBIND = "unbind"
    EXCHANGE = "exchange"
    COVER = "cover"


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to open. ``fund`` None is the free fund; ``floor_minor`` None only for issuance."""

    kind: str
    unit: str
    holder: UUID
    fund: UUID | None = None
    floor_minor: int | None = 0
    ceiling_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """An account as it stands."""

    id: int
    kind: str
    unit: str
    holder: UUID
    fund: UUID | None
    floor_minor: int | None
    ceiling_minor: int | None
    debits_posted: int
    credits_posted: int
    debits_held: int
    credits_held: int
    opened_at: datetime
    closed_at: datetime | None

    @property
    def balance(self) -> Amount:
        return Amount(self.credits_posted - self.debits_posted, self.unit)

    @property
    def available(self) -> Amount:
        """What the holder can pay with: the balance without what is held."""
        return Amount(self.credits_posted - self.debits_posted - self.debits_held, self.unit)


@dataclass(frozen=True, slots=True)
class Transfer:
    """Move ``amount`` from the account ``debit`` to the account ``credit``."""

    id: UUID
    debit: int
    credit: int
    amount: Amount
    code: str
    effective_at: datetime
    actor: str
    reference: str = ""
    group: UUID | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """Reserve ``amount`` on ``debit`` and room for it on ``credit`` until ``lapses_at``."""

    id: UUID
    debit: int
    credit: int
    amount: Amount
    code: str
    effective_at: datetime
    lapses_at: datetime
    actor: str
    reference: str = ""
    group: UUID | None = None


@dataclass(frozen=True, slots=True)
class Capture:
    """Pay from a hold; what is not captured is given back. ``amount`` None is all of it."""

    id: UUID
    hold: UUID
    effective_at: datetime
    actor: str
    amount: Amount | None = None
    reference: str = ""
    group: UUID | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """Give back what a hold reserved."""

    id: UUID
    hold: UUID
    effective_at: datetime
    actor: str
    reference: str = ""
    group: UUID | None = None


@dataclass(frozen=True, slots=True)
class Reversal:
    """Undo a transfer by a new one the other way. ``amount`` None is all that is left of it."""

    id: UUID
    original: UUID
    effective_at: datetime
    actor: str
    amount: Amount | None = None
    reference: str = ""
    group: UUID | None = None


Request = Transfer | Hold | Capture | Release | Reversal


@dataclass(frozen=True, slots=True)
class Posted:
    """The request was accepted, now or (``replayed``) when its id came first."""

    id: UUID
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """The request was refused, and why."""

    error: RequestRefused


Outcome = Posted | Refused


@dataclass(frozen=True, slots=True)
class Movement:
    """A transfer as one account sees it: ``signed_minor`` is positive when money came in."""

    transfer_id: UUID
    counterparty: int
    signed_minor: int
    unit: str
    code: str
    effective_at: datetime
    posted_at: datetime
    reference: str
    reverses: UUID | None

    @property
    def amount(self) -> Amount:
        return Amount(self.signed_minor, self.unit)


@dataclass(frozen=True, slots=True)
class PostedTransfer:
    """A transfer as it stands in the books.

    ``kind`` is t for a transfer of its own, c or C for a capture of an amount or
    of all, r or R for a reversal of an amount or of all that was left. It is the
    ``leg``-th (from 0) of ``legs`` in its group, which begins at ``group_seq``.
    """

    town_id: int
    seq: int
    id: UUID
    debit_account: int
    credit_account: int
    amount_minor: int
    code: str
    kind: str
    leg: int
    legs: int
    group_seq: int
    effective_at: datetime
    posted_at: datetime
    actor: str
    reference: str
    reverses: UUID | None
    hold_id: UUID | None


@dataclass(frozen=True, slots=True)
class Totals:
    """A town's units in minor units, from the books alone.

    issued = redeemed + expired + outstanding, always. ``reserve`` is the euros
    the books say are in the bank; ``unissued`` of them back no unit yet, and
    ``owed`` are on their way to shops, so reserve = outstanding + unissued + owed.
    ``paid`` is the value of payments between residents and businesses, reversals taken off.
    """

    issued: int
    paid: int
    redeemed: int
    expired: int
    outstanding: int
    reserve: int
    unissued: int
    owed: int


@dataclass(frozen=True, slots=True)
class Block:
    """A sealed block: the rows of the journal from ``seq_from`` up to, not including, ``seq_to``.

    ``transfers`` counts all of them, holds and releases too.
    """

    number: int
    seq_from: int
    seq_to: int
    transfers: int
    merkle_root: bytes
    previous: bytes
    hash: bytes
    sealed_at: datetime


@dataclass(frozen=True, slots=True)
class SealedRow:
    """A row of the journal as its canonical bytes say it; ``target`` is the hold or original it points at."""

    town_id: int
    seq: int
    id: UUID
    kind: str
    debit_account: int
    credit_account: int
    amount_minor: int
    code: str
    leg: int
    legs: int
    effective_at: datetime
    posted_at: datetime
    target: UUID | None
    actor: str
    reference: str


@dataclass(frozen=True, slots=True)
class Step:
    """One level on the way to a root: the hashes of the neighbours before and after."""

    before: tuple[bytes, ...]
    after: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """That one row is in one block: its canonical bytes and its neighbours on each level, from the leaf upwards."""

    town_id: int
    transfer_id: UUID
    canonical: bytes
    path: tuple[Step, ...]
    block: Block
