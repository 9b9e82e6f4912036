"""What a town folder changes of funds: freely until the first unit is issued, forward in time only from then on."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import execute, many, statement
from koinon.kernel.decisions import Finding
from koinon.kernel.errors import FindingsError
from koinon.kernel.identifiers import new_id
from koinon.pilots.townfolder_findings import KINDS
from koinon.pilots.townfolder_findings import said as _
from koinon.pilots.townfolder_funds import spending
from koinon.pilots.townfolder_types import ChangeSpec, FundSpec
from koinon.programmes import funds as programmes
from koinon.programmes.errors import ChangeRefused
from koinon.programmes.spending import SpendingRule

_PACKAGE = "koinon.pilots"


class FundRow(Protocol):
    """A fund as the town's records have it, and as the folder wants it."""

    @property
    def id(self) -> UUID: ...
    @property
    def rule(self) -> str: ...
    @property
    def spend_from(self) -> date | None: ...
    @property
    def last_day(self) -> date | None: ...


@dataclass(frozen=True, slots=True)
class _Id:
    id: UUID


def issued(conn: Connection[Any], *, town_id: int) -> set[UUID]:
    """The funds of which money was issued."""
    return {row.id for row in many(conn, statement(_PACKAGE, "apply_issued_funds"), _Id, town_id=town_id)}


def keep_forward(
    plan: Sequence[FundSpec], present: Mapping[str, FundRow], wanted: Mapping[str, FundRow], issued: Collection[UUID]
) -> None:
    """``FindingsError`` where the folder would change what holds already for money that people have."""
    found = []
    for fund in plan:
        known, now = present.get(fund.code), wanted[fund.code]
        if known is None or known.id not in issued:
            continue
        for file, row, name in (
            (fund.rule.file, fund.rule.row, "rule"), (fund.file, fund.row, "spend_from"), (fund.file, fund.row, "last_day"),
        ):  # fmt: skip
            if getattr(known, name) != getattr(now, name):
                message = _("`%(name)s` of this fund holds already: it changes from a later day on.", name=name)
                found.append(_forward_only(file, row, "rules" if name == "rule" else f"funds.{name}", message))
    if found:
        raise FindingsError(found)


def write_changes(
    conn: Connection[Any],
    plan: Sequence[FundSpec],
    fund_ids: Mapping[str, UUID],
    issued: Collection[UUID],
    *,
    town_id: int,
    by_tax_id: Mapping[str, UUID],
    at: datetime,
    actor: str,
) -> None:
    """Announce what the folder says of later days; where nothing was issued yet, it is simply written down.

    Changes that were announced and that the folder does not mention stay.
    """
    found = []
    for fund in plan:
        fund_id = fund_ids[fund.code]
        known = [one for one in programmes.versions(conn, town_id=town_id, fund_id=fund_id) if one.withdrawn_at is None]
        wanted = [(change, spending(change.rule, by_tax_id)) for change in fund.changes]
        there = {(one.from_day, one.rule, one.last_day) for one in known}
        fresh = [
            (one, rule) for one, rule in wanted if (one.from_day, rule, one.last_day or fund.last_day) not in there
        ]
        if not fresh:
            continue
        if fund_id not in issued:
            _write(conn, fund_id, fund, wanted, at=at, actor=actor)
            continue
        for change, rule in fresh:
            try:
                programmes.announce_change(
                    conn, town_id=town_id, fund_id=fund_id, from_day=change.from_day, rule=rule,
                    last_day=change.last_day or fund.last_day, reason=change.reason, actor=actor, now=at,
                )  # fmt: skip
            except ChangeRefused as refused:
                grounds = ", ".join(ground.code for ground in refused.grounds)
                message = _("This cannot be announced: %(grounds)s.", grounds=grounds)
                found.append(_forward_only(change.file, change.row, "rules.from_day", message))
    if found:
        raise FindingsError(found)


def _write(
    conn: Connection[Any], fund_id: UUID, fund: FundSpec, wanted: Sequence[tuple[ChangeSpec, SpendingRule]], *,
    at: datetime, actor: str,
) -> None:  # fmt: skip
    execute(conn, statement(_PACKAGE, "apply_take_versions_back"), fund_id=fund_id, at=at, actor=actor)
    execute(
        conn,
        statement(_PACKAGE, "apply_put_versions"),
        fund_id=fund_id,
        ids=[new_id() for _change in wanted],
        from_days=[change.from_day for change, _rule in wanted],
        rules=[json.dumps(rule.as_json()) for _change, rule in wanted],
        last_days=[change.last_day or fund.last_day for change, _rule in wanted],
        reasons=[change.reason for change, _rule in wanted],
        at=at,
        actor=actor,
    )
    execute(conn, statement("koinon.programmes", "carry_fund_versions"), fund_id=fund_id)


def _forward_only(file: str, row: int, column: str, message: str) -> Finding:
    kind = KINDS["town.rule-forward-only"]
    return Finding(file, row, column, "town.rule-forward-only", message, _(kind.remedy), kind.severity)
