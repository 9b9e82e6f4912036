"""Reading terms, tills and vouchers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import many, one, scalar, statement
from koinon.offline.errors import DeviceNotFound
from koinon.offline.types import Device, Gap, Report, Shop, Terms, Totals, Voucher
from koinon.parties import queries as parties

PACKAGE = "koinon.offline"
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class _Pair:
    of: UUID
    id: UUID


@dataclass(frozen=True, slots=True)
class _Clash:
    first: UUID
    again: UUID


def terms_from(conn: Connection[Any], *, town_id: int, day: date) -> list[Terms]:
    """The terms in force on a local day, where there are any, and those announced after it."""
    return many(conn, statement(PACKAGE, "terms"), Terms, town_id=town_id, day=day)


def terms(conn: Connection[Any], *, town_id: int, day: date) -> Terms | None:
    """The terms in force on a local day; None where the town has not said any by then."""
    return next((held for held in terms_from(conn, town_id=town_id, day=day) if held.from_day <= day), None)


def shops(conn: Connection[Any], *, town_id: int, was_on: bool = False, party: UUID | None = None) -> list[Shop]:
    """The shops that are switched on, by name; with ``was_on`` those too that were."""
    return many(conn, statement(PACKAGE, "shops"), Shop, town_id=town_id, was_on=was_on, party=party)


def was_on(conn: Connection[Any], *, town_id: int, party: UUID, at: datetime) -> bool:
    """Whether a shop was switched on at an instant."""
    return bool(scalar(conn, statement(PACKAGE, "was_on"), town_id=town_id, party=party, at=at))


def devices(conn: Connection[Any], *, town_id: int, party: UUID | None = None) -> list[Device]:
    """The tills of a town, or of one shop, by number; withdrawn ones too."""
    return many(conn, statement(PACKAGE, "devices"), Device, town_id=town_id, party=party, device=None)


def device(conn: Connection[Any], *, town_id: int, device_id: UUID, party: UUID | None = None) -> Device:
    """One till, or ``DeviceNotFound``; with ``party`` only where it is that shop's."""
    found = many(conn, statement(PACKAGE, "devices"), Device, town_id=town_id, party=party, device=device_id)
    if not found:
        raise DeviceNotFound(device=device_id)
    return found[0]


def vouchers(
    conn: Connection[Any],
    *,
    town_id: int,
    party: UUID | None = None,
    device_id: UUID | None = None,
    voucher_id: UUID | None = None,
    digest: bytes | None = None,
    first_day: date | None = None,
    last_day: date | None = None,
    lossy: bool = False,
    before: UUID | None = None,
    limit: int = 100,
) -> list[Voucher]:
    """Vouchers, the last to arrive first; days are local days of arrival, ``before`` (the last one shown) pages on."""
    return many(
        conn, statement(PACKAGE, "vouchers"), Voucher,
        town_id=town_id, party=party, device=device_id, id=voucher_id, digest=digest,
        first_day=first_day, last_day=last_day, lossy=lossy, before=before, size=limit,
        zone=parties.town(conn, town_id).time_zone,
    )  # fmt: skip


def first_of_counter(conn: Connection[Any], *, town_id: int, device_id: UUID, counter: int) -> Voucher | None:
    """The voucher that came first with this counter of a till; None where none has come."""
    found = scalar(conn, statement(PACKAGE, "first_of_counter"), town_id=town_id, device=device_id, counter=counter)
    return None if found is None else vouchers(conn, town_id=town_id, voucher_id=found)[0]


def totals(conn: Connection[Any], *, town_id: int, first_day: date, last_day: date) -> Totals:
    """What arrived in a period, and who paid it."""
    zone = parties.town(conn, town_id).time_zone
    return one(
        conn, statement(PACKAGE, "totals"), Totals, town_id=town_id, first_day=first_day, last_day=last_day, zone=zone
    )


def gaps(conn: Connection[Any], *, town_id: int) -> list[Gap]:
    """Counters that have not come although later ones of their till have."""
    return many(conn, statement(PACKAGE, "gaps"), Gap, town_id=town_id)


def report(conn: Connection[Any], *, town_id: int, first_day: date, last_day: date) -> Report:
    """What became of the vouchers that arrived in a period of local days; losses with both vouchers named.

    Read in a transaction of one snapshot: its sums and its lists are answers to several questions.
    """
    lossy = vouchers(
        conn, town_id=town_id, first_day=first_day, last_day=last_day, lossy=True, limit=_MOST
    )[::-1]  # fmt: skip
    pairs = many(
        conn, statement(PACKAGE, "same_card"), _Pair, town_id=town_id, ids=[voucher.id for voucher in lossy]
    )  # fmt: skip
    clashing = many(
        conn, statement(PACKAGE, "clashes"), _Clash, town_id=town_id, first_day=first_day, last_day=last_day,
        zone=parties.town(conn, town_id).time_zone,
    )  # fmt: skip
    wanted = {pair.id for pair in pairs} | {one for clash in clashing for one in (clash.first, clash.again)}
    known = {
        voucher.id: voucher
        for voucher in many(conn, statement(PACKAGE, "vouchers_by_id"), Voucher, town_id=town_id, ids=list(wanted))
    }
    beside: dict[UUID, list[Voucher]] = {}
    for pair in pairs:
        beside.setdefault(pair.of, []).append(known[pair.id])
    return Report(
        totals=totals(conn, town_id=town_id, first_day=first_day, last_day=last_day),
        lossy=[(voucher, beside.get(voucher.id, [])) for voucher in lossy],
        clashes=[(known[clash.first], known[clash.again]) for clash in clashing],
        gaps=gaps(conn, town_id=town_id),
    )
