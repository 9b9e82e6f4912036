"""What shops give back goes to the fund in turns with whoever sweeps it or pays a month out of it in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from psycopg import Connection

from koinon.db.connections import Database, connect
from koinon.kernel.identifiers import new_id
from koinon.offline import operations, queries
from koinon.payments import operations as payments
from tests.db.processes import until
from tests.offline import outage
from tests.offline.outage import CASHIER, NOON


def test_whoever_takes_back_what_a_fund_covered_holds_no_till_while_the_fund_is_swept(
    database: Database, conn: Connection[Any], connect_again: Callable[[], Connection[Any]], owner_conn: Connection[Any]
) -> None:
    """A sweep holds the reserve and goes on to purses, a refund holds a purse and goes on to a till: no ring shall close."""
    town = outage.build(conn)
    town.terms()
    town.switch_on("forn")
    till = town.till("forn")
    assert town.became(till, till.takes(town.card("pere"), "20.00")) == ["paid 12.00 town 8.00 not-enough"]
    [voucher] = queries.vouchers(conn, town_id=town.town.id)
    assert voucher.payment_id is not None
    payments.refund(
        conn, town_id=town.town.id, refund_id=new_id(), payment_id=voucher.payment_id, effective_at=NOON, amount=None,
        actor=CASHIER,
    )  # fmt: skip
    conn.commit()
    taking_back = connect_again()

    def takes_back() -> int:
        with taking_back.transaction():
            return operations.take_back(taking_back, town_id=town.town.id, at=NOON, actor=CASHIER)

    def waits() -> bool:
        row = owner_conn.execute("SELECT cardinality(pg_blocking_pids(%s))", [taking_back.info.backend_pid]).fetchone()
        return row != (0,)

    with connect(database.owner_url) as sweeping, ThreadPoolExecutor(1) as pool:
        sweeping.execute(
            "SELECT FROM programmes_fund WHERE id = %s FOR NO KEY UPDATE", [town.town.funds["risk"]]
        )  # As every sweep does first.
        returned = pool.submit(takes_back)
        until(lambda: returned.done() or waits(), seconds=60)
        lock = "SELECT FROM ledger.account WHERE town_id = %s AND kind = 'till' AND holder = %s FOR UPDATE SKIP LOCKED"
        free = sweeping.execute(lock, [town.town.id, town.town.parties["forn"]]).rowcount
        assert (returned.done(), free) == (False, 1)
        sweeping.rollback()
        assert returned.result(60) == 1
    assert town.town.reserve("risk") == "60.00"
    assert town.town.broken() == []
