"""Clients that each wait for an answer before they ask again, as people at tills do.

A fixed number of them gives a fixed number of payments under way; how many a second come of it is
for the system to say. What was answered during the warm-up does not count, but is checked in the
books like the rest.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from koinon.bench.figures import Latencies, Run
from koinon.bench.probe import Probe
from koinon.bench.server import Server

Ask = Callable[[], Awaitable[bool]]  # One payment: True when it was accepted, False when it was refused.


async def run(
    server: Server, make_client: Callable[[int], Ask], *, clients: int, warm_up: float, seconds: float
) -> Run:
    """One round. ``make_client`` is given the client's number and makes what it asks with.

    Where a system is so slow that the bell rings before it has answered anybody, the round goes on to its first answer.
    """
    clock = time.perf_counter
    counts_from = clock() + warm_up
    bell = counts_from + seconds
    latencies = Latencies()
    payments = refused = posted_in_all = 0
    ended = bell

    async def ask_until_the_bell(ask: Ask) -> None:
        nonlocal payments, refused, posted_in_all, ended
        now = clock()
        while now < bell or not payments:
            asked = now
            accepted = await ask()
            now = clock()
            posted_in_all += accepted
            if counts_from <= now < bell or (now >= bell and not payments):
                ended = max(ended, now)
                payments += 1
                refused += not accepted
                latencies.add(now - asked)

    probe = Probe(server, begins=counts_from, ends=bell)
    try:
        await asyncio.gather(*(ask_until_the_bell(make_client(place)) for place in range(clients)))
    finally:
        await asyncio.to_thread(probe.wait)
    return Run(
        seconds=ended - counts_from,
        payments=payments,
        refused=refused,
        latencies=latencies,
        posted_in_all=posted_in_all,
        server_cpu_seconds=probe.server_cpu_seconds,
        client_cpu_seconds=probe.client_cpu_seconds,
        wal_bytes=probe.wal_bytes,
    )
