"""The root of everything Koinon may refuse.

KoinonError
├── UnitMismatch            kernel.unit-mismatch
└── FindingsError           kernel.findings
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from koinon.kernel.decisions import Finding


class KoinonError(Exception):
    """A refusal that a person or another system can cause.

    ``code`` is stable and documented in docs/reference/refusals.md. ``fields``
    holds what a caller needs to act on it; never a name or an identifier of a person.
    """

    code: ClassVar[str] = "kernel.refused"

    @property
    def fields(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}


class UnitMismatch(KoinonError):
    """Two amounts of different units met in one sum or comparison."""

    code = "kernel.unit-mismatch"

    def __init__(self, *, left: str, right: str) -> None:
        self.left = left
        self.right = right
        super().__init__(f"{left} and {right} cannot be added or compared")


class FindingsError(KoinonError):
    """A file or folder cannot be taken in; every reason stands in ``findings``."""

    code = "kernel.findings"

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        count = len(self.findings)
        super().__init__(f"{count} {'finding' if count == 1 else 'findings'}; nothing was written")
