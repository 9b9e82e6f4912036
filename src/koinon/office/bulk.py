"""Acts on many records at once: first what each of them would do, then all of it or nothing.

A plan is worked out from the records as they are, and shown. Whoever confirms it
sends its fingerprint back; the plan is worked out again under locks, and where it
differs from what was shown nothing is done (``ChangedSincePreview``). Sent twice,
the second finds nothing left to do as shown. Each record that changes has an
audit line of its own with before, after and the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit import operations as audit
from koinon.db.statements import execute, many, scalar, statement
from koinon.office.errors import ChangedSincePreview, NothingToDo
from koinon.office.types import Change, Plan

_PACKAGE = "koinon.office"


@dataclass(frozen=True, slots=True)
class Action:
    """One kind of act: how it plans, and how it writes what it planned."""

    name: str
    audited_as: str
    plan: Callable[[Connection[Any], int, Sequence[UUID], Mapping[str, str]], list[Change]]
    write: Callable[[Connection[Any], int, Sequence[Change]], None]


def plan(conn: Connection[Any], *, town_id: int, action: str, ids: Sequence[UUID], options: Mapping[str, str]) -> Plan:
    """What the act would do to each of these records; those of other towns are left out. Locks them until the end."""
    return Plan(action, dict(options), ACTIONS[action].plan(conn, town_id, sorted(set(ids)), options))


def perform(
    conn: Connection[Any],
    *,
    town_id: int,
    action: str,
    ids: Sequence[UUID],
    options: Mapping[str, str],
    fingerprint: str,
    actor: str,
    reason: str,
    at: datetime,
) -> Plan:
    """Do what was shown, wholly. ``reason`` is a code or reference without anything about a person.

    Refuses with ``ChangedSincePreview`` and ``NothingToDo``.
    """
    found = plan(conn, town_id=town_id, action=action, ids=ids, options=options)
    if found.fingerprint != fingerprint:
        raise ChangedSincePreview(shown=fingerprint[:12], found=found.fingerprint[:12])
    changes = found.to_change
    if not changes:
        raise NothingToDo
    kind = ACTIONS[action]
    kind.write(conn, town_id, changes)
    for change in changes:
        audit.record(
            conn,
            town_id=town_id,
            actor=actor,
            action=kind.audited_as,
            subject=change.subject,
            reason=reason,
            before=dict(change.before),
            after=dict(change.after),
            at=at,
        )
    return found


# --- Organisations: take part, or no longer ------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Organisation:
    id: UUID
    active: bool


def _plan_active(wanted: bool) -> Callable[..., list[Change]]:
    def planned(conn: Connection[Any], town_id: int, ids: Sequence[UUID], options: Mapping[str, str]) -> list[Change]:
        sql = statement(_PACKAGE, "organisations_locked")
        return [
            Change(row.id, f"party:{row.id}", {"active": row.active}, {"active": wanted})
            for row in many(conn, sql, _Organisation, town_id=town_id, ids=list(ids))
        ]

    return planned


def _write_active(conn: Connection[Any], town_id: int, changes: Sequence[Change]) -> None:
    execute(
        conn,
        statement(_PACKAGE, "set_active"),
        ids=[change.id for change in changes],
        active=changes[0].after["active"],
    )


# --- Households: in another neighbourhood ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Household:
    id: UUID
    zone: str


def _plan_zone(conn: Connection[Any], town_id: int, ids: Sequence[UUID], options: Mapping[str, str]) -> list[Change]:
    sql = statement(_PACKAGE, "households_locked")
    known = scalar(conn, statement(_PACKAGE, "zone_is_known"), town_id=town_id, zone=options["zone"])
    refused = "" if known else "office.zone-unknown"
    return [
        Change(row.id, f"party:{row.id}", {"zone": row.zone}, {"zone": options["zone"]}, refused)
        for row in many(conn, sql, _Household, town_id=town_id, ids=list(ids))
    ]


def _write_zone(conn: Connection[Any], town_id: int, changes: Sequence[Change]) -> None:
    execute(
        conn,
        statement(_PACKAGE, "set_zone"),
        town_id=town_id,
        ids=[change.id for change in changes],
        zone=changes[0].after["zone"],
    )


# --- Awards: end on a day ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Award:
    id: UUID
    from_day: date
    to_day: date | None


def _plan_end(conn: Connection[Any], town_id: int, ids: Sequence[UUID], options: Mapping[str, str]) -> list[Change]:
    last = date.fromisoformat(options["last_day"])
    changes = []
    for row in many(conn, statement(_PACKAGE, "awards_locked"), _Award, town_id=town_id, ids=list(ids)):
        refused = ""
        if row.from_day > last:
            refused = "office.award-begins-later"
        elif row.to_day is not None and row.to_day < last:
            refused = "office.award-ends-earlier"
        before = {"last_day": row.to_day.isoformat() if row.to_day else None}
        changes.append(Change(row.id, f"award:{row.id}", before, {"last_day": last.isoformat()}, refused))
    return changes


def _write_end(conn: Connection[Any], town_id: int, changes: Sequence[Change]) -> None:
    execute(
        conn,
        statement(_PACKAGE, "end_awards"),
        ids=[change.id for change in changes],
        last_day=date.fromisoformat(str(changes[0].after["last_day"])),
    )


ACTIONS: dict[str, Action] = {
    action.name: action
    for action in (
        Action("organisations-take-part", "organisation.takes-part", _plan_active(True), _write_active),
        Action("organisations-leave", "organisation.left", _plan_active(False), _write_active),
        Action("households-move", "household.moved", _plan_zone, _write_zone),
        Action("awards-end", "award.ended", _plan_end, _write_end),
    )
}
