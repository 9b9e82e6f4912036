"""Reading funds, programmes, cycles and entitlements."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import many, maybe, statement
from koinon.programmes.errors import CycleNotFound, FundNotFound, ProgrammeNotFound
from koinon.programmes.types import CycleView, EntitlementView, FundView, ProgrammeView

_PACKAGE = "koinon.programmes"


def funds(conn: Connection[Any], *, town_id: int) -> list[FundView]:
    """Every fund of a town, by code."""
    return many(conn, statement(_PACKAGE, "funds"), FundView, town_id=town_id, fund_id=None, code=None)


def fund(conn: Connection[Any], *, town_id: int, fund_id: UUID) -> FundView:
    """One fund, or ``FundNotFound``."""
    found = maybe(conn, statement(_PACKAGE, "funds"), FundView, town_id=town_id, fund_id=fund_id, code=None)
    if found is None:
        raise FundNotFound(fund=str(fund_id))
    return found


def fund_by_code(conn: Connection[Any], *, town_id: int, code: str) -> FundView:
    """One fund by its code, or ``FundNotFound``."""
    found = maybe(conn, statement(_PACKAGE, "funds"), FundView, town_id=town_id, fund_id=None, code=code)
    if found is None:
        raise FundNotFound(fund=code)
    return found


def programmes(conn: Connection[Any], *, town_id: int) -> list[ProgrammeView]:
    """Every programme of a town, by code."""
    sql = statement(_PACKAGE, "programmes")
    return many(conn, sql, ProgrammeView, town_id=town_id, programme_id=None, code=None)


def programme(conn: Connection[Any], *, town_id: int, programme_id: UUID) -> ProgrammeView:
    """One programme, or ``ProgrammeNotFound``."""
    sql = statement(_PACKAGE, "programmes")
    found = maybe(conn, sql, ProgrammeView, town_id=town_id, programme_id=programme_id, code=None)
    if found is None:
        raise ProgrammeNotFound(programme=str(programme_id))
    return found


def programme_by_code(conn: Connection[Any], *, town_id: int, code: str) -> ProgrammeView:
    """One programme by its code, or ``ProgrammeNotFound``."""
    sql = statement(_PACKAGE, "programmes")
    found = maybe(conn, sql, ProgrammeView, town_id=town_id, programme_id=None, code=code)
    if found is None:
        raise ProgrammeNotFound(programme=code)
    return found


def cycles(conn: Connection[Any], *, town_id: int, programme_id: UUID | None = None) -> list[CycleView]:
    """The cycles of a town, or of one programme, newest month first; cancelled ones too."""
    sql = statement(_PACKAGE, "cycles")
    return many(conn, sql, CycleView, town_id=town_id, programme_id=programme_id, cycle_id=None, month=None)


def cycle(conn: Connection[Any], *, town_id: int, cycle_id: UUID) -> CycleView:
    """One cycle, or ``CycleNotFound``."""
    sql = statement(_PACKAGE, "cycles")
    found = maybe(conn, sql, CycleView, town_id=town_id, programme_id=None, cycle_id=cycle_id, month=None)
    if found is None:
        raise CycleNotFound(cycle=str(cycle_id))
    return found


def cycle_of_month(conn: Connection[Any], *, town_id: int, programme_id: UUID, month: str) -> CycleView | None:
    """The cycle of a programme in a month (YYYY-MM) that was not cancelled, if there is one."""
    sql = statement(_PACKAGE, "cycles")
    found = many(conn, sql, CycleView, town_id=town_id, programme_id=programme_id, cycle_id=None, month=month)
    return next((view for view in found if view.state != "cancelled"), None)


def entitlements(
    conn: Connection[Any],
    *,
    town_id: int,
    cycle_id: UUID,
    state: str | None = None,
    after: UUID | None = None,
    limit: int = 100,
) -> list[EntitlementView]:
    """A cycle's entitlements in the order of party ids; ``after`` (a party's id) pages on."""
    sql = statement(_PACKAGE, "entitlements")
    return many(conn, sql, EntitlementView, town_id=town_id, cycle_id=cycle_id, state=state, after=after, size=limit)
