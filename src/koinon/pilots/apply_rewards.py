"""What a folder says of activities and time banks, compared with what is recorded, and written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.coproduction import activities, queries, timebank
from koinon.coproduction.types import ActivityTerms, BankTerms, Cap, Measure, Rate
from koinon.pilots.townfolder_types import TownPlan


@dataclass(frozen=True, slots=True)
class RateRow:
    """A rate of the activity with this code."""

    code: str
    rate: Rate


@dataclass(frozen=True, slots=True)
class CapRow:
    """A limit of the activity with this code."""

    code: str
    cap: Cap


@dataclass(frozen=True, slots=True)
class Said:
    """Activities, rates, caps and time banks, as the folder or the town has them, by what names each."""

    time_banks: dict[str, BankTerms]
    activities: dict[str, ActivityTerms]
    rates: dict[tuple[str, str, date], RateRow]
    caps: dict[tuple[str, str, str, date], CapRow]


def wanted(plan: TownPlan, fund_id: Mapping[str, UUID]) -> Said:
    """What the folder says."""
    banks = {
        bank.code: BankTerms(bank.code, bank.name, bank.unit, bank.credit_limit, bank.most) for bank in plan.time_banks
    }
    terms = {
        one.code: ActivityTerms(
            code=one.code,
            name=one.name,
            measure=one.measure,
            fund_id=fund_id[one.fund] if one.fund else None,
            bank=one.time_bank,
            place=one.place,
            zones=tuple(sorted(one.zones)),
            first_day=one.first_day,
            last_day=one.last_day,
            second_above=one.second_above,
            budget_minor=one.budget_minor,
        )
        for one in plan.rewards
    }
    rates = {
        (one.code, rate.stream, rate.from_day): RateRow(one.code, rate) for one in plan.rewards for rate in one.rates
    }
    caps = {
        (one.code, cap.stream, str(cap.period), cap.from_day): CapRow(one.code, cap)
        for one in plan.rewards
        for cap in one.caps
    }
    return Said(banks, terms, rates, caps)


def present(conn: Connection[Any], town_id: int | None) -> Said:
    """What the town has."""
    if town_id is None:
        return Said({}, {}, {}, {})
    banks = queries.time_banks(conn, town_id=town_id)
    code_of_bank = {bank.id: bank.code for bank in banks}
    said = Said(
        {bank.code: BankTerms(bank.code, bank.name, bank.unit, bank.credit_limit, bank.most) for bank in banks},
        {},
        {},
        {},
    )
    for one in queries.activities(conn, town_id=town_id):
        said.activities[one.code] = ActivityTerms(
            code=one.code,
            name=one.name,
            measure=Measure(one.measure),
            fund_id=one.fund_id,
            bank=code_of_bank[one.bank_id] if one.bank_id else "",
            place=one.place,
            zones=tuple(one.zones),
            first_day=one.first_day,
            last_day=one.last_day,
            second_above=one.second_above,
            budget_minor=one.budget_minor,
        )
        for rate in queries.rates(conn, town_id=town_id, activity_id=one.id):
            said.rates[one.code, rate.stream, rate.from_day] = RateRow(one.code, rate)
        for cap in queries.caps(conn, town_id=town_id, activity_id=one.id):
            said.caps[one.code, cap.stream, cap.period, cap.from_day] = CapRow(one.code, cap)
    return said


def write(
    conn: Connection[Any],
    *,
    town_id: int,
    time_banks: list[BankTerms],
    terms: list[ActivityTerms],
    rates: list[RateRow],
    caps: list[CapRow],
    at: datetime,
    actor: str,
) -> None:
    """Write what differs; the operations audit each. Refuses as they do: nothing rewarded is rewritten."""
    for bank in time_banks:
        timebank.found_bank(conn, town_id=town_id, terms=bank, actor=actor, at=at)
    for each in terms:
        activities.put_activity(conn, town_id=town_id, terms=each, actor=actor, at=at)
    ids = {one.code: one.id for one in queries.activities(conn, town_id=town_id)}
    for rate in rates:
        activities.set_rate(conn, town_id=town_id, activity_id=ids[rate.code], rate=rate.rate, actor=actor, at=at)
    for cap in caps:
        activities.set_cap(conn, town_id=town_id, activity_id=ids[cap.code], cap=cap.cap, actor=actor, at=at)
