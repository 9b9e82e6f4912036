"""The books as one would keep them on paper: one request at a time, nothing clever, obviously right.

The real ledger must agree with this on every outcome and every balance.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from koinon.ledger.types import Capture, Hold, Release, Request, Reversal, Transfer

ROUTES = {
    ("receive", "issuance", "reserve"),
    ("withdraw", "reserve", "issuance"),
    ("issue", "reserve", "escrow"),
    ("unissue", "escrow", "reserve"),
    ("disburse", "escrow", "purse"),
    ("pay", "purse", "till"),
    ("pay", "purse", "purse"),
    ("pay", "till", "till"),
    ("pay", "till", "purse"),
    ("redeem", "till", "redemption"),
    ("payout", "redemption", "issuance"),
    ("expire", "purse", "reserve"),
}


@dataclass
class ModelAccount:
    kind: str
    floor: int | None = 0
    ceiling: int | None = None
    balance: int = 0
    held_out: int = 0
    held_in: int = 0
    closed: bool = False


@dataclass
class ModelMovement:
    debit: int
    credit: int
    amount: int
    code: str
    is_reversal: bool = False
    reversed: int = 0


@dataclass
class ModelHold:
    debit: int
    credit: int
    amount: int
    code: str
    lapses_at: datetime
    state: str = "open"


@dataclass
class Books:
    """Accounts by number, transfers and holds by id, and the keys that were accepted."""

    accounts: dict[int, ModelAccount] = field(default_factory=dict)
    transfers: dict[UUID, ModelMovement] = field(default_factory=dict)
    holds: dict[UUID, ModelHold] = field(default_factory=dict)
    keys: dict[str, tuple[object, UUID]] = field(default_factory=dict)

    def post(self, requests: list[Request]) -> list[str]:
        """What becomes of a batch, each group wholly or not at all."""
        outcomes: list[str] = []
        place = 0
        while place < len(requests):
            group = requests[place].group
            size = 1
            while group is not None and place + size < len(requests) and requests[place + size].group == group:
                size += 1
            outcomes += self._post_group(requests[place : place + size])
            place += size
        return outcomes

    def _post_group(self, group: list[Request]) -> list[str]:
        before = self._copy()
        outcomes: list[str] = []
        for request in group:
            outcome = self._post_one(request)
            mixed = {outcome, *outcomes} >= {"posted", "replayed"}
            if mixed:
                outcome = "key-reused"
            if len(group) > 1 and outcome not in ("posted", "replayed"):
                self._restore(before)
                return (
                    ["group-refused"] * len(outcomes) + [outcome] + ["group-refused"] * (len(group) - len(outcomes) - 1)
                )
            outcomes.append(outcome)
        return outcomes

    def _copy(self) -> Books:
        from copy import deepcopy

        return deepcopy(self)

    def _restore(self, before: Books) -> None:
        self.accounts, self.transfers = before.accounts, before.transfers
        self.holds, self.keys = before.holds, before.keys

    def _post_one(self, request: Request) -> str:
        content = asked(request)
        if request.key in self.keys:
            return "replayed" if self.keys[request.key][0] == content else "key-reused"
        outcome = self._apply(request)
        if outcome == "posted":
            self.keys[request.key] = (content, request.id)
        return outcome

    def _apply(self, request: Request) -> str:
        wanted = None if isinstance(request, Release) or request.amount is None else request.amount.minor
        if wanted is not None and wanted <= 0:
            return "amount-not-positive"
        if wanted is not None and wanted > 10**15:
            return "amount-too-large"
        hold = original = None
        match request:
            case Capture() | Release():
                hold = self.holds.get(request.hold)
                if hold is None:
                    return "hold-not-found"
                if hold.state != "open" or (isinstance(request, Capture) and request.effective_at >= hold.lapses_at):
                    return "hold-not-open"
                debit, credit, code = hold.debit, hold.credit, hold.code
                amount = hold.amount if wanted is None else wanted
            case Reversal():
                original = self.transfers.get(request.original)
                if original is None:
                    return "original-not-found"
                if original.is_reversal:
                    return "reversal-of-reversal"
                debit, credit, code = original.credit, original.debit, original.code
                amount = original.amount - original.reversed if wanted is None else wanted
            case Transfer() | Hold():
                debit, credit, code = request.debit, request.credit, request.code
                amount = request.amount.minor
        if debit not in self.accounts or credit not in self.accounts:
            return "account-not-found"
        if debit == credit:
            return "same-account"
        payer, payee = self.accounts[debit], self.accounts[credit]
        if payer.closed or payee.closed:
            return "account-not-open"
        if isinstance(request, Transfer | Hold) and (code, payer.kind, payee.kind) not in ROUTES:
            return "route-not-allowed"
        if hold is not None and amount > hold.amount:
            return "amount-exceeds-hold"
        if original is not None and not 0 < amount <= original.amount - original.reversed:
            return "amount-exceeds-original"
        if hold is None:
            if payer.floor is not None and payer.balance - payer.held_out - amount < payer.floor:
                return "insufficient-funds"
            if payee.ceiling is not None and payee.balance + payee.held_in + amount > payee.ceiling:
                return "ceiling-reached"
        if isinstance(request, Hold):
            payer.held_out += amount
            payee.held_in += amount
            self.holds[request.id] = ModelHold(debit, credit, amount, code, request.lapses_at)
            return "posted"
        if hold is not None:
            payer.held_out -= hold.amount
            payee.held_in -= hold.amount
            hold.state = "captured" if isinstance(request, Capture) else "released"
        if not isinstance(request, Release):
            payer.balance -= amount
            payee.balance += amount
            self.transfers[request.id] = ModelMovement(debit, credit, amount, code, is_reversal=original is not None)
        if original is not None:
            original.reversed += amount
        return "posted"

    def lapse(self, now: datetime) -> int:
        due = [hold for hold in self.holds.values() if hold.state == "open" and hold.lapses_at <= now]
        for hold in due:
            hold.state = "lapsed"
            self.accounts[hold.debit].held_out -= hold.amount
            self.accounts[hold.credit].held_in -= hold.amount
        return len(due)

    def close(self, number: int) -> str:
        account = self.accounts[number]
        if account.closed:
            return "account-not-open"
        if account.balance or account.held_out or account.held_in:
            return "account-not-empty"
        account.closed = True
        return "closed"


def asked(request: Request) -> object:
    """What a key stands for: everything but what a retry may change."""
    match request:
        case Transfer() | Hold():
            said: tuple[object, ...] = (request.debit, request.credit, request.amount, request.code)
        case Capture():
            said = (request.hold, request.amount)
        case Reversal():
            said = (request.original, request.amount)
        case Release():
            said = (request.hold,)
    return (type(request).__name__, *said, request.reference)
