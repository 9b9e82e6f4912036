"""Frozen values of banking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from koinon.kernel.decisions import Ground


class FileKind(StrEnum):
    """What a bank sends: a statement, the status of payments, or a table of movements."""

    CAMT_053 = "camt.053"
    PAIN_002 = "pain.002"
    CSV = "csv"


class MatchKind(StrEnum):
    """What an entry is. The last three stand for nothing in the books and explain a difference."""

    RECEIPT = "receipt"
    WITHDRAWAL = "withdrawal"
    TOPUP = "topup"
    PAYOUT = "payout"
    RETURN = "return"
    CHARGE = "charge"
    OWN = "own"
    OTHER = "other"

    @property
    def is_booked(self) -> bool:
        """Whether a movement of the treasury stands behind it."""
        return self not in ASIDE


ASIDE = frozenset({MatchKind.CHARGE, MatchKind.OWN, MatchKind.OTHER})


# --- What a file says -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Details:
    """Who is on the other side and what they wrote: sealed while an entry is listed, then forgotten."""

    name: str = ""
    account: str = ""
    text: str = ""

    def __repr__(self) -> str:
        return "Details(...)"


@dataclass(frozen=True, slots=True)
class ReadEntry:
    """One booked movement as a file has it; debits are negative. ``place`` is where in the file."""

    place: int
    booked_on: date
    value_on: date | None
    amount_minor: int
    bank_reference: str = ""
    message_id: str = ""
    end_to_end_id: str = ""
    structured_reference: str = ""
    is_return: bool = False
    return_code: str = ""
    bank_code: str = ""
    details: Details = field(default=Details(), repr=False)


@dataclass(frozen=True, slots=True)
class ReadStatement:
    """One account's statement as a file has it. ``account`` is empty where the file does not say."""

    kind: FileKind
    account: str = field(repr=False)
    currency: str
    reference: str
    from_day: date | None
    to_day: date | None
    opening_minor: int | None
    closing_minor: int | None
    entries: tuple[ReadEntry, ...]
    pending: int = 0


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """What a status report says of a payment, or of a whole file when ``end_to_end_id`` is empty."""

    place: int
    message_id: str
    end_to_end_id: str
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReadFile:
    """Everything a file says."""

    kind: FileKind
    statements: tuple[ReadStatement, ...] = ()
    answers: tuple[ReadAnswer, ...] = ()


# --- What is kept -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BankAccount:
    """An account of the town at a bank. ``columns`` says how its CSV's headings are called."""

    id: UUID
    code: str
    number_end: str
    currency: str
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement on a bank account, kept once. ``grounds`` says why it is listed, and is empty once matched."""

    id: UUID
    account_id: UUID
    account_code: str
    booked_on: date
    amount_minor: int
    bank_reference: str
    message_id: str
    end_to_end_id: str
    structured_reference: str
    is_return: bool
    return_code: str
    bank_code: str
    mentions: tuple[UUID, ...]
    grounds: tuple[Ground, ...]
    matches: tuple[Match, ...]
    has_details: bool

    @property
    def is_matched(self) -> bool:
        return bool(self.matches)


@dataclass(frozen=True, slots=True)
class Match:
    """What an entry, or a part of it, was matched with."""

    kind: MatchKind
    target: UUID
    amount_minor: int
    matched_at: datetime
    matched_by: str
    by_hand: bool
    reason: str


# --- What the rules say -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KnownPayment:
    """A payment of the treasury as far as matching needs it. ``seen`` and ``return_seen``: an entry stands for it."""

    id: UUID
    run_id: UUID
    amount_minor: int
    state: str
    run_state: str
    seen: bool
    return_seen: bool


@dataclass(frozen=True, slots=True)
class KnownTopUp:
    """A top-up under its reference. ``received_minor`` is None while its euros are awaited."""

    id: UUID
    asked_minor: int
    received_minor: int | None
    seen: bool


@dataclass(frozen=True, slots=True)
class KnownReceipt:
    """A receipt or withdrawal on the books under a bank reference."""

    id: UUID
    is_received: bool
    amount_minor: int
    seen: bool


@dataclass(frozen=True, slots=True)
class Known:
    """What an entry can be compared with: everything it mentions, and nothing else of the town."""

    payments: Mapping[UUID, KnownPayment] = field(default_factory=dict)
    runs: Mapping[UUID, tuple[KnownPayment, ...]] = field(default_factory=dict)
    receipts: Mapping[str, KnownReceipt] = field(default_factory=dict)
    funds: Mapping[str, UUID] = field(default_factory=dict)
    topups: Mapping[str, KnownTopUp] = field(default_factory=dict)
    reused_references: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an entry, and what it stands for."""

    target: UUID
    amount_minor: int
    kind: MatchKind


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an entry is, or every reason why that cannot be told."""

    pieces: tuple[Piece, ...] = ()
    grounds: tuple[Ground, ...] = ()

    def __post_init__(self) -> None:
        assert bool(self.pieces) != bool(self.grounds), "matched, or listed with a reason"


# --- What is shown ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import makes of one entry; ``is_known`` when an earlier statement had it."""

    place: int
    booked_on: date
    amount_minor: int
    bank_reference: str
    is_known: bool
    kinds: tuple[MatchKind, ...]
    grounds: tuple[Ground, ...]


@dataclass(frozen=True, slots=True)
class AnswerOutcome:
    """What a status report's line does: rejected, noted, or why nothing was done."""

    place: int
    payment_id: UUID | None
    status: str
    reason: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Imported:
    """A file, what it brought and what became of it. ``fingerprint`` stands for all of it, to be sent back.

    ``replayed``: it was imported before, at ``imported_at`` by ``imported_by``, and nothing was changed.
    """

    file_id: UUID
    kind: FileKind
    accounts: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    answers: tuple[AnswerOutcome, ...]
    pending: int
    fingerprint: str
    replayed: bool = False
    imported_at: datetime | None = None
    imported_by: str = ""

    @property
    def matched(self) -> int:
        return sum(bool(one.kinds) and not one.is_known for one in self.outcomes)

    @property
    def listed(self) -> int:
        return sum(bool(one.grounds) and not one.is_known for one in self.outcomes)

    @property
    def known(self) -> int:
        return sum(one.is_known for one in self.outcomes)


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """A bank account by its statements. ``gap_minor`` is what no imported statement explains."""

    id: UUID
    code: str
    number_end: str
    currency: str
    last_day: date | None
    opening_minor: int
    entries_minor: int
    closing_minor: int

    @property
    def gap_minor(self) -> int:
        return self.closing_minor - self.opening_minor - self.entries_minor


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the difference between the banks and the books: a code, how much, and how many movements."""

    code: str
    amount_minor: int
    count: int


@dataclass(frozen=True, slots=True)
class Reserve:
    """What the banks hold, what the books say they hold, and every part of the difference."""

    accounts: tuple[AccountBalance, ...]
    books_minor: int
    parts: tuple[Part, ...]

    @property
    def banks_minor(self) -> int:
        return sum(account.closing_minor for account in self.accounts)

    @property
    def difference_minor(self) -> int:
        return self.banks_minor - self.books_minor

    @property
    def unexplained_minor(self) -> int:
        return self.difference_minor - sum(part.amount_minor for part in self.parts)
