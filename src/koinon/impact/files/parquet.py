"""The result as tables for whoever goes on with it: one Parquet file each, long rather than wide."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from koinon.impact.files.results import AMOUNTS
from koinon.impact.tracing.types import CohortTrace, Trace

_TEXT, _AMOUNT, _RATIO, _HOP = pa.string(), pa.float64(), pa.float64(), pa.int16()
_WHOLE = pa.int64()
_INSTANT = pa.timestamp("us", "UTC")


def tables(traces: Sequence[Trace]) -> dict[str, pa.Table]:
    """Tables by name. Amounts are minor units: whole numbers where every trace counts lots, else floating-point.

    A cohort's row says what it is: ``cohort``, ``unknown origin`` or ``total``.
    """
    amount = _WHOLE if all(trace.convention.value != "mixing" for trace in traces) else _AMOUNT
    cohorts = [(trace, part, cohort) for trace in traces for part, cohort in _parts(trace)]
    return {
        "cohorts": _table(
            [
                ("convention", _TEXT),
                ("part", _TEXT),
                ("cohort", _TEXT),
                ("issued_from", _INSTANT),
                ("issued_until", _INSTANT),
                *((name, amount) for name in AMOUNTS),
                ("multiplier", _RATIO),
                ("mean_hops", _RATIO),
                ("days_to_exit_mean", _RATIO),
                ("days_to_exit_median", _RATIO),
            ],
            [
                (
                    trace.convention.value,
                    part,
                    cohort.label,
                    *(cohort.issued_at or (None, None)),
                    *(getattr(cohort, name) for name in AMOUNTS),
                    cohort.multiplier,
                    cohort.mean_hops,
                    cohort.days_to_exit.mean,
                    (cohort.days_to_exit.quantiles or {}).get(50),
                )
                for trace, part, cohort in cohorts
            ],
        ),
        "hops": _table(
            [
                ("convention", _TEXT),
                ("part", _TEXT),
                ("cohort", _TEXT),
                ("payments", _HOP),
                ("left", amount),
                ("days_held", _RATIO),
            ],
            [
                (
                    trace.convention.value,
                    part,
                    cohort.label,
                    hop,
                    left,
                    cohort.days_by_hop[hop] if hop < len(cohort.days_by_hop) else None,
                )
                for trace, part, cohort in cohorts
                for hop, left in enumerate(cohort.by_hops)
                if left or (hop < len(cohort.days_by_hop) and cohort.days_by_hop[hop] is not None)
            ],
        ),
        "reach": _table(
            [
                ("convention", _TEXT),
                ("part", _TEXT),
                ("cohort", _TEXT),
                ("dimension", _TEXT),
                ("label", _TEXT),
                ("payment", _HOP),
                ("amount", amount),
            ],
            [
                (trace.convention.value, part, cohort.label, dimension, label, hop, amount)
                for trace, part, cohort in cohorts
                for dimension, labels in cohort.reach.items()
                for label, hops in labels.items()
                for hop, amount in hops.items()
                if amount
            ],
        ),
        "flows": _table(
            [("dimension", _TEXT), ("from", _TEXT), ("to", _TEXT), ("amount", _WHOLE)],
            [
                (dimension, row, column, amount)
                for dimension, matrix in (traces[0].flows if traces else {}).items()
                for row, amounts in zip(matrix.rows, matrix.amounts.tolist(), strict=True)
                for column, amount in zip(matrix.columns, amounts, strict=True)
                if amount != 0  # None is hidden, and has its row.
            ],
        ),
        "paths": _table(
            [
                ("convention", _TEXT),
                ("dimension", _TEXT),
                ("labels", pa.list_(_TEXT)),
                ("end", _TEXT),
                ("amount", _WHOLE),
                ("holders", _WHOLE),
                ("largest", _WHOLE),
                ("payers", _WHOLE),
                ("payees", _WHOLE),
            ],
            [
                (
                    trace.convention.value,
                    dimension,
                    list(path.labels),
                    path.end,
                    path.amount,
                    path.holders,
                    path.largest,
                    path.payers,
                    path.payees,
                )
                for trace in traces
                for dimension, paths in trace.paths.items()
                for path in paths
            ],
        ),
    }


def write(folder: Path, traces: Sequence[Trace]) -> list[str]:
    """Write the tables into a folder that is there; their file names."""
    written = []
    for name, table in tables(traces).items():
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd")
        written.append(f"{name}.parquet")
    return written


def _parts(trace: Trace) -> list[tuple[str, CohortTrace]]:
    unknown = [("unknown origin", trace.unknown_origin)] if trace.unknown_origin.issued else []
    return [("total", trace.total), *(("cohort", each) for each in trace.cohorts), *unknown]


def _table(fields: Sequence[tuple[str, Any]], rows: Sequence[Sequence[Any]]) -> pa.Table:
    schema = pa.schema(list(fields))
    arrays = [pa.array([row[place] for row in rows], type=field.type) for place, field in enumerate(schema)]
    return pa.Table.from_arrays(arrays, schema=schema)
