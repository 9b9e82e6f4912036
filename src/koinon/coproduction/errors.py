"""What co-production may refuse.

CoproductionError
├── ActivityNotFound        coproduction.activity-not-found
├── ActivityDiffers         coproduction.activity-differs
├── RateInUse               coproduction.rate-in-use
├── StreamNotKnown          coproduction.stream-not-known
├── OccasionNotFound        coproduction.occasion-not-found
├── OccasionNotOpen         coproduction.occasion-not-open
├── OccasionTooLong         coproduction.occasion-too-long
├── CodeNotValid            coproduction.code-not-valid
├── NotForThem              coproduction.not-for-them
├── DayNotAllowed           coproduction.day-not-allowed
├── QuantityNotPlausible    coproduction.quantity-not-plausible
├── RegisteredAlready       coproduction.registered-already
├── KeyReused               coproduction.key-reused
├── ContributionNotFound    coproduction.contribution-not-found
├── ContributionInState     coproduction.contribution-in-state
├── OwnContribution         coproduction.own-contribution
├── SamePerson              coproduction.same-person
├── ReserveShort            coproduction.reserve-short
├── FundOver                coproduction.fund-over
├── ReasonMissing           coproduction.reason-missing
├── TimeBankNotFound        coproduction.time-bank-not-found
├── TimeBankDiffers         coproduction.time-bank-differs
├── MemberNotFound          coproduction.member-not-found
├── SameMember              coproduction.same-member
├── TimeLimit               coproduction.time-limit
├── ExchangeNotFound        coproduction.exchange-not-found
├── NothingToCertify        coproduction.nothing-to-certify
└── CertificateNotFound     coproduction.certificate-not-found
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from koinon.kernel.errors import KoinonError
from koinon.kernel.money import Amount


class CoproductionError(KoinonError):
    """Something about an activity, a contribution or a time bank cannot be done."""

    code = "coproduction.refused"


class ActivityNotFound(CoproductionError):
    """The town has no such activity."""

    code = "coproduction.activity-not-found"

    def __init__(self, *, activity: str) -> None:
        self.activity = activity
        super().__init__(f"the town has no activity {activity}")


class ActivityDiffers(CoproductionError):
    """What an activity measures and where its reward comes from stay as they began: begin another one instead."""

    code = "coproduction.activity-differs"

    def __init__(self, *, activity: str, settings: Collection[str]) -> None:
        self.activity = activity
        self.settings = sorted(settings)
        super().__init__(f"activity {activity} cannot change its {', '.join(self.settings)}")


class RateInUse(CoproductionError):
    """Something was rewarded by the rate or cap of that day: change it from a later day on."""

    code = "coproduction.rate-in-use"

    def __init__(self, *, activity: str, from_day: date, used_until: date) -> None:
        self.activity = activity
        self.from_day = from_day.isoformat()
        self.used_until = used_until.isoformat()
        super().__init__(f"{activity} was rewarded up to {used_until}; {from_day} is not after it")


class StreamNotKnown(CoproductionError):
    """The activity does not take this stream on that day."""

    code = "coproduction.stream-not-known"

    def __init__(self, *, activity: str, stream: str, known: Collection[str]) -> None:
        self.activity = activity
        self.stream = stream
        self.known = sorted(known)
        super().__init__(f"{activity} does not take {stream or 'a contribution without stream'} on that day")


class OccasionNotFound(CoproductionError):
    """The town has no such occasion."""

    code = "coproduction.occasion-not-found"

    def __init__(self, *, occasion: str) -> None:
        self.occasion = occasion
        super().__init__(f"the town has no occasion {occasion}")


class OccasionNotOpen(CoproductionError):
    """Nobody registers before the occasion opens or after it has closed."""

    code = "coproduction.occasion-not-open"

    def __init__(self, *, occasion: UUID, opens_at: datetime, closes_at: datetime) -> None:
        self.occasion = str(occasion)
        self.opens_at = opens_at.isoformat()
        self.closes_at = closes_at.isoformat()
        super().__init__(f"occasion {occasion} is open from {opens_at} until {closes_at}")


class OccasionTooLong(CoproductionError):
    """A code that hangs at a place for months is photographed: an occasion ends after it begins and lasts a month at most."""

    code = "coproduction.occasion-too-long"

    def __init__(self, *, opens_at: datetime, closes_at: datetime, most_days: int) -> None:
        self.opens_at = opens_at.isoformat()
        self.closes_at = closes_at.isoformat()
        self.most_days = most_days
        super().__init__(
            f"an occasion from {opens_at} until {closes_at} does not last between a moment and {most_days} days"
        )


class CodeNotValid(CoproductionError):
    """The QR code was not made by this town."""

    code = "coproduction.code-not-valid"

    def __init__(self) -> None:
        super().__init__("this code was not made here")


class NotForThem(CoproductionError):
    """The activity is for residents of other neighbourhoods, or the party cannot take part at all."""

    code = "coproduction.not-for-them"

    def __init__(self, *, activity: str, party: UUID) -> None:
        self.activity = activity
        self.party = str(party)
        super().__init__(f"{activity} is not for party {party}")


class DayNotAllowed(CoproductionError):
    """The day lies in the future, too far back, or outside the activity's days."""

    code = "coproduction.day-not-allowed"

    def __init__(self, *, day: date, first: date, last: date) -> None:
        self.day = day.isoformat()
        self.first = first.isoformat()
        self.last = last.isoformat()
        super().__init__(f"{day} is not between {first} and {last}")


class QuantityNotPlausible(CoproductionError):
    """Nobody brings or does that much at once."""

    code = "coproduction.quantity-not-plausible"

    def __init__(self, *, quantity: int, most: int) -> None:
        self.quantity = quantity
        self.most = most
        super().__init__(f"{quantity} is not between 1 and {most}")


class RegisteredAlready(CoproductionError):
    """The person has registered for this occasion today."""

    code = "coproduction.registered-already"

    def __init__(self, *, contribution: UUID) -> None:
        self.contribution = str(contribution)
        super().__init__(f"registered already, as contribution {contribution}")


class KeyReused(CoproductionError):
    """The same id came before with another content."""

    code = "coproduction.key-reused"

    def __init__(self, *, id: UUID) -> None:
        self.id = str(id)
        super().__init__(f"{id} stands for something else already")


class ContributionNotFound(CoproductionError):
    """The town has no such contribution."""

    code = "coproduction.contribution-not-found"

    def __init__(self, *, contribution: str) -> None:
        self.contribution = contribution
        super().__init__(f"the town has no contribution {contribution}")


class ContributionInState(CoproductionError):
    """The contribution is not where this step begins."""

    code = "coproduction.contribution-in-state"

    def __init__(self, *, contribution: UUID, state: str, wanted: Collection[str]) -> None:
        self.contribution = str(contribution)
        self.state = state
        self.wanted = sorted(wanted)
        super().__init__(f"contribution {contribution} is {state}; this needs one that is {' or '.join(self.wanted)}")


class OwnContribution(CoproductionError):
    """Nobody verifies, rejects or undoes what they or their household did."""

    code = "coproduction.own-contribution"

    def __init__(self, *, actor: str) -> None:
        self.actor = actor
        super().__init__(f"this is a contribution of {actor} or their household")


class SamePerson(CoproductionError):
    """Above the activity's threshold a second coordinator confirms."""

    code = "coproduction.same-person"

    def __init__(self, *, contribution: UUID, actor: str) -> None:
        self.contribution = str(contribution)
        self.actor = actor
        super().__init__(f"{actor} confirmed contribution {contribution}; a second person verifies it")


class ReserveShort(CoproductionError):
    """The fund's reserve has received fewer euros than the rewards need. Nothing was verified."""

    code = "coproduction.reserve-short"

    def __init__(self, *, fund_id: UUID, available: Amount, asked: Amount) -> None:
        self.fund_id = str(fund_id)
        self.available = available
        self.asked = asked
        super().__init__(f"the reserve of fund {fund_id} has {available}, {asked} asked")


class FundOver(CoproductionError):
    """The fund's last day has passed: what it pays could not be spent any more."""

    code = "coproduction.fund-over"

    def __init__(self, *, fund_id: UUID, last_day: date) -> None:
        self.fund_id = str(fund_id)
        self.last_day = last_day.isoformat()
        super().__init__(f"fund {fund_id} was good until {last_day}")


class ReasonMissing(CoproductionError):
    """Rejecting and undoing take a reason of a few words."""

    code = "coproduction.reason-missing"

    def __init__(self) -> None:
        super().__init__("say why in a few words, without anything about the person")


class TimeBankNotFound(CoproductionError):
    """The town has no such time bank."""

    code = "coproduction.time-bank-not-found"

    def __init__(self, *, bank: str) -> None:
        self.bank = bank
        super().__init__(f"the town has no time bank {bank}")


class TimeBankDiffers(CoproductionError):
    """A time bank keeps its unit, which no other bank and no currency of the town has."""

    code = "coproduction.time-bank-differs"

    def __init__(self, *, bank: str, unit: str) -> None:
        self.bank = bank
        self.unit = unit
        super().__init__(f"time bank {bank} cannot have the unit {unit}")


class MemberNotFound(CoproductionError):
    """Nobody takes part in the time bank under this number, or the party does not take part."""

    code = "coproduction.member-not-found"

    def __init__(self, *, member: str) -> None:
        self.member = member
        super().__init__(f"{member} is no member of the time bank")


class SameMember(CoproductionError):
    """Nobody gives time to themselves."""

    code = "coproduction.same-member"

    def __init__(self) -> None:
        super().__init__("who gives and who receives time are two members")


class TimeLimit(CoproductionError):
    """The hours would leave one of the two outside the limits of the time bank."""

    code = "coproduction.time-limit"

    def __init__(self, *, whose: str, limit: int) -> None:
        self.whose = whose
        self.limit = limit
        super().__init__(f"the {whose} would pass the limit of {limit} minutes")


class ExchangeNotFound(CoproductionError):
    """The time bank knows no such exchange."""

    code = "coproduction.exchange-not-found"

    def __init__(self, *, exchange: str) -> None:
        self.exchange = exchange
        super().__init__(f"the time bank has no exchange {exchange}")


class NothingToCertify(CoproductionError):
    """Nothing of the person was verified between these days."""

    code = "coproduction.nothing-to-certify"

    def __init__(self, *, first_day: date, last_day: date) -> None:
        self.first_day = first_day.isoformat()
        self.last_day = last_day.isoformat()
        super().__init__(f"nothing was verified between {first_day} and {last_day}")


class CertificateNotFound(CoproductionError):
    """The town has no such certificate."""

    code = "coproduction.certificate-not-found"

    def __init__(self, *, certificate: str) -> None:
        self.certificate = certificate
        super().__init__(f"the town has no certificate {certificate}")
