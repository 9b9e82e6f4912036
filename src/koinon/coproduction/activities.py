"""Saying what residents can do and what it earns. Every function is part of its caller's transaction."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit.operations import record
from koinon.coproduction import queries, rules
from koinon.coproduction.errors import ActivityDiffers, OccasionTooLong, RateInUse
from koinon.coproduction.types import Activity, ActivityTerms, Cap, Occasion, Rate
from koinon.db.statements import execute, scalar, statement
from koinon.kernel.identifiers import id_from
from koinon.programmes import queries as programmes

_PACKAGE = "koinon.coproduction"
_FIXED = ("measure", "fund_id", "bank_id")
_CHANGING = ("name", "place", "zones", "first_day", "last_day", "second_above", "budget_minor")


def put_activity(conn: Connection[Any], *, town_id: int, terms: ActivityTerms, actor: str, at: datetime) -> Activity:
    """Begin an activity, or change its name, place, days, neighbourhoods, threshold or budget.

    Refuses with ``ActivityDiffers`` where it would measure or earn something else
    than it did, ``FundNotFound`` and ``TimeBankNotFound``.
    """
    bank_id = queries.time_bank_by_code(conn, town_id=town_id, code=terms.bank).id if terms.bank else None
    programme_id = _programme(conn, town_id, terms.fund_id) if terms.fund_id else None
    before = next((known for known in queries.activities(conn, town_id=town_id) if known.code == terms.code), None)
    wanted: dict[str, Any] = {
        "measure": terms.measure.value,
        "fund_id": terms.fund_id,
        "bank_id": bank_id,
        "name": terms.name,
        "place": terms.place,
        "zones": sorted(terms.zones),
        "first_day": terms.first_day,
        "last_day": terms.last_day,
        "second_above": terms.second_above,
        "budget_minor": terms.budget_minor,
    }
    if before is not None:
        fixed = [name for name in _FIXED if getattr(before, name) != wanted[name]]
        if fixed:
            raise ActivityDiffers(activity=terms.code, settings=fixed)
        if all(getattr(before, name) == wanted[name] for name in _CHANGING):
            return before
    execute(
        conn,
        statement(_PACKAGE, "put_activity"),
        town_id=town_id,
        id=before.id if before else id_from(town_id, "activity", terms.code),
        code=terms.code,
        programme_id=programme_id,
        set_by=actor,
        set_at=at,
        **{name: value for name, value in wanted.items() if name != "fund_id"},
    )
    found = queries.activity_by_code(conn, town_id=town_id, code=terms.code)
    changed = [name for name in _CHANGING if before is None or getattr(before, name) != wanted[name]]
    record(
        conn,
        town_id=town_id,
        actor=actor,
        action="coproduction.activity-set",
        subject=f"activity:{found.id}",
        before=None if before is None else {name: _plain(getattr(before, name)) for name in changed},
        after={name: _plain(wanted[name]) for name in changed},
        at=at,
    )
    return found


def _programme(conn: Connection[Any], town_id: int, fund_id: UUID) -> UUID:
    """The programme that spends a fund on rewards; its escrow, and its row, come with the first of them."""
    programmes.fund(conn, town_id=town_id, fund_id=fund_id)
    execute(
        conn,
        statement(_PACKAGE, "put_purse_strings"),
        town_id=town_id,
        fund_id=fund_id,
        programme_id=id_from(town_id, "coproduction", str(fund_id)),
    )
    found: UUID = scalar(conn, statement(_PACKAGE, "programme_id_of_fund"), town_id=town_id, fund_id=fund_id)
    return found


def set_rate(conn: Connection[Any], *, town_id: int, activity_id: UUID, rate: Rate, actor: str, at: datetime) -> bool:
    """Say what a stream earns from a local day on; False when it was so already.

    Refuses with ``ActivityNotFound``, and ``RateInUse`` where something of the
    stream was rewarded on that day or later: no reward is rewritten.
    """
    activity = queries.activity(conn, town_id=town_id, activity_id=activity_id)
    execute(conn, statement(_PACKAGE, "lock_activity"), town_id=town_id, activity_id=activity_id)
    if rate in queries.rates(conn, town_id=town_id, activity_id=activity_id):
        return False
    _not_before_what_was_rewarded(conn, town_id, activity, rate.stream, rate.from_day)
    execute(
        conn,
        statement(_PACKAGE, "put_rate"),
        town_id=town_id,
        activity_id=activity_id,
        stream=rate.stream,
        from_day=rate.from_day,
        pays_minor=rate.pays_minor,
        per_quantity=rate.per_quantity,
        source=rate.source,
        set_by=actor,
        set_at=at,
    )
    after = {
        "stream": rate.stream,
        "from_day": rate.from_day.isoformat(),
        "pays_minor": rate.pays_minor,
        "per_quantity": rate.per_quantity,
        "source": rate.source,
    }
    record(
        conn, town_id=town_id, actor=actor, action="coproduction.rate-set", subject=f"activity:{activity_id}",
        after=after, at=at,
    )  # fmt: skip
    return True


def set_cap(conn: Connection[Any], *, town_id: int, activity_id: UUID, cap: Cap, actor: str, at: datetime) -> bool:
    """Say what one person is rewarded for at the most, from a local day on; False when it was so already.

    Refuses as ``set_rate`` does.
    """
    activity = queries.activity(conn, town_id=town_id, activity_id=activity_id)
    execute(conn, statement(_PACKAGE, "lock_activity"), town_id=town_id, activity_id=activity_id)
    if cap in queries.caps(conn, town_id=town_id, activity_id=activity_id):
        return False
    _not_before_what_was_rewarded(conn, town_id, activity, cap.stream, cap.from_day)
    execute(
        conn,
        statement(_PACKAGE, "put_cap"),
        town_id=town_id,
        activity_id=activity_id,
        stream=cap.stream,
        period=str(cap.period),
        from_day=cap.from_day,
        most_quantity=cap.most_quantity,
        most_minor=cap.most_minor,
        source=cap.source,
        set_by=actor,
        set_at=at,
    )
    after = {
        "stream": cap.stream,
        "period": str(cap.period),
        "from_day": cap.from_day.isoformat(),
        "most_quantity": cap.most_quantity,
        "most_minor": cap.most_minor,
        "source": cap.source,
    }
    record(
        conn, town_id=town_id, actor=actor, action="coproduction.cap-set", subject=f"activity:{activity_id}",
        after=after, at=at,
    )  # fmt: skip
    return True


def _not_before_what_was_rewarded(
    conn: Connection[Any], town_id: int, activity: Activity, stream: str, from_day: date
) -> None:
    used = queries.last_day_rewarded(conn, town_id=town_id, activity_id=activity.id, stream=stream)
    if used is not None and from_day <= used:
        raise RateInUse(activity=activity.code, from_day=from_day, used_until=used)


def open_occasion(
    conn: Connection[Any],
    *,
    town_id: int,
    occasion_id: UUID,
    activity_id: UUID,
    place: str,
    opens_at: datetime,
    closes_at: datetime,
    actor: str,
    at: datetime,
) -> Occasion:
    """A time at a place in which people register themselves; the same id gives the first one again.

    Refuses with ``ActivityNotFound`` and ``OccasionTooLong``.
    """
    activity = queries.activity(conn, town_id=town_id, activity_id=activity_id)
    if not rules.occasion_lasts(opens_at, closes_at):
        raise OccasionTooLong(opens_at=opens_at, closes_at=closes_at, most_days=rules.LONGEST_OCCASION.days)
    opened = execute(
        conn,
        statement(_PACKAGE, "add_occasion"),
        town_id=town_id,
        id=occasion_id,
        activity_id=activity_id,
        place=place or activity.place,
        opens_at=opens_at,
        closes_at=closes_at,
        opened_by=actor,
        opened_at=at,
    )
    if opened:
        after = {
            "activity": activity.code,
            "opens_at": opens_at.isoformat(),
            "closes_at": closes_at.isoformat(),
        }
        record(
            conn, town_id=town_id, actor=actor, action="coproduction.occasion-opened",
            subject=f"occasion:{occasion_id}", after=after, at=at,
        )  # fmt: skip
    return queries.occasion(conn, town_id=town_id, occasion_id=occasion_id)


def close_occasion(conn: Connection[Any], *, town_id: int, occasion_id: UUID, actor: str, at: datetime) -> Occasion:
    """End an occasion before its time; its code is worth nothing from now on. May be repeated."""
    if execute(
        conn, statement(_PACKAGE, "close_occasion"), town_id=town_id, id=occasion_id, closed_by=actor, closed_at=at
    ):
        record(
            conn, town_id=town_id, actor=actor, action="coproduction.occasion-closed",
            subject=f"occasion:{occasion_id}", at=at,
        )  # fmt: skip
    return queries.occasion(conn, town_id=town_id, occasion_id=occasion_id)


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return value
