"""What a batch of payments and refunds has to do with bonus campaigns.

Campaigns do not know payments. This tells them what the plan of a batch will pay and give back, and whether
what they answer can be posted with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.campaigns import granting
from koinon.campaigns.granting import Earning, Freeing, GivingBack, Grants, Happening
from koinon.campaigns.types import Trigger
from koinon.kernel.errors import KoinonError
from koinon.parties import queries as parties
from koinon.parties.types import PartyFacts
from koinon.payments.batch import Batch, Decided, Told
from koinon.payments.commands import CaptureHold, Command, Pay, PlaceHold, RefundPayment, ReleaseHold


def locked(conn: Connection[Any], *, town_id: int, commands: Sequence[Command]) -> tuple[UUID, ...]:
    """Lock the campaigns that these commands may have to do with, before any purse is."""
    giving = any(isinstance(command, Pay | CaptureHold) for command in commands)
    undoing = any(isinstance(command, RefundPayment | CaptureHold | ReleaseHold) for command in commands)
    if not giving and not undoing:
        return ()
    return granting.lock(conn, town_id=town_id, trigger=Trigger.PURCHASE, giving=giving, undoing=undoing)


def of_batch(
    conn: Connection[Any], *, town_id: int, batch: Batch, commands: Sequence[Command], campaigns: Sequence[UUID]
) -> Grants | None:
    """The bonuses that go with a planned batch; None where it would have to be done one command after the other.

    That is so where somebody's purse gets a bonus, or loses one, and the same payer comes again later in the batch:
    its plan did not know of that.
    """
    places: list[int] = []
    happenings: list[Happening] = []
    for place, (command, told) in enumerate(zip(commands, batch.decided, strict=True)):
        happening = _happening(conn, town_id, batch, command, told)
        if happening is not None:
            places.append(place)
            happenings.append(happening)
    grants = Grants(
        conn,
        town_id=town_id,
        unit=batch.unit,
        zone=batch.zone,
        trigger=Trigger.PURCHASE,
        locked=campaigns,
        happenings=happenings,
        available=batch.available,
    )
    for touched in grants.touched:
        payer = happenings[touched].payer
        for later in range(places[touched] + 1, len(commands)):
            if _payer(commands[later], batch.decided[later]) == payer:
                return None
    return grants


def _happening(conn: Connection[Any], town_id: int, batch: Batch, command: Command, told: Decided) -> Happening | None:
    if isinstance(told, KoinonError) or not told.fresh:
        return None
    group, at, actor = told.group, command.effective_at, command.actor
    match command:
        case Pay() | CaptureHold():
            facts = batch.payee(group.payee) or _facts(conn, town_id, group.payee)
            parts = tuple((batch.fund_of(leg.debit), leg.amount_minor) for leg in group.legs)
            return Earning(group.id, group.payer, facts, parts, at, actor)
        case RefundPayment():
            return GivingBack(group.id, command.payment, group.payer, batch.left_of(command.payment), at, actor)
        case ReleaseHold():
            return Freeing(group.id, group.payer, at, actor)
        case _:
            return None


def _facts(conn: Connection[Any], town_id: int, payee: UUID) -> PartyFacts:
    """Of a payee whom no command names: that of a hold."""
    return parties.party_facts(conn, town_id, payee)


def _payer(command: Command, told: Decided) -> UUID | None:
    if isinstance(command, Pay | PlaceHold):
        return command.payer
    return told.group.payer if isinstance(told, Told) else None
