"""What the town promises about redemption, and a business asking for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import execute, scalar, statement
from koinon.db.transactions import savepoint
from koinon.kernel.identifiers import id_under, new_id
from koinon.kernel.money import Amount
from koinon.ledger import operations as ledger
from koinon.ledger import queries as books
from koinon.ledger.types import Code, Kind, NewAccount, Reversal, Transfer
from koinon.outbox import operations as outbox
from koinon.outbox.types import Event
from koinon.parties import queries as parties
from koinon.treasury import queries, rules
from koinon.treasury.errors import (
    BelowMinimum,
    KeyReused,
    NoTill,
    RedemptionNotFound,
    RedemptionNotOpen,
    TermsNotPossible,
)
from koinon.treasury.steps import PACKAGE, above_zero, record
from koinon.treasury.types import (
    FileFormat,
    Redemption,
    Terms,
)


def set_terms(
    conn: Connection[Any],
    *,
    town_id: int,
    from_day: date,
    minimum: Amount,
    file_format: FileFormat,
    execution_days: int,
    source: str,
    fee_minor: int = 0,
    fee_bps: int = 0,
    cooling_days: int = 0,
    schedule: str = "",
    at: datetime,
    actor: str,
) -> bool:
    """Say what holds for redemptions from a local day on; False when it was so already. ``types.Terms`` says what each is.

    Refuses with ``TermsNotPossible``.
    """
    town = parties.town(conn, town_id)
    terms = Terms(
        from_day, minimum.minor, file_format, execution_days, source, fee_minor, fee_bps, cooling_days, schedule
    )
    decision = rules.may_be_terms(terms, currency=town.national_currency, today=at.astimezone(town.zone).date())
    if not decision:
        raise TermsNotPossible(grounds=decision.grounds)
    changed = execute(
        conn,
        statement(PACKAGE, "set_terms"),
        town_id=town_id,
        from_day=from_day,
        minimum_minor=minimum.minor,
        file_format=file_format.value,
        execution_days=execution_days,
        source=source,
        fee_minor=fee_minor,
        fee_bps=fee_bps,
        cooling_days=cooling_days,
        schedule=schedule,
        set_by=actor,
        set_at=at,
    )
    if changed:
        record(
            conn,
            town_id,
            actor,
            "treasury.terms-set",
            f"town:{town_id}",
            at,
            from_day=from_day.isoformat(),
            minimum_minor=minimum.minor,
            file_format=file_format.value,
            execution_days=execution_days,
            fee_minor=fee_minor,
            fee_bps=fee_bps,
            cooling_days=cooling_days,
            schedule=schedule,
        )
    return bool(changed)


def request_redemption(
    conn: Connection[Any],
    *,
    town_id: int,
    party: UUID,
    amount: Amount,
    idempotency_key: str,
    at: datetime,
    actor: str,
) -> Redemption:
    """A business asks for euros: its units leave circulation now, a run pays it later.

    The town's fee goes to its own till at once; the rest is what is paid out. The town itself pays none.
    What a request costs and how long it waits is as the terms say on the day it is made. Refuses with ``NoTill``, ``PartyErased``, ``BelowMinimum`` (the town's terms on the local day),
    ``KeyReused`` and what the ledger refuses.
    """
    above_zero(amount, idempotency_key)
    town = parties.town(conn, town_id)
    first = queries.redemption_by_key(conn, town_id=town_id, key=idempotency_key, unit=town.unit_code)
    if first is not None:
        return _same_redemption(first, party, amount, idempotency_key)
    till = books.account(conn, town_id=town_id, kind=Kind.TILL, holder=party)
    if till is None:
        raise NoTill(party=party)
    parties.must_be_there(conn, town_id, party)
    today = at.astimezone(town.zone).date()
    terms = queries.terms(conn, town_id=town_id, day=today)
    fee = 0 if party == town.party_id else rules.fee_minor(amount.minor, terms)
    minimum = Amount(max(terms.minimum_minor, fee + 1), town.unit_code)
    if amount < minimum:
        raise BelowMinimum(minimum=minimum, asked=amount)
    redemption_id = new_id()
    redemption = Redemption(
        id=redemption_id,
        party=party,
        amount=Amount(amount.minor - fee, town.unit_code),
        transfer_id=new_id(),
        requested_at=at,
        fee_minor=fee,
        fee_transfer_id=id_under(redemption_id, "fee") if fee else None,
        payable_from=today + timedelta(days=terms.cooling_days),
    )
    with savepoint(conn):
        is_new = execute(
            conn,
            statement(PACKAGE, "add_redemption"),
            town_id=town_id,
            id=redemption.id,
            party=party,
            amount_minor=redemption.amount.minor,
            key=idempotency_key,
            transfer_id=redemption.transfer_id,
            requested_at=at,
            actor=actor,
            fee_minor=fee,
            fee_transfer_id=redemption.fee_transfer_id,
            payable_from=redemption.payable_from,
        )
        if not is_new:
            first = queries.redemption_by_key(conn, town_id=town_id, key=idempotency_key, unit=town.unit_code)
            assert first is not None
            return _same_redemption(first, party, amount, idempotency_key)
        owed, *towns = ledger.open_accounts(
            conn,
            town_id=town_id,
            accounts=[
                NewAccount(Kind.REDEMPTION, town.unit_code, town.party_id),
                *([NewAccount(Kind.TILL, town.unit_code, town.party_id)] if fee else []),
            ],
            at=at,
            actor=actor,
        )
        about = f"redemption:{redemption.id}"
        requests = [Transfer(redemption.transfer_id, till.id, owed, redemption.amount, Code.REDEEM, at, actor, about)]
        if redemption.fee_transfer_id is not None:
            kept = Amount(fee, town.unit_code)
            requests.append(Transfer(redemption.fee_transfer_id, till.id, towns[0], kept, Code.FEE, at, actor, about))
        ledger.post_all(conn, town_id=town_id, requests=requests)
    record(
        conn,
        town_id,
        actor,
        "treasury.redemption-requested",
        f"redemption:{redemption.id}",
        at,
        party=str(party),
        amount_minor=redemption.amount.minor,
        fee_minor=fee,
    )
    told: dict[str, str | int] = {"party": str(party), "amount_minor": redemption.amount.minor, "unit": amount.unit}
    outbox.tell(conn, town_id=town_id, events=[Event("redemption.requested", redemption.id, at, told)])
    return redemption


def _same_redemption(first: Redemption, party: UUID, amount: Amount, key: str) -> Redemption:
    if (first.party, first.asked) != (party, amount):
        raise KeyReused(key=key)
    return replace(first, replayed=True)


def undo_redemption(conn: Connection[Any], *, town_id: int, redemption_id: UUID, at: datetime, actor: str) -> None:
    """Give the units and the fee back to the till, as long as no run has taken the request.

    Refuses with ``RedemptionNotFound``, ``RedemptionNotOpen``, and what the ledger refuses
    where the town's own till does not hold the fee any more.
    """
    execute(conn, statement(PACKAGE, "lock_redemptions"), town_id=town_id, redemptions=[redemption_id])
    found = queries.open_redemptions(conn, town_id=town_id, only=[redemption_id])
    if not found:
        known = scalar(conn, statement(PACKAGE, "redemption_exists"), town_id=town_id, redemption=redemption_id)
        raise RedemptionNotOpen(redemption=redemption_id) if known else RedemptionNotFound(redemption=redemption_id)
    with savepoint(conn):
        requests = [back(found[0], at, actor)]
        fee = found[0].fee_transfer_id
        if fee is not None:
            requests.append(replace(requests[0], id=id_under(redemption_id, "undo", "fee"), original=fee))
        posted = ledger.post_all(conn, town_id=town_id, requests=requests)
        undone(conn, town_id, found[0], at, actor, fee_undo=posted[1].id if fee is not None else None)


def back(redemption: Redemption, at: datetime, actor: str) -> Reversal:
    """The units of a request go back to its till: the same transfer, however often it is asked for."""
    return Reversal(
        id=id_under(redemption.id, "undo"),
        original=redemption.transfer_id,
        effective_at=at,
        actor=actor,
        reference=f"redemption:{redemption.id}",
    )


def undone(
    conn: Connection[Any], town_id: int, redemption: Redemption, at: datetime, actor: str, *, fee_undo: UUID | None
) -> None:
    """Write down that a request's units went back, after they did."""
    execute(
        conn,
        statement(PACKAGE, "undo_redemption"),
        town_id=town_id,
        redemption=redemption.id,
        undo_transfer_id=id_under(redemption.id, "undo"),
        fee_undo_transfer_id=fee_undo,
        undone_at=at,
        undone_by=actor,
    )
    record(conn, town_id, actor, "treasury.redemption-undone", f"redemption:{redemption.id}", at)
