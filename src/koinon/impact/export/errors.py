"""What is refused of an export.

ExportError
├── ExportOfOtherBooks      impact.export-of-other-books
├── ExportUnderWay          impact.export-under-way
├── ExportNotWritten        impact.export-not-written
├── NothingSealed           impact.nothing-sealed
├── NoExport                impact.no-export
└── ExportDamaged           impact.export-damaged
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from koinon.kernel.errors import KoinonError


class ExportError(KoinonError):
    """Books were not exported, or an export could not be read."""

    code = "impact.export"


class ExportOfOtherBooks(ExportError):
    """The folder holds an export of a town of this number whose seal is not in these books. Nothing was written."""

    code = "impact.export-of-other-books"

    def __init__(self, *, folder: Path, town: int, block: int) -> None:
        self.folder = str(folder)
        self.town = town
        self.block = block
        super().__init__(
            f"{folder} holds an export of other books: its block {block} of town {town} is not in these; "
            "export into another folder, and find out why the two differ"
        )


class ExportUnderWay(ExportError):
    """Another process writes the same town's export into the same folder."""

    code = "impact.export-under-way"

    def __init__(self, *, folder: Path, town: int) -> None:
        self.folder = str(folder)
        self.town = town
        super().__init__(f"town {town} is being exported into {folder} by another process; try again when it has ended")


class ExportNotWritten(ExportError):
    """The files could not be written. What the manifest names is as it was; a next export goes on from there."""

    code = "impact.export-not-written"

    def __init__(self, *, folder: Path, reason: str) -> None:
        self.folder = str(folder)
        self.reason = reason
        super().__init__(f"{folder} could not be written: {reason}")


class NothingSealed(ExportError):
    """No row of the town's books is sealed yet, and only sealed rows are exported."""

    code = "impact.nothing-sealed"

    def __init__(self, *, town: int) -> None:
        self.town = town
        super().__init__(f"nothing in the books of town {town} is sealed yet; run `koinon seal now` and try again")


class NoExport(ExportError):
    """The folder holds no export, or none of the town that was asked for."""

    code = "impact.no-export"

    def __init__(self, *, folder: Path, towns: Sequence[int] = ()) -> None:
        self.folder = str(folder)
        self.towns = list(towns)
        what = f"no export of town {', '.join(map(str, towns))}" if towns else "no export"
        super().__init__(f"{folder} holds {what}; `koinon impact export` writes one")


class ExportDamaged(ExportError):
    """Files of an export are missing, of another length, or not what their manifest says."""

    code = "impact.export-damaged"

    def __init__(self, *, folder: Path, files: Sequence[str]) -> None:
        self.folder = str(folder)
        self.files = list(files)
        super().__init__(
            f"{len(files)} files of the export in {folder} are missing or not what the manifest says: "
            f"{', '.join(list(files)[:5])}{' ...' if len(files) > 5 else ''}; `koinon impact export` writes them again"
        )
