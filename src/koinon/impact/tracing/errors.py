"""What tracing may refuse.

TracingError
├── NotTraceable            impact.not-traceable
├── AmountsTooLarge         impact.amounts-too-large
├── TooManyAttributes       impact.too-many-attributes
├── StateUnreadable         impact.state-unreadable
└── StateDoesNotFit         impact.state-does-not-fit
"""

from __future__ import annotations

from koinon.kernel.errors import KoinonError


class TracingError(KoinonError):
    """The root of what tracing refuses."""

    code = "impact.tracing-refused"


class NotTraceable(TracingError):
    """A transfer is out of order, without a known account, without an amount, or without a cohort where one is due."""

    code = "impact.not-traceable"

    def __init__(self, *, row: int, why: str) -> None:
        self.row = row
        self.why = why
        super().__init__(f"transfer {row}: {why}; nothing was traced")


class AmountsTooLarge(TracingError):
    """What was moved in all, times the days it took, cannot be counted in whole minor units of 64 bits."""

    code = "impact.amounts-too-large"

    def __init__(self) -> None:
        super().__init__("the amounts are too large to be counted exactly; give them in a larger unit")


class TooManyAttributes(TracingError):
    """Accounts have more attributes than are followed at once, or one has more labels than can be told apart."""

    code = "impact.too-many-attributes"

    def __init__(self, *, most: int) -> None:
        self.most = most
        super().__init__(f"at most {most} attributes of accounts are followed at once, with 30000 labels each")


class StateUnreadable(TracingError):
    """A saved state is not one of this version, or was damaged: trace from the beginning."""

    code = "impact.state-unreadable"

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"the saved state cannot be used: {why}")


class StateDoesNotFit(TracingError):
    """What is to be added does not continue what was traced, so that it must be traced from the beginning."""

    code = "impact.state-does-not-fit"

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"this does not continue what was traced: {why}")
