"""A target's way: somebody proposes it, a second person confirms it, and from then on figures stand beside it.

Each function is part of its caller's transaction and may be repeated. A target is dated forward, and one that is
shown already is never rewritten: what was promised is part of the record.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit import operations as audit
from koinon.coproduction.queries import activities
from koinon.coproduction.types import STREAMS
from koinon.db.statements import execute, many, statement
from koinon.db.transactions import savepoint
from koinon.impact import aims, queries
from koinon.impact.aims import Target
from koinon.impact.errors import TargetDecided, TargetNotFound, TargetNotSound, TargetSamePerson
from koinon.impact.indicators.catalogue import CATALOGUE, Entry, Unit
from koinon.kernel.decisions import Finding
from koinon.parties import queries as parties
from koinon.programmes import queries as programmes

_PACKAGE = "koinon.impact"
_PLACES = 9
_MOST = Decimal(10) ** 12


@dataclass(frozen=True, slots=True)
class Proposal:
    """A target as it was proposed; what comes with a decision is None before it."""

    id: UUID
    indicator: str
    part: str
    from_day: date
    by_day: date
    value: Decimal
    source: str
    state: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str

    @property
    def target(self) -> Target:
        return Target(self.indicator, self.part, self.from_day, self.by_day, self.value, self.source)


@dataclass(frozen=True, slots=True)
class Aimable:
    """A figure that may have a target: an indicator's whole (``part`` ""), or a part with the ``name`` that records give it."""

    entry: Entry
    part: str
    name: str = ""


def aimable(conn: Connection[Any], *, town_id: int) -> tuple[Aimable, ...]:
    """Every figure of a town that may have a target, in the catalogue's order: wholes, and parts with a name."""
    named = {
        "zone:*": queries.zones(conn, town_id),
        "fund:*": {fund.code: fund.name for fund in programmes.funds(conn, town_id=town_id)},
        "activity:*": {one.code: one.name for one in activities(conn, town_id=town_id)},
        "stream:*": {stream: stream for stream in STREAMS},
    }
    found = []
    for entry in CATALOGUE:
        found.append(Aimable(entry, ""))
        for part in entry.parts:
            if part in named:
                found += [Aimable(entry, part[:-1] + code, name) for code, name in named[part].items()]
            elif "*" not in part:
                found.append(Aimable(entry, part, part))
    return tuple(found)


def proposals(conn: Connection[Any], *, town_id: int) -> tuple[Proposal, ...]:
    """Every target that was proposed, those that wait first."""
    return tuple(many(conn, statement(_PACKAGE, "target_proposals"), Proposal, town_id=town_id, id=None))


def propose(
    conn: Connection[Any], *, town_id: int, proposal_id: UUID, target: Target, at: datetime, actor: str
) -> Proposal:
    """Propose a target. The same id gives the first proposal again. Refuses with ``TargetNotSound``."""
    if not _one(conn, town_id, proposal_id):
        _sound(conn, town_id, target, at)
        added = execute(
            conn,
            statement(_PACKAGE, "add_target_proposal"),
            id=proposal_id,
            town_id=town_id,
            indicator=target.indicator,
            part=target.part,
            by_day=target.by_day,
            from_day=target.from_day,
            value=target.value,
            source=target.source,
            proposed_by=actor,
            proposed_at=at,
        )
        if added:  # Otherwise somebody sent it twice at once.
            _record(conn, town_id, proposal_id, "proposed", target, actor, at)
    (found,) = _one(conn, town_id, proposal_id)
    return found


def confirm(conn: Connection[Any], *, town_id: int, proposal_id: UUID, at: datetime, actor: str) -> Proposal:
    """A second person says yes: the target holds from its first day on.

    Refuses with ``TargetNotFound``, ``TargetDecided``, ``TargetSamePerson``, and ``TargetNotSound`` where its first day
    has passed meanwhile, or another one was confirmed that is shown by now.
    """
    aims.lock(conn, town_id=town_id)
    found = _waiting(conn, town_id, proposal_id, "confirmed", actor)
    if found.state == "confirmed":
        return found
    if found.proposed_by == actor:
        raise TargetSamePerson(target=proposal_id)
    _sound(conn, town_id, found.target, at)
    with savepoint(conn):
        _decide(conn, town_id, proposal_id, "confirmed", "", actor, at)
        aims.put(conn, town_id=town_id, aim=found.target, actor=actor, at=at)
    (found,) = _one(conn, town_id, proposal_id)
    return found


def decline(
    conn: Connection[Any], *, town_id: int, proposal_id: UUID, reason: str, at: datetime, actor: str
) -> Proposal:
    """Say no to a target, or take back one's own. Refuses with ``TargetNotFound`` and ``TargetDecided``."""
    own = any(one.proposed_by == actor for one in _one(conn, town_id, proposal_id))
    state = "withdrawn" if own else "declined"
    found = _waiting(conn, town_id, proposal_id, state, actor)
    if found.state == "proposed":
        _decide(conn, town_id, proposal_id, state, reason, actor, at)
        _record(conn, town_id, proposal_id, state, found.target, actor, at, reason)
        (found,) = _one(conn, town_id, proposal_id)
    return found


def confirmed(conn: Connection[Any], *, town_id: int) -> frozenset[tuple[str, ...]]:
    """The keys (``aims.key``) of all targets that two persons agreed on: none but two persons change them.

    Nobody decides of a target before the caller's transaction ends.
    """
    aims.lock(conn, town_id=town_id)
    execute(conn, statement(_PACKAGE, "lock_target_proposal"), town_id=town_id, id=None)
    return frozenset(aims.key(one.target) for one in proposals(conn, town_id=town_id) if one.state == "confirmed")


def _one(conn: Connection[Any], town_id: int, proposal_id: UUID) -> list[Proposal]:
    return many(conn, statement(_PACKAGE, "target_proposals"), Proposal, town_id=town_id, id=proposal_id)


def _waiting(conn: Connection[Any], town_id: int, proposal_id: UUID, state: str, actor: str) -> Proposal:
    """The proposal, locked; one that is in this state already by the same person is answered as it is."""
    execute(conn, statement(_PACKAGE, "lock_target_proposal"), town_id=town_id, id=proposal_id)
    found = _one(conn, town_id, proposal_id)
    if not found:
        raise TargetNotFound(target=proposal_id)
    if found[0].state != "proposed" and (found[0].state, found[0].decided_by) != (state, actor):
        raise TargetDecided(target=proposal_id, state=found[0].state)
    return found[0]


def _decide(
    conn: Connection[Any], town_id: int, proposal_id: UUID, state: str, reason: str, actor: str, at: datetime
) -> None:
    execute(
        conn, statement(_PACKAGE, "decide_target_proposal"),
        town_id=town_id, id=proposal_id, state=state, decided_by=actor, decided_at=at, reason=reason,
    )  # fmt: skip


def _sound(conn: Connection[Any], town_id: int, target: Target, at: datetime) -> None:
    today = at.astimezone(parties.town(conn, town_id).zone).date()
    known = {(one.entry.key, one.part): one.entry for one in aimable(conn, town_id=town_id)}
    entry = known.get((target.indicator, target.part))
    found = []

    def find(column: str, code: str, message: str, remedy: str) -> None:
        found.append(Finding("", 0, column, f"target.{code}", message, remedy))

    if entry is None:
        find("indicator", "no-figure", "No figure of the town is called so.", "Take one that reports have.")
    if not target.value.is_finite() or target.value < 0 or target.value >= _MOST:
        find("value", "value", "The value is no number from zero on.", "Write a number, such as 0.35.")
    elif target.value != round(target.value, _PLACES):
        find("value", "value", "The value has more than nine decimals.", "Round it.")
    elif entry is not None and entry.unit is Unit.SHARE and target.value > 1:
        find("value", "share", "A share is at most 1.", "Write 0.35 or 35 %.")
    if target.from_day < today:
        find("from", "past", "The first day has passed.", "A target is dated forward: take today or a later day.")
    if target.by_day < target.from_day:
        find("by", "reversed", "The day by which is before the first day.", "Put the days right.")
    if any(
        (one.indicator, one.part, one.by_day) == (target.indicator, target.part, target.by_day)
        and one.from_day <= today
        for one in aims.targets(conn, town_id)
    ):
        find("by", "shown", "A target of this figure by this day is shown already.", "Take another day by which.")
    if found:
        raise TargetNotSound(found)


def _record(
    conn: Connection[Any],
    town_id: int,
    proposal_id: UUID,
    what: str,
    target: Target,
    actor: str,
    at: datetime,
    reason: str = "",
) -> None:
    after = {
        "indicator": target.indicator,
        "part": target.part,
        "from_day": str(target.from_day),
        "by_day": str(target.by_day),
        "value": str(target.value),
        "source": target.source,
    }
    audit.record(
        conn, town_id=town_id, actor=actor, action=f"impact.target-{what}", subject=f"target:{proposal_id}",
        after=after, reason=reason, at=at,
    )  # fmt: skip
