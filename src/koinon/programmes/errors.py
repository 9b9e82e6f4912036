"""What programmes may refuse.

ProgrammesError
├── FundNotFound            programmes.fund-not-found
├── ProgrammeNotFound       programmes.programme-not-found
├── CycleNotFound           programmes.cycle-not-found
├── CycleNotInState         programmes.cycle-not-in-state
├── SamePerson              programmes.same-person
├── BudgetExceeded          programmes.budget-exceeded
├── ReserveShort            programmes.reserve-short
└── FundNotOver             programmes.fund-not-over
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from uuid import UUID

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


class CycleNotInState(ProgrammesError):
    """The cycle is not where this step begins: approved before disbursed, never cancelled once paid out."""

    code = "programmes.cycle-not-in-state"

    def __init__(self, *, cycle_id: UUID, state: str, wanted: Collection[str]) -> None:
        self.cycle_id = str(cycle_id)
        self.state = state
        self.wanted = sorted(wanted)
        super().__init__(f"cycle {cycle_id} is {state}; this needs one that is {' or '.join(self.wanted)}")


class SamePerson(ProgrammesError):
    """Whoever prepared a cycle cannot approve it: money is created by two people."""

    code = "programmes.same-person"

    def __init__(self, *, cycle_id: UUID, actor: str) -> None:
        self.cycle_id = str(cycle_id)
        self.actor = actor
        super().__init__(f"{actor} prepared cycle {cycle_id}; a second person approves it")


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
