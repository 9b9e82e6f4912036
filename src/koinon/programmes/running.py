"""Paying a cycle out to its end: piece by piece, each in a transaction of its own, in several lanes side by side."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.connections import another
from koinon.db.transactions import transaction
from koinon.programmes import queries
from koinon.programmes.disbursing import PIECE, disburse_some, next_piece
from koinon.programmes.types import CycleView

SIDE_BY_SIDE = 2  # Connections that pay one list: more than there are processors for them only wait for each other.
WORTH_ANOTHER = 20_000  # Lines left: less is paid before another connection is of any use.


def pay_out(
    conn: Connection[Any],
    *,
    town_id: int,
    cycle_id: UUID,
    actor: str,
    now: datetime,
    size: int = 0,
    side_by_side: int = SIDE_BY_SIDE,
    until: float | None = None,
    told: Callable[[CycleView], None] = lambda _: None,
    connect: Callable[[Connection[Any]], AbstractContextManager[Connection[Any]]] = another,
) -> CycleView:
    """Pay an approved cycle out, or go on with one; the cycle as it is in the end.

    Payments at tills go on meanwhile. A long list is paid over ``side_by_side`` connections, the first of which
    is the given one, with no transaction open; the others come from ``connect``.

    Parameters
    ----------
    size
        Lines in a piece; 0 takes as many as are paid in 60 ms.
    until
        By ``time.monotonic``, when to leave off; the cycle is then still being paid out.
    told
        Is called after each piece of the given connection.

    Refuses as ``disburse_some`` does. What was committed until then stays.
    """
    over = threading.Event()
    refusals: list[BaseException] = []

    def piece(own: Connection[Any], at_most: int) -> CycleView:
        with transaction(own):
            return disburse_some(
                own, town_id=town_id, cycle_id=cycle_id, actor=actor, now=now, at_most=at_most, with_others=True
            )

    def pay(own: Connection[Any], heard: Callable[[CycleView], None]) -> None:
        at_most = size or PIECE
        try:
            while not over.is_set() and (until is None or time.monotonic() < until):
                began = time.monotonic()
                cycle = piece(own, at_most)
                at_most = size or next_piece(at_most, time.monotonic() - began)
                if cycle.state == "disbursed":
                    over.set()
                heard(cycle)
        except BaseException as refused:  # noqa: BLE001  Raised in the caller's thread.
            refusals.append(refused)
            over.set()

    def pay_beside() -> None:
        try:
            with connect(conn) as own:
                pay(own, lambda _: None)
        except BaseException as refused:  # noqa: BLE001
            refusals.append(refused)
            over.set()

    others: list[threading.Thread] = []
    with transaction(conn):
        cycle = queries.cycle(conn, town_id=town_id, cycle_id=cycle_id)
    if cycle.state == "approved":
        cycle = piece(conn, size or PIECE)  # Issues the whole and no more; then there are lanes to be paid.
        told(cycle)
    if cycle.state != "disbursed":
        if not cycle.retries and cycle.count - cycle.paid - cycle.failed >= WORTH_ANOTHER:
            others = [threading.Thread(target=pay_beside, name=f"lane {n}") for n in range(1, side_by_side)]
        for each in others:
            each.start()
        pay(conn, told)
        for each in others:
            each.join()
    if refusals:
        raise refusals[0]
    with transaction(conn):
        return queries.cycle(conn, town_id=town_id, cycle_id=cycle_id)
