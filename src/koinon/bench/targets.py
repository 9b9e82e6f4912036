"""What the figures are to reach, so that a run says by itself where it stands.

A target that is missed does not fail the command: machines differ, and a busy one misses what an idle one
reaches. Books that do not hold fail it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RATIOS = (  # peer, workload, at least so many times as many payments a second
    ("pgledger", "uniform", 8.0),
    ("hordak", "uniform", 60.0),
    ("pgledger", "hot", 25.0),
    ("pgledger", "lone", 1.8),
)
AT_LEAST = (  # workload, payments a second
    ("batches", 30_000.0),
    ("http", 3_500.0),
    ("http-batches", 15_000.0),
    ("verify", 400_000.0),
)
AT_MOST = (  # workload, figure, limit
    ("batches", "p99_ms", 150.0),
    ("batches", "bytes_per_transfer", 200.0),
    ("statements", "p99_ms", 20.0),
)


def targets_reached(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each target that this run can speak of: its name, what is wanted, what was found, and whether that is enough.

    >>> found = targets_reached({"workloads": [{"name": "verify", "payments_per_second": 500000.0}], "peers": []})
    >>> [(one["name"], one["met"]) for one in found]
    [('verify payments_per_second', True)]
    """
    workloads = {one["name"]: one for one in document["workloads"]}
    ratios = {
        (peer["name"], one.get("workload")): one["ratio"]
        for peer in document["peers"]
        for one in (peer, *peer["others"])
    }
    found = [
        _target(f"{workload} against {peer}", ">=", wanted, ratios.get((peer, workload)))
        for peer, workload, wanted in RATIOS
    ]
    found += [
        _target(f"{name} payments_per_second", ">=", wanted, workloads.get(name, {}).get("payments_per_second"))
        for name, wanted in AT_LEAST
    ]
    found += [
        _target(f"{name} {figure}", "<=", wanted, workloads.get(name, {}).get(figure))
        for name, figure, wanted in AT_MOST
    ]
    return [one for one in found if one["found"] is not None]


def _target(name: str, how: str, wanted: float, found: float | None) -> dict[str, Any]:
    met = found is not None and (found >= wanted if how == ">=" else found <= wanted)
    return {"name": name, "wanted": f"{how} {wanted:g}", "found": found, "met": met}
