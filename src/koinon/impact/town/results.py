"""A trace as one JSON document, and back; the same trace is the same bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from koinon.impact.town.types import Cohort, Flows

if TYPE_CHECKING:
    from koinon.impact.tracing.types import CohortTrace, FlowMatrix, Trace

VERSION = 2


def packed(trace: Trace) -> str:
    """What is kept of a trace. Labels in the order of the alphabet: it does not matter when a label first came up."""
    content = {
        "version": VERSION,
        "total": _cohort(trace.total),
        "cohorts": [_cohort(each) for each in trace.cohorts],
        "unknown_origin": _cohort(trace.unknown_origin),
        "flows": {name: _flows(matrix) for name, matrix in trace.flows.items()},
        "paths": {name: [asdict(path) for path in paths] for name, paths in trace.paths.items()},
    }
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_plain)


def digest(content: str) -> str:
    """SHA-256 of what ``packed`` says."""
    return hashlib.sha256(content.encode()).hexdigest()


def cohort(content: Mapping[str, Any]) -> Cohort:
    """A cohort as it was kept."""
    return Cohort(
        **{
            **content,
            "by_hops": tuple(content["by_hops"]),
            "days_by_hop": tuple(content["days_by_hop"]),
        }
    )


def flows(content: Mapping[str, Any]) -> Flows:
    return Flows(tuple(content["rows"]), tuple(content["columns"]), tuple(map(tuple, content["amounts"])))


def _cohort(found: CohortTrace) -> dict[str, Any]:
    return {
        "label": found.label,
        "issued": found.issued,
        "held": found.held,
        "redeemed": found.redeemed,
        "expired": found.expired,
        "withdrawn": found.withdrawn,
        "volume": found.volume,
        "multiplier": found.multiplier,
        "mean_hops": found.mean_hops,
        "by_hops": list(found.by_hops),
        "days_to_exit": found.days_to_exit.mean,
        "quantiles": {str(per_cent): days for per_cent, days in (found.days_to_exit.quantiles or {}).items()},
        "days_by_hop": list(found.days_by_hop),
        "reach": {
            dimension: {
                label: {str(hop): minor for hop, minor in hops.items() if minor}
                for label, hops in labels.items()
                if any(hops.values())
            }
            for dimension, labels in found.reach.items()
        },
        "through_sse": found.through_sse,
        "stayed_in_zone": found.stayed_in_zone,
    }


def _flows(matrix: FlowMatrix) -> dict[str, Any]:
    """The matrix with its labels sorted; then, as they are, the rows and columns of the boundary, which a label may be
    called like."""
    rows = _sorted(matrix.rows, boundary=2)
    columns = _sorted(matrix.columns, boundary=4)
    return {
        "rows": [matrix.rows[at] for at in rows],
        "columns": [matrix.columns[at] for at in columns],
        "amounts": [[int(matrix.amounts[row, column]) for column in columns] for row in rows],
    }


def _sorted(labels: Sequence[str], *, boundary: int) -> list[int]:
    inside = len(labels) - boundary
    return [*sorted(range(inside), key=lambda at: labels[at]), *range(inside, len(labels))]


def _plain(value: Any) -> Any:
    """A number of numpy as Python's."""
    return value.item()
