"""What describing and applying a town may refuse.

PilotsError
├── OtherTown               pilots.other-town
└── TownFixed               pilots.town-fixed
"""

from __future__ import annotations

from collections.abc import Sequence

from koinon.kernel.errors import KoinonError


class PilotsError(KoinonError):
    """A town cannot be made what its folder says."""

    code = "pilots.refused"


class TownFixed(PilotsError):
    """The folder names another country, unit or currency than the one the town's books are kept in."""

    code = "pilots.town-fixed"

    def __init__(self, *, town: str, settings: Sequence[str]) -> None:
        self.town = town
        self.settings = list(settings)
        super().__init__(f"the books of {town} cannot change their {', '.join(settings)}")


class OtherTown(PilotsError):
    """The folder describes another town than the one whose people sent it."""

    code = "pilots.other-town"

    def __init__(self, *, town: str, folder: str) -> None:
        self.town = town
        self.folder = folder
        super().__init__(f"the folder describes {folder}, and not {town}")
