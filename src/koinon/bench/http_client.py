"""A load generator for HTTP that costs little: connections kept open, one request at a time on each.

    python -m koinon.bench.http_client      started by ``ask_over_http``, spoken to in lines of JSON

It runs in a process of its own and works on bare sockets, so that what is measured is the
server. A request is a template with a fresh key, two parties and an amount put in; of an answer
it reads the status, the length, and in a batch how many were posted.
"""

from __future__ import annotations

import base64
import json
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from koinon.bench.errors import HttpFailed
from koinon.bench.figures import Latencies, Run
from koinon.bench.traffic import HIGHEST_MINOR, tosses, zipf
from koinon.kernel.identifiers import new_id

_POSTED = b'"status":"posted"'
_LENGTH = b"content-length: "
_SHOWN = 600


@dataclass(frozen=True, slots=True)
class HttpPlan:
    """Who asks whom for what, over how many connections."""

    host: str
    port: int
    secret: str
    connections: int
    payments_a_request: int
    payers: list[str]
    payees: list[str]
    unit: str


def ask_over_http(plan: HttpPlan, *, warm_up: float, seconds: float, seed: int) -> tuple[Run, float]:
    """One round from a process of its own; also the wall clock at which the counting began.

    Raises ``HttpFailed``.
    """
    told = {
        **{name: getattr(plan, name) for name in HttpPlan.__slots__},
        "warm_up": warm_up,
        "seconds": seconds,
        "seed": seed,
    }
    done = subprocess.run(
        [sys.executable, "-m", "koinon.bench.http_client"],
        input=json.dumps(told),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    heard: dict[str, Any] = (
        json.loads(done.stdout) if done.stdout else {"failed": "the load generator ended without saying why"}
    )
    if "failed" in heard:
        raise HttpFailed(answer=heard["failed"])
    took = tuple(base64.b64decode(part) for part in heard.pop("latencies"))
    counted_from = float(heard.pop("counted_from"))
    return Run(latencies=Latencies.from_bytes((took[0], took[1])), **heard), counted_from


class _Connection:
    __slots__ = ("asked", "buffer", "socket")

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.asked = 0.0

    def ask(self, request: bytes) -> None:
        self.asked = time.perf_counter()
        self.socket.sendall(request)

    def answer(self) -> tuple[int, bytes] | None:
        """Status and body once all of it is there."""
        part = self.socket.recv(262_144)
        if not part:
            raise ConnectionError("the server closed the connection")
        self.buffer += part
        ends = self.buffer.find(b"\r\n\r\n")
        if ends < 0:
            return None
        begins = self.buffer.find(_LENGTH, 0, ends) + len(_LENGTH)
        length = int(self.buffer[begins : self.buffer.find(b"\r", begins)])
        if len(self.buffer) < ends + 4 + length:
            return None
        answer = int(self.buffer[9:12]), self.buffer[ends + 4 :]
        self.buffer = b""
        return answer


def _requests(told: dict[str, Any]) -> Callable[[], bytes]:
    """What makes the next request; everything that stays the same is there beforehand."""
    payers = [str(payer).encode() for payer in told["payers"]]
    payees = [str(payee).encode() for payee in told["payees"]]
    toss, shop = tosses(told["seed"]), zipf(len(payees), told["seed"])
    size, unit = int(told["payments_a_request"]), str(told["unit"]).encode()
    common: bytes = (
        b"Host: localhost\r\nAuthorization: Bearer "
        + str(told["secret"]).encode()
        + b"\r\nContent-Type: application/json\r\nContent-Length: "
    )
    single = b"POST /api/v1/payments HTTP/1.1\r\nIdempotency-Key: %b\r\n" + common + b"%d\r\n\r\n%b"
    many = b"POST /api/v1/payments/batch HTTP/1.1\r\n" + common + b"%d\r\n\r\n%b"

    def payment() -> bytes:
        return b'"payer":"%b","payee":"%b","amount_minor":%d,"unit":"%b"' % (
            payers[int(toss() * len(payers))],
            payees[shop()],
            1 + int(toss() * HIGHEST_MINOR),
            unit,
        )

    def one() -> bytes:
        body = b"{" + payment() + b"}"
        return single % (str(new_id()).encode(), len(body), body)

    def batch() -> bytes:
        items = b",".join(b'{"key":"%b",%b}' % (str(new_id()).encode(), payment()) for _ in range(size))
        body = b'{"payments":[' + items + b"]}"
        return many % (len(body), body)

    return one if size == 1 else batch


def _play(told: dict[str, Any]) -> dict[str, Any]:
    clock = time.perf_counter
    next_request, size = _requests(told), told["payments_a_request"]
    connections = {}
    waiting = select.epoll()
    for _ in range(told["connections"]):
        connection = _Connection((told["host"], told["port"]))
        connections[connection.socket.fileno()] = connection
        waiting.register(connection.socket.fileno(), select.EPOLLIN)
    latencies = Latencies()
    payments = refused = posted_in_all = 0
    counts_from = clock() + told["warm_up"]
    bell = counts_from + told["seconds"]
    counted_from = time.time() + told["warm_up"]
    cpu: list[float] = []
    for connection in connections.values():
        connection.ask(next_request())
    open_requests = len(connections)
    ended = bell
    while open_requests:
        ready = waiting.poll(30)
        if not ready:
            return {"failed": "no answer within 30 seconds"}
        for number, _event in ready:
            connection = connections[number]
            answer = connection.answer()
            if answer is None:
                continue
            now = clock()
            status, body = answer
            if size > 1:
                accepted = body.count(_POSTED)
                failed = status != 200
            else:
                accepted = status == 201
                failed = status not in (201, 409, 422)
            if failed:
                return {"failed": f"{status} {body[:_SHOWN].decode(errors='replace')}"}
            posted_in_all += accepted
            if counts_from <= now < bell or (now >= bell and not payments):
                ended = max(bell, now)
                if not cpu:
                    cpu.append(time.process_time())
                payments += size
                refused += size - accepted
                latencies.add(now - connection.asked, size)
            if now < bell or not payments:
                connection.ask(next_request())
            else:
                waiting.unregister(number)  # The server may close it while the others are still waited for.
                open_requests -= 1
    return {
        "seconds": ended - counts_from,
        "payments": payments,
        "refused": refused,
        "posted_in_all": posted_in_all,
        "client_cpu_seconds": time.process_time() - cpu[0] if cpu else 0.0,
        "latencies": [base64.b64encode(part).decode() for part in latencies.to_bytes()],
        "counted_from": counted_from,
    }


def main() -> None:
    """Read what is asked, play it, say what came of it."""
    try:
        said = _play(json.loads(sys.stdin.read()))
    except (OSError, ValueError) as failed:
        said = {"failed": f"{type(failed).__name__}: {failed}"}
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main()
