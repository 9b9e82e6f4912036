"""A card lies on a till while somebody at the counter ends, replaces or changes it: one waits, and nobody in a ring."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from koinon.instruments import authorised, operations
from tests.instruments.desk import NOON, OFFICER, OTHER_PIN, PIN, Desk
from tests.payments.test_authorised import authorise, handed
from tests.payments.test_tills import allow, charges


def meanwhile(
    desk: Desk, connect_again: Callable[[], psycopg.Connection[Any]], charge: Callable[..., str],
    change: Callable[[], object],
) -> str:  # fmt: skip
    """Have a till charge while the counter holds what it is about to change; how the charge ended."""
    till, looking, outcomes = connect_again(), connect_again(), []
    looking.autocommit = True
    charging = threading.Thread(target=lambda: outcomes.append(charge(conn=till)))
    charging.start()
    waits = "SELECT cardinality(pg_blocking_pids(%s))"
    for _ in range(6000):  # Until it waits, or has not had to.
        if not charging.is_alive() or looking.execute(waits, [till.info.backend_pid]).fetchone() != (0,):
            break
        time.sleep(0.01)
    change()
    desk.conn.commit()
    charging.join()
    return outcomes[0]


@pytest.mark.parametrize("pin", [None, PIN], ids=["without-pin", "with-pin"])
def test_whoever_ends_an_authorisation_waits_in_no_ring_with_its_card_on_a_till(desk, connect_again, pin):
    allow(desk)
    held = authorise(desk)
    card = handed(desk, held)
    assert charges(desk, card, "1.00", pin=PIN) == "paid"
    authorised.locked(desk.conn, town_id=desk.town.id, authorisation_id=held.id)  # The counter has begun to end it.

    def end() -> None:
        authorised.end(desk.conn, town_id=desk.town.id, authorisation_id=held.id, actor=OFFICER, at=NOON)

    def charge(conn: Any) -> str:
        return charges(desk, card, "1.00", pin=pin, conn=conn)

    assert meanwhile(desk, connect_again, charge, end) == "instruments.card-ended"


def test_whoever_chooses_a_pin_waits_in_no_ring_with_the_card_on_a_till(desk, connect_again):
    card = handed(desk, authorise(desk))
    assert charges(desk, card, "1.00") == "paid"
    operations.locked(desk.conn, desk.town.id, [card.id])  # The counter has begun to change it.

    def charge(conn: Any) -> str:
        return charges(desk, card, "1.00", conn=conn)

    assert meanwhile(desk, connect_again, charge, lambda: desk.set_pin(card, OTHER_PIN)) == "paid"
