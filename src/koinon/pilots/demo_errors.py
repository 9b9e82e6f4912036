"""What the demonstration may refuse.

DemoError
├── TownFolderMissing       pilots.town-folder-missing
├── BooksBroken             pilots.books-broken
└── FileInvalid             pilots.file-invalid
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from koinon.pilots.errors import PilotsError


class DemoError(PilotsError):
    """The demonstration cannot go on."""

    code = "pilots.demo-refused"


class TownFolderMissing(DemoError):
    """The bundled town is not where it should be."""

    code = "pilots.town-folder-missing"

    def __init__(self, *, folder: Path) -> None:
        self.folder = str(folder)
        super().__init__(
            f"there is no town folder at {folder}: run the demonstration from a clone of the project, "
            "or name a folder with --folder (`koinon demo-data FOLDER` writes the bundled one)"
        )


class BooksBroken(DemoError):
    """An invariant failed after a simulated day."""

    code = "pilots.books-broken"

    def __init__(self, *, day: date, failed: Sequence[str]) -> None:
        self.day = day.isoformat()
        self.failed = list(failed)
        super().__init__(f"after {day.isoformat()} these invariants fail: {', '.join(failed)}; see `koinon check`")


class FileInvalid(DemoError):
    """A payment file does not validate against its schema."""

    code = "pilots.file-invalid"

    def __init__(self, *, file: str, faults: Sequence[str]) -> None:
        self.file = file
        self.faults = list(faults)
        super().__init__(f"{file} does not validate: {'; '.join(faults[:3])}")
