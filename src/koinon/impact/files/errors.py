"""What is refused of a ledger in a file.

TraceFileError
├── LedgerFileRefused       impact.ledger-file
├── FolderNotOurs           impact.folder-not-ours
└── FolderNotWritten        impact.folder-not-written
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from koinon.kernel.decisions import Finding
from koinon.kernel.errors import FindingsError, KoinonError

SAID = 20


class TraceFileError(KoinonError):
    """A ledger in a file was not traced."""

    code = "impact.trace-file"


class LedgerFileRefused(TraceFileError, FindingsError):
    """A file cannot be read as a ledger. The first twenty findings are said with their rows, the others counted."""

    code = "impact.ledger-file"

    def __init__(self, findings: Sequence[Finding], *, found: int) -> None:
        self.found = found
        super().__init__(findings)
        self.args = (
            f"{found} {'finding' if found == 1 else 'findings'}"
            + (f", of which the first {len(self.findings)} are said" if found > len(self.findings) else "")
            + "; nothing was written",
        )


class FolderNotOurs(TraceFileError):
    """The folder for the results holds something that no earlier trace wrote. Nothing was written."""

    code = "impact.folder-not-ours"

    def __init__(self, *, folder: Path) -> None:
        self.folder = str(folder)
        super().__init__(f"{folder} is there and holds no results of a trace; name another folder, or a new one in it")


class FolderNotWritten(TraceFileError):
    """The results could not be written. What stood in the folder before still does."""

    code = "impact.folder-not-written"

    def __init__(self, *, folder: Path, reason: str) -> None:
        self.folder = str(folder)
        super().__init__(f"{folder} could not be written: {reason}")
