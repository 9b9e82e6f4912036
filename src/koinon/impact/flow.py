"""The way units took through a town in a month: where they came from, whose hands they went through, where they are.

Six totals of the books, and what each business took and did with it. Exact, so for the town's
staff; ``publish`` says what of it anybody may see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import many, statement
from koinon.impact.publication import Part, PublicReport, Rules, rounded, safe
from koinon.impact.types import MonthReport, ShopReceipts
from koinon.kernel.periods import Month

_PACKAGE = "koinon.impact"
_STANDARD = Rules()
_AID_LAST = {"topup": 1, "bonus": 2, "reward": 3, "disburse": 4}


@dataclass(frozen=True, slots=True)
class CameIn:
    """What came into people's hands, for one reason and from one fund: ``fund`` None is free money."""

    code: str
    fund: UUID | None
    minor: int
    receivers: int
    largest: int
    gross: int
    second: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """Who held the units at an instant, in minor units: the town (issued, not handed out), residents, businesses."""

    town: int
    residents: int
    businesses: int


@dataclass(frozen=True, slots=True)
class MonthFlow:
    """A month's units, in minor units: carried over, came in, went where. What people had and got is what they gave and have:

    - ``before.residents`` + came in + ``to_residents`` = ``from_residents`` + ``expired`` + ``after.residents``
    - ``before.businesses`` + came in + ``from_residents`` = ``to_residents`` + ``redeemed`` + ``after.businesses``
    """

    month: Month
    exponent: int
    came_in: tuple[CameIn, ...]
    businesses: tuple[ShopReceipts, ...]
    before: Held
    after: Held
    redeemed: int
    expired: int

    @property
    def from_residents(self) -> int:
        return sum(row.from_residents for row in self.businesses)

    @property
    def between_businesses(self) -> int:
        return sum(row.from_businesses for row in self.businesses)

    @property
    def to_residents(self) -> int:
        return sum(row.to_residents for row in self.businesses)


def month_flow(conn: Connection[Any], report: MonthReport) -> MonthFlow:
    """The way of a town's units through the month of a report, by ``effective_at``."""
    period = {"town_id": report.town_id, "start": report.start, "until": report.until}
    before, after = many(conn, statement(_PACKAGE, "held_around"), Held, **period)
    return MonthFlow(
        month=report.month,
        exponent=report.exponent,
        came_in=tuple(many(conn, statement(_PACKAGE, "came_in"), CameIn, **period)),
        businesses=report.receipts,
        before=before,
        after=after,
        redeemed=report.flows.redeemed,
        expired=report.flows.expired,
    )


@dataclass(frozen=True, slots=True)
class Source:
    """Units of one kind that came in; ``fund`` None is free money. ``code`` None stands for all that may not be told apart."""

    code: str | None
    fund: UUID | None
    minor: int


@dataclass(frozen=True, slots=True)
class PublicFlow:
    """A month's way as anybody may see it, in minor units, rounded; None is hidden.

    ``sources`` may be told apart where each went to ten holders at least and none got most of it;
    those that may not are one source of no code, or the whole is one where even that would say too much.
    ``told`` says whether the way through people's hands may be seen at all, ``held`` whether also what they had in them.
    """

    month: Month
    sources: tuple[Source, ...]
    carried_by_residents: int | None
    carried_by_businesses: int | None
    spent_by_residents: int | None
    between_businesses: int | None
    paid_to_residents: int | None
    redeemed: int | None
    expired: int | None
    kept_by_residents: int | None
    kept_by_businesses: int | None

    @property
    def told(self) -> bool:
        return self.spent_by_residents is not None

    @property
    def held(self) -> bool:
        return self.kept_by_residents is not None


def publish(flow: MonthFlow, report: PublicReport, rules: Rules = _STANDARD) -> PublicFlow:
    """What of a month's way may be seen beside its published report.

    Issued, redeemed, expired and outstanding are the town's own account to the public. What residents spent is what
    businesses received less what they received from each other, and so on: either all of these may be known (ten
    businesses or people in each, none with most of it; or nothing in it), or none is shown. What residents and
    businesses hold is the sum of all months so far: it is shown while none of them is hidden.
    """
    assert report.month == flow.month
    base = rules.amount_base * 10**flow.exponent

    def moved(minor: int) -> int | None:
        return rounded(minor, base) if report.trade_told else None

    def held(minor: int) -> int | None:
        return rounded(minor, base) if report.held_to_date else None

    return PublicFlow(
        month=flow.month,
        sources=_sources(flow, rules, base),
        carried_by_residents=held(flow.before.residents),
        carried_by_businesses=held(flow.before.businesses),
        spent_by_residents=moved(flow.from_residents),
        between_businesses=moved(flow.between_businesses),
        paid_to_residents=moved(flow.to_residents),
        redeemed=rounded(flow.redeemed, base),
        expired=rounded(flow.expired, base),
        kept_by_residents=held(flow.after.residents),
        kept_by_businesses=held(flow.after.businesses),
    )


def _sources(flow: MonthFlow, rules: Rules, base: int) -> tuple[Source, ...]:
    """The sources that may be told apart, largest first; the others as one, or all of them as one."""
    rows = {(row.code, row.fund): row for row in flow.came_in if row.gross}
    alone = {key: _part_of_source(row) for key, row in rows.items()}
    few = {key for key, found in alone.items() if not safe(found, rules)}
    # In a fixed order and not by size: that it was the smallest would bound it, and with it the source that it protects.
    spare = sorted((key for key in alone if key not in few), key=lambda key: (_AID_LAST.get(key[0], 0), *map(str, key)))
    spare.reverse()
    while few and not (len(few) > 1 and safe(_together([alone[key] for key in few]), rules)):
        if not spare:
            break
        few.add(spare.pop())
    listed = [
        Source(code, fund, rounded(rows[code, fund].minor, base)) for code, fund in rows if (code, fund) not in few
    ]
    if few:
        listed.append(Source(None, None, rounded(sum(rows[key].minor for key in few), base)))
    return tuple(sorted(listed, key=lambda one: (one.code is None, -one.minor, one.code or "", str(one.fund))))


def _part_of_source(row: CameIn) -> Part:
    return Part(
        shops=row.receivers, payers=row.receivers, amount=row.minor, gross=row.gross, largest=row.largest, second=row.second
    )  # fmt: skip


def _together(parts: list[Part]) -> Part:
    """Receivers of several sources may be the same people: the largest number is what is certain."""
    return Part(
        shops=max(one.shops for one in parts),
        payers=max(one.payers for one in parts),
        amount=sum(one.amount for one in parts),
        gross=sum(one.gross for one in parts),
        largest=sum(one.largest for one in parts),
        second=sum(one.second for one in parts),
    )
