"""What a report may be refused for.

ReportError
├── FolderInUse        report.folder-in-use
├── MonthNotOver       report.month-not-over
└── NothingFollowed    report.nothing-followed
"""

from __future__ import annotations

from koinon.kernel.errors import KoinonError


class ReportError(KoinonError):
    """A report cannot be made."""


class FolderInUse(ReportError):
    """There is something in the folder already; nothing was written."""

    code = "report.folder-in-use"

    def __init__(self, *, folder: str) -> None:
        self.folder = folder
        super().__init__(f"{folder} is not an empty folder")


class MonthNotOver(ReportError):
    """A month of the period still runs: what is published of it could be subtracted from what is published later."""

    code = "report.month-not-over"

    def __init__(self, *, month: str) -> None:
        self.month = month
        super().__init__(f"{month} is not over; a report for the town's own use may have it")


class NothingFollowed(ReportError):
    """Nothing of the period was paid yet."""

    code = "report.nothing-followed"

    def __init__(self, *, town: str) -> None:
        self.town = town
        super().__init__(f"{town} has no movement up to the end of that period")
