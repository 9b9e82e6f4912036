"""Values of the back office."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class SavedFilter:
    """How somebody likes to see a list: its filters, order and columns, as the address holds them."""

    id: UUID
    table_name: str
    name: str
    query: str
    shared: bool
    own: bool


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was sent to be looked at before it is taken in; kept sealed, and for an hour."""

    id: UUID
    kind: str
    file_name: str
    content: bytes = field(repr=False)
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Which heading of a list is which field, and what its words mean."""

    columns: Mapping[str, str]
    values: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one record: before and after, field by field; ``refused`` says why nothing does."""

    id: UUID
    subject: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    refused: str = ""

    @property
    def changes(self) -> bool:
        return not self.refused and dict(self.before) != dict(self.after)


@dataclass(frozen=True, slots=True)
class Plan:
    """What an act on many records will do, record by record, before it is done."""

    action: str
    options: Mapping[str, str]
    changes: Sequence[Change]

    @property
    def to_change(self) -> list[Change]:
        return [change for change in self.changes if change.changes]

    @property
    def unchanged(self) -> list[Change]:
        return [change for change in self.changes if not change.changes and not change.refused]

    @property
    def refused(self) -> list[Change]:
        return [change for change in self.changes if change.refused]

    @property
    def fingerprint(self) -> str:
        """The same for the same plan, so that what is done is what was shown."""
        lines = [repr((self.action, sorted(self.options.items())))]
        lines += sorted(
            repr((str(change.id), sorted(change.before.items()), sorted(change.after.items()), change.refused))
            for change in self.changes
        )
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()
