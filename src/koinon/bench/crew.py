"""Clients of a peer, in processes and threads of their own, each with its own connection.

    python -m koinon.bench.crew      started by ``Crew``, spoken to in lines of JSON

A peer is given the arrangement of processes and threads in which it is fastest here; ``Crew``
is one such arrangement. The clients stay connected between rounds, so that what a connection
prepares once is prepared once.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from koinon.bench.errors import PeerNotUsable
from koinon.bench.figures import Latencies, Run
from koinon.bench.traffic import PATTERNS


class Client(Protocol):
    """One client with a connection of its own."""

    def pay(self, payer: int, payee: int, amount_minor: int) -> bool:
        """Make one payment, committed when this returns; False when it was refused."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """``clients`` clients in ``processes`` processes; ``made_by`` is ``module:name`` of what makes one."""

    made_by: str
    given: dict[str, Any]
    clients: int
    processes: int
    wallets: int


class Crew:
    """Running clients that wait for a round to begin."""

    def __init__(self, name: str, plan: Plan) -> None:
        self.name = name
        self.plan = plan
        self._processes: list[subprocess.Popen[str]] = []
        share, rest = divmod(plan.clients, plan.processes)
        first = 0
        for place in range(plan.processes):
            clients = share + (place < rest)
            process = subprocess.Popen(
                [sys.executable, "-m", "koinon.bench.crew"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            self._processes.append(process)
            self._tell(
                process,
                {
                    "made_by": plan.made_by,
                    "given": plan.given,
                    "clients": clients,
                    "first": first,
                    "wallets": plan.wallets,
                },
            )
            first += clients
        for process in self._processes:
            self._heard(process)

    def run(self, pattern: str, *, clients: int, warm_up: float, seconds: float, seed: int) -> Run:
        """One round with the first so many clients. The whole crew begins within a few milliseconds."""
        begins = time.time() + 0.2  # The wall clock is the one that processes share.
        for process in self._processes:
            self._tell(
                process,
                {
                    "pattern": pattern,
                    "clients": clients,
                    "begins": begins,
                    "warm_up": warm_up,
                    "seconds": seconds,
                    "seed": seed,
                },
            )
        runs = []
        for process in self._processes:
            heard = self._heard(process)
            took = tuple(base64.b64decode(part) for part in heard.pop("latencies"))
            runs.append(Run(latencies=Latencies.from_bytes((took[0], took[1])), **heard))
        return Run(
            seconds=seconds,
            payments=sum(run.payments for run in runs),
            refused=sum(run.refused for run in runs),
            latencies=Latencies.together(run.latencies for run in runs),
            posted_in_all=sum(run.posted_in_all for run in runs),
            client_cpu_seconds=sum(run.client_cpu_seconds for run in runs),
        )

    def close(self) -> None:
        for process in self._processes:
            if process.stdin is not None:
                process.stdin.close()  # The end of what is told is the end of the process.
        for process in self._processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def _tell(self, process: subprocess.Popen[str], told: dict[str, Any]) -> None:
        assert process.stdin is not None
        process.stdin.write(json.dumps(told) + "\n")
        process.stdin.flush()

    def _heard(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        assert process.stdout is not None
        line = process.stdout.readline()
        heard = json.loads(line) if line else {"failed": "its client ended without saying why"}
        if "failed" in heard:
            self.close()
            raise PeerNotUsable(name=self.name, reason=heard["failed"])
        assert isinstance(heard, dict)
        return heard


@dataclass(slots=True)
class _Counted:
    payments: int = 0
    refused: int = 0
    posted_in_all: int = 0


def _round(
    clients: Sequence[Client], threads: Sequence[ThreadPoolExecutor], first: int, wallets: int, told: dict[str, Any]
) -> dict[str, Any]:
    """All clients of this process pay until the bell; what fell between warm-up and bell counts."""
    from_now = told["begins"] - time.time()
    began = time.perf_counter() + from_now
    counts_from = began + told["warm_up"]
    bell = counts_from + told["seconds"]
    counted = [_Counted() for _ in clients]
    latencies = [Latencies() for _ in clients]
    failures: list[str] = []

    def pay_until_the_bell(place: int) -> None:
        client, mine, took = clients[place], counted[place], latencies[place]
        draw = PATTERNS[told["pattern"]](wallets, told["seed"] * 1000 + first + place)
        clock = time.perf_counter
        time.sleep(max(0.0, began - clock()))
        try:
            now = clock()
            while now < bell or not mine.payments:
                payer, payee, amount = draw()
                asked = clock()
                posted = client.pay(payer, payee, amount)
                now = clock()
                mine.posted_in_all += posted
                if counts_from <= now < bell or (now >= bell and not mine.payments):
                    mine.payments += 1
                    mine.refused += not posted
                    took.add(now - asked)
        except Exception as failed:  # noqa: BLE001  Said by the process that asked, which ends the measurement.
            failures.append(f"{type(failed).__name__}: {failed}")

    paying = [threads[place].submit(pay_until_the_bell, place) for place in range(len(clients))]
    time.sleep(max(0.0, counts_from - time.perf_counter()))
    cpu = time.process_time()
    time.sleep(max(0.0, bell - time.perf_counter()))
    cpu = time.process_time() - cpu
    wait(paying)
    if failures:
        return {"failed": failures[0]}
    return {
        "payments": sum(mine.payments for mine in counted),
        "refused": sum(mine.refused for mine in counted),
        "posted_in_all": sum(mine.posted_in_all for mine in counted),
        "client_cpu_seconds": cpu,
        "latencies": [base64.b64encode(part).decode() for part in Latencies.together(latencies).to_bytes()],
    }


def main() -> None:
    """Make the clients, say so, then play one round for each line until there are no more lines."""

    def say(what: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()

    told = json.loads(sys.stdin.readline())
    clients: list[Client] = []
    try:
        module, name = told["made_by"].split(":")
        make = getattr(import_module(module), name)
        clients = [make(**told["given"]) for _ in range(told["clients"])]
    except Exception as failed:  # noqa: BLE001  Said by the process that asked, which ends the measurement.
        say({"failed": f"{type(failed).__name__}: {failed}"})
        return
    # One thread for each client from beginning to end: Django's connections belong to threads.
    threads = [ThreadPoolExecutor(1) for _ in clients]
    say({"ready": len(clients)})
    for line in sys.stdin:
        asked = json.loads(line)
        playing = clients[: max(0, asked["clients"] - told["first"])]
        say(_round(playing, threads, told["first"], told["wallets"], asked))
    for client, thread in zip(clients, threads, strict=True):
        thread.submit(client.close).result()
        thread.shutdown()


if __name__ == "__main__":
    main()
