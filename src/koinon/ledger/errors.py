"""What the ledger may refuse. A refusal leaves no trace in the books.

    LedgerError
    ├── KeyReused               ledger.key-reused
    ├── KeyFromTheFuture        ledger.key-from-the-future
    ├── AmountNotPositive       ledger.amount-not-positive
    ├── AmountTooLarge          ledger.amount-too-large
    ├── HoldNotFound            ledger.hold-not-found
    ├── HoldNotOpen             ledger.hold-not-open
    ├── OriginalNotFound        ledger.original-not-found
    ├── ReversalOfReversal      ledger.reversal-of-reversal
    ├── AccountNotFound         ledger.account-not-found
    ├── SameAccount             ledger.same-account
    ├── AccountNotOpen          ledger.account-not-open
    ├── AmountUnitMismatch      ledger.unit-mismatch
    ├── RouteNotAllowed         ledger.route-not-allowed
    ├── AmountExceedsHold       ledger.amount-exceeds-hold
    ├── AmountExceedsOriginal   ledger.amount-exceeds-original
    ├── InsufficientFunds       ledger.insufficient-funds
    ├── CeilingReached          ledger.ceiling-reached
    ├── GroupRefused            ledger.group-refused
    ├── BatchMalformed          ledger.batch-malformed
    ├── AccountNotEmpty         ledger.account-not-empty
    ├── SealBroken              ledger.seal-broken
    └── TransferNotSealed       ledger.transfer-not-sealed

The order is that of precedence: of several reasons, a request is refused for the first.
"""

from __future__ import annotations

from uuid import UUID

from koinon.kernel.errors import KoinonError
from koinon.kernel.money import Amount


class LedgerError(KoinonError):
    """The ledger refused a request."""

    code = "ledger.refused"


class RequestRefused(LedgerError):
    """One request of a batch, by its id, and what it met.

    ``account_id`` is the account that stood in the way, ``available`` what it
    (or the hold, or the original) still had to give, ``asked`` what was asked;
    each ``None`` where it does not apply.
    """

    explanation = "was refused"

    def __init__(
        self, *, key: str, account_id: int | None = None, available: Amount | None = None, asked: Amount | None = None
    ) -> None:
        self.key = key
        self.account_id = account_id
        self.available = available
        self.asked = asked
        details = [
            part
            for part in (
                f"account {account_id}" if account_id is not None else "",
                f"{available} available" if available is not None else "",
                f"{asked} asked" if asked is not None else "",
            )
            if part
        ]
        super().__init__(f"request {key} {self.explanation}" + (f" ({', '.join(details)})" if details else ""))


class KeyReused(RequestRefused):
    """The key was accepted before with other content, or for a part of the group only."""

    code = "ledger.key-reused"
    explanation = "carries a key that was used for something else"


class KeyFromTheFuture(RequestRefused):
    """The id says that it was made more than a day from now (UUID version 7): somebody's clock is wrong."""

    code = "ledger.key-from-the-future"
    explanation = "carries an id made in the future"


class AmountNotPositive(RequestRefused):
    """Amounts are whole minor units above zero."""

    code = "ledger.amount-not-positive"
    explanation = "asks for an amount that is not above zero"


class AmountTooLarge(RequestRefused):
    """One transfer moves at most 10^15 minor units."""

    code = "ledger.amount-too-large"
    explanation = "asks for more than one transfer may move"


class HoldNotFound(RequestRefused):
    """No such hold in this town."""

    code = "ledger.hold-not-found"
    explanation = "names a hold that does not exist"


class HoldNotOpen(RequestRefused):
    """The hold was captured or released, or its time is over."""

    code = "ledger.hold-not-open"
    explanation = "names a hold that is no longer open"


class OriginalNotFound(RequestRefused):
    """No such transfer in this town."""

    code = "ledger.original-not-found"
    explanation = "reverses a transfer that does not exist"


class ReversalOfReversal(RequestRefused):
    """A reversal is undone by a new payment, not by a reversal."""

    code = "ledger.reversal-of-reversal"
    explanation = "reverses a reversal"


class AccountNotFound(RequestRefused):
    """No such account in this town."""

    code = "ledger.account-not-found"
    explanation = "names an account that does not exist"


class SameAccount(RequestRefused):
    """An account cannot pay itself."""

    code = "ledger.same-account"
    explanation = "pays an account from itself"


class AccountNotOpen(RequestRefused):
    """The account was closed."""

    code = "ledger.account-not-open"
    explanation = "names an account that is closed"


class AmountUnitMismatch(RequestRefused):
    """Both accounts and the amount must be of one unit."""

    code = "ledger.unit-mismatch"
    explanation = "mixes two units"


class RouteNotAllowed(RequestRefused):
    """This code may not move money between accounts of these kinds (table ledger.route)."""

    code = "ledger.route-not-allowed"
    explanation = "takes a way that its code may not take"


class AmountExceedsHold(RequestRefused):
    """A capture takes at most what its hold reserved."""

    code = "ledger.amount-exceeds-hold"
    explanation = "captures more than was held"


class AmountExceedsOriginal(RequestRefused):
    """All reversals of a transfer together undo at most its amount."""

    code = "ledger.amount-exceeds-original"
    explanation = "reverses more than is left of the original"


class InsufficientFunds(RequestRefused):
    """The paying account would fall below its floor. Nothing was posted."""

    code = "ledger.insufficient-funds"
    explanation = "asks for more than the account has"


class CeilingReached(RequestRefused):
    """The receiving account would rise above its ceiling. Nothing was posted."""

    code = "ledger.ceiling-reached"
    explanation = "gives the account more than it may hold"


class GroupRefused(RequestRefused):
    """Another request of the group was refused, and a group posts wholly or not at all."""

    code = "ledger.group-refused"
    explanation = "stands in a group of which another part was refused"


class BatchMalformed(LedgerError):
    """A batch that makes no sense as a whole: a time without end, a group torn apart."""

    code = "ledger.batch-malformed"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class AccountNotEmpty(LedgerError):
    """Only an account without balance and holds can be closed."""

    code = "ledger.account-not-empty"

    def __init__(self, *, account_id: int) -> None:
        self.account_id = account_id
        super().__init__(f"account {account_id} still holds money")


class SealBroken(LedgerError):
    """What stands in the books is not what was sealed; ``block`` is the first that differs."""

    code = "ledger.seal-broken"

    def __init__(self, *, town_id: int, block: int, reason: str) -> None:
        self.town_id = town_id
        self.block = block
        self.reason = reason
        super().__init__(f"block {block} of town {town_id} is broken: {reason}")


class TransferNotSealed(LedgerError):
    """The transfer does not exist, or its block is not closed yet; try again after the next seal."""

    code = "ledger.transfer-not-sealed"

    def __init__(self, *, transfer_id: UUID) -> None:
        self.transfer_id = transfer_id
        super().__init__(f"transfer {transfer_id} is in no sealed block")


def _leaves(root: type[RequestRefused]) -> dict[str, type[RequestRefused]]:
    return {kind.code: kind for kind in root.__subclasses__()}


BY_CODE: dict[str, type[RequestRefused]] = _leaves(RequestRefused)
