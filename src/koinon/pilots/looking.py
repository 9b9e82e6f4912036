"""Looking before writing: what would be new and different, and a fingerprint that binds the writing to the look."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from koinon.kernel.decisions import Finding, Severity
from koinon.office.errors import ChangedSincePreview, NothingToDo
from koinon.pilots.apply import Applied
from koinon.pilots.townfolder_types import TownPlan


@dataclass(frozen=True, slots=True)
class Looked:
    """What taking something in would do. With errors among the findings it cannot be taken in."""

    findings: tuple[Finding, ...]
    applied: Applied | None
    fingerprint: str

    @property
    def errors(self) -> int:
        return sum(finding.severity is Severity.ERROR for finding in self.findings)

    @property
    def warnings(self) -> int:
        return len(self.findings) - self.errors

    @property
    def changes_anything(self) -> bool:
        return self.applied is not None and changes_anything(self.applied)


def looked(plan: TownPlan, applied: Applied) -> Looked:
    """What a plan would do, with its warnings."""
    return Looked(plan.warnings, applied, fingerprint(plan, applied))


def same_as_shown(plan: TownPlan, foreseen: Applied, shown: str) -> None:
    """``ChangedSincePreview`` where the records changed since the look, ``NothingToDo`` where nothing would be written."""
    found = fingerprint(plan, foreseen)
    if found != shown:
        raise ChangedSincePreview(shown=shown[:12], found=found[:12])
    if not changes_anything(foreseen):
        raise NothingToDo


def changes_anything(applied: Applied) -> bool:
    """Whether anything is new or different."""
    ends = ("_new", "_changed")
    return any(count for name, count in applied.counts.items() if name.endswith(ends))


def fingerprint(plan: TownPlan, applied: Applied) -> str:
    """Of the files that were read and of all that they would change."""
    changes = [(change.subject, change.before, change.after, change.vault_fields) for change in applied.changes]
    told = json.dumps([plan.sha256, applied.counts, sorted(map(repr, changes))], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()
