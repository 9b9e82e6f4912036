"""What programmes may refuse.

ProgrammesError
├── FundNotFound            programmes.fund-not-found
├── ProgrammeNotFound       programmes.programme-not-found
├── CycleNotFound           programmes.cycle-not-found
├── HouseholdNotFound       programmes.household-not-found
├── LineNotFound            programmes.line-not-found
├── DuplicateNotFound       programmes.duplicate-not-found
├── ExceptionNotFound       programmes.exception-not-found
├── ExceptionInvalid        programmes.exception-invalid
├── ExceptionKeyReused      programmes.exception-key-reused
├── ExceptionNotInState     programmes.exception-not-in-state
├── ExceptionOverlaps       programmes.exception-overlaps
├── ExceptionSamePerson     programmes.exception-same-person
├── CycleNotInState         programmes.cycle-not-in-state
├── SamePerson              programmes.same-person
├── CycleChanged            programmes.cycle-changed
├── CycleStopped            programmes.cycle-stopped
├── NothingToRetry          programmes.nothing-to-retry
├── BudgetExceeded          programmes.budget-exceeded
├── ReserveShort            programmes.reserve-short
├── FundNotOver             programmes.fund-not-over
├── StillBound              programmes.still-bound
├── ChangeRefused           programmes.change-refused
├── ChangeNotFound          programmes.change-not-found
└── ChangeNotWithdrawn      programmes.change-not-withdrawn
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from koinon.kernel.decisions import Ground
from koinon.kernel.errors import KoinonError
from koinon.kernel.money import Amount


class ProgrammesError(KoinonError):
    """Something about a programme cannot be done."""

    code = "programmes.refused"


class FundNotFound(ProgrammesError):
    """The town has no such fund."""

    code = "programmes.fund-not-found"

    def __init__(self, *, fund: str) -> None:
        self.fund = fund
        super().__init__(f"the town has no fund {fund}")


class ProgrammeNotFound(ProgrammesError):
    """The town has no such programme."""

    code = "programmes.programme-not-found"

    def __init__(self, *, programme: str) -> None:
        self.programme = programme
        super().__init__(f"the town has no programme {programme}")


class CycleNotFound(ProgrammesError):
    """The town has no such cycle."""

    code = "programmes.cycle-not-found"

    def __init__(self, *, cycle: str) -> None:
        self.cycle = cycle
        super().__init__(f"the town has no cycle {cycle}")


class HouseholdNotFound(ProgrammesError):
    """The town has no such household, or it was erased."""

    code = "programmes.household-not-found"

    def __init__(self, *, household: str) -> None:
        self.household = household
        super().__init__(f"the town has no household {household}")


class LineNotFound(ProgrammesError):
    """No cycle of the town has such a line."""

    code = "programmes.line-not-found"

    def __init__(self, *, line: str) -> None:
        self.line = line
        super().__init__(f"no cycle of the town has a line {line}")


class DuplicateNotFound(ProgrammesError):
    """The town has no such pair of households that may be one."""

    code = "programmes.duplicate-not-found"

    def __init__(self, *, pair: str) -> None:
        self.pair = pair
        super().__init__(f"the town has no pair {pair}")


class ExceptionNotFound(ProgrammesError):
    """The town has no such exception."""

    code = "programmes.exception-not-found"

    def __init__(self, *, exception: str) -> None:
        self.exception = exception
        super().__init__(f"the town has no exception {exception}")


class ExceptionInvalid(ProgrammesError):
    """An exception needs a reason, months in their order, and an amount only where it pays."""

    code = "programmes.exception-invalid"

    def __init__(self, *, what: Collection[str]) -> None:
        self.what = list(what)
        super().__init__(f"this is not a possible exception: see {', '.join(self.what)}")


class ExceptionKeyReused(ProgrammesError):
    """The id was used before, for an exception with other content."""

    code = "programmes.exception-key-reused"

    def __init__(self, *, exception_id: UUID) -> None:
        self.exception_id = str(exception_id)
        super().__init__(f"the id {exception_id} was used for another exception")


class ExceptionNotInState(ProgrammesError):
    """The exception was decided or withdrawn already."""

    code = "programmes.exception-not-in-state"

    def __init__(self, *, exception_id: UUID, state: str, wanted: Collection[str]) -> None:
        self.exception_id = str(exception_id)
        self.state = state
        self.wanted = sorted(wanted)
        super().__init__(f"exception {exception_id} is {state}; this needs one that is {' or '.join(self.wanted)}")


class ExceptionOverlaps(ProgrammesError):
    """Another exception is in force for the household in one of these months; it must be withdrawn first."""

    code = "programmes.exception-overlaps"

    def __init__(self, *, exception_id: UUID, other: UUID) -> None:
        self.exception_id = str(exception_id)
        self.other = str(other)
        super().__init__(f"exception {other} is in force in a month of exception {exception_id}")


class ExceptionSamePerson(ProgrammesError):
    """Whoever proposed an exception cannot decide on it: a second person must."""

    code = "programmes.exception-same-person"

    def __init__(self, *, exception_id: UUID, actor: str) -> None:
        self.exception_id = str(exception_id)
        self.actor = actor
        super().__init__(f"{actor} proposed exception {exception_id}; a second person decides")


class CycleNotInState(ProgrammesError):
    """The cycle is not where this step begins: approved before disbursed, never cancelled once paid out."""

    code = "programmes.cycle-not-in-state"

    def __init__(self, *, cycle_id: UUID, state: str, wanted: Collection[str]) -> None:
        self.cycle_id = str(cycle_id)
        self.state = state
        self.wanted = sorted(wanted)
        super().__init__(f"cycle {cycle_id} is {state}; this needs one that is {' or '.join(self.wanted)}")


class SamePerson(ProgrammesError):
    """Whoever prepared or submitted a cycle cannot approve it: money is created by two people."""

    code = "programmes.same-person"

    def __init__(self, *, cycle_id: UUID, actor: str) -> None:
        self.cycle_id = str(cycle_id)
        self.actor = actor
        super().__init__(f"{actor} prepared or submitted cycle {cycle_id}; somebody else approves it")


class CycleChanged(ProgrammesError):
    """The list is not the one that was looked at: its fingerprint is another. Nothing was approved or paid."""

    code = "programmes.cycle-changed"

    def __init__(self, *, cycle_id: UUID, seen: str, found: str) -> None:
        self.cycle_id = str(cycle_id)
        self.seen = seen
        self.found = found
        super().__init__(
            f"the list of cycle {cycle_id} has the fingerprint {found[:12]}, not {seen[:12]}: look at it anew"
        )


class CycleStopped(ProgrammesError):
    """Somebody stopped the run; it goes on when somebody resumes it."""

    code = "programmes.cycle-stopped"

    def __init__(self, *, cycle_id: UUID, actor: str) -> None:
        self.cycle_id = str(cycle_id)
        self.actor = actor
        super().__init__(f"{actor} stopped cycle {cycle_id}; resume it first")


class NothingToRetry(ProgrammesError):
    """Nothing of the cycle failed that could be paid at another try."""

    code = "programmes.nothing-to-retry"

    def __init__(self, *, cycle_id: UUID) -> None:
        self.cycle_id = str(cycle_id)
        super().__init__(f"nothing of cycle {cycle_id} waits for another try")


class BudgetExceeded(ProgrammesError):
    """All cycles of the fund together would issue more than its budget."""

    code = "programmes.budget-exceeded"

    def __init__(self, *, fund_id: UUID, budget: Amount, committed: Amount, asked: Amount) -> None:
        self.fund_id = str(fund_id)
        self.budget = budget
        self.committed = committed
        self.asked = asked
        super().__init__(f"fund {fund_id} has a budget of {budget}, {committed} are committed, {asked} asked")


class ReserveShort(ProgrammesError):
    """The fund's reserve has received fewer euros than the cycle would issue units. Nothing was issued."""

    code = "programmes.reserve-short"

    def __init__(self, *, fund_id: UUID, available: Amount, asked: Amount) -> None:
        self.fund_id = str(fund_id)
        self.available = available
        self.asked = asked
        self.missing = asked - available
        super().__init__(f"the reserve of fund {fund_id} has {available}, {asked} asked: {self.missing} are missing")


class FundNotOver(ProgrammesError):
    """Money is swept back only after the fund's last day."""

    code = "programmes.fund-not-over"

    def __init__(self, *, fund_id: UUID, last_day: date | None) -> None:
        self.fund_id = str(fund_id)
        self.last_day = last_day.isoformat() if last_day else None
        super().__init__(f"fund {fund_id} is good until {last_day or 'further notice'}")


class StillBound(ProgrammesError):
    """What shops were paid stays bound while the fund's chain holds: until its last day, or until the rule changes."""

    code = "programmes.still-bound"

    def __init__(self, *, fund: str, last_day: date | None) -> None:
        self.fund = fund
        self.last_day = last_day.isoformat() if last_day else None
        super().__init__(f"the money of {fund} in tills is bound until {last_day or 'further notice'}")


class ChangeRefused(ProgrammesError):
    """A fund's rule cannot change like this; every ground stands in ``grounds``. Rules change forward in time only."""

    code = "programmes.change-refused"

    def __init__(self, *, fund: str, grounds: Sequence[Ground]) -> None:
        self.fund = fund
        self.grounds = tuple(grounds)
        super().__init__(f"the rule of {fund} cannot change so ({', '.join(ground.code for ground in grounds)})")

    @property
    def fields(self) -> dict[str, Any]:
        return {
            "fund": self.fund,
            "grounds": [{"code": ground.code, "fields": ground.fields} for ground in self.grounds],
        }


class ChangeNotFound(ProgrammesError):
    """The fund has no such change."""

    code = "programmes.change-not-found"

    def __init__(self, *, change: str) -> None:
        self.change = change
        super().__init__(f"the fund has no change {change}")


class ChangeNotWithdrawn(ProgrammesError):
    """A change that holds already, or that another one follows, is not taken back: announce another one."""

    code = "programmes.change-not-withdrawn"

    def __init__(self, *, from_day: date, why: str) -> None:
        self.from_day = from_day.isoformat()
        self.why = why
        super().__init__(f"the change from {from_day} on is not taken back: {why}")
