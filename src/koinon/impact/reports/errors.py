"""What a report may be refused for.

ReportError
├── FolderInUse     impact.report-folder-in-use
└── MonthNotOver    impact.month-not-over
"""

from __future__ import annotations

from koinon.kernel.errors import KoinonError


class ReportError(KoinonError):
    """A report cannot be made."""

    code = "impact.report"


class FolderInUse(ReportError):
    """There is something in the folder already; nothing was written."""

    code = "impact.report-folder-in-use"

    def __init__(self, *, folder: str) -> None:
        self.folder = folder
        super().__init__(f"{folder} is not an empty folder")


class MonthNotOver(ReportError):
    """A month of the period still runs: what is published of it could be subtracted from what is published later."""

    code = "impact.month-not-over"

    def __init__(self, *, month: str) -> None:
        self.month = month
        super().__init__(f"{month} is not over; a report for the town's own use may have it")
