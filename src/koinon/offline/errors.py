"""What offline payments may refuse.

OfflineError
├── TermsNotPossible        offline.terms-not-possible
├── NotSwitchedOn           offline.not-switched-on
├── ShopNotFound            offline.shop-not-found
├── TooManyDevices          offline.too-many-devices
├── DeviceNotFound          offline.device-not-found
├── DeviceRevoked           offline.device-revoked
├── KeyNotUsable            offline.key-not-usable
├── KeyReused               offline.key-reused
├── TooManyVouchers         offline.too-many-vouchers
└── VoucherNotReadable
    ├── VoucherMalformed    offline.voucher-malformed
    ├── VoucherMisplaced    offline.voucher-misplaced
    └── SignatureWrong      offline.signature-wrong

A voucher that was signed by its till is never refused: it is settled, and says what became of it. No refusal carries a
card's code.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from koinon.kernel.decisions import Ground
from koinon.kernel.errors import KoinonError


class OfflineError(KoinonError):
    """The root of what offline payments refuse."""

    code = "offline.refused"


class TermsNotPossible(OfflineError):
    """A town cannot promise this; every ground is said."""

    code = "offline.terms-not-possible"

    def __init__(self, *, grounds: Sequence[Ground]) -> None:
        self.grounds = tuple(grounds)
        super().__init__("these terms cannot hold: " + ", ".join(ground.code for ground in grounds))


class NotSwitchedOn(OfflineError):
    """The town has no terms for offline payments on this day, or has not switched this shop on."""

    code = "offline.not-switched-on"

    def __init__(self, *, day: date) -> None:
        self.day = day
        super().__init__(f"the shop may not accept payments offline on {day}")


class ShopNotFound(OfflineError):
    """The town has no such shop."""

    code = "offline.shop-not-found"

    def __init__(self, *, party: UUID) -> None:
        self.party = party
        super().__init__(f"the town has no shop {party}")


class TooManyDevices(OfflineError):
    """The shop has as many tills that may accept payments offline as the terms allow; one must be withdrawn first."""

    code = "offline.too-many-devices"

    def __init__(self, *, most: int) -> None:
        self.most = most
        super().__init__(f"{most} tills of a shop are the most")


class DeviceNotFound(OfflineError):
    """The shop has no such till."""

    code = "offline.device-not-found"

    def __init__(self, *, device: UUID) -> None:
        self.device = device
        super().__init__(f"there is no till {device}")


class DeviceRevoked(OfflineError):
    """The till was withdrawn: it may register anew, with a new key."""

    code = "offline.device-revoked"

    def __init__(self, *, device: UUID) -> None:
        self.device = device
        super().__init__(f"till {device} was withdrawn")


class KeyNotUsable(OfflineError):
    """What the till sent is no public key of an algorithm that is taken."""

    code = "offline.key-not-usable"

    def __init__(self) -> None:
        super().__init__("this is not a public key for Ed25519 or P-256")


class KeyReused(OfflineError):
    """The till's id was registered before, with another key or by another shop."""

    code = "offline.key-reused"

    def __init__(self, *, device: UUID) -> None:
        self.device = device
        super().__init__(f"till {device} was registered with something else")


class TooManyVouchers(OfflineError):
    """More vouchers were sent at once than are taken at once; send them in parts."""

    code = "offline.too-many-vouchers"

    def __init__(self, *, most: int) -> None:
        self.most = most
        super().__init__(f"{most} vouchers are the most at once")


class VoucherNotReadable(OfflineError):
    """The root of why a voucher is not taken: nothing shows that a till of the shop signed it."""

    code = "offline.voucher-not-readable"

    def __init__(self) -> None:
        super().__init__(f"the voucher is not taken: {self.code}")


class VoucherMalformed(VoucherNotReadable):
    """The voucher's bytes are not in the form that is signed."""

    code = "offline.voucher-malformed"


class VoucherMisplaced(VoucherNotReadable):
    """The voucher is of another town, another till or another currency than it was sent for."""

    code = "offline.voucher-misplaced"


class SignatureWrong(VoucherNotReadable):
    """The till's key did not sign these bytes."""

    code = "offline.signature-wrong"
