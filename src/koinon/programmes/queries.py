"""Reading funds, programmes, cycles and entitlements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import many, maybe, scalar, statement
from koinon.programmes.errors import (
    CycleNotFound,
    DuplicateNotFound,
    ExceptionNotFound,
    FundNotFound,
    HouseholdNotFound,
    LineNotFound,
    ProgrammeNotFound,
)
from koinon.programmes.types import (
    Approval,
    CycleView,
    DuplicateView,
    EntitlementView,
    ExceptionView,
    FundView,
    ProgrammeView,
)

_PACKAGE = "koinon.programmes"


@dataclass(frozen=True, slots=True)
class _Id:
    id: UUID


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


def fingerprint(conn: Connection[Any], *, cycle_id: UUID) -> str:
    """SHA-256 of a cycle's list as it is now, in hexadecimal."""
    return str(scalar(conn, statement(_PACKAGE, "fingerprint"), cycle_id=cycle_id))


def checksum(conn: Connection[Any], *, cycle_id: UUID) -> str:
    """A quick sum of a cycle's list as it is now; it depends on the version of PostgreSQL."""
    return str(scalar(conn, statement(_PACKAGE, "checksum"), cycle_id=cycle_id))


def approvals(conn: Connection[Any], *, cycle_id: UUID) -> list[Approval]:
    """Who approved a cycle as it was last submitted, first one first."""
    return many(conn, statement(_PACKAGE, "approvals"), Approval, cycle_id=cycle_id)


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


def entitlement(conn: Connection[Any], *, town_id: int, cycle_id: UUID, party_id: UUID) -> EntitlementView:
    """What one household is due in a cycle, or ``HouseholdNotFound`` where the cycle did not decide on it."""
    found = maybe(
        conn, statement(_PACKAGE, "entitlement"), EntitlementView,
        town_id=town_id, entitlement_id=None, cycle_id=cycle_id, party_id=party_id,
    )  # fmt: skip
    if found is None:
        raise HouseholdNotFound(household=str(party_id))
    return found


def line(conn: Connection[Any], *, town_id: int, entitlement_id: UUID) -> EntitlementView:
    """One line of a cycle by its own id, or ``LineNotFound``."""
    found = maybe(
        conn, statement(_PACKAGE, "entitlement"), EntitlementView,
        town_id=town_id, entitlement_id=entitlement_id, cycle_id=None, party_id=None,
    )  # fmt: skip
    if found is None:
        raise LineNotFound(line=str(entitlement_id))
    return found


def exceptions(
    conn: Connection[Any],
    *,
    town_id: int,
    programme_id: UUID | None = None,
    household: UUID | None = None,
    state: str | None = None,
) -> list[ExceptionView]:
    """Exceptions, newest first."""
    return many(
        conn, statement(_PACKAGE, "exceptions"), ExceptionView,
        town_id=town_id, programme_id=programme_id, household=household, state=state, exception_id=None,
    )  # fmt: skip


def exception(conn: Connection[Any], *, town_id: int, exception_id: UUID) -> ExceptionView:
    """One exception, or ``ExceptionNotFound``."""
    found = maybe(
        conn, statement(_PACKAGE, "exceptions"), ExceptionView,
        town_id=town_id, programme_id=None, household=None, state=None, exception_id=exception_id,
    )  # fmt: skip
    if found is None:
        raise ExceptionNotFound(exception=str(exception_id))
    return found


def duplicates(conn: Connection[Any], *, town_id: int, state: str | None = None) -> list[DuplicateView]:
    """Pairs of households that may be one: undecided ones first, the most alike first."""
    return many(conn, statement(_PACKAGE, "duplicates"), DuplicateView, town_id=town_id, pair_id=None, state=state)


def duplicate(conn: Connection[Any], *, town_id: int, pair_id: UUID) -> DuplicateView:
    """One pair, or ``DuplicateNotFound``."""
    sql = statement(_PACKAGE, "duplicates")
    found = maybe(conn, sql, DuplicateView, town_id=town_id, pair_id=pair_id, state=None)
    if found is None:
        raise DuplicateNotFound(pair=str(pair_id))
    return found


def household_ending(conn: Connection[Any], *, town_id: int, ending: str) -> UUID:
    """The household whose id is this, or ends so, as lists show it; ``HouseholdNotFound`` for none or several."""
    bare = ending.strip().lower().replace("-", "")
    found = many(conn, statement(_PACKAGE, "households_ending"), _Id, town_id=town_id, ending=bare) if bare else []
    if len(found) != 1:
        raise HouseholdNotFound(household=ending)
    return found[0].id


def committed_of_fund(conn: Connection[Any], *, fund_id: UUID) -> int:
    """What approved cycles, campaigns and rewards take of a fund's budget, in minor units."""
    return int(scalar(conn, statement(_PACKAGE, "committed_of_fund"), fund_id=fund_id))
