"""What payments may refuse.

PaymentsError
├── AmountNotPositive       payments.amount-not-positive
├── SameParty               payments.same-party
├── KeyReused               payments.key-reused
├── TooFarAhead             payments.too-far-ahead
├── LapsesTooSoon           payments.lapses-too-soon
├── NotPayable              payments.not-payable
├── PaymentNotFound         payments.payment-not-found
├── RefundTooLarge          payments.refund-too-large
├── RefundNotCovered        payments.refund-not-covered
├── HoldNotFound            payments.hold-not-found
├── HoldNotOpen             payments.hold-not-open
├── CaptureTooLarge         payments.capture-too-large
├── NotACodeToPay           payments.not-a-code-to-pay
├── PayeeCodeReplaced       payments.payee-code-replaced
├── RequestNotGenuine       payments.request-not-genuine
├── RequestNotFound         payments.request-not-found
├── RequestTooLong          payments.request-too-long
├── RequestNotOpen
│   ├── RequestPaid         payments.request-paid
│   ├── RequestWithdrawn    payments.request-withdrawn
│   └── RequestExpired      payments.request-expired
├── Busy                    payments.busy
├── ChargeGivenUp           payments.charge-given-up
├── CashierNotFound         payments.cashier-not-found
├── CashierPinWrong         payments.cashier-pin-wrong
├── CashierMustWait         payments.cashier-must-wait
├── CashierPinWeak          payments.cashier-pin-weak
├── ManagerNeeded           payments.manager-needed
└── ShiftNotFound           payments.shift-not-found
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from koinon.kernel.decisions import Ground
from koinon.kernel.errors import KoinonError
from koinon.kernel.money import Amount


class PaymentsError(KoinonError):
    """A payment, refund or hold cannot be made."""

    code = "payments.refused"


class AmountNotPositive(PaymentsError):
    """A payment, refund, hold or capture moves more than nothing."""

    code = "payments.amount-not-positive"

    def __init__(self, *, amount: Amount) -> None:
        self.amount = amount
        super().__init__(f"{amount} is not an amount above zero")


class SameParty(PaymentsError):
    """Payer and payee are one."""

    code = "payments.same-party"

    def __init__(self, *, party_id: UUID) -> None:
        self.party_id = str(party_id)
        super().__init__(f"party {party_id} cannot pay itself")


class KeyReused(PaymentsError):
    """The id, which is its idempotency key, belongs to something else that was asked for before."""

    code = "payments.key-reused"

    def __init__(self, *, key: str) -> None:
        self.key = key
        super().__init__(f"key {key} was used for something else")


class TooFarAhead(PaymentsError):
    """It would happen more than a day from now. Days are counted from the newest row back, which needs an end."""

    code = "payments.too-far-ahead"

    def __init__(self, *, effective_at: datetime) -> None:
        self.effective_at = effective_at.isoformat()
        super().__init__(f"{effective_at.isoformat()} is more than a day ahead of the clock")


class LapsesTooSoon(PaymentsError):
    """A hold lapses after it is placed."""

    code = "payments.lapses-too-soon"

    def __init__(self, *, lapses_at: datetime) -> None:
        self.lapses_at = lapses_at.isoformat()
        super().__init__(f"a hold that lapses at {lapses_at.isoformat()} would be over before it begins")


class NotPayable(PaymentsError):
    """The payer's purses cannot pay this payee this amount; every ground stands in ``grounds``.

    ``payable`` is the most that could be paid to this payee at this price.
    """

    code = "payments.not-payable"

    def __init__(self, *, asked: Amount, payable: Amount, grounds: Sequence[Ground]) -> None:
        self.asked = asked
        self.payable = payable
        self.grounds = tuple(grounds)
        codes = ", ".join(dict.fromkeys(ground.code for ground in grounds))
        super().__init__(f"{asked} asked, {payable} can be paid ({codes})")

    @property
    def fields(self) -> dict[str, Any]:
        return {
            "asked": self.asked,
            "payable": self.payable,
            "grounds": [{"code": ground.code, "fields": ground.fields} for ground in self.grounds],
        }


class PaymentNotFound(PaymentsError):
    """The town has no such payment."""

    code = "payments.payment-not-found"

    def __init__(self, *, payment_id: UUID) -> None:
        self.payment_id = str(payment_id)
        super().__init__(f"there is no payment {payment_id}")


class RefundTooLarge(PaymentsError):
    """All refunds of a payment together give back at most what was paid."""

    code = "payments.refund-too-large"

    def __init__(self, *, payment_id: UUID, left: Amount, asked: Amount) -> None:
        self.payment_id = str(payment_id)
        self.left = left
        self.asked = asked
        super().__init__(f"{left} are left to refund of payment {payment_id}, {asked} asked")


class RefundNotCovered(PaymentsError):
    """The payee no longer has the money that would be given back."""

    code = "payments.refund-not-covered"

    def __init__(self, *, payment_id: UUID, asked: Amount) -> None:
        self.payment_id = str(payment_id)
        self.asked = asked
        super().__init__(f"the payee of payment {payment_id} does not have {asked} to give back")


class HoldNotFound(PaymentsError):
    """The town has no such hold."""

    code = "payments.hold-not-found"

    def __init__(self, *, hold_id: UUID) -> None:
        self.hold_id = str(hold_id)
        super().__init__(f"there is no hold {hold_id}")


class HoldNotOpen(PaymentsError):
    """The hold was captured or released before, or its time is over."""

    code = "payments.hold-not-open"

    def __init__(self, *, hold_id: UUID, state: str) -> None:
        self.hold_id = str(hold_id)
        self.state = state
        super().__init__(f"hold {hold_id} is {state}")


class CaptureTooLarge(PaymentsError):
    """A capture takes at most what is held."""

    code = "payments.capture-too-large"

    def __init__(self, *, hold_id: UUID, held: Amount, asked: Amount) -> None:
        self.hold_id = str(hold_id)
        self.held = held
        self.asked = asked
        super().__init__(f"{held} are held by {hold_id}, {asked} asked")


class NotACodeToPay(PaymentsError):
    """What was scanned or typed is neither a request nor the code of a payee of this town; a digit may be wrong."""

    code = "payments.not-a-code-to-pay"

    def __init__(self) -> None:
        super().__init__("this is not the code of a request or of somebody to pay")


class PayeeCodeReplaced(PaymentsError):
    """The payee has another code now; this one pays nobody."""

    code = "payments.payee-code-replaced"

    def __init__(self) -> None:
        super().__init__("this code was replaced by another one")


class RequestNotGenuine(PaymentsError):
    """The request is not one that the town signed, or was changed since; nothing is paid."""

    code = "payments.request-not-genuine"

    def __init__(self) -> None:
        super().__init__("this request was not signed by the town as it stands")


class RequestNotFound(PaymentsError):
    """The town has no such request."""

    code = "payments.request-not-found"

    def __init__(self, *, request_id: UUID | None = None) -> None:
        self.request_id = str(request_id) if request_id else ""
        super().__init__(f"there is no request {request_id}" if request_id else "there is no such request")


class RequestTooLong(PaymentsError):
    """A request holds for some time, and no longer than a request may."""

    code = "payments.request-too-long"

    def __init__(self, *, longest: timedelta) -> None:
        self.most_days = longest.days
        super().__init__(f"a request holds for {longest.days} days at the most")


class RequestNotOpen(PaymentsError):
    """The root of why a request cannot be paid any more."""

    code = "payments.request-not-open"

    def __init__(self, *, request_id: UUID) -> None:
        self.request_id = str(request_id)
        super().__init__(f"request {request_id} cannot be paid: {self.code}")


class RequestPaid(RequestNotOpen):
    """The request was paid; a request is paid once."""

    code = "payments.request-paid"


class RequestWithdrawn(RequestNotOpen):
    """Whoever asked took the request back."""

    code = "payments.request-withdrawn"


class RequestExpired(RequestNotOpen):
    """The time within which the request could be paid is over."""

    code = "payments.request-expired"

    def __init__(self, *, request_id: UUID, expired_at: datetime) -> None:
        self.expired_at = expired_at.isoformat()
        super().__init__(request_id=request_id)


class Busy(PaymentsError):
    """More is waiting to be posted than can be in good time. Nothing was tried; ask again with the same id."""

    code = "payments.busy"

    def __init__(self, *, retry_after_seconds: int) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(f"too much is waiting; try again in {retry_after_seconds} s")


class ChargeGivenUp(PaymentsError):
    """The till gave this charge up before it was paid. It was not paid and never will be; a new charge has a new key."""

    code = "payments.charge-given-up"

    def __init__(self, *, key: UUID) -> None:
        self.key = str(key)
        super().__init__(f"charge {key} was given up")


class CashierNotFound(PaymentsError):
    """Nobody of this shop who works at its till is meant."""

    code = "payments.cashier-not-found"

    def __init__(self, *, cashier: UUID) -> None:
        self.cashier = cashier
        super().__init__(f"the shop has no cashier {cashier}")


class CashierPinWrong(PaymentsError):
    """The PIN is not this cashier's."""

    code = "payments.cashier-pin-wrong"

    def __init__(self, *, cashier: UUID) -> None:
        self.cashier = cashier
        super().__init__(f"wrong PIN for cashier {cashier}")


class CashierMustWait(PaymentsError):
    """Too many wrong PINs: none is looked at before ``until``. A manager can give this cashier another PIN at once."""

    code = "payments.cashier-must-wait"

    def __init__(self, *, cashier: UUID, until: datetime) -> None:
        self.cashier = cashier
        self.until = until
        super().__init__(f"no PIN of cashier {cashier} is looked at before {until.isoformat()}")


class CashierPinWeak(PaymentsError):
    """A cashier's PIN has four to six digits, and not one digit only."""

    code = "payments.cashier-pin-weak"

    def __init__(self) -> None:
        super().__init__("this PIN does not have four to six different digits")


class ManagerNeeded(PaymentsError):
    """Only a manager of the shop does this; and while it has cashiers, one manager stays."""

    code = "payments.manager-needed"

    def __init__(self) -> None:
        super().__init__("a manager of the shop is needed")


class ShiftNotFound(PaymentsError):
    """The shop has no such shift."""

    code = "payments.shift-not-found"

    def __init__(self, *, shift: UUID) -> None:
        self.shift = shift
        super().__init__(f"the shop has no shift {shift}")
