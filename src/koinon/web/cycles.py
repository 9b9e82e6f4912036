"""A programme's month as the people who prepare and approve it look at it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from koinon.audit import queries as trail
from koinon.db.statements import statement
from koinon.kernel.decisions import Ground
from koinon.ledger import queries as books
from koinon.ledger.types import Kind as Account
from koinon.parties.connection import raw
from koinon.parties.models import Zone
from koinon.programmes import queries, reviewing
from koinon.programmes.models import Entitlement
from koinon.programmes.reviewing import Outlier, Review
from koinon.web import refusals, words
from koinon.web.access import seat_of
from koinon.web.tables import Column, Kind, Row, Table

AT_ONCE = 5_000  # Lines that a page pays while its reader waits; more are left to the timer.


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
class Odd:
    """A line that stands out, and why."""

    short: str
    amount_minor: int
    before_minor: int | None
    reasons: list[str]


def short(party: UUID) -> str:
    """The end of an opaque id: enough to find a household in a list, and nothing about it."""
    return party.hex[-6:]


def why(code: str) -> str:
    """A refusal's code in the reader's words."""
    return str(words.FAILURES.get(code) or refusals.SENTENCES.get(code) or code)


def review(request: HttpRequest, cycle_id: UUID) -> dict[str, Any]:
    """Everything the two pages of a month show."""
    conn, town = raw(), seat_of(request).town
    seen = reviewing.review(conn, town_id=town.pk, cycle_id=cycle_id)
    cycle = seen.cycle
    fund = queries.fund(conn, town_id=town.pk, fund_id=cycle.fund_id)
    zones = dict(Zone.objects.filter(town=town).values_list("code", "name"))
    reserve = None
    if town.party_id is not None:
        account = books.account(conn, town_id=town.pk, kind=Account.RESERVE, holder=town.party_id, fund=fund.id)
        reserve = account.available.minor if account else 0
    return {
        "cycle": cycle,
        "programme": queries.programme(conn, town_id=town.pk, programme_id=cycle.programme_id),
        "fund": fund,
        "reserve": reserve,
        "short_of": max(0, cycle.total_minor - reserve) if reserve is not None else 0,
        "waiting": cycle.state in ("prepared", "submitted", "approved"),
        "left_minor": cycle.total_minor - cycle.paid_minor,
        "prepared_by": words.staff_name(cycle.prepared_by),
        "submitted_by": words.staff_name(cycle.submitted_by),
        "approvals": [
            (words.staff_name(given.actor), given.at) for given in queries.approvals(conn, cycle_id=cycle_id)
        ],
        "returned": _returned(town.pk, cycle_id) if cycle.state == "prepared" else None,
        "scheduled_by": words.staff_name(cycle.scheduled_by),
        "stopped_by": words.staff_name(cycle.stopped_by),
        "problem": why(cycle.problem) if cycle.problem else "",
        "by_zone": [ZoneRow(zones.get(row.zone, row.zone) or "–", row.households, row.minor) for row in seen.zones],
        "reasons": _reasons(seen),
        "excepted": Entitlement.objects.filter(cycle_id=cycle_id, snapshot__has_key="exception").count(),
        "undecided": Entitlement.objects.filter(cycle_id=cycle_id, snapshot__duplicate="undecided").count(),
        "failures": [(why(row.code), row.households, row.minor) for row in seen.failures],
        "retryable": any(row.code != "entitlement.household-erased" for row in seen.failures),
        "before": seen.before,
        "changes": seen.changes,
        "odd": [
            Odd(short(row.party_id), row.amount_minor, row.before_minor, _stands_out(row)) for row in seen.outliers
        ],
        "odd_found": seen.outliers_found,
        "lines": LINES.read(request, cycle_id=cycle_id),
    }


def _returned(town_id: int, cycle_id: UUID) -> tuple[str, trail.Entry] | None:
    """Who sent a draft back last, and why."""
    acts = trail.entries_of_subject(raw(), town_id=town_id, subject=f"cycle:{cycle_id}")
    return next(((words.staff_name(act.actor), act) for act in acts if act.action == "cycle.returned"), None)


def _reasons(seen: Review) -> list[Reason]:
    counted: Counter[str] = Counter()
    for reason in seen.reasons:
        counted[words.ground(reason.ground)] += reason.households
    return [Reason(text, households) for text, households in counted.most_common()]


def _stands_out(row: Outlier) -> list[str]:
    told = [
        (row.high, _("Far more than the others.")),
        (row.low, _("Far less than the others.")),
        (row.doubled, _("At least double of the time before.")),
        (row.halved, _("At most half of the time before.")),
    ]
    return [text for holds, text in told if holds]


def _reasons_of(line: Row) -> str:
    """Why a line is not paid, in words; nothing of one that is due or paid."""
    if line["state"] == "failed":
        return why(line["failure"])
    if line["state"] in ("refused", "waiting"):
        return " ".join(words.ground(Ground(kept["code"], kept["fields"])) for kept in _kept(line["grounds"]))
    return ""


LINES = Table(
    name="month-lines",
    title=gettext_lazy("Every household of the list"),
    source=statement("koinon.office", "cycle_lines_listed"),
    columns=[
        Column("party", gettext_lazy("Household"), Kind.PARTY, link="office-why", link_to="id"),
        Column("zone", gettext_lazy("Neighbourhood")),
        Column("amount_minor", gettext_lazy("Amount"), Kind.MONEY),
        Column("state", gettext_lazy("Outcome"), Kind.STATE, words=words.LINE_STATES),
        Column("reasons", gettext_lazy("Reason"), value=_reasons_of),
    ],
    sort="amount_minor",
)


def _kept(kept: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(kept) if isinstance(kept, str) else kept
    return found
