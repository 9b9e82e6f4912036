"""What the demonstration leaves for whoever looks at it: a payout that waits for its second person, and the bank's answers to it.

A few shops ask for euros after the month, and the treasurer has collected that into a run. Once it was approved and the
bank has its file, two files of the bank can be imported: its report, which refuses one payment, and its statement, on which
the others left, an earlier payout came back, and the bank took a charge that only a person can recognise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as clock
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import many, statement
from koinon.kernel.money import Amount
from koinon.kernel.periods import Month
from koinon.parties.secrets import Secrets
from koinon.parties.types import TownFacts
from koinon.pilots import demo_bank
from koinon.pilots.demo_bank import Movement
from koinon.pilots.simulate_run import ACTOR
from koinon.treasury import operations as treasury
from koinon.treasury import payout_file
from koinon.treasury import queries as treasury_books
from koinon.treasury.errors import NothingToPay
from koinon.treasury.types import BankPayment, PaymentState, Run, RunState

FOLDER = "from-the-bank"
REPORT, STATEMENT = "1-report.pain002.xml", "2-statement.camt053.xml"  # In the order in which a bank sends them.
SHOPS = 3
_ASKED, _PREPARED, _ANSWERED, _BOOKED = 3, 4, 5, 8  # Days after the first of the next month.
_CHARGE = Decimal("3.50")
_PACKAGE = "koinon.pilots"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A payout run that nobody has sent to the bank yet, and what the bank will answer, in order."""

    shops: int
    is_approved: bool
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class _Till:
    party: UUID
    available_minor: int


def left(
    conn: Connection[Any], town: TownFacts, month: Month, paid: Run, folder: Path, staff: Mapping[str, str]
) -> Waiting | None:
    """Make it once, part of the caller's transaction, and say what of it is still to be done.

    ``paid`` is the month's own payout. None where nothing can wait, or where somebody has done it.
    """
    run = _run(conn, town, month, staff)
    if run is None:
        return None
    files = _files(conn, town, month, paid, run, folder)
    if run.state not in (RunState.PREPARED, RunState.APPROVED):
        return None
    return Waiting(run.payments, run.state is RunState.APPROVED, files)


def _run(conn: Connection[Any], town: TownFacts, month: Month, staff: Mapping[str, str]) -> Run | None:
    """The shops' requests and the run that has them, made at first; of what others asked for, nothing is taken."""
    key = f"demo:{month}:waiting"
    asking: set[UUID] = set()
    if treasury_books.redemption_by_key(conn, town_id=town.id, key=f"{key}:1", unit=town.unit_code) is None:
        asking = _asked(conn, town, month, key)
        if not asking:
            return None
    others = {one.party for one in treasury_books.open_redemptions(conn, town_id=town.id)} - asking
    try:
        return treasury.prepare_run(
            conn,
            town_id=town.id,
            idempotency_key=key,
            at=_moment(town, month, _PREPARED, 9),
            actor=staff["treasurer"],
            leave_out=others,
        )
    except NothingToPay:  # In a town whose requests wait some days before a run may take them.
        return None


def _asked(conn: Connection[Any], town: TownFacts, month: Month, key: str) -> set[UUID]:
    """Half of what lies in the fullest tills, in whole units; the rest stays for whoever signs in as one of them."""
    unit = 10**town.exponent
    minimum = treasury_books.terms(conn, town_id=town.id, day=_day(month, _ASKED)).minimum_minor
    tills = many(
        conn,
        statement(_PACKAGE, "demo_waiting_tills"),
        _Till,
        town_id=town.id,
        least_minor=2 * max(minimum, unit),
        most=SHOPS,
    )
    for number, till in enumerate(tills, start=1):
        treasury.request_redemption(
            conn,
            town_id=town.id,
            party=till.party,
            amount=Amount(max(minimum, till.available_minor // 2 // unit * unit), town.unit_code),
            idempotency_key=f"{key}:{number}",
            at=_moment(town, month, _ASKED, 18),
            actor=ACTOR,
        )
    return {one.party for one in tills}


def _files(conn: Connection[Any], town: TownFacts, month: Month, paid: Run, run: Run, folder: Path) -> tuple[Path, ...]:
    """The bank's answers, written once: what they say must not change after somebody has acted on them."""
    wanted = (folder / FOLDER / REPORT, folder / FOLDER / STATEMENT)
    if all(demo_bank.kept(file, run) for file in wanted):
        return wanted
    secrets = Secrets.load()
    account, opening = demo_bank.account_of(conn, town, secrets), demo_bank.last_closing(conn, town)
    if run.state is not RunState.PREPARED or not account or opening is None:
        return ()
    payments = treasury_books.payments(conn, town_id=town.id, run_id=run.id)
    refused = {min(payments, key=_by_amount).id} if len(payments) > 1 else set()
    booked, name = _day(month, _BOOKED), f"DEMO/{month.next()}"
    movements = [
        Movement(
            booked,
            -sum(one.amount.minor for one in payments if one.id not in refused),
            f"{name}/waiting",
            message_id=run.id.hex,
        ),
        Movement(booked, -int(_CHARGE.scaleb(town.exponent)), f"{name}/charge", text="Comissió de manteniment"),
    ]
    asking = {one.party for one in payments}
    came_back = [
        one
        for one in treasury_books.payments(conn, town_id=town.id, run_id=paid.id)
        if one.state is PaymentState.PAID and one.party not in asking
    ]
    if came_back:
        back = min(came_back, key=_by_amount)
        movements.insert(
            1,
            Movement(
                booked,
                back.amount.minor,
                f"{name}/back",
                end_to_end_id=back.id.hex,
                returned=demo_bank.CLOSED_ACCOUNT,
            ),
        )
    report = demo_bank.pain002(f"{name}/report", _day(month, _ANSWERED), run, payments, refused)
    told = demo_bank.camt053(account, town, f"{name}/statement", opening, movements)
    for file, content in zip(wanted, (report, told), strict=True):
        payout_file.keep(file.parent, file.name, content)
    return wanted


def _by_amount(payment: BankPayment) -> tuple[int, str]:
    return payment.amount.minor, payment.id.hex


def _day(month: Month, days: int) -> date:
    return month.next().first_day + timedelta(days=days)


def _moment(town: TownFacts, month: Month, days: int, hour: int) -> datetime:
    return datetime.combine(_day(month, days), clock(hour), town.zone)
