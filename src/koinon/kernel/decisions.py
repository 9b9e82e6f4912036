"""Answers that give all their reasons: grounds of a rule, findings of a check."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class Ground:
    """One reason for a no: a stable code, and the figures a message needs."""

    code: str
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """Yes when there are no grounds against it.

    >>> bool(Decision())
    True
    >>> bool(Decision((Ground("spending.not-in-zone"),)))
    False
    """

    grounds: tuple[Ground, ...] = ()

    def __bool__(self) -> bool:
        return not self.grounds


class Severity(StrEnum):
    """An error stops the import; a warning asks for --accept-warnings."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong in a file, with its place and what to do about it.

    ``row`` counts as the spreadsheet does: 1 is the line of headings. 0 and ""
    mean the file as a whole. Messages quote the heading and, for values that
    identify a person, only enough of them to find the cell.
    """

    file: str
    row: int
    column: str
    code: str
    message: str
    remedy: str
    severity: Severity = Severity.ERROR

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
