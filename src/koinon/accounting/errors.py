"""What accounting may refuse.

AccountingError
├── AlreadySaid             accounting.already-said
├── FundNotFound            accounting.fund-not-found
├── KeyReused               accounting.key-reused
├── OnlyForward             accounting.only-forward
├── OrganisationNotFound    accounting.organisation-not-found
├── PlaceUnknown            accounting.place-unknown
├── SamePerson              accounting.same-person
├── TownPaymentInOtherState accounting.town-payment-in-other-state
└── TownPaymentNotFound     accounting.town-payment-not-found
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from koinon.kernel.errors import KoinonError


class AccountingError(KoinonError):
    """The root of what accounting refuses."""

    code = "accounting.refused"


class AlreadySaid(AccountingError):
    """For that day something else is on record already, and records are not rewritten: say it from a later day on."""

    code = "accounting.already-said"

    def __init__(self, *, day: date) -> None:
        self.day = day
        super().__init__(f"something else is on record from {day.isoformat()} on; say it from another day on")


class FundNotFound(AccountingError):
    """The town has no such fund."""

    code = "accounting.fund-not-found"

    def __init__(self, *, fund: UUID) -> None:
        self.fund = fund
        super().__init__(f"the town has no fund {fund}")


class KeyReused(AccountingError):
    """The idempotency key was used before, for something else."""

    code = "accounting.key-reused"

    def __init__(self, *, key: str) -> None:
        self.key = key
        super().__init__(f"key {key} was used before, for something else")


class OnlyForward(AccountingError):
    """What statements say changes from today on at the earliest: those that were given keep their words."""

    code = "accounting.only-forward"

    def __init__(self, *, day: date, today: date) -> None:
        self.day = day
        self.today = today
        super().__init__(f"{day.isoformat()} is over; say it from {today.isoformat()} on, or later")


class OrganisationNotFound(AccountingError):
    """The town has no such organisation."""

    code = "accounting.organisation-not-found"

    def __init__(self, *, party: UUID) -> None:
        self.party = party
        super().__init__(f"the town has no organisation {party}")


class PlaceUnknown(AccountingError):
    """The books have no such kind of account."""

    code = "accounting.place-unknown"

    def __init__(self, *, place: str, known: Iterable[str]) -> None:
        self.place = place
        self.known = sorted(known)
        super().__init__(f"the books have no kind of account “{place}”; there are {', '.join(self.known)}")


class SamePerson(AccountingError):
    """Whoever prepared a payment cannot approve it."""

    code = "accounting.same-person"

    def __init__(self, *, payment: UUID, actor: str) -> None:
        self.payment = payment
        self.actor = actor
        super().__init__(f"{actor} prepared payment {payment}, so another person must approve it")


class TownPaymentInOtherState(AccountingError):
    """The payment was made or cancelled before."""

    code = "accounting.town-payment-in-other-state"

    def __init__(self, *, payment: UUID, state: str) -> None:
        self.payment = payment
        self.state = state
        super().__init__(f"payment {payment} is {state}, so this cannot be done any more")


class TownPaymentNotFound(AccountingError):
    """The town has prepared no such payment."""

    code = "accounting.town-payment-not-found"

    def __init__(self, *, payment: UUID) -> None:
        self.payment = payment
        super().__init__(f"the town has prepared no payment {payment}")
