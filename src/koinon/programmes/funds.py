"""What holds for a fund: reading it, announcing what will hold from a later day on, telling whoever has its money.

A rule and a last day change forward in time only. A change is announced with the day from which it holds and why; whoever
has money of the fund is told at once, and again before the last day. Which version decides on a payment is
for the payment's own local day to say. Every step is part of its caller's transaction, may be repeated, and writes an
audit line.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import execute, many, maybe, statement
from koinon.kernel.decisions import Finding
from koinon.kernel.identifiers import id_under, new_id
from koinon.outbox import messages
from koinon.parties import queries as parties
from koinon.parties.types import TownFacts
from koinon.programmes import queries
from koinon.programmes.errors import ChangeNotFound, ChangeNotWithdrawn, ChangeRefused, FundNotFound
from koinon.programmes.spending import SpendingRule, may_change, parse, spending_rule
from koinon.programmes.steps import PACKAGE, Id, record
from koinon.programmes.types import FundView

CHANGING, ENDING = "changing", "ending"


@dataclass(frozen=True, slots=True)
class FundVersionView:
    """A change of a fund's rule or last day that was announced; withdrawn where ``withdrawn_at`` says so."""

    id: UUID
    fund_id: UUID
    from_day: date
    rule_json: str
    last_day: date | None
    announced_at: datetime
    announced_by: str
    reason: str
    withdrawn_at: datetime | None
    withdrawn_by: str

    @property
    def rule(self) -> SpendingRule:
        return spending_rule(json.loads(self.rule_json))


@dataclass(frozen=True, slots=True)
class FundNoticeView:
    """That whoever had money of a fund was told: ``changing`` from a day on, or ``ending`` on its last day."""

    what: str
    day: date
    told_at: datetime
    told_by: str
    purses: int
    minor: int


@dataclass(frozen=True, slots=True)
class FundTotals:
    """Where a fund's units are: issued = swept + spent + held + left + waiting, all in minor units.

    ``waiting`` is issued and not in anybody's purse yet; ``bound`` is the part of what was spent that shops may only
    pay on.
    """

    fund_id: UUID
    received_minor: int
    reserve_minor: int
    issued_minor: int
    waiting_minor: int
    left_minor: int
    held_minor: int
    swept_minor: int
    bound_minor: int
    purses: int

    @property
    def spent_minor(self) -> int:
        return self.issued_minor - self.waiting_minor - self.left_minor - self.held_minor - self.swept_minor


@dataclass(frozen=True, slots=True)
class _Zone:
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class _Holder:
    party: UUID
    minor: int


def versions(conn: Connection[Any], *, town_id: int, fund_id: UUID) -> list[FundVersionView]:
    """The changes of a fund that were announced, in the order in which they begin; withdrawn ones too."""
    return many(conn, statement(PACKAGE, "fund_versions"), FundVersionView, town_id=town_id, fund_id=fund_id)


def notices(conn: Connection[Any], *, town_id: int, fund_id: UUID) -> list[FundNoticeView]:
    """The notices about a fund that were given, newest first."""
    return many(conn, statement(PACKAGE, "fund_notices"), FundNoticeView, town_id=town_id, fund_id=fund_id)


def totals(conn: Connection[Any], *, town_id: int, fund_id: UUID) -> FundTotals:
    """Where the units of a fund are, or ``FundNotFound``."""
    found = totals_of(conn, town_id=town_id, fund_ids=[fund_id])
    if fund_id not in found:
        raise FundNotFound(fund=str(fund_id))
    return found[fund_id]


def totals_of(conn: Connection[Any], *, town_id: int, fund_ids: Collection[UUID]) -> dict[UUID, FundTotals]:
    """Where the units of some funds of the town are, by the fund."""
    sql = statement(PACKAGE, "fund_totals")
    rows = many(conn, sql, FundTotals, town_id=town_id, fund_ids=list(fund_ids))
    return {row.fund_id: row for row in rows}


def mark_reserves(conn: Connection[Any], *, town_id: int) -> None:
    """Sum up what moved in the reserves of a town's funds until now, so that it is not walked again. May be repeated."""
    execute(conn, statement(PACKAGE, "mark_reserves"), town_id=town_id)


def zones(conn: Connection[Any], *, town_id: int) -> dict[str, str]:
    """The town's neighbourhoods: the name of each code."""
    return {zone.code: zone.name for zone in many(conn, statement(PACKAGE, "town_zones"), _Zone, town_id=town_id)}


def checked_rule(
    conn: Connection[Any], *, town_id: int, written: Mapping[str, Any], file: str = "", table: str = "spending"
) -> tuple[SpendingRule, list[Finding]]:
    """A rule as somebody has written it for a fund of this town, with a finding for all that cannot be meant.

    Beside what ``parse`` finds: neighbourhoods that the town does not have, and payees that are no organisations of it.
    """
    rule, findings = parse(written, file=file, table=table, zones=frozenset(zones(conn, town_id=town_id)))
    ours = (
        {one.party_id for one in parties.organisations(conn, town_id=town_id)}
        if rule.payees or rule.except_payees
        else set()
    )
    for key, named in (("payees", rule.payees), ("except_payees", rule.except_payees)):
        for party in sorted((named or frozenset()) - ours):
            findings.append(
                Finding(
                    file, 0, f"{table}.{key}", "rule.unknown-payee", f"the town has no organisation {party}",
                    "use the id of one of its organisations",
                )
            )  # fmt: skip
    return rule, findings


def announce_change(
    conn: Connection[Any],
    *,
    town_id: int,
    fund_id: UUID,
    from_day: date,
    rule: SpendingRule,
    last_day: date | None,
    reason: str,
    actor: str,
    now: datetime,
) -> FundVersionView:
    """From a later local day on, this rule and this last day hold; whoever has money of the fund is told now.

    ``reason`` is what they are told, at most 300 letters and nothing about a person. The same change announced
    again is given back as it is.

    Refuses with ``FundNotFound``, and ``ChangeRefused`` with every ground.
    """
    town, fund = _locked(conn, town_id, fund_id)
    before = _in_order(conn, town_id, fund_id)
    if before and _same(before[-1], from_day, rule, last_day):
        return before[-1]
    today = now.astimezone(town.zone).date()
    may_announce(fund, from_day=from_day, rule=rule, last_day=last_day, reason=reason, today=today)
    version_id = new_id()
    execute(
        conn,
        statement(PACKAGE, "put_fund_version"),
        id=version_id,
        fund_id=fund_id,
        from_day=from_day,
        rule=json.dumps(rule.as_json()),
        last_day=last_day,
        now=now,
        actor=actor,
        reason=reason.strip(),
    )
    execute(conn, statement(PACKAGE, "carry_fund_versions"), fund_id=fund_id)
    held = fund.versions[-1]
    record(
        conn, town_id, actor, "fund.change-announced", fund_id, now, kind="fund", reason=reason.strip(),
        before={"rule": held.rule.as_json(), "last_day": _text(held.last_day)},
        after={"from_day": from_day.isoformat(), "rule": rule.as_json(), "last_day": _text(last_day)},
    )  # fmt: skip
    _notify(conn, town, fund, CHANGING, from_day, actor=actor, now=now)
    return _version(conn, town_id, fund_id, version_id)


def may_announce(
    fund: FundView, *, from_day: date, rule: SpendingRule, last_day: date | None, reason: str, today: date
) -> None:
    """``ChangeRefused`` with every ground where this cannot be announced today."""
    decision = may_change(
        fund.versions,
        from_day=from_day,
        rule=rule,
        last_day=last_day,
        today=today,
        notice_days=fund.notice_days,
        reason=reason,
    )
    if not decision:
        raise ChangeRefused(fund=fund.code, grounds=decision.grounds)


def withdraw_change(
    conn: Connection[Any], *, town_id: int, fund_id: UUID, version_id: UUID, reason: str, actor: str, now: datetime
) -> FundVersionView:
    """Take a change back before its first day, and tell whoever has money of the fund. May be repeated.

    Only the last one that was announced: what comes after it was announced upon it. Refuses with
    ``FundNotFound``, ``ChangeNotFound`` and ``ChangeNotWithdrawn``.
    """
    town, fund = _locked(conn, town_id, fund_id)
    version = _version(conn, town_id, fund_id, version_id)
    if version.withdrawn_at is not None:
        return version
    if now.astimezone(town.zone).date() >= version.from_day:
        raise ChangeNotWithdrawn(from_day=version.from_day, why="it-holds-already")
    if _in_order(conn, town_id, fund_id)[-1].id != version_id:
        raise ChangeNotWithdrawn(from_day=version.from_day, why="another-follows")
    execute(conn, statement(PACKAGE, "withdraw_fund_version"), id=version_id, now=now, actor=actor)
    execute(conn, statement(PACKAGE, "carry_fund_versions"), fund_id=fund_id)
    record(
        conn, town_id, actor, "fund.change-withdrawn", fund_id, now, kind="fund", reason=reason.strip(),
        before={"from_day": version.from_day.isoformat(), "rule": version.rule.as_json()},
    )  # fmt: skip
    holders = _holders(conn, town_id, fund_id, CHANGING)
    _leave(conn, town, fund, "fund.change-withdrawn", {"from_day": version.from_day.isoformat()}, holders, now)
    return _version(conn, town_id, fund_id, version_id)


def tell_ending(
    conn: Connection[Any], *, town_id: int, fund_id: UUID, actor: str, now: datetime
) -> FundNoticeView | None:
    """Tell whoever has money of a fund, once, that its last day is near; None where it is not, or they were told.

    Near is as many days before as the fund says. Where the last day was moved, they are told of the new one.
    """
    town, fund = _locked(conn, town_id, fund_id)
    today = now.astimezone(town.zone).date()
    last_day = fund.on(today).last_day
    if last_day is None or not 0 <= (last_day - today).days <= fund.warn_days:
        return None
    return _notify(conn, town, fund, ENDING, last_day, actor=actor, now=now)


def set_notice(
    conn: Connection[Any], *, town_id: int, fund_id: UUID, notice_days: int, warn_days: int, actor: str, now: datetime
) -> FundView:
    """How many days before a change is announced, and before the last day people are told: 1 to 365."""
    assert 1 <= notice_days <= 365
    assert 1 <= warn_days <= 365
    _, fund = _locked(conn, town_id, fund_id)
    if (fund.notice_days, fund.warn_days) != (notice_days, warn_days):
        execute(
            conn, statement(PACKAGE, "set_fund_notice"), fund_id=fund_id, notice_days=notice_days, warn_days=warn_days
        )
        record(
            conn, town_id, actor, "fund.notice-set", fund_id, now, kind="fund",
            before={"notice_days": fund.notice_days, "warn_days": fund.warn_days},
            after={"notice_days": notice_days, "warn_days": warn_days},
        )  # fmt: skip
    return queries.fund(conn, town_id=town_id, fund_id=fund_id)


def take_turns(conn: Connection[Any], *, fund_id: UUID) -> None:
    """Lock a fund until the transaction ends, as approvals against its budget do: before the books, several by their ids."""
    execute(conn, statement(PACKAGE, "lock_fund"), fund_id=fund_id)


# --- Steps ----------------------------------------------------------------------------------------


def _locked(conn: Connection[Any], town_id: int, fund_id: UUID) -> tuple[TownFacts, FundView]:
    """Town and fund; two changes of one fund take turns."""
    town = parties.town(conn, town_id)
    queries.fund(conn, town_id=town_id, fund_id=fund_id)
    execute(conn, statement(PACKAGE, "lock_fund"), fund_id=fund_id)
    return town, queries.fund(conn, town_id=town_id, fund_id=fund_id)


def _in_order(conn: Connection[Any], town_id: int, fund_id: UUID) -> list[FundVersionView]:
    found = versions(conn, town_id=town_id, fund_id=fund_id)
    return [version for version in found if version.withdrawn_at is None]


def _version(conn: Connection[Any], town_id: int, fund_id: UUID, version_id: UUID) -> FundVersionView:
    found = versions(conn, town_id=town_id, fund_id=fund_id)
    for version in found:
        if version.id == version_id:
            return version
    raise ChangeNotFound(change=str(version_id))


def _same(version: FundVersionView, from_day: date, rule: SpendingRule, last_day: date | None) -> bool:
    return (version.from_day, version.rule, version.last_day) == (from_day, rule, last_day)


def _notify(
    conn: Connection[Any], town: TownFacts, fund: FundView, what: str, day: date, *, actor: str, now: datetime
) -> FundNoticeView | None:
    """Write down that a notice is given and give it; None where whoever it concerns was told before that it ends."""
    holders = _holders(conn, town.id, fund.id, what)
    minor = sum(holder.minor for holder in holders)
    given = maybe(
        conn,
        statement(PACKAGE, "put_fund_notice"),
        Id,
        id=new_id(),
        fund_id=fund.id,
        what=what,
        day=day,
        now=now,
        actor=actor,
        purses=len(holders),
        minor=minor,
    )
    if given is None:
        return None
    record(
        conn, town.id, actor, "fund.notice-given", fund.id, now, kind="fund",
        after={"what": what, "day": day.isoformat(), "purses": len(holders), "minor": minor},
    )  # fmt: skip
    kind, name = ("fund.rule-changes", "from_day") if what == CHANGING else ("fund.ending", "last_day")
    _leave(conn, town, fund, kind, {name: day.isoformat()}, holders, now)
    return FundNoticeView(what, day, now, actor, len(holders), minor)


def _holders(conn: Connection[Any], town_id: int, fund_id: UUID, what: str) -> list[_Holder]:
    """Whoever has money of the fund; of a change, shops too that hold what is bound to be paid on."""
    kinds = ["purse", "till"] if what == CHANGING else ["purse"]
    return many(conn, statement(PACKAGE, "fund_holders"), _Holder, town_id=town_id, fund_id=fund_id, kinds=kinds)


def _leave(
    conn: Connection[Any], town: TownFacts, fund: FundView, kind: str, said: dict[str, str], holders: list[_Holder],
    now: datetime,
) -> None:  # fmt: skip
    under = new_id()
    messages.leave_many(
        conn,
        town_id=town.id,
        kind=kind,
        at=now,
        told=[
            (id_under(under, holder.party), holder.party, {**said, "fund": str(fund.id), "amount_minor": holder.minor})
            for holder in holders
        ],
    )


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None
