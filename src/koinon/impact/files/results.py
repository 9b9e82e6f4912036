"""What a trace of a file says, as one JSON document. docs/reference/ledger-file.md describes it.

``VERSION`` changes when a key changes its meaning or goes; new keys do not change it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import numpy as np

from koinon.impact.files.types import LedgerFile, Notes
from koinon.impact.tracing.types import CohortTrace, FlowMatrix, Role, Trace

FORMAT = "koinon.trace"
VERSION = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def document(read: LedgerFile, traces: Sequence[Trace], *, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The whole result. Amounts are minor units; null is undefined, which is not zero."""
    ledger, transfers = read.ledger, read.ledger.transfers
    names = np.bincount(ledger.accounts.role, minlength=len(Role)) if len(ledger.accounts.role) else np.zeros(4)
    return {
        "format": FORMAT,
        "version": VERSION,
        "unit": {"name": ledger.unit, "decimals": ledger.exponent},
        "file": {
            "name": read.name,
            "sha256": read.sha256,
            "accounts_file": read.attributes_name,
            "accounts_sha256": read.attributes_sha256,
            "rows": read.notes.rows,
            "transfers": len(transfers),
            "accounts": len(ledger.accounts.names),
            "cohorts": len(ledger.cohorts),
            "issuers": int(names[Role.ISSUER]),
            "redeemers": int(names[Role.REDEEMER]),
            "expiry": int(names[Role.EXPIRY]),
            "first": instant(int(transfers.time[0])) if len(transfers) else None,
            "last": instant(int(transfers.time[-1])) if len(transfers) else None,
        },
        "asked": dict(asked),
        "notes": [{"code": code, "message": told} for code, told in notes(read, traces)],
        "traces": [_trace(each) for each in traces],
        "written": None,
    }


def instant(microseconds: int) -> str:
    """An instant as ISO 8601.

    >>> instant(0)
    '1970-01-01T00:00:00+00:00'
    """
    try:
        return (_EPOCH + timedelta(microseconds=microseconds)).isoformat()
    except OverflowError:
        return str(microseconds)


def notes(read: LedgerFile, traces: Sequence[Trace]) -> list[tuple[str, str]]:
    """What a reader of the figures must know of the file, in plain words."""
    told: list[tuple[str, str]] = []
    noted: Notes = read.notes
    if traces and traces[0].unknown_origin.issued:
        share = Fraction(round(traces[0].unknown_origin.issued), max(1, round(traces[0].total.issued)))
        told.append(
            (
                "unknown-origin",
                (
                    f"{float(share):.1%} of what circulates was paid by accounts that did not have it in this file "
                    "(credit, or a file that begins in the middle). It stands in a cohort of its own, “unknown origin”."
                ),
            )
        )
    if traces and traces[0].outside:
        told.append(
            ("outside", "Some transfers run between accounts outside circulation and are left out of all figures.")
        )
    if noted.zero:
        told.append(("zero", f"{_rows(noted.zero)} an amount of zero and nothing to follow."))
    if noted.to_self:
        told.append(("to-self", f"{_rows(noted.to_self)} the same account on both sides; that is no payment."))
    if noted.unsorted:
        told.append(("sorted", "The rows were put in order of time; those of one instant stand as in the file."))
    if noted.time_unit:
        words = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
        told.append(("time-unit", f"Times are whole numbers; they were read as {words[noted.time_unit]} since 1970."))
    if noted.assumed_zone:
        told.append(("zone", f"Times without a zone were read as times in {noted.assumed_zone}."))
    if read.attributes_name is not None and noted.without_attributes:
        told.append(
            (
                "without-attributes",
                (
                    f"{noted.without_attributes:,} of {len(read.ledger.accounts.names):,} accounts have no row in "
                    f"{read.attributes_name}; they are “unknown”."
                ),
            )
        )
    if noted.attributes_unused:
        told.append(
            (
                "attributes-unused",
                f"{noted.attributes_unused:,} rows of {read.attributes_name} are of accounts that the ledger does not have.",
            )
        )
    if not (read.ledger.accounts.role == Role.REDEEMER).any():
        told.append(("no-redeemer", "No account redeems, so nothing leaves by redemption; --redeemers says which do."))
    return told


def _rows(count: int) -> str:
    return "1 row has" if count == 1 else f"{count:,} rows have"


def _trace(trace: Trace) -> dict[str, Any]:
    return {
        "convention": trace.convention.value,
        "total": _cohort(trace.total),
        "cohorts": [_cohort(each) for each in trace.cohorts],
        "unknown_origin": _cohort(trace.unknown_origin),
        "outside": _number(trace.outside),
        "flows": {name: _flows(matrix) for name, matrix in trace.flows.items()},
        "paths": {
            name: [{**asdict(path), "labels": list(path.labels)} for path in paths]
            for name, paths in trace.paths.items()
        },
        "conservation_error": _number(trace.conservation_error),
        "digest": trace.digest,
        "seconds": round(trace.seconds, 3),
        "peak_mb": round(trace.peak_mb, 1),
    }


def _cohort(cohort: CohortTrace) -> dict[str, Any]:
    return {
        "label": cohort.label,
        "issued_from": None if cohort.issued_at is None else instant(cohort.issued_at[0]),
        "issued_until": None if cohort.issued_at is None else instant(cohort.issued_at[1]),
        **{name: _number(getattr(cohort, name)) for name in AMOUNTS},
        "multiplier": _number(cohort.multiplier),
        "mean_hops": _number(cohort.mean_hops),
        "by_hops": [_number(each) for each in cohort.by_hops],
        "days_to_exit": {
            "amount": _number(cohort.days_to_exit.amount),
            "mean": _number(cohort.days_to_exit.mean),
            "quantiles": None
            if cohort.days_to_exit.quantiles is None
            else {str(per_cent): _number(days) for per_cent, days in cohort.days_to_exit.quantiles.items()},
        },
        "days_by_hop": [_number(each) for each in cohort.days_by_hop],
        "reach": {
            dimension: {
                label: {str(hop): _number(amount) for hop, amount in hops.items()} for label, hops in labels.items()
            }
            for dimension, labels in cohort.reach.items()
        },
    }


AMOUNTS = ("issued", "held", "redeemed", "expired", "withdrawn", "volume", "through_sse", "stayed_in_zone")


def _flows(matrix: FlowMatrix) -> dict[str, Any]:
    return {"rows": list(matrix.rows), "columns": list(matrix.columns), "amounts": matrix.amounts.tolist()}


def _number(value: Any) -> Any:
    """Numbers of numpy as Python's, and what is not finite as undefined."""
    if value is None:
        return None
    plain = value.item() if hasattr(value, "item") else value
    return plain if isinstance(plain, int) or np.isfinite(plain) else None
