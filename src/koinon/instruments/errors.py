"""What instruments may refuse.

    InstrumentsError
    ├── CardNotFound            instruments.card-not-found
    ├── NotACard                instruments.not-a-card
    ├── CardInOtherState        instruments.card-in-other-state
    ├── CardNotUsable
    │   ├── CardNotHandedOver   instruments.card-not-handed-over
    │   ├── CardBlocked         instruments.card-blocked
    │   └── CardEnded           instruments.card-ended
    ├── CardPromised            instruments.card-promised
    ├── CardNotPrintable        instruments.card-not-printable
    ├── TooManyCards            instruments.too-many-cards
    ├── AuthorisationNotFound   instruments.authorisation-not-found
    ├── AuthorisationNotSound   instruments.authorisation-not-sound
    ├── AuthorisationOver       instruments.authorisation-over
    ├── TooManyAuthorised       instruments.too-many-authorised
    ├── KeyReused               instruments.key-reused
    ├── PinWeak                 instruments.pin-weak
    ├── PinNotSet               instruments.pin-not-set
    ├── PinWrong                instruments.pin-wrong
    ├── PinLocked               instruments.pin-locked
    ├── PlaceMustWait           instruments.place-must-wait
    ├── PinNeeded               instruments.pin-needed
    ├── SmallTermsNotSound      instruments.small-terms-not-sound
    ├── PhoneNotSetUp           instruments.phone-not-set-up
    ├── CodeOver                instruments.code-over
    └── CodeUsed                instruments.code-used

No refusal carries a token, a PIN or a card's number.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from koinon.kernel.decisions import Ground
from koinon.kernel.errors import KoinonError


class InstrumentsError(KoinonError):
    """The root of what instruments refuse."""

    code = "instruments.refused"


class CardNotFound(InstrumentsError):
    """The town has no such card."""

    code = "instruments.card-not-found"

    def __init__(self, *, card: UUID | None = None) -> None:
        self.card = card
        super().__init__(f"the town has no card {card}" if card else "the town has no such card")


class NotACard(InstrumentsError):
    """What was scanned or typed is neither the code nor the number of a card; a digit may be wrong."""

    code = "instruments.not-a-card"

    def __init__(self) -> None:
        super().__init__("this is not the code or number of a card")


class CardInOtherState(InstrumentsError):
    """The card is not in a state from which this step leads on; somebody may have taken it already."""

    code = "instruments.card-in-other-state"

    def __init__(self, *, card: UUID, state: str) -> None:
        self.card = card
        self.state = state
        super().__init__(f"card {card} is {state}")


class CardNotUsable(InstrumentsError):
    """The root of why a card is refused where it is presented."""

    code = "instruments.card-not-usable"

    def __init__(self, *, card: UUID) -> None:
        self.card = card
        super().__init__(f"card {card} cannot be used: {self.code}")


class CardNotHandedOver(CardNotUsable):
    """The card has no holder yet: it was printed and not handed over."""

    code = "instruments.card-not-handed-over"


class CardBlocked(CardNotUsable):
    """The card is blocked; the town can unblock or replace it."""

    code = "instruments.card-blocked"


class CardEnded(CardNotUsable):
    """The card was replaced or withdrawn and will never work again; what its holder has is untouched."""

    code = "instruments.card-ended"


class CardPromised(InstrumentsError):
    """The card was made for another person and cannot be handed to this one."""

    code = "instruments.card-promised"

    def __init__(self, *, card: UUID) -> None:
        self.card = card
        super().__init__(f"card {card} was made for somebody else")


class CardNotPrintable(InstrumentsError):
    """The card was handed over, so that what its code says is kept nowhere; replace it instead."""

    code = "instruments.card-not-printable"

    def __init__(self, *, card: UUID) -> None:
        self.card = card
        super().__init__(f"card {card} was handed over and cannot be printed again")


class TooManyCards(InstrumentsError):
    """The person has as many working cards as one may have, or more were asked for at once than are made at once."""

    code = "instruments.too-many-cards"

    def __init__(self, *, most: int) -> None:
        self.most = most
        super().__init__(f"{most} cards are the most")


class AuthorisationNotFound(InstrumentsError):
    """The town has no such authorisation."""

    code = "instruments.authorisation-not-found"

    def __init__(self, *, authorisation: UUID) -> None:
        self.authorisation = authorisation
        super().__init__(f"the town has no authorisation {authorisation}")


class AuthorisationNotSound(InstrumentsError):
    """The limit or the last day of an authorisation cannot be what was asked; every ground is said."""

    code = "instruments.authorisation-not-sound"

    def __init__(self, *, grounds: Sequence[Ground]) -> None:
        self.grounds = tuple(grounds)
        super().__init__("no such authorisation can be given: " + ", ".join(ground.code for ground in grounds))


class AuthorisationOver(InstrumentsError):
    """The authorisation was ended; who shall pay again is authorised anew."""

    code = "instruments.authorisation-over"

    def __init__(self, *, authorisation: UUID) -> None:
        self.authorisation = authorisation
        super().__init__(f"authorisation {authorisation} was ended")


class TooManyAuthorised(InstrumentsError):
    """As many others may pay for this party as one may let; end one first."""

    code = "instruments.too-many-authorised"

    def __init__(self, *, most: int) -> None:
        self.most = most
        super().__init__(f"{most} authorised people are the most")


class KeyReused(InstrumentsError):
    """The idempotency key was used before, for something else."""

    code = "instruments.key-reused"

    def __init__(self, *, key: str) -> None:
        self.key = key
        super().__init__(f"key {key} was used before, for something else")


class PinWeak(InstrumentsError):
    """The PIN is one that a thief would try; every ground is said."""

    code = "instruments.pin-weak"

    def __init__(self, *, grounds: Sequence[Ground]) -> None:
        self.grounds = tuple(grounds)
        super().__init__("this PIN is too easy to guess: " + ", ".join(ground.code for ground in grounds))


class PinNotSet(InstrumentsError):
    """Nobody has chosen a PIN for this card yet."""

    code = "instruments.pin-not-set"

    def __init__(self, *, card: UUID) -> None:
        self.card = card
        super().__init__(f"card {card} has no PIN yet")


class PinWrong(InstrumentsError):
    """The PIN is not the card's. ``tries_left`` before the next wait."""

    code = "instruments.pin-wrong"

    def __init__(self, *, card: UUID, tries_left: int) -> None:
        self.card = card
        self.tries_left = tries_left
        super().__init__(f"wrong PIN, {tries_left} left")


class PinLocked(InstrumentsError):
    """Too many wrong PINs: none is looked at before ``until``. The town's counter can set a new one at once."""

    code = "instruments.pin-locked"

    def __init__(self, *, card: UUID, until: datetime) -> None:
        self.card = card
        self.until = until
        super().__init__(f"no PIN is looked at before {until.isoformat()}")


class PlaceMustWait(InstrumentsError):
    """So many wrong PINs were typed at this till within the hour that it must wait; other tills are not concerned."""

    code = "instruments.place-must-wait"

    def __init__(self, *, until: datetime) -> None:
        self.until = until
        super().__init__(f"too many wrong PINs at this place, wait until {until.isoformat()}")


class PhoneNotSetUp(InstrumentsError):
    """The account pays by no phone yet; its holder sets that up first, with a PIN."""

    code = "instruments.phone-not-set-up"

    def __init__(self) -> None:
        super().__init__("this account pays by no phone yet")


class CodeOver(InstrumentsError):
    """The code that a phone showed is older than a minute, or another one took its place; the phone shows a new one."""

    code = "instruments.code-over"

    def __init__(self) -> None:
        super().__init__("this code is over; let the phone show a new one")


class CodeUsed(InstrumentsError):
    """The code that a phone showed was taken by another till, or has paid already; the phone shows a new one."""

    code = "instruments.code-used"

    def __init__(self) -> None:
        super().__init__("this code was used; let the phone show a new one")


class PinNeeded(InstrumentsError):
    """This purchase is not one for which no PIN is asked; every ground is said. The till asks for the PIN."""

    code = "instruments.pin-needed"

    def __init__(self, *, card: UUID, grounds: Sequence[Ground]) -> None:
        self.card = card
        self.grounds = tuple(grounds)
        super().__init__("a PIN is needed: " + ", ".join(ground.code for ground in grounds))


class SmallTermsNotSound(InstrumentsError):
    """The terms for purchases without a PIN cannot be what was asked; every ground is said."""

    code = "instruments.small-terms-not-sound"

    def __init__(self, *, grounds: Sequence[Ground]) -> None:
        self.grounds = tuple(grounds)
        super().__init__("no such terms can hold: " + ", ".join(ground.code for ground in grounds))
