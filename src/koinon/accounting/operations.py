"""Putting on record what a town must be able to show, and paying out of the town's own till.

Every function is part of its caller's transaction, may be repeated, and leaves a line in the audit trail.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.accounting import queries
from koinon.accounting.errors import (
    AlreadySaid,
    FundNotFound,
    KeyReused,
    OnlyForward,
    OrganisationNotFound,
    PlaceUnknown,
    SamePerson,
    TownPaymentInOtherState,
    TownPaymentNotFound,
)
from koinon.accounting.types import Convertible, Place, Purpose, Standing, TownPayment, TownPaymentState
from koinon.audit.operations import record
from koinon.db.statements import execute, maybe, scalar, statement
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount
from koinon.ledger.errors import AmountNotPositive
from koinon.outbox import operations as outbox
from koinon.outbox.types import Event
from koinon.parties import queries as parties
from koinon.payments import operations as payments
from koinon.programmes import queries as programmes

_PACKAGE = "koinon.accounting"
_WARNINGS = {Standing.NEAR: "network.near-threshold", Standing.ABOVE: "network.above-threshold"}


def record_notification(
    conn: Connection[Any],
    *,
    town_id: int,
    sent_on: date,
    authority: str,
    reference: str,
    at: datetime,
    actor: str,
) -> bool:
    """Put on record that the authority was told of the volume; False when it was on record already."""
    volume = queries.network(conn, town_id=town_id, at=at).volume.minor
    added = execute(
        conn, statement(_PACKAGE, "add_notification"),
        town_id=town_id, id=new_id(), sent_on=sent_on, authority=authority, reference=reference, volume_minor=volume,
        actor=actor, at=at,
    )  # fmt: skip
    if added:
        _record(
            conn, town_id, actor, "accounting.authority-notified", f"town:{town_id}", at,
            sent_on=sent_on.isoformat(), authority=authority, reference=reference, volume_minor=volume,
        )  # fmt: skip
    return bool(added)


def watch_network(conn: Connection[Any], *, town_id: int, at: datetime) -> Standing:
    """See where a town stands to its threshold; its listeners are told when it comes near, and when it passes it.

    Told once for each time it goes up. To be called once a day, and as often as one likes.
    """
    seen = queries.network(conn, town_id=town_id, at=at)
    execute(conn, statement(_PACKAGE, "lock_warnings"), town_id=town_id)
    before = scalar(conn, statement(_PACKAGE, "last_warning"), town_id=town_id)
    if before == seen.standing:
        return seen.standing
    execute(
        conn, statement(_PACKAGE, "add_warning"),
        town_id=town_id, at=at, standing=seen.standing.value, volume_minor=seen.volume.minor,
    )  # fmt: skip
    kind = _WARNINGS.get(seen.standing)
    if kind is not None and (before, seen.standing) != (Standing.ABOVE, Standing.NEAR):
        told: dict[str, str | int] = {"amount_minor": seen.volume.minor, "unit": seen.volume.unit}
        town = parties.town(conn, town_id)
        outbox.tell(conn, town_id=town_id, events=[Event(kind, town.party_id, at, told)])
    return seen.standing


def set_fund_record(
    conn: Connection[Any],
    *,
    town_id: int,
    fund: UUID,
    from_day: date,
    convertible_by: Convertible,
    limited_to: str,
    source: str,
    at: datetime,
    actor: str,
) -> bool:
    """Say who may turn a fund's money into the national currency and to what its use is limited; False when said already.

    Refuses with ``FundNotFound``, and ``AlreadySaid`` where that day says something else.
    """
    if fund not in {known.id for known in programmes.funds(conn, town_id=town_id)}:
        raise FundNotFound(fund=fund)
    said = {"convertible_by": convertible_by.value, "limited_to": limited_to, "source": source}
    added = execute(
        conn, statement(_PACKAGE, "set_fund_record"), town_id=town_id, fund=fund, from_day=from_day, actor=actor, at=at,
        **said,
    )  # fmt: skip
    if not added:
        before = maybe(
            conn, statement(_PACKAGE, "fund_record_of_day"), dict, town_id=town_id, fund=fund, from_day=from_day
        )
        if before != said:
            raise AlreadySaid(day=from_day)
        return False
    _record(conn, town_id, actor, "accounting.fund-recorded", f"fund:{fund}", at, from_day=from_day.isoformat(), **said)
    return True


def record_agreement(
    conn: Connection[Any],
    *,
    town_id: int,
    party: UUID,
    signed_on: date,
    reference: str,
    at: datetime,
    actor: str,
    until_day: date | None = None,
) -> bool:
    """Put a signed agreement with an organisation on record; False when one of that day is on record already.

    ``reference`` is where the paper lies. Refuses with ``OrganisationNotFound``.
    """
    if not scalar(conn, statement(_PACKAGE, "organisation_exists"), town_id=town_id, party=party):
        raise OrganisationNotFound(party=party)
    added = execute(
        conn, statement(_PACKAGE, "add_agreement"),
        town_id=town_id, party=party, signed_on=signed_on, until_day=until_day, reference=reference, actor=actor, at=at,
    )  # fmt: skip
    if added:
        _record(
            conn, town_id, actor, "accounting.agreement-recorded", f"party:{party}", at,
            signed_on=signed_on.isoformat(), until_day=until_day and until_day.isoformat(), reference=reference,
        )  # fmt: skip
    return bool(added)


def set_wording(
    conn: Connection[Any], *, town_id: int, language: str, from_day: date, body: str, at: datetime, actor: str
) -> bool:
    """Say what shops' statements say about taxes from a local day on; False when they do already.

    Refuses with ``OnlyForward`` for a day that is over, and ``AlreadySaid`` where that day has another wording.
    """
    today = at.astimezone(parties.town(conn, town_id).zone).date()
    if from_day < today:
        raise OnlyForward(day=from_day, today=today)
    added = execute(
        conn, statement(_PACKAGE, "set_wording"),
        town_id=town_id, kind="shop-statement", language=language, from_day=from_day, body=body, actor=actor, at=at,
    )  # fmt: skip
    if added:
        _record(
            conn, town_id, actor, "accounting.wording-set", f"town:{town_id}", at,
            language=language, from_day=from_day.isoformat(), body=body,
        )  # fmt: skip
    elif queries.wording(conn, town_id=town_id, language=language, day=from_day) != body:
        raise AlreadySaid(day=from_day)
    return bool(added)


def set_account(
    conn: Connection[Any], *, town_id: int, place: str, number: str, name: str, at: datetime, actor: str
) -> bool:
    """Say which account of the town's accounting stands for a kind of account of the books; False when it does already.

    Refuses with ``PlaceUnknown``.
    """
    if place not in {known.value for known in Place}:
        raise PlaceUnknown(place=place, known=[known.value for known in Place])
    before = queries.chart(conn, town_id=town_id)[Place(place)]
    changed = (before.number, before.name) != (number, name) and execute(
        conn, statement(_PACKAGE, "set_chart"), town_id=town_id, place=place, number=number, name=name, actor=actor,
        at=at,
    )  # fmt: skip
    if changed:
        record(
            conn, town_id=town_id, actor=actor, action="accounting.account-set", subject=f"town:{town_id}", at=at,
            before={"place": place, "number": before.number, "name": before.name},
            after={"place": place, "number": number, "name": name},
        )  # fmt: skip
    return bool(changed)


# --- The town's own till ----------------------------------------------------------------------


def prepare_town_payment(
    conn: Connection[Any],
    *,
    town_id: int,
    payee: UUID,
    amount: Amount,
    purpose: Purpose,
    reference: str,
    idempotency_key: str,
    at: datetime,
    actor: str,
) -> TownPayment:
    """Ask for a payment out of the town's till: to a supplier under a contract, for wages. Nothing moves yet.

    The same key gives the first one again. Refuses with ``AmountNotPositive`` and ``KeyReused``.
    """
    if amount.minor <= 0:
        raise AmountNotPositive(key=idempotency_key)
    payment_id = new_id()
    added = execute(
        conn, statement(_PACKAGE, "add_town_payment"),
        town_id=town_id, id=payment_id, key=idempotency_key, payee=payee, amount_minor=amount.minor,
        purpose=purpose.value, reference=reference, actor=actor, at=at,
    )  # fmt: skip
    if not added:
        first = queries.town_payment(
            conn,
            town_id=town_id,
            payment_id=scalar(conn, statement(_PACKAGE, "town_payment_by_key"), town_id=town_id, key=idempotency_key),
        )
        if (first.payee, first.amount, first.purpose, first.reference) != (payee, amount, purpose, reference):
            raise KeyReused(key=idempotency_key)
        return first
    _record(
        conn, town_id, actor, "accounting.town-payment-prepared", f"town-payment:{payment_id}", at,
        payee=str(payee), amount_minor=amount.minor, purpose=purpose.value, reference=reference,
    )  # fmt: skip
    return queries.town_payment(conn, town_id=town_id, payment_id=payment_id)


def approve_town_payment(
    conn: Connection[Any], *, town_id: int, payment_id: UUID, at: datetime, actor: str
) -> TownPayment:
    """A second person says yes, and it is paid at once. May be repeated.

    Refuses with ``TownPaymentNotFound``, ``SamePerson``, ``TownPaymentInOtherState``, and as ``payments.pay`` does
    where the till has not enough or the payee cannot be paid.
    """
    asked = _locked(conn, town_id, payment_id)
    if asked.state == TownPaymentState.PAID and asked.approved_by == actor:
        return asked
    if asked.state != TownPaymentState.PREPARED:
        raise TownPaymentInOtherState(payment=payment_id, state=asked.state)
    if asked.prepared_by == actor:
        raise SamePerson(payment=payment_id, actor=actor)
    payments.pay(
        conn,
        town_id=town_id,
        payment_id=payment_id,
        payer=parties.town(conn, town_id).party_id,
        payee=asked.payee,
        amount=asked.amount,
        effective_at=at,
        actor=actor,
        reference=asked.reference,
    )
    execute(conn, statement(_PACKAGE, "settle_town_payment"), town_id=town_id, id=payment_id, actor=actor, at=at)
    _record(conn, town_id, actor, "accounting.town-payment-paid", f"town-payment:{payment_id}", at)
    return queries.town_payment(conn, town_id=town_id, payment_id=payment_id)


def cancel_town_payment(
    conn: Connection[Any], *, town_id: int, payment_id: UUID, at: datetime, actor: str
) -> TownPayment:
    """Take a payment back before it is made. May be repeated; refuses with ``TownPaymentInOtherState`` afterwards."""
    asked = _locked(conn, town_id, payment_id)
    if asked.state == TownPaymentState.CANCELLED:
        return asked
    if asked.state != TownPaymentState.PREPARED:
        raise TownPaymentInOtherState(payment=payment_id, state=asked.state)
    execute(conn, statement(_PACKAGE, "cancel_town_payment"), town_id=town_id, id=payment_id, actor=actor, at=at)
    _record(conn, town_id, actor, "accounting.town-payment-cancelled", f"town-payment:{payment_id}", at)
    return queries.town_payment(conn, town_id=town_id, payment_id=payment_id)


def _locked(conn: Connection[Any], town_id: int, payment_id: UUID) -> TownPayment:
    if scalar(conn, statement(_PACKAGE, "lock_town_payment"), town_id=town_id, id=payment_id) is None:
        raise TownPaymentNotFound(payment=payment_id)
    return queries.town_payment(conn, town_id=town_id, payment_id=payment_id)


def _record(
    conn: Connection[Any], town_id: int, actor: str, action: str, subject: str, at: datetime, **after: Any
) -> None:
    record(conn, town_id=town_id, actor=actor, action=action, subject=subject, at=at, after=after or None)
