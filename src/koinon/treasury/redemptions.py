"""What the town promises about redemption, and a business asking for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
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
from koinon.treasury import queries
from koinon.treasury.errors import (
    BelowMinimum,
    KeyReused,
    NoTill,
    RedemptionNotFound,
    RedemptionNotOpen,
)
from koinon.treasury.steps import PACKAGE, above_zero, record
from koinon.treasury.types import (
    FileFormat,
    Redemption,
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
    at: datetime,
    actor: str,
) -> bool:
    """Say what holds for redemptions from a local day on; False when it was so already."""
    changed = execute(
        conn,
        statement(PACKAGE, "set_terms"),
        town_id=town_id,
        from_day=from_day,
        minimum_minor=minimum.minor,
        file_format=file_format.value,
        execution_days=execution_days,
        source=source,
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

    Refuses with ``NoTill``, ``BelowMinimum`` (the town's terms on the local day),
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
    minimum = Amount(
        queries.terms(conn, town_id=town_id, day=at.astimezone(town.zone).date()).minimum_minor, town.unit_code
    )
    if amount < minimum:
        raise BelowMinimum(minimum=minimum, asked=amount)
    redemption = Redemption(id=new_id(), party=party, amount=amount, transfer_id=new_id(), requested_at=at)
    with savepoint(conn):
        is_new = execute(
            conn,
            statement(PACKAGE, "add_redemption"),
            town_id=town_id,
            id=redemption.id,
            party=party,
            amount_minor=amount.minor,
            key=idempotency_key,
            transfer_id=redemption.transfer_id,
            requested_at=at,
            actor=actor,
        )
        if not is_new:
            first = queries.redemption_by_key(conn, town_id=town_id, key=idempotency_key, unit=town.unit_code)
            assert first is not None
            return _same_redemption(first, party, amount, idempotency_key)
        (owed,) = ledger.open_accounts(
            conn,
            town_id=town_id,
            accounts=[NewAccount(Kind.REDEMPTION, town.unit_code, town.party_id)],
            at=at,
            actor=actor,
        )
        ledger.post_all(
            conn,
            town_id=town_id,
            requests=[
                Transfer(
                    id=redemption.transfer_id,
                    debit=till.id,
                    credit=owed,
                    amount=amount,
                    code=Code.REDEEM,
                    effective_at=at,
                    actor=actor,
                    reference=f"redemption:{redemption.id}",
                )
            ],
        )
    record(
        conn,
        town_id,
        actor,
        "treasury.redemption-requested",
        f"redemption:{redemption.id}",
        at,
        party=str(party),
        amount_minor=amount.minor,
    )
    told: dict[str, str | int] = {"party": str(party), "amount_minor": amount.minor, "unit": amount.unit}
    outbox.tell(conn, town_id=town_id, events=[Event("redemption.requested", redemption.id, at, told)])
    return redemption


def _same_redemption(first: Redemption, party: UUID, amount: Amount, key: str) -> Redemption:
    if (first.party, first.amount) != (party, amount):
        raise KeyReused(key=key)
    return replace(first, replayed=True)


def undo_redemption(conn: Connection[Any], *, town_id: int, redemption_id: UUID, at: datetime, actor: str) -> None:
    """Give the units back to the till, as long as no run has taken the request.

    Refuses with ``RedemptionNotFound`` and ``RedemptionNotOpen``.
    """
    execute(conn, statement(PACKAGE, "lock_redemptions"), town_id=town_id, redemptions=[redemption_id])
    found = queries.open_redemptions(conn, town_id=town_id, only=[redemption_id])
    if not found:
        known = scalar(conn, statement(PACKAGE, "redemption_exists"), town_id=town_id, redemption=redemption_id)
        raise RedemptionNotOpen(redemption=redemption_id) if known else RedemptionNotFound(redemption=redemption_id)
    with savepoint(conn):
        (posted,) = ledger.post_all(
            conn,
            town_id=town_id,
            requests=[
                Reversal(
                    id=id_under(redemption_id, "undo"),
                    original=found[0].transfer_id,
                    effective_at=at,
                    actor=actor,
                    reference=f"redemption:{redemption_id}",
                )
            ],
        )
        execute(
            conn,
            statement(PACKAGE, "undo_redemption"),
            town_id=town_id,
            redemption=redemption_id,
            undo_transfer_id=posted.id,
            undone_at=at,
            undone_by=actor,
        )
    record(conn, town_id, actor, "treasury.redemption-undone", f"redemption:{redemption_id}", at)
