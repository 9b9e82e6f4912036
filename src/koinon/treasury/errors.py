"""What the treasury may refuse.

    TreasuryError
    ├── FundNotFound            treasury.fund-not-found
    ├── KeyReused               treasury.key-reused
    ├── BankReferenceReused     treasury.bank-reference-reused
    ├── NoTill                  treasury.no-till
    ├── BelowMinimum            treasury.below-minimum
    ├── TermsNotPossible        treasury.terms-not-possible
    ├── RedemptionNotFound      treasury.redemption-not-found
    ├── RedemptionNotOpen       treasury.redemption-not-open
    ├── NothingToPay            treasury.nothing-to-pay
    ├── RunNotFound             treasury.run-not-found
    ├── RunInOtherState         treasury.run-in-other-state
    ├── SamePerson              treasury.same-person
    ├── PaymentNotFound         treasury.payment-not-found
    ├── PaymentInOtherState     treasury.payment-in-other-state
    ├── CurrencyNotSepa         treasury.currency-not-sepa
    ├── PayeesNotPayable        treasury.payees-not-payable
    ├── OtherThanShown          treasury.other-than-shown
    ├── PayeeChanged            treasury.payee-changed
    ├── TopUpNotFound           treasury.topup-not-found
    ├── TopUpNotOpen            treasury.topup-not-open
    ├── TopUpAmountDiffers      treasury.topup-amount-differs
    ├── TopUpAlreadyReceived    treasury.topup-already-received
    ├── TopUpReturnTooLarge     treasury.topup-return-too-large
    ├── CardsNotOffered         treasury.cards-not-offered
    ├── CallbackNotGenuine      treasury.callback-not-genuine
    └── FileWouldDiffer         treasury.file-would-differ

No refusal carries a name or an account number.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from koinon.kernel.decisions import Ground
from koinon.kernel.errors import KoinonError
from koinon.kernel.money import Amount


class TreasuryError(KoinonError):
    """The root of the treasury's refusals."""

    code = "treasury.refused"


class FundNotFound(TreasuryError):
    """The town has no such fund, so there is no budget line to receive euros for."""

    code = "treasury.fund-not-found"

    def __init__(self, *, fund: UUID) -> None:
        self.fund = fund
        super().__init__(f"the town has no fund {fund}")


class KeyReused(TreasuryError):
    """The idempotency key was used before, for something else."""

    code = "treasury.key-reused"

    def __init__(self, *, key: str) -> None:
        self.key = key
        super().__init__(f"key {key} was used before, for something else")


class BankReferenceReused(TreasuryError):
    """The bank's reference is on the books already, with another amount, fund or direction."""

    code = "treasury.bank-reference-reused"

    def __init__(self, *, bank_reference: str) -> None:
        self.bank_reference = bank_reference
        super().__init__(f"bank reference {bank_reference} is on the books already, with other content")


class NoTill(TreasuryError):
    """The party has no till: only what a business received can be redeemed."""

    code = "treasury.no-till"

    def __init__(self, *, party: UUID) -> None:
        self.party = party
        super().__init__(f"party {party} has no till to redeem from")


class BelowMinimum(TreasuryError):
    """Less than the smallest amount the town pays out."""

    code = "treasury.below-minimum"

    def __init__(self, *, minimum: Amount, asked: Amount) -> None:
        self.minimum = minimum
        self.asked = asked
        super().__init__(f"{asked} asked, the town pays out {minimum} or more")


class TermsNotPossible(TreasuryError):
    """Terms that cannot be kept, or that would change what was promised before; every reason stands in ``grounds``."""

    code = "treasury.terms-not-possible"

    def __init__(self, *, grounds: Sequence[Ground]) -> None:
        self.grounds = tuple(grounds)
        super().__init__(f"these terms of redemption cannot be kept: {', '.join(one.code for one in self.grounds)}")


class RedemptionNotFound(TreasuryError):
    """The town has no such redemption request."""

    code = "treasury.redemption-not-found"

    def __init__(self, *, redemption: UUID) -> None:
        self.redemption = redemption
        super().__init__(f"the town has no redemption {redemption}")


class RedemptionNotOpen(TreasuryError):
    """The redemption is undone already, or in a run on its way to the bank."""

    code = "treasury.redemption-not-open"

    def __init__(self, *, redemption: UUID) -> None:
        self.redemption = redemption
        super().__init__(f"redemption {redemption} can no longer be undone")


class NothingToPay(TreasuryError):
    """No open redemption: a run without payments is not made."""

    code = "treasury.nothing-to-pay"

    def __init__(self) -> None:
        super().__init__("there is no open redemption to pay")


class RunNotFound(TreasuryError):
    """The town has no such payout run."""

    code = "treasury.run-not-found"

    def __init__(self, *, run: UUID) -> None:
        self.run = run
        super().__init__(f"the town has no payout run {run}")


class RunInOtherState(TreasuryError):
    """The run is not where this step may be taken from."""

    code = "treasury.run-in-other-state"

    def __init__(self, *, run: UUID, state: str, needed: Sequence[str]) -> None:
        self.run = run
        self.state = state
        self.needed = tuple(needed)
        super().__init__(f"run {run} is {state}; this step needs {' or '.join(needed)}")


class SamePerson(TreasuryError):
    """Whoever prepared a run cannot approve it: money leaves on two signatures."""

    code = "treasury.same-person"

    def __init__(self, *, run: UUID, actor: str) -> None:
        self.run = run
        self.actor = actor
        super().__init__(f"run {run} was prepared by {actor}; another person approves it")


class PaymentNotFound(TreasuryError):
    """The run has no such payment."""

    code = "treasury.payment-not-found"

    def __init__(self, *, payment: UUID) -> None:
        self.payment = payment
        super().__init__(f"there is no payment {payment} in the town's runs")


class PaymentInOtherState(TreasuryError):
    """The payment is not where this step may be taken from."""

    code = "treasury.payment-in-other-state"

    def __init__(self, *, payment: UUID, state: str, needed: Sequence[str]) -> None:
        self.payment = payment
        self.state = state
        self.needed = tuple(needed)
        super().__init__(f"payment {payment} is {state}; this step needs {' or '.join(needed)}")


class CurrencyNotSepa(TreasuryError):
    """A SEPA credit transfer is in euros; this town's currency is another."""

    code = "treasury.currency-not-sepa"

    def __init__(self, *, currency: str) -> None:
        self.currency = currency
        super().__init__(f"{currency} cannot be paid by SEPA; export the run as CSV")


class PayeesNotPayable(TreasuryError):
    """Some payees (or the town itself) have no name or account a bank would accept; all of them are listed."""

    code = "treasury.payees-not-payable"

    def __init__(self, *, grounds: Sequence[Ground]) -> None:
        self.grounds = tuple(grounds)
        parties = len({str(ground.fields.get("party", "")) for ground in grounds})
        super().__init__(f"the bank would not take {parties} of the parties in this file; nothing was exported")


class OtherThanShown(TreasuryError):
    """A name, account or amount changed since the person looked who approves: look again, then approve."""

    code = "treasury.other-than-shown"

    def __init__(self, *, run: UUID) -> None:
        self.run = run
        super().__init__(f"run {run} would pay otherwise than was shown")


class PayeeChanged(TreasuryError):
    """A name, account or amount is not the one that was approved: withdraw the approval, look, and approve anew."""

    code = "treasury.payee-changed"

    def __init__(self, *, run: UUID, parties: Sequence[UUID]) -> None:
        self.run = run
        self.parties = tuple(parties)
        named = ", ".join(str(party) for party in self.parties)
        super().__init__(f"run {run} would pay otherwise than approved: {named}")


class FileWouldDiffer(TreasuryError):
    """A name or account changed since the run was first exported; the bank must not get two different files."""

    code = "treasury.file-would-differ"

    def __init__(self, *, run: UUID) -> None:
        self.run = run
        super().__init__(f"run {run} was exported before with other content")


class TopUpNotFound(TreasuryError):
    """The town knows no top-up with this reference."""

    code = "treasury.topup-not-found"

    def __init__(self, *, reference: str) -> None:
        self.reference = reference
        super().__init__(f"the town has no top-up {reference or 'with this reference'}")


class TopUpNotOpen(TreasuryError):
    """The top-up is not waiting for its euros any more."""

    code = "treasury.topup-not-open"

    def __init__(self, *, topup: UUID, state: str) -> None:
        self.topup = topup
        self.state = state
        super().__init__(f"top-up {topup} is {state}")


class TopUpAmountDiffers(TreasuryError):
    """Another amount came than was announced; somebody has to look before it is credited."""

    code = "treasury.topup-amount-differs"

    def __init__(self, *, topup: UUID, asked: Amount, came: Amount) -> None:
        self.topup = topup
        self.asked = asked
        self.came = came
        super().__init__(f"{came} came for top-up {topup} of {asked}")


class TopUpAlreadyReceived(TreasuryError):
    """The euros of this top-up came before; the same bank or card provider shows a second payment for it."""

    code = "treasury.topup-already-received"

    def __init__(self, *, topup: UUID, reference: str) -> None:
        self.topup = topup
        self.reference = reference
        super().__init__(f"top-up {reference} was received before, from another entry")


class TopUpReturnTooLarge(TreasuryError):
    """More was to go back than is left of the top-up."""

    code = "treasury.topup-return-too-large"

    def __init__(self, *, topup: UUID, left: Amount, asked: Amount) -> None:
        self.topup = topup
        self.left = left
        self.asked = asked
        super().__init__(f"{asked} to go back, {left} is left of top-up {topup}")


class CardsNotOffered(TreasuryError):
    """The town takes no cards for top-ups: nobody has said which card provider it works with."""

    code = "treasury.cards-not-offered"

    def __init__(self) -> None:
        super().__init__("no card provider is set up")


class CallbackNotGenuine(TreasuryError):
    """A message to us was not signed by the card provider, or is too old."""

    code = "treasury.callback-not-genuine"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the message is not from the card provider: {reason}")
