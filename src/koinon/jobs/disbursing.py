"""Paying out what was scheduled, and going on with what was begun: piece by piece, so that tills go on meanwhile."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from psycopg import Connection

from koinon.db.transactions import transaction
from koinon.jobs import metrics
from koinon.jobs.metrics import figures
from koinon.kernel.errors import KoinonError
from koinon.parties import queries as parties
from koinon.parties.types import TownName
from koinon.programmes import operations as programmes
from koinon.programmes.errors import CycleStopped

log = structlog.get_logger("koinon.jobs")

PAYER = "job:disburse"
AT_A_TIME_SECONDS = 30.0  # Then sealing and the other rounds have their turn; the next round goes on.


def disburse_round(conn: Connection[Any], *, now: datetime, seconds: float = AT_A_TIME_SECONDS) -> int:
    """Pay the cycles whose time has come, and those begun and not stopped, for so long; how many were ended.

    A cycle that cannot be paid keeps why, for its page, and holds up no other one; the next round tries again.
    """
    until, ended = time.monotonic() + seconds, 0
    with transaction(conn):
        towns = parties.towns(conn)
    for town in towns:
        with transaction(conn):
            due = programmes.cycles_to_disburse(conn, town_id=town.id, now=now)
        for cycle_id in due:
            ended += _pay_out(conn, town, cycle_id, now=now, until=until)
    return ended


def _pay_out(conn: Connection[Any], town: TownName, cycle_id: UUID, *, now: datetime, until: float) -> bool:
    try:
        cycle = programmes.pay_out(conn, town_id=town.id, cycle_id=cycle_id, actor=PAYER, now=now, until=until)
        if cycle.state == "disbursed":
            figures.add(metrics.PAID_OUT, cycle.paid, town=town.slug)
            log.info("cycle paid out", town=town.slug, programme=cycle.programme_code, month=cycle.month,
                     paid=cycle.paid, failed=cycle.failed)  # fmt: skip
            return True
    except CycleStopped:
        log.info("cycle stopped", town=town.slug, cycle=str(cycle_id))
    except KoinonError as refused:
        figures.add(metrics.FAILED, job="disburse")
        log.error("cycle refused", town=town.slug, cycle=str(cycle_id), code=refused.code)
        with transaction(conn):
            programmes.note_problem(conn, cycle_id=cycle_id, problem=refused.code)
    return False
