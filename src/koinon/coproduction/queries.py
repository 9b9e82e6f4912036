"""Reading activities, contributions, time banks and certificates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.coproduction import rules
from koinon.coproduction.errors import (
    ActivityNotFound,
    CertificateNotFound,
    ContributionNotFound,
    ExchangeNotFound,
    MemberNotFound,
    NotForThem,
    OccasionNotFound,
    TimeBankNotFound,
)
from koinon.coproduction.types import (
    WAITING,
    Activity,
    Cap,
    Certificate,
    Contribution,
    Exchange,
    Line,
    Member,
    Occasion,
    Rate,
    Rewarded,
    StreamTotal,
    TimeBank,
)
from koinon.db.statements import many, maybe, scalar, statement

_PACKAGE = "koinon.coproduction"


@dataclass(frozen=True, slots=True)
class Payee:
    """Whose purse a party's rewards go to, and where they live."""

    payee: UUID
    zone: str


def activities(conn: Connection[Any], *, town_id: int) -> list[Activity]:
    """Every activity of a town, by name."""
    return many(conn, statement(_PACKAGE, "activities"), Activity, town_id=town_id, activity_id=None, code=None)


def activity(conn: Connection[Any], *, town_id: int, activity_id: UUID) -> Activity:
    """One activity, or ``ActivityNotFound``."""
    sql = statement(_PACKAGE, "activities")
    found = maybe(conn, sql, Activity, town_id=town_id, activity_id=activity_id, code=None)
    if found is None:
        raise ActivityNotFound(activity=str(activity_id))
    return found


def activity_by_code(conn: Connection[Any], *, town_id: int, code: str) -> Activity:
    """One activity by its code, or ``ActivityNotFound``."""
    found = maybe(conn, statement(_PACKAGE, "activities"), Activity, town_id=town_id, activity_id=None, code=code)
    if found is None:
        raise ActivityNotFound(activity=code)
    return found


def rates(conn: Connection[Any], *, town_id: int, activity_id: UUID) -> list[Rate]:
    """What its streams earn, stream by stream, oldest first."""
    return many(conn, statement(_PACKAGE, "rates"), Rate, town_id=town_id, activity_id=activity_id)


def caps(conn: Connection[Any], *, town_id: int, activity_id: UUID) -> list[Cap]:
    """What one person is rewarded for at the most, oldest first."""
    return many(conn, statement(_PACKAGE, "caps"), Cap, town_id=town_id, activity_id=activity_id)


def streams_on(activity: Activity, rates: Sequence[Rate], day: date) -> tuple[str, ...]:
    """What may be registered on a day: the streams with a rate, or the empty one where nothing has."""
    begun = dict.fromkeys(rate.stream for rate in rates if rate.from_day <= day)
    if not begun and activity.programme_id is None:
        return ("",)
    return tuple(begun)


def payee(conn: Connection[Any], *, town_id: int, party: UUID, activity: str = "") -> Payee:
    """Whose purse a person's or household's rewards go to, or ``NotForThem``."""
    found = maybe(conn, statement(_PACKAGE, "payee"), Payee, town_id=town_id, party=party)
    if found is None:
        raise NotForThem(activity=activity, party=party)
    return found


def rewarded(
    conn: Connection[Any],
    *,
    town_id: int,
    activity_id: UUID,
    party: UUID,
    payee: UUID,
    day: date,
    apart_from: Sequence[UUID] = (),
) -> list[Rewarded]:
    """What somebody was rewarded for on the day, in its month and altogether, and did not have to give back."""
    first_day, last_day = rules.month_of(day)
    return many(
        conn,
        statement(_PACKAGE, "rewarded"),
        Rewarded,
        town_id=town_id,
        activity_id=activity_id,
        party=party,
        payee=payee,
        day=day,
        first_day=first_day,
        last_day=last_day,
        apart_from=list(apart_from),
    )


def acts_for(conn: Connection[Any], *, actor: str, parties: Sequence[UUID]) -> bool:
    """Whether a user is one of these residents, or of the household of one."""
    kind, _colon, number = actor.partition(":")
    if kind != "user" or not number.isdecimal():
        return False
    return bool(scalar(conn, statement(_PACKAGE, "is_of_actor"), user_id=int(number), parties=list(parties)))


@dataclass(frozen=True, slots=True)
class CapLeft:
    """What is left of a cap for one person; only what the cap limits is not None."""

    cap: Cap
    quantity: int | None
    minor: int | None


def caps_left(
    conn: Connection[Any], *, town_id: int, activity: Activity, party: UUID, stream: str, day: date
) -> list[CapLeft]:
    """How much more somebody can be rewarded for, cap by cap."""
    who = payee(conn, town_id=town_id, party=party, activity=activity.code)
    had = rewarded(conn, town_id=town_id, activity_id=activity.id, party=party, payee=who.payee, day=day)
    found = []
    for cap in rules.caps_on(caps(conn, town_id=town_id, activity_id=activity.id), stream=stream, day=day):
        quantity, minor = rules.used(cap, had, "quantity"), rules.used(cap, had, "minor")
        found.append(
            CapLeft(
                cap,
                None if cap.most_quantity is None else max(0, cap.most_quantity - quantity),
                None if cap.most_minor is None else max(0, cap.most_minor - minor),
            )
        )
    return found


def occasions(
    conn: Connection[Any], *, town_id: int, activity_id: UUID | None = None, limit: int = 50
) -> list[Occasion]:
    """Occasions of a town or of one activity, the one that ends last first."""
    sql = statement(_PACKAGE, "occasions")
    return many(conn, sql, Occasion, town_id=town_id, activity_id=activity_id, occasion_id=None, size=limit)


def occasion(conn: Connection[Any], *, town_id: int, occasion_id: UUID) -> Occasion:
    """One occasion, or ``OccasionNotFound``."""
    sql = statement(_PACKAGE, "occasions")
    found = maybe(conn, sql, Occasion, town_id=town_id, activity_id=None, occasion_id=occasion_id, size=2)
    if found is None:
        raise OccasionNotFound(occasion=str(occasion_id))
    return found


def contributions(
    conn: Connection[Any],
    *,
    town_id: int,
    activity_id: UUID | None = None,
    occasion_id: UUID | None = None,
    payee: UUID | None = None,
    states: Sequence[str] | None = None,
    before: UUID | None = None,
    limit: int = 50,
) -> list[Contribution]:
    """Contributions, newest first; ``before`` (one's id) pages on."""
    return many(
        conn,
        statement(_PACKAGE, "contributions"),
        Contribution,
        town_id=town_id,
        contribution_id=None,
        activity_id=activity_id,
        occasion_id=occasion_id,
        payee=payee,
        states=None if states is None else [str(state) for state in states],
        once=None,
        before=before,
        size=limit,
    )


def waiting(conn: Connection[Any], *, town_id: int, activity_id: UUID | None = None) -> list[Contribution]:
    """What waits for a coordinator, oldest first."""
    found = contributions(conn, town_id=town_id, activity_id=activity_id, states=WAITING, limit=500)
    return found[::-1]


def contribution(conn: Connection[Any], *, town_id: int, contribution_id: UUID) -> Contribution:
    """One contribution, or ``ContributionNotFound``."""
    found = _one(conn, town_id, contribution_id=contribution_id)
    if found is None:
        raise ContributionNotFound(contribution=str(contribution_id))
    return found


def find_contribution(conn: Connection[Any], *, town_id: int, contribution_id: UUID) -> Contribution | None:
    """One contribution, if there is one."""
    return _one(conn, town_id, contribution_id=contribution_id)


def registered_once(conn: Connection[Any], *, town_id: int, once: str) -> Contribution | None:
    """Who registered for an occasion's day, if they did."""
    return _one(conn, town_id, once=once)


def _one(
    conn: Connection[Any], town_id: int, *, contribution_id: UUID | None = None, once: str | None = None
) -> Contribution | None:
    return maybe(
        conn,
        statement(_PACKAGE, "contributions"),
        Contribution,
        town_id=town_id,
        contribution_id=contribution_id,
        activity_id=None,
        occasion_id=None,
        payee=None,
        states=None,
        once=once,
        before=None,
        size=2,
    )


def totals(
    conn: Connection[Any], *, town_id: int, first_day: date, last_day: date, party: UUID | None = None
) -> list[StreamTotal]:
    """What was verified in a period, by activity and stream; of one party, or of everybody."""
    return many(
        conn,
        statement(_PACKAGE, "totals"),
        StreamTotal,
        town_id=town_id,
        first_day=first_day,
        last_day=last_day,
        party=party,
    )


def last_day_rewarded(conn: Connection[Any], *, town_id: int, activity_id: UUID, stream: str) -> date | None:
    """The newest day for which something of the stream (empty: of any) was verified."""
    sql = statement(_PACKAGE, "last_day_rewarded")
    found: date | None = scalar(conn, sql, town_id=town_id, activity_id=activity_id, stream=stream)
    return found


def time_banks(conn: Connection[Any], *, town_id: int) -> list[TimeBank]:
    """Every time bank of a town, by name."""
    return many(conn, statement(_PACKAGE, "time_banks"), TimeBank, town_id=town_id, bank_id=None, code=None)


def time_bank(conn: Connection[Any], *, town_id: int, bank_id: UUID) -> TimeBank:
    """One time bank, or ``TimeBankNotFound``."""
    found = maybe(conn, statement(_PACKAGE, "time_banks"), TimeBank, town_id=town_id, bank_id=bank_id, code=None)
    if found is None:
        raise TimeBankNotFound(bank=str(bank_id))
    return found


def time_bank_by_code(conn: Connection[Any], *, town_id: int, code: str) -> TimeBank:
    """One time bank by its code, or ``TimeBankNotFound``."""
    found = maybe(conn, statement(_PACKAGE, "time_banks"), TimeBank, town_id=town_id, bank_id=None, code=code)
    if found is None:
        raise TimeBankNotFound(bank=code)
    return found


def members(conn: Connection[Any], *, town_id: int, bank_id: UUID) -> list[Member]:
    """Who takes part in a time bank, by number; those who left too."""
    sql = statement(_PACKAGE, "members")
    return many(conn, sql, Member, town_id=town_id, bank_id=bank_id, party=None, number=None)


def memberships(conn: Connection[Any], *, town_id: int, party: UUID) -> list[Member]:
    """The time banks that somebody takes part in."""
    sql = statement(_PACKAGE, "members")
    found = many(conn, sql, Member, town_id=town_id, bank_id=None, party=party, number=None)
    return [member for member in found if member.left_at is None]


def member(conn: Connection[Any], *, town_id: int, bank_id: UUID, party: UUID) -> Member:
    """Somebody who takes part in a time bank, or ``MemberNotFound``."""
    sql = statement(_PACKAGE, "members")
    found = maybe(conn, sql, Member, town_id=town_id, bank_id=bank_id, party=party, number=None)
    if found is None or found.left_at is not None:
        raise MemberNotFound(member=str(party))
    return found


def member_by_number(conn: Connection[Any], *, town_id: int, bank_id: UUID, said: str) -> Member:
    """Who has a number, as people say it with its check digit; or ``MemberNotFound``."""
    number = rules.number_said(said)
    sql = statement(_PACKAGE, "members")
    found = None
    if number is not None:
        found = maybe(conn, sql, Member, town_id=town_id, bank_id=bank_id, party=None, number=number)
    if found is None or found.left_at is not None:
        raise MemberNotFound(member=said[:20])
    return found


def exchanges(conn: Connection[Any], *, town_id: int, bank_id: UUID, limit: int = 100) -> list[Exchange]:
    """A time bank's exchanges, newest first."""
    sql = statement(_PACKAGE, "exchanges")
    return many(conn, sql, Exchange, town_id=town_id, bank_id=bank_id, exchange_id=None, size=limit)


def exchange(conn: Connection[Any], *, town_id: int, exchange_id: UUID) -> Exchange:
    """One exchange, or ``ExchangeNotFound``."""
    found = find_exchange(conn, town_id=town_id, exchange_id=exchange_id)
    if found is None:
        raise ExchangeNotFound(exchange=str(exchange_id))
    return found


def find_exchange(conn: Connection[Any], *, town_id: int, exchange_id: UUID) -> Exchange | None:
    """One exchange, if there is one."""
    sql = statement(_PACKAGE, "exchanges")
    return maybe(conn, sql, Exchange, town_id=town_id, bank_id=None, exchange_id=exchange_id, size=2)


def statement_of(conn: Connection[Any], *, town_id: int, account: int, limit: int = 100) -> list[Line]:
    """A member's newest lines, with what they had after each."""
    return many(conn, statement(_PACKAGE, "member_statement"), Line, town_id=town_id, account=account, size=limit)


def certificates(conn: Connection[Any], *, town_id: int, party: UUID) -> list[Certificate]:
    """What was certified to somebody, newest first."""
    sql = statement(_PACKAGE, "certificates")
    return many(conn, sql, Certificate, town_id=town_id, party=party, certificate_id=None)


def certificate(conn: Connection[Any], *, town_id: int, certificate_id: UUID) -> Certificate:
    """One certificate, or ``CertificateNotFound``."""
    found = find_certificate(conn, town_id=town_id, certificate_id=certificate_id)
    if found is None:
        raise CertificateNotFound(certificate=str(certificate_id))
    return found


def find_certificate(conn: Connection[Any], *, town_id: int, certificate_id: UUID) -> Certificate | None:
    """One certificate, if there is one."""
    sql = statement(_PACKAGE, "certificates")
    return maybe(conn, sql, Certificate, town_id=town_id, party=None, certificate_id=certificate_id)
