"""``koinon bench payments``: every workload, the peers in alternation, and the limits of the machine beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from koinon.bench import books, limits, machine, server, town
from koinon.bench.catalogue import BY_NAME, IN_TOWN, NAMES, Described
from koinon.bench.errors import BooksBroken, PeerNotUsable, UnknownPeer, UnknownWorkload
from koinon.bench.figures import Run, median, milliseconds, ratio_of_medians, together
from koinon.bench.making import make
from koinon.bench.server import Server
from koinon.bench.targets import targets_reached
from koinon.bench.workloads import Ground, Workload
from koinon.db.connections import Database

PERCENTILES = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99, "p999_ms": 0.999}
CLIENTS = 32
TRY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What to measure. ``seconds`` None leaves each workload the time it is meant for."""

    workloads: Sequence[str] = ()
    peers: Sequence[str] = ()
    seconds: float | None = None
    warm_up: float = 2.0
    rounds: int = 5
    wallets: int = 100_000
    transfers: int = 0


class Peer(Protocol):
    """Another ledger on the same server."""

    name: str
    version: str
    arrangement: str
    patterns: tuple[str, ...]

    def choose_arrangement(self, *, seconds: float) -> dict[str, float]: ...

    def run(self, pattern: str, *, clients: int, warm_up: float, seconds: float, seed: int) -> Run: ...

    def booked(self) -> int: ...

    def bytes_per_transfer(self) -> float | None: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class _Beside:
    """One peer while it is measured: its rounds by workload, and what its books must hold."""

    peer: Peer
    tried: dict[str, float]
    booked_before: int
    rounds: dict[str, list[Run]] = field(default_factory=dict)
    ours: dict[str, list[Run]] = field(default_factory=dict)


def measure(
    asked: Asked,
    *,
    root: Path,
    prepare: Callable[[Database], int],
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Measure what was asked, on a server of its own beneath ``root``; the document that the command prints.

    ``prepare`` brings an empty database to what Koinon runs on. Raises ``UnknownWorkload``,
    ``UnknownPeer``, ``PeerNotUsable``, ``NotDurable``, or ``BooksBroken`` as soon as a workload left books
    in which anything does not hold.
    """
    described = _described(asked.workloads)
    peers = [_peer(given) for given in asked.peers]
    with server.running(root) as running, ExitStack() as opened:
        settings = running.settings()
        document: dict[str, Any] = {
            "measured_at": datetime.now(UTC),
            "asked": {
                "seconds": asked.seconds,
                "warm_up": asked.warm_up,
                "rounds": asked.rounds,
                "wallets": asked.wallets,
                "transfers": asked.transfers,
                "workloads": [one.name for one in described],
                "peers": [name for name, _file in peers],
            },
            "machine": machine.machine(running.data),
            "settings": settings,
        }
        say("the limits of the machine")
        document["limits"] = limits.limits(running, seconds=min(asked.seconds or 3.0, 3.0))
        ground = _ground(running, prepare, described, asked, say)
        beside = [
            opened.enter_context(_beside(running, name, file, asked, say))
            for name, file in peers
            if any(one.pattern for one in described)
        ]
        document["workloads"] = [_measured(one, ground, asked, beside, document["limits"]) for one in described]
        document["peers"] = [_compared(one) for one in beside]
        if asked.transfers:
            from koinon.bench.history import history

            document["history"] = history(
                ground,
                asked.transfers,
                warm_up=asked.warm_up,
                seconds=asked.seconds if asked.seconds is not None else BY_NAME["uniform"].seconds,
                rounds=asked.rounds,
            )
        document["targets"] = targets_reached(document)
        document["load_average_after"] = machine.load_average()
    return document


def _ground(
    running: Server,
    prepare: Callable[[Database], int],
    described: Sequence[Described],
    asked: Asked,
    say: Callable[[str], None],
) -> Ground:
    """The databases that workloads copy: wallets, a whole town, as far as any of them is asked for."""
    books.make_base(running, prepare)
    ground = Ground(running, [], say)
    if asked.transfers or any(one.name not in IN_TOWN for one in described):
        say(f"{asked.wallets:,} wallets with money")
        ground.accounts = books.make_template(running, wallets=asked.wallets)
    if any(one.name in IN_TOWN for one in described):
        households = min(town.HOUSEHOLDS, asked.wallets)
        say(f"a town with {households:,} households and {town.SHOPS} shops")
        ground.town = town.make_template(running, books.BASE, households=households)
    return ground


def _described(names: Sequence[str]) -> list[Described]:
    unknown = [name for name in names if name not in BY_NAME]
    if unknown:
        raise UnknownWorkload(name=unknown[0], known=NAMES)
    return [BY_NAME[name] for name in NAMES if not names or name in names]


def _peer(given: str) -> tuple[str, Path | None]:
    name, equals, file = given.partition("=")
    if name == "pgledger" and file:
        if not Path(file).is_file():
            raise PeerNotUsable(name=name, reason=f"there is no file {file}")
        return name, Path(file)
    if given == "hordak" and not equals:
        return name, None
    raise UnknownPeer(given=given)


@contextmanager
def _beside(
    running: Server, name: str, file: Path | None, asked: Asked, say: Callable[[str], None]
) -> Iterator[_Beside]:
    from koinon.bench.hordak import Hordak
    from koinon.bench.pgledger import Pgledger

    say(f"{name}: its wallets")
    peer: Peer = (
        Pgledger(running, file, wallets=asked.wallets, clients=CLIENTS)
        if file is not None
        else Hordak(running, wallets=asked.wallets, clients=CLIENTS)
    )
    try:
        tried = peer.choose_arrangement(seconds=min(asked.seconds or TRY_SECONDS, TRY_SECONDS))
        told = ", ".join(f"{arrangement}: {rate:,.0f}/s" for arrangement, rate in tried.items())
        say(f"{name}: processes x threads {told}; measured as {peer.arrangement}")
        yield _Beside(peer, tried, peer.booked())
    finally:
        peer.close()


def _measured(
    one: Described, ground: Ground, asked: Asked, beside: Sequence[_Beside], limits_found: Mapping[str, float]
) -> dict[str, Any]:
    """One workload, in rounds alternated with the peers that can play it."""
    seconds = asked.seconds if asked.seconds is not None else one.seconds
    playing = [each for each in beside if one.pattern and one.name in each.peer.patterns]
    rounds = asked.rounds if playing else 1
    workload = make(one, ground)
    workload.open()
    ground.server.checkpoint()
    try:
        for number in range(1, rounds + 1):
            turns: list[_Beside | None] = [None, *playing]
            if number % 2 == 0:
                turns.reverse()  # Whoever goes second finds the disk as the first one left it.
            told = []
            for turn in turns:
                if turn is None:
                    run = workload.run(warm_up=asked.warm_up, seconds=seconds, seed=number)
                    told.append(f"{run.payments_per_second:,.0f}/s")
                    for each in playing:
                        each.ours.setdefault(one.name, []).append(run)
                else:
                    run = turn.peer.run(
                        one.pattern, clients=one.clients, warm_up=asked.warm_up, seconds=seconds, seed=number
                    )
                    turn.rounds.setdefault(one.name, []).append(run)
                    told.append(f"{turn.peer.name} {run.payments_per_second:,.0f}/s")
            ground.say(f"{one.name}, round {number} of {rounds}: {', '.join(told)}")
        return _result(one, workload, limits_found)
    finally:
        workload.close()


def _result(one: Described, workload: Workload, limits_found: Mapping[str, float]) -> dict[str, Any]:
    run = workload.together()
    found = run.latencies.percentiles(list(PERCENTILES.values()))
    per_payment = max(run.payments, 1)
    return {
        "name": one.name,
        "says": one.says,
        "clients": one.clients,
        "seconds": round(run.seconds, 3),
        "rounds": len(workload.runs),
        "payments": run.payments,
        "payments_per_second": round(run.payments_per_second, 1),
        **{name: milliseconds(value) for name, value in zip(PERCENTILES, found, strict=True)},
        "refused": run.refused,
        "server_cpu": round(run.server_cpu_seconds / run.seconds, 2) if run.seconds else 0.0,
        "client_cpu": round(run.client_cpu_seconds / run.seconds, 2) if run.seconds else 0.0,
        "server_cpu_us_per_payment": round(run.server_cpu_seconds / per_payment * 1e6, 1),
        "client_cpu_us_per_payment": round(run.client_cpu_seconds / per_payment * 1e6, 1),
        "wal_bytes": run.wal_bytes,
        "wal_bytes_per_payment": round(run.wal_bytes / per_payment, 1),
        "bytes_per_transfer": workload.bytes_per_transfer(),
        "checked": workload.checked(),
        "load_average": machine.load_average(),
        **_of_limit(one, run, limits_found),
        **({"notes": run.notes} if run.notes else {}),
    }


def _of_limit(one: Described, run: Run, limits_found: Mapping[str, float]) -> dict[str, Any]:
    """What was reached of the limit that matters most to this workload, in its own unit."""
    if not one.limit or not limits_found[one.limit]:
        return {}
    reached = run.payments_per_second * float(run.notes.get("bytes_per_row", 1))
    return {"limit": {"name": one.limit, "fraction": round(reached / limits_found[one.limit], 3)}}


def _compared(beside: _Beside) -> dict[str, Any]:
    """A peer's figures: the first workload it played in the entry itself, the others under ``others``."""
    peer = beside.peer
    posted = sum(run.posted_in_all for runs in beside.rounds.values() for run in runs)
    there = peer.booked() - beside.booked_before
    if there != posted:
        raise BooksBroken(
            workload=peer.name,
            failures=[{"name": "every acknowledged payment is booked once", "booked": there, "acknowledged": posted}],
        )
    compared = [_ratio(name, beside.ours[name], theirs) for name, theirs in beside.rounds.items()]
    first = compared[0] if compared else {"payments_per_second": 0.0, "ratio": None, "rounds": []}
    return {
        "name": peer.name,
        "version": peer.version,
        "arrangement": peer.arrangement,
        "tried": beside.tried,
        **first,
        "bytes_per_transfer": None if (size := peer.bytes_per_transfer()) is None else round(size, 1),
        "others": compared[1:],
    }


def _ratio(workload: str, ours: Sequence[Run], theirs: Sequence[Run]) -> dict[str, Any]:
    mine = [run.payments_per_second for run in ours]
    other = [run.payments_per_second for run in theirs]
    ratio = ratio_of_medians(mine, other)
    joined = together(theirs)
    found = joined.latencies.percentiles(list(PERCENTILES.values()))
    return {
        "workload": workload,
        "clients": BY_NAME[workload].clients,
        "payments_per_second": round(median(other), 1),
        "ours_per_second": round(median(mine), 1),
        "ratio": None if ratio is None else round(ratio, 2),
        "rounds": [{"ours": round(our, 1), "theirs": round(their, 1)} for our, their in zip(mine, other, strict=True)],
        **{name: milliseconds(value) for name, value in zip(PERCENTILES, found, strict=True)},
        "refused": joined.refused,
        "client_cpu": round(joined.client_cpu_seconds / joined.seconds, 2) if joined.seconds else 0.0,
    }
