"""What helping without a telephone may refuse.

HelpdeskError
├── NumberNotUsable         helpdesk.number-not-usable
├── NumberShared            helpdesk.number-shared
├── NameMissing             helpdesk.name-missing
├── MonthNotOver            helpdesk.month-not-over
├── BatchNotFound           helpdesk.batch-not-found
├── NothingToPrint          helpdesk.nothing-to-print
└── DocumentNotFound        helpdesk.document-not-found
"""

from __future__ import annotations

from datetime import date
from uuid import UUID

from koinon.kernel.errors import KoinonError


class HelpdeskError(KoinonError):
    """The root of what helping without a telephone refuses."""

    code = "helpdesk.refused"


class NumberNotUsable(HelpdeskError):
    """This is not a telephone number with its country code, or with that of the town's country."""

    code = "helpdesk.number-not-usable"

    def __init__(self) -> None:
        super().__init__("this is not a telephone number")


class NumberShared(HelpdeskError):
    """Several people have this number, so that nobody can be told from it who writes; nothing was changed."""

    code = "helpdesk.number-shared"

    def __init__(self) -> None:
        super().__init__("several people have this telephone number")


class NameMissing(HelpdeskError):
    """Somebody who is let pay needs a name, by which they are known in the movements."""

    code = "helpdesk.name-missing"

    def __init__(self) -> None:
        super().__init__("the name is missing, or longer than 120 letters")


class MonthNotOver(HelpdeskError):
    """A month's statements are written when the month is over."""

    code = "helpdesk.month-not-over"

    def __init__(self, *, last_day: date) -> None:
        self.last_day = last_day
        super().__init__(f"the month ends on {last_day.isoformat()}")


class BatchNotFound(HelpdeskError):
    """The town has printed no such batch of letters."""

    code = "helpdesk.batch-not-found"

    def __init__(self, *, batch: UUID) -> None:
        self.batch = batch
        super().__init__(f"the town has printed no batch {batch}")


class NothingToPrint(HelpdeskError):
    """No letter waits to be printed."""

    code = "helpdesk.nothing-to-print"

    def __init__(self) -> None:
        super().__init__("no letter waits to be printed")


class DocumentNotFound(HelpdeskError):
    """No such document is kept of this party; it may have been destroyed."""

    code = "helpdesk.document-not-found"

    def __init__(self, *, document: UUID) -> None:
        self.document = document
        super().__init__(f"no document {document} is kept of this party")
