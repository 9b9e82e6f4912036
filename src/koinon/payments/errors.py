"""What payments may refuse.

PaymentsError
├── AmountNotPositive       payments.amount-not-positive
├── SameParty               payments.same-party
├── KeyReused               payments.key-reused
├── NotPayable              payments.not-payable
├── PaymentNotFound         payments.payment-not-found
├── RefundTooLarge          payments.refund-too-large
└── RefundNotCovered        payments.refund-not-covered
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from koinon.kernel.decisions import Ground
from koinon.kernel.errors import KoinonError
from koinon.kernel.money import Amount


class PaymentsError(KoinonError):
    """A payment or refund cannot be made."""

    code = "payments.refused"


class AmountNotPositive(PaymentsError):
    """A payment or refund moves more than nothing."""

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
    """The key belongs to a payment or refund that asked for something else."""

    code = "payments.key-reused"

    def __init__(self, *, key: str) -> None:
        self.key = key
        super().__init__(f"key {key} was used for something else")


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
