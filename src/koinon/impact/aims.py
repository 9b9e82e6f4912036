"""What a town wants to reach, and the dated data that some figures need: written from its folder, read by reports."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from psycopg import Connection

from koinon.audit import operations as audit
from koinon.db.statements import execute, many, statement
from koinon.impact.measures import ConversionFactor, RunningCost, ZoneResidents

_PACKAGE = "koinon.impact"


@dataclass(frozen=True, slots=True)
class Target:
    """What an indicator should be by ``by_day``, in its own unit; shown from ``from_day`` on. ``part`` "": the whole."""

    indicator: str
    part: str
    from_day: date
    by_day: date
    value: Decimal
    source: str


@dataclass(frozen=True, slots=True)
class Reuse:
    """An activity that gives things to be used again."""

    activity: str


Aim = Target | ZoneResidents | ConversionFactor | RunningCost | Reuse
"""One row of a town's ``targets.toml``."""


def targets(conn: Connection[Any], town_id: int) -> tuple[Target, ...]:
    """Every target of a town, those that are over included."""
    return tuple(many(conn, statement(_PACKAGE, "targets"), Target, town_id=town_id))


def in_force(rows: tuple[Target, ...], *, first_day: date, last_day: date) -> dict[tuple[str, str], Target]:
    """The target that a period's figures stand beside, by indicator and part: of those shown by then the next to fall due.

    One that fell due within the period is still its target; a later one takes over after that.
    """
    found: dict[tuple[str, str], Target] = {}
    for target in sorted(rows, key=lambda one: one.by_day, reverse=True):
        if target.from_day <= last_day and target.by_day >= first_day:
            found[target.indicator, target.part] = target
    return found


def reached(value: Fraction | None, target: Target, *, lower_is_better: bool) -> bool | None:
    """Whether a figure is where the town wants it; ``None`` where the figure is undefined."""
    if value is None:
        return None
    wanted = Fraction(target.value)
    return value <= wanted if lower_is_better else value >= wanted


def zone_residents(conn: Connection[Any], town_id: int) -> tuple[ZoneResidents, ...]:
    """Every count of residents of a town's neighbourhoods."""
    return tuple(many(conn, statement(_PACKAGE, "zone_residents"), ZoneResidents, town_id=town_id))


def residents_on(rows: tuple[ZoneResidents, ...], day: date) -> dict[str, int]:
    """Residents by neighbourhood, by the newest count that holds on a local day."""
    counts = sorted(rows, key=lambda row: row.from_day)
    return {row.zone: row.residents for row in counts if row.from_day <= day}


def conversion_factors(conn: Connection[Any], town_id: int) -> tuple[ConversionFactor, ...]:
    """Every conversion factor of a town."""
    return tuple(many(conn, statement(_PACKAGE, "conversion_factors"), ConversionFactor, town_id=town_id))


def running_costs(conn: Connection[Any], town_id: int) -> tuple[RunningCost, ...]:
    """Every running cost of a town's activities."""
    return tuple(many(conn, statement(_PACKAGE, "running_costs"), RunningCost, town_id=town_id))


def reused(conn: Connection[Any], town_id: int) -> tuple[Reuse, ...]:
    """The activities that give things to be used again."""
    return tuple(many(conn, statement(_PACKAGE, "reuse"), Reuse, town_id=town_id))


def present(conn: Connection[Any], town_id: int) -> tuple[Aim, ...]:
    """Everything a town has said of these, in the order of ``targets.toml``."""
    return (
        *targets(conn, town_id),
        *zone_residents(conn, town_id),
        *conversion_factors(conn, town_id),
        *running_costs(conn, town_id),
        *reused(conn, town_id),
    )


def key(aim: Aim) -> tuple[str, ...]:
    """What names a row: a second one of the same key says it anew."""
    match aim:
        case Target():
            return "target", aim.indicator, aim.part, aim.by_day.isoformat()
        case ZoneResidents():
            return "zone-residents", aim.zone, aim.from_day.isoformat()
        case ConversionFactor():
            return "conversion-factor", aim.stream, aim.from_day.isoformat()
        case RunningCost():
            return "running-cost", aim.activity, aim.from_day.isoformat(), aim.source
        case Reuse():
            return "reuse", aim.activity


def lock(conn: Connection[Any], *, town_id: int) -> None:
    """Nobody else says anything of this before the caller's transaction ends: what is read from here on stays true.

    Asked for before a proposed target is locked; two who did it the other way round would wait for each other.
    """
    execute(conn, statement(_PACKAGE, "lock_aims"), town_id=town_id)


def put(conn: Connection[Any], *, town_id: int, aim: Aim, actor: str, at: datetime) -> bool:
    """Say one of them; False, and no trace, when it was so already. What was said before stands in the audit trail."""
    return put_all(conn, town_id=town_id, aims=[aim], actor=actor, at=at) == 1


def put_all(conn: Connection[Any], *, town_id: int, aims: Iterable[Aim], actor: str, at: datetime) -> int:
    """Say several at once, as ``put`` says one; how many were not so already. Of two with one key the later counts.

    Two questions for each kind, however many rows, and a line in the trail for each that changes: who says something at
    the same time waits, and finds what the first one has said.
    """
    lock(conn, town_id=town_id)
    changed = 0
    for kind, said in _by_kind(aims).items():
        name, read = _KINDS[kind]
        before = {key(row): row for row in read(conn, town_id)}
        fresh = [aim for aim in said if before.get(key(aim)) != aim]
        if not fresh:
            continue
        columns = {field.name: [getattr(aim, field.name) for aim in fresh] for field in fields(fresh[0])}
        written = execute(
            conn, statement(_PACKAGE, f"put_{name}"), town_id=town_id, **columns, set_by=actor, set_at=at
        )  # fmt: skip
        assert written == len(fresh), "what differs is written, and nobody else writes"
        for aim in fresh:
            former = before.get(key(aim))
            audit.record(
                conn,
                town_id=town_id,
                actor=actor,
                action=f"impact.{key(aim)[0]}-set",
                subject=f"town:{town_id}",
                before=None if former is None else _plain(former),
                after=_plain(aim),
                at=at,
            )
        changed += written
    return changed


def _by_kind(aims: Iterable[Aim]) -> dict[type, list[Aim]]:
    found: dict[type, list[Aim]] = {}
    for aim in {key(one): one for one in aims}.values():
        found.setdefault(type(aim), []).append(aim)
    return found


_KINDS: dict[type, tuple[str, Callable[[Connection[Any], int], tuple[Aim, ...]]]] = {
    Target: ("target", targets),
    ZoneResidents: ("zone_residents", zone_residents),
    ConversionFactor: ("conversion_factor", conversion_factors),
    RunningCost: ("running_cost", running_costs),
    Reuse: ("reuse", reused),
}
"""How the statement of each is called that writes it, and what reads it."""


def _plain(aim: Aim) -> dict[str, Any]:
    values = {field.name: getattr(aim, field.name) for field in fields(aim)}
    return {name: value if isinstance(value, int) else str(value) for name, value in values.items()}
