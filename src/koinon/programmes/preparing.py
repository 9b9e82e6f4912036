"""Preparing a cycle: deciding for every household of a programme, and freezing the answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import execute, many, maybe, statement
from koinon.kernel.identifiers import new_id
from koinon.kernel.periods import Month
from koinon.programmes import queries, rules
from koinon.programmes.errors import ProgrammeNotFound
from koinon.programmes.rules import AwardFacts, Entitled, ProgrammeTerms
from koinon.programmes.steps import PACKAGE, Id, record
from koinon.programmes.types import CycleView


@dataclass(frozen=True, slots=True)
class _Award:
    award_id: UUID
    party_id: UUID
    monthly_minor: int
    from_day: date
    to_day: date | None
    zone: str
    income_band: str
    members: int
    erased: bool


def prepare_cycle(
    conn: Connection[Any], *, town_id: int, programme_id: UUID, month: Month, actor: str, now: datetime
) -> CycleView:
    """Decide for every award of the programme what its household is due in the month, and freeze it.

    Facts and grounds of every yes and every no are kept with the entitlement,
    so that later changes to award or household do not rewrite the decision. A
    month that was prepared before is given back as it is; to prepare it anew,
    cancel it first.
    """
    if maybe(conn, statement(PACKAGE, "lock_programme"), Id, town_id=town_id, programme_id=programme_id) is None:
        raise ProgrammeNotFound(programme=str(programme_id))
    before = queries.cycle_of_month(conn, town_id=town_id, programme_id=programme_id, month=str(month))
    if before is not None:
        return before
    terms = queries.programme(conn, town_id=town_id, programme_id=programme_id).terms
    awards = many(
        conn,
        statement(PACKAGE, "awards_in_month"),
        _Award,
        programme_id=programme_id,
        first_day=month.first_day,
        last_day=month.last_day,
    )
    decided = [(award, rules.entitlement(_facts(award), terms=terms, month=month)) for award in awards]
    due = [entitled.amount_minor for _, entitled in decided if entitled.decision]
    cycle_id = new_id()
    execute(
        conn,
        statement(PACKAGE, "insert_cycle"),
        id=cycle_id,
        programme_id=programme_id,
        month=str(month),
        actor=actor,
        now=now,
        total_minor=sum(due),
        count=len(due),
    )
    _insert_entitlements(conn, cycle_id, decided)
    after = {
        "month": str(month),
        "due": len(due),
        "refused": len(decided) - len(due),
        "total_minor": sum(due),
        "terms": _terms_json(terms),
    }
    record(conn, town_id, actor, "cycle.prepared", cycle_id, now, after=after)
    return queries.cycle(conn, town_id=town_id, cycle_id=cycle_id)


def _facts(award: _Award) -> AwardFacts:
    return AwardFacts(
        monthly_minor=award.monthly_minor,
        from_day=award.from_day,
        to_day=award.to_day,
        zone=award.zone,
        income_band=award.income_band,
        members=award.members,
        erased=award.erased,
    )


def _snapshot(award: _Award) -> str:
    return json.dumps(
        {
            "award": str(award.award_id),
            "monthly_minor": award.monthly_minor,
            "from_day": award.from_day.isoformat(),
            "to_day": award.to_day.isoformat() if award.to_day else None,
            "zone": award.zone,
            "income_band": award.income_band,
            "members": award.members,
        }
    )


def _terms_json(terms: ProgrammeTerms) -> dict[str, Any]:
    return {
        "share": f"{terms.share.numerator}/{terms.share.denominator}",
        "floor_monthly_minor": terms.floor_monthly_minor,
        "eligibility": terms.eligibility.as_json(),
    }


def _insert_entitlements(conn: Connection[Any], cycle_id: UUID, decided: Sequence[tuple[_Award, Entitled]]) -> None:
    execute(
        conn,
        statement(PACKAGE, "insert_entitlements"),
        cycle_id=cycle_id,
        ids=[new_id() for _ in decided],
        parties=[award.party_id for award, _ in decided],
        amounts=[entitled.amount_minor for _, entitled in decided],
        states=["due" if entitled.decision else "refused" for _, entitled in decided],
        grounds=[json.dumps(rules.as_json(entitled.grounds)) for _, entitled in decided],
        snapshots=[_snapshot(award) for award, _ in decided],
    )
