"""A programme's month as the people who prepare and approve it look at it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from koinon.kernel.decisions import Ground
from koinon.ledger import queries as books
from koinon.ledger.types import Kind
from koinon.parties.models import Town, Zone
from koinon.programmes import queries
from koinon.programmes.models import Entitlement
from koinon.programmes.types import CycleView
from koinon.web import words

SHOWN = 400


@dataclass(frozen=True, slots=True)
class ZoneRow:
    """A neighbourhood's part of a month."""

    name: str
    households: int
    minor: int


@dataclass(frozen=True, slots=True)
class Reason:
    """Why households get nothing, and how many."""

    text: str
    households: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What is different from the month before."""

    before: CycleView
    joined: int
    left: int
    more: int
    less: int
    difference_minor: int


@dataclass(frozen=True, slots=True)
class Line:
    """A household in the list, under the last signs of its opaque id."""

    short: str
    zone: str
    amount_minor: int
    state: str
    reasons: list[str]


def short(party: UUID) -> str:
    """The end of an opaque id: enough to find a household in a list, and nothing about it."""
    return party.hex[-6:]


def review(conn: psycopg.Connection[Any], town: Town, cycle_id: UUID) -> dict[str, Any]:
    """Everything the two pages of a month show."""
    cycle = queries.cycle(conn, town_id=town.pk, cycle_id=cycle_id)
    programme = queries.programme(conn, town_id=town.pk, programme_id=cycle.programme_id)
    fund = queries.fund(conn, town_id=town.pk, fund_id=cycle.fund_id)
    zones = dict(Zone.objects.filter(town=town).values_list("code", "name"))
    found = list(
        Entitlement.objects.filter(cycle_id=cycle.id).values_list(
            "party_id", "amount_minor", "state", "grounds", "snapshot"
        )
    )
    due = [row for row in found if row[2] != "refused"]
    refused = [row for row in found if row[2] == "refused"]
    reserve = None
    if town.party_id is not None:
        account = books.account(conn, town_id=town.pk, kind=Kind.RESERVE, holder=town.party_id, fund=fund.id)
        reserve = account.available.minor if account else 0
    return {
        "cycle": cycle,
        "programme": programme,
        "fund": fund,
        "reserve": reserve,
        "short_of": max(0, cycle.total_minor - reserve) if reserve is not None else 0,
        "waiting": cycle.state in ("prepared", "approved"),
        "prepared_by": words.staff_name(cycle.prepared_by),
        "approved_by": words.staff_name(cycle.approved_by),
        "by_zone": _by_zone(due, zones),
        "reasons": _reasons(refused),
        "changes": _changes(conn, town, cycle, due),
        "lines": _lines(found, zones),
        "hidden_lines": max(0, len(found) - SHOWN),
    }


def _by_zone(due: list[Any], zones: dict[str, str]) -> list[ZoneRow]:
    households: Counter[str] = Counter()
    minor: Counter[str] = Counter()
    for _party, amount, _state, _grounds, snapshot in due:
        households[snapshot.get("zone", "")] += 1
        minor[snapshot.get("zone", "")] += amount
    rows = [ZoneRow(zones.get(code, code) or "–", households[code], minor[code]) for code in households]
    return sorted(rows, key=lambda row: (-row.minor, row.name))


def _reasons(refused: list[Any]) -> list[Reason]:
    counted = Counter(
        words.ground(Ground(kept["code"], kept["fields"])) for row in refused for kept in _grounds(row[3])
    )
    return [Reason(text, households) for text, households in counted.most_common()]


def _changes(conn: psycopg.Connection[Any], town: Town, cycle: CycleView, due: list[Any]) -> Changes | None:
    others = queries.cycles(conn, town_id=town.pk, programme_id=cycle.programme_id)
    earlier = [other for other in others if other.month < cycle.month and other.state != "cancelled"]
    if not earlier:
        return None
    before = max(earlier, key=lambda other: other.month)
    kept = Entitlement.objects.filter(cycle_id=before.id).exclude(state="refused")
    then = dict(kept.values_list("party_id", "amount_minor"))
    now = {row[0]: row[1] for row in due}
    both = then.keys() & now.keys()
    return Changes(
        before=before,
        joined=len(now.keys() - then.keys()),
        left=len(then.keys() - now.keys()),
        more=sum(now[party] > then[party] for party in both),
        less=sum(now[party] < then[party] for party in both),
        difference_minor=cycle.total_minor - before.total_minor,
    )


def _lines(found: list[Any], zones: dict[str, str]) -> list[Line]:
    ordered = sorted(found, key=lambda row: (row[2] != "refused", -row[1], row[0]))
    return [
        Line(
            short(party),
            zones.get(snapshot.get("zone", ""), "–"),
            amount,
            state,
            [words.ground(Ground(kept["code"], kept["fields"])) for kept in _grounds(grounds)]
            if state == "refused"
            else [],
        )
        for party, amount, state, grounds, snapshot in ordered[:SHOWN]
    ]


def _grounds(kept: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(kept) if isinstance(kept, str) else kept
    return found
