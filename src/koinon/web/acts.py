"""Acts of the audit trail as people read them: who, when, what, why, and what was different afterwards."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from koinon.audit.queries import Entry
from koinon.web import words


@dataclass(frozen=True, slots=True)
class Difference:
    """One fact of a record, before and after; empty where it was not there."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Act:
    """One line of the trail."""

    at: datetime
    who: str
    what: str
    why: str
    differences: list[Difference]


def acts(entries: Sequence[Entry]) -> list[Act]:
    """Lines of the trail in words; who did them is asked of the database once."""
    who = words.staff_names(entry.actor for entry in entries)
    return [
        Act(entry.at, who[entry.actor], words.act(entry.action), entry.reason, differences(entry.before, entry.after))
        for entry in entries
    ]


def differences(before: Any, after: Any) -> list[Difference]:
    """What an act changed, fact by fact."""
    was, became = facts(before), facts(after)
    names = [*was, *(name for name in became if name not in was)]
    return [Difference(name.replace("_", " "), said(was.get(name)), said(became.get(name))) for name in names]


def facts(kept: Any) -> dict[str, Any]:
    """What an audit line says was so; JSON arrives as text on Django's connection."""
    found = json.loads(kept) if isinstance(kept, str) else kept
    return dict(found) if isinstance(found, Mapping) else {}


def said(value: Any) -> str:
    """A fact on one line."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {said(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(said(inner) for inner in value)
    return str(value)
