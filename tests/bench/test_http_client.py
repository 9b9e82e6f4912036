"""The load generator over HTTP, against a server that does what a busy one does to it."""

from __future__ import annotations

import socket
import threading
import time

from koinon.bench.http_client import HttpPlan, ask_over_http

BODY = b'{"payments":[{"status":"posted"},{"status":"posted"}]}'
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)


def whole_request(conn: socket.socket) -> None:
    asked = b""
    while not asked.endswith(b"]}"):
        asked += conn.recv(65_536)


def test_a_round_ends_well_where_the_server_closes_connections_that_have_had_their_last_answer():
    def busy(listening: socket.socket) -> None:
        early, late = listening.accept()[0], listening.accept()[0]
        with early, late:
            whole_request(early)
            whole_request(late)
            early.sendall(ANSWER)
            early.close()
            time.sleep(0.3)
            late.sendall(ANSWER)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=busy, args=(listening,), daemon=True)
        thread.start()
        host, port = listening.getsockname()
        plan = HttpPlan(
            host=host,
            port=port,
            secret="s",
            connections=2,
            payments_a_request=2,
            payers=["a"],
            payees=["b"],
            unit="u",
        )
        run, _counted_from = ask_over_http(plan, warm_up=0, seconds=0, seed=1)
        thread.join(60)

    assert run.posted_in_all == 4
