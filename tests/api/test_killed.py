"""The service is killed while payments are under way: a client that repeats its requests makes each of them once."""

from __future__ import annotations

import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any
from uuid import UUID

from koinon.client.api import Client
from koinon.client.transport import Patience

PAYMENTS, KILLS, WORKERS = 120, 3, 4


def start(url: str, port: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "koinon.api.alone", "--port", str(port)],
        env={**os.environ, "KOINON_DATABASE_URL": url},
        stderr=subprocess.DEVNULL,
    )


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_a_client_of_a_service_that_is_killed_pays_each_of_its_payments_once(books: Any) -> None:
    port, key = free_port(), books.key()
    payer, payee = UUID(books.party("ana")), UUID(books.party("forn"))
    running = start(books.database.app_url, port)
    made: dict[str, UUID] = {}
    patience = Patience(tries=1000, first_wait_seconds=0.05, seconds=math.inf)  # The service starts when it can.
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            with Client(f"http://127.0.0.1:{port}", key=key, patience=patience, timeout_seconds=5) as town:
                town._transport._sleep = lambda seconds: time.sleep(min(seconds, 0.3))
                for place in range(number, PAYMENTS, WORKERS):
                    paid = town.pay(payer=payer, payee=payee, amount_minor=1, unit="REC", key=f"sale {place}")
                    made[f"sale {place}"] = paid.id
        except BaseException as error:  # noqa: BLE001  Told in the test's own thread.
            failed.append(error)

    workers = [threading.Thread(target=work, args=[number]) for number in range(WORKERS)]
    for worker in workers:
        worker.start()
    try:
        for kill in range(1, KILLS + 1):
            while len(made) < kill * PAYMENTS // (KILLS + 1) and not failed:
                time.sleep(0.002)
            running.send_signal(signal.SIGKILL)
            running.wait()
            running = start(books.database.app_url, port)
        for worker in workers:
            worker.join(600)
    finally:
        running.kill()
        running.wait()

    assert failed == []
    assert len(set(made.values())) == PAYMENTS
    assert books.balance("forn") == f"{PAYMENTS / 100:.2f}"
    assert books.town.broken() == []
    books.conn.rollback()
