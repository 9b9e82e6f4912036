"""Preparing a cycle: deciding for every household of a programme, and freezing the answers with their facts.

Each cycle decides anew on what is registered on that day. What it decided, on
which facts and why stays with the cycle; ``preview`` shows what it would decide
without writing anything, ``recheck`` what has changed since.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import execute, many, maybe, statement
from koinon.kernel.decisions import Ground
from koinon.kernel.identifiers import new_id
from koinon.kernel.periods import Month
from koinon.programmes import queries, rules
from koinon.programmes.eligibility import HouseholdFacts, Status
from koinon.programmes.errors import ProgrammeNotFound
from koinon.programmes.rules import AwardFacts, Entitled, ExceptionFacts
from koinon.programmes.steps import PACKAGE, Id, record
from koinon.programmes.types import CycleView, ProgrammeView
from koinon.programmes.waiting import Candidate, WaitingRule, fill

COMMITTED = ("approved", "disbursing", "disbursed")  # As committed_of_fund.sql counts them.


@dataclass(frozen=True, slots=True)
class _Row:
    party_id: UUID
    award_id: UUID | None
    monthly_minor: int | None
    from_day: date | None
    to_day: date | None
    zone: str
    income_band: str
    members: int
    resident_since: date | None
    children: str
    statuses: str
    erased: bool
    exception_id: UUID | None
    exception_kind: str | None
    exception_minor: int | None
    same_as: UUID | None
    undecided: bool


@dataclass(frozen=True, slots=True)
class _Waited:
    party_id: UUID
    months: int
    continued: bool


@dataclass(frozen=True, slots=True)
class Line:
    """What is decided about one household: ``due``, ``refused`` or ``waiting``, why, and on which facts."""

    party_id: UUID
    state: str
    amount_minor: int
    grounds: tuple[Ground, ...]
    snapshot: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """A line that would be decided otherwise today; ``None`` where there is none on that side."""

    party_id: UUID
    frozen: Line | None
    today: Line | None


def prepare_cycle(
    conn: Connection[Any], *, town_id: int, programme_id: UUID, month: Month, actor: str, now: datetime
) -> CycleView:
    """Decide for every household of the programme what it is due in the month, and freeze it.

    Facts and grounds of every yes and every no are kept with the entitlement,
    and the programme's terms with the cycle, so that later changes do not rewrite
    the decision. A month that was prepared before is given back as it is; to
    prepare it anew, cancel it first.
    """
    if maybe(conn, statement(PACKAGE, "lock_programme"), Id, town_id=town_id, programme_id=programme_id) is None:
        raise ProgrammeNotFound(programme=str(programme_id))
    before = queries.cycle_of_month(conn, town_id=town_id, programme_id=programme_id, month=str(month))
    if before is not None:
        return before
    programme = queries.programme(conn, town_id=town_id, programme_id=programme_id)
    lines = decide(conn, programme=programme, month=month)
    due = [line.amount_minor for line in lines if line.state == "due"]
    terms = programme.terms.as_json()
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
        terms=json.dumps(terms),
    )
    _insert_entitlements(conn, cycle_id, lines)
    after = {
        "month": str(month),
        "due": len(due),
        "refused": sum(line.state == "refused" for line in lines),
        "waiting": sum(line.state == "waiting" for line in lines),
        "total_minor": sum(due),
        "terms": terms,
    }
    record(conn, town_id, actor, "cycle.prepared", cycle_id, now, after=after)
    return queries.cycle(conn, town_id=town_id, cycle_id=cycle_id)


def preview(conn: Connection[Any], *, town_id: int, programme_id: UUID, month: Month) -> list[Line]:
    """What preparing the month would decide now. Nothing is written, nothing is locked."""
    return decide(conn, programme=queries.programme(conn, town_id=town_id, programme_id=programme_id), month=month)


def recheck(conn: Connection[Any], *, town_id: int, cycle_id: UUID) -> list[Difference]:
    """The lines of a cycle that would be decided otherwise on what is registered now, in the order of party ids.

    A cycle that is out of date is cancelled and prepared anew; it never changes by itself.
    """
    cycle = queries.cycle(conn, town_id=town_id, cycle_id=cycle_id)
    programme = queries.programme(conn, town_id=town_id, programme_id=cycle.programme_id)
    own = cycle.total_minor if cycle.state in COMMITTED else 0
    today = {line.party_id: line for line in decide(conn, programme=programme, month=cycle.period, own_minor=own)}
    frozen = {
        kept.party_id: Line(kept.party_id, kept.decision, kept.amount_minor, kept.grounds, kept.snapshot)
        for kept in queries.entitlements(conn, town_id=town_id, cycle_id=cycle_id, limit=2**31 - 1)
    }
    return [
        Difference(party, frozen.get(party), today.get(party))
        for party in sorted(frozen.keys() | today.keys())
        if _answer(frozen.get(party)) != _answer(today.get(party))
    ]


def _answer(line: Line | None) -> tuple[str, int, tuple[str, ...]] | None:
    if line is None:
        return None
    # A yes is compared by its amount; a no by its grounds too, because the household was told them.
    codes = () if line.state == "due" else tuple(ground.code for ground in line.grounds)
    return line.state, line.amount_minor, codes


def decide(conn: Connection[Any], *, programme: ProgrammeView, month: Month, own_minor: int = 0) -> list[Line]:
    """Every household's line in a month, in the order of party ids.

    ``own_minor`` is what the month itself has taken of the fund's budget already.
    """
    terms = programme.terms
    rows = many(
        conn,
        statement(PACKAGE, "households_in_month"),
        _Row,
        town_id=programme.town_id,
        programme_id=programme.id,
        month=str(month),
        first_day=month.first_day,
        last_day=month.last_day,
        everybody=terms.for_whom == rules.HOUSEHOLDS,
    )
    known = [(row, _facts(row)) for row in rows]
    decided = {
        row.party_id: rules.entitlement(
            facts,
            _award(row),
            terms=terms,
            month=month,
            exception=_exception(row),
            same_as=row.same_as,
            undecided=row.undecided,
        )
        for row, facts in known
    }
    lines = {row.party_id: _line(row, facts, decided[row.party_id], month) for row, facts in known}
    if terms.waiting is not None:
        facts_of = {row.party_id: facts for row, facts in known}
        budget = _budget(conn, programme, terms.waiting, own_minor)
        _let_wait(conn, programme, terms.waiting, month, budget, lines, facts_of)
    return list(lines.values())


def _facts(row: _Row) -> HouseholdFacts:
    return HouseholdFacts(
        members=row.members,
        children=tuple(Month.parse(born) for born in json.loads(row.children)),
        zone=row.zone,
        income_band=row.income_band,
        resident_since=row.resident_since,
        statuses=tuple(
            Status(kept["code"], _day(kept.get("from_day")), _day(kept.get("to_day")))
            for kept in json.loads(row.statuses)
        ),
        erased=row.erased,
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _award(row: _Row) -> AwardFacts | None:
    if row.monthly_minor is None or row.from_day is None:
        return None
    return AwardFacts(row.monthly_minor, row.from_day, row.to_day)


def _exception(row: _Row) -> ExceptionFacts | None:
    if row.exception_id is None or row.exception_kind is None:
        return None
    return ExceptionFacts(row.exception_id, row.exception_kind, row.exception_minor)


def _line(row: _Row, facts: HouseholdFacts, entitled: Entitled, month: Month) -> Line:
    state = "due" if entitled.decision else "refused"
    return Line(row.party_id, state, entitled.amount_minor, entitled.grounds, _snapshot(row, facts, entitled, month))


def _snapshot(row: _Row, facts: HouseholdFacts, entitled: Entitled, month: Month) -> dict[str, Any]:
    """The facts of a decision as they were: ages instead of months of birth, and nothing that was not said."""
    kept: dict[str, Any] = {
        "zone": facts.zone,
        "income_band": facts.income_band,
        "members": facts.members,
        "aid_minor": entitled.aid_minor,
    }
    if row.award_id is not None:
        kept |= {
            "award": str(row.award_id),
            "monthly_minor": row.monthly_minor,
            "from_day": row.from_day.isoformat() if row.from_day else None,
            "to_day": row.to_day.isoformat() if row.to_day else None,
        }
    if facts.children:
        kept["ages"] = list(facts.ages(month))
    if facts.resident_since:
        kept["resident_since"] = facts.resident_since.isoformat()
    if facts.statuses:
        kept["statuses"] = [status.as_json() for status in facts.statuses]
    if row.exception_id:
        kept["exception"] = str(row.exception_id)
    if row.same_as or row.undecided:
        kept["duplicate"] = str(row.same_as) if row.same_as else "undecided"
    return kept


def _budget(conn: Connection[Any], programme: ProgrammeView, waiting: WaitingRule, own_minor: int) -> int | None:
    """What the cycle may spend: the programme's monthly budget, and never more than is left of the fund's."""
    fund = queries.fund(conn, town_id=programme.town_id, fund_id=programme.fund_id)
    limits = [] if waiting.monthly_budget_minor is None else [waiting.monthly_budget_minor]
    if fund.budget_minor is not None:
        committed = queries.committed_of_fund(conn, fund_id=fund.id) - own_minor
        limits.append(max(0, fund.budget_minor - committed))
    return min(limits, default=None)


def _let_wait(
    conn: Connection[Any],
    programme: ProgrammeView,
    waiting: WaitingRule,
    month: Month,
    budget_minor: int | None,
    lines: dict[UUID, Line],
    facts: dict[UUID, HouseholdFacts],
) -> None:
    """Put what the money does not reach on the waiting list; every yes is told its place and its points."""
    before = {
        row.party_id: row
        for row in many(conn, statement(PACKAGE, "waited"), _Waited, programme_id=programme.id, month=str(month))
    }
    points: dict[UUID, list[int]] = {}
    candidates = []
    for party, line in lines.items():
        if line.state == "due":
            row = before.get(party)
            months = row.months if row else 0
            points[party] = waiting.points(facts[party], month, months)
            candidates.append(
                Candidate(party, line.amount_minor, sum(points[party]), months, row is not None and row.continued)
            )
    for placed in fill(candidates, budget_minor=budget_minor, month=month, continued_first=waiting.continued_first):
        one = placed.candidate
        line = lines[one.party]
        fields = {
            "place": placed.place,
            "of": len(candidates),
            "score": one.score,
            "points": points[one.party],
            "months_waited": one.months_waited,
            "continued": one.continued,
        }
        snapshot = {**line.snapshot, "place": placed.place, "score": one.score}
        if placed.reached:
            grounds = (*line.grounds, Ground("entitlement.place", fields))
            lines[one.party] = replace(line, grounds=grounds, snapshot=snapshot)
        else:
            because = {"amount_minor": line.amount_minor, "because": rules.as_json(line.grounds)}
            ground = Ground("entitlement.waiting", {**fields, **because})
            lines[one.party] = Line(one.party, "waiting", 0, (ground,), snapshot)


def _insert_entitlements(conn: Connection[Any], cycle_id: UUID, lines: Sequence[Line]) -> None:
    execute(
        conn,
        statement(PACKAGE, "insert_entitlements"),
        cycle_id=cycle_id,
        ids=[new_id() for _ in lines],
        parties=[line.party_id for line in lines],
        amounts=[line.amount_minor for line in lines],
        states=[line.state for line in lines],
        grounds=[json.dumps(rules.as_json(line.grounds)) for line in lines],
        snapshots=[json.dumps(line.snapshot) for line in lines],
    )
