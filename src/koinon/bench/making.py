"""From the name of a workload to the workload."""

from __future__ import annotations

from koinon.bench.catalogue import Described
from koinon.bench.town_workloads import OverHttp, TownLike
from koinon.bench.workloads import (
    Batches,
    Collected,
    Ground,
    Statements,
    Verify,
    Workload,
    half_refused,
    holding,
    paying,
)

PAYMENTS_A_REQUEST = 100


def make(one: Described, ground: Ground) -> Workload:
    """The workload that an entry of the catalogue means."""
    match one.name:
        case "uniform" | "lone" | "hot":
            return Collected(ground, one.name, one.clients, make=paying(one.pattern))
        case "refused":
            return Collected(ground, one.name, one.clients, make=half_refused)
        case "holds":
            return Collected(ground, one.name, one.clients, make=holding)
        case "town":
            return TownLike(ground, one.name, one.clients)
        case "batches":
            return Batches(ground, one.name, one.clients)
        case "verify":
            return Verify(ground, one.name, one.clients)
        case "statements":
            return Statements(ground, one.name, one.clients)
        case "http":
            return OverHttp(ground, one.name, one.clients)
        case "http-batches":
            return OverHttp(ground, one.name, one.clients, payments_a_request=PAYMENTS_A_REQUEST)
    raise AssertionError(f"the catalogue has {one.name}, and nothing here makes it")
