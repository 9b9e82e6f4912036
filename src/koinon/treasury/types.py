"""Frozen values of the treasury."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from koinon.kernel.money import Amount


class Direction(StrEnum):
    """Which way euros went between the town's budget and the reserve."""

    RECEIVED = "received"
    WITHDRAWN = "withdrawn"


class FileFormat(StrEnum):
    """What the town's bank takes. The pain.001 versions are those of ISO 20022's schema names."""

    PAIN_001_03 = "pain.001.001.03"
    PAIN_001_09 = "pain.001.001.09"
    CSV = "csv"


class RunState(StrEnum):
    """prepared, approved by a second person, exported for the bank, settled; or cancelled before the bank had it."""

    PREPARED = "prepared"
    APPROVED = "approved"
    EXPORTED = "exported"
    SETTLED = "settled"
    CANCELLED = "cancelled"


class PaymentState(StrEnum):
    """due until the bank paid it; rejected where it never did; returned where the money came back."""

    DUE = "due"
    PAID = "paid"
    REJECTED = "rejected"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class Terms:
    """What the town has told its shops about redemption, from ``from_day`` on.

    The fee is ``fee_minor`` and ``fee_bps`` (hundredths of a per cent) of what is asked; a request
    waits ``cooling_days`` before a run takes it; ``schedule`` is "" for runs on any day, else
    ``weekly:5`` (1 is Monday) or ``monthly:1,15``.
    """

    from_day: date
    minimum_minor: int
    file_format: FileFormat
    execution_days: int
    source: str
    fee_minor: int = 0
    fee_bps: int = 0
    cooling_days: int = 0
    schedule: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Euros that came into the reserve, or went back to the town's budget; ``fund`` None is a top-up's."""

    id: UUID
    direction: Direction
    fund: UUID | None
    amount: Amount
    bank_reference: str
    transfer_id: UUID
    effective_at: datetime
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Redemption:
    """A business's request to be paid out: its units left circulation at once, its euros are owed."""

    id: UUID
    party: UUID
    amount: Amount
    transfer_id: UUID
    requested_at: datetime
    replayed: bool = False
    fee_minor: int = 0
    fee_transfer_id: UUID | None = None
    payable_from: date | None = None

    @property
    def asked(self) -> Amount:
        """What left the till: ``amount`` is paid out, the fee stays with the town."""
        return Amount(self.amount.minor + self.fee_minor, self.amount.unit)


@dataclass(frozen=True, slots=True)
class RedemptionState:
    """A request as its business sees it: open, in-run, sent, paid, undone, or returned by the bank to the till."""

    id: UUID
    amount: Amount
    requested_at: datetime
    state: str
    run_id: UUID | None
    paid_at: datetime | None
    fee_minor: int = 0
    payable_from: date | None = None


@dataclass(frozen=True, slots=True)
class BankPayment:
    """One payment of a run: everything a business is owed, in one credit transfer.

    ``reason`` is the ISO 20022 code of a rejection or return, such as AC04;
    ``payee_digest`` is what is kept of the name, account and amount that were approved.
    """

    id: UUID
    run_id: UUID
    party: UUID
    amount: Amount
    state: PaymentState
    transfer_id: UUID | None
    paid_at: datetime | None
    returned_at: datetime | None
    reason: str
    payee_digest: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class PaidRedemption:
    """A request and the bank payment that pays it."""

    redemption: Redemption
    payment_id: UUID
    run_id: UUID


@dataclass(frozen=True, slots=True)
class Run:
    """A batch of payments to the bank. What comes with a step is None before it."""

    id: UUID
    state: RunState
    total: Amount
    payments: int
    execution_day: date | None
    file_format: FileFormat | None
    file_digest: bytes | None
    prepared_by: str
    prepared_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    exported_by: str | None
    exported_at: datetime | None
    settled_by: str | None
    settled_at: datetime | None
    cancelled_by: str | None
    cancelled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Euros:
    """A town's euros in minor units: ``owed`` to businesses stands with a request and no payment made."""

    received: int
    withdrawn: int
    paid_out: int
    owed: int

    @property
    def held(self) -> int:
        """What must be in the bank."""
        return self.received - self.withdrawn - self.paid_out


@dataclass(frozen=True, slots=True)
class Payee:
    """Whom the bank shall pay. Exists only while a file is written: never stored, logged or shown."""

    name: str
    account: str

    def __repr__(self) -> str:
        return "Payee(...)"


@dataclass(frozen=True, slots=True)
class CreditTransfer:
    """One payment as the bank's file has it."""

    end_to_end_id: str
    payee: Payee
    amount_minor: int
    remittance: str


@dataclass(frozen=True, slots=True)
class PaymentFile:
    """A file for the bank, with what a person checks before uploading it."""

    name: str
    media_type: str
    content: bytes
    sha256: str
    payments: int
    total: Amount

    def __repr__(self) -> str:
        return f"PaymentFile({self.name!r}, payments={self.payments}, total={self.total!s})"


class Way(StrEnum):
    """How the euros of a top-up come: through the town's bank account, or by a card provider."""

    BANK = "bank"
    CARD = "card"


class TopUpState(StrEnum):
    """pending until its euros have come; cancelled where its party gave it up before."""

    PENDING = "pending"
    RECEIVED = "received"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class TopUp:
    """Somebody buys units. ``amount`` was announced, ``received`` came; the references are those of the first that said so
    and, once it has, of the second."""

    id: UUID
    party: UUID
    amount: Amount
    way: Way
    reference: str
    state: TopUpState
    requested_at: datetime
    received: Amount | None
    received_way: Way | None
    received_at: datetime | None
    transfer_id: UUID | None
    bank_reference: str | None
    card_reference: str | None
    returned: Amount
    replayed: bool = False

    @property
    def left(self) -> Amount:
        """What came and did not go back."""
        return (self.received or self.returned) - self.returned


@dataclass(frozen=True, slots=True)
class TopUpRow:
    """The same as its row has it."""

    id: UUID
    party: UUID
    amount_minor: int
    way: str
    reference: str
    state: str
    requested_at: datetime
    received_minor: int | None
    received_way: str | None
    received_at: datetime | None
    transfer_id: UUID | None
    bank_reference: str | None
    card_reference: str | None
    returned_minor: int

    def with_unit(self, unit: str) -> TopUp:
        return TopUp(
            self.id, self.party, Amount(self.amount_minor, unit), Way(self.way), self.reference, TopUpState(self.state),
            self.requested_at, None if self.received_minor is None else Amount(self.received_minor, unit),
            Way(self.received_way) if self.received_way else None, self.received_at, self.transfer_id,
            self.bank_reference, self.card_reference, Amount(self.returned_minor, unit),
        )  # fmt: skip
