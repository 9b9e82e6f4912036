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

from koinon.impact.files import speech
from koinon.impact.files.speech import gettext as _
from koinon.impact.files.speech import ngettext
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
    """What a reader of the figures must know of the file, in plain words and the language that is spoken."""
    told: list[tuple[str, str]] = []
    noted: Notes = read.notes
    if traces and traces[0].unknown_origin.issued:
        share = Fraction(round(traces[0].unknown_origin.issued), max(1, round(traces[0].total.issued)))
        words = _(
            "%(share)s of what circulates was paid by accounts that did not have it in this file (credit, or a file that "
            "begins in the middle). It stands in a cohort of its own, “unknown origin”."
        )
        told.append(("unknown-origin", words % {"share": speech.percent(100 * float(share), 1)}))
    if traces and traces[0].outside:
        words = _("Some transfers run between accounts outside circulation and are left out of all figures.")
        told.append(("outside", words))
    if noted.zero:
        words = ngettext(
            "%(count)s row has an amount of zero and nothing to follow.",
            "%(count)s rows have an amount of zero and nothing to follow.",
            noted.zero,
        )
        told.append(("zero", words % {"count": _count(noted.zero)}))
    if noted.to_self:
        words = ngettext(
            "%(count)s row has the same account on both sides; that is no payment.",
            "%(count)s rows have the same account on both sides; that is no payment.",
            noted.to_self,
        )
        told.append(("to-self", words % {"count": _count(noted.to_self)}))
    if noted.newest_first:
        words = _(
            "The file runs from the newest row to the oldest; rows of one instant were followed from the last to the first."
        )
        told.append(("sorted", words))
    elif noted.unsorted:
        words = _("The rows were put in order of time; those of one instant stand as in the file.")
        told.append(("sorted", words))
    if noted.time_unit:
        units = {"s": _("seconds"), "ms": _("milliseconds"), "us": _("microseconds"), "ns": _("nanoseconds")}
        words = _("Times are whole numbers; they were read as %(units)s since 1970.")
        told.append(("time-unit", words % {"units": units[noted.time_unit]}))
    if noted.assumed_zone:
        words = _("Times without a zone were read as times in %(zone)s.")
        told.append(("zone", words % {"zone": noted.assumed_zone}))
    if read.attributes_name is not None and noted.without_attributes:
        accounts = len(read.ledger.accounts.names)
        words = ngettext(
            "%(count)s of %(accounts)s accounts has no row in %(file)s; it is “unknown”.",
            "%(count)s of %(accounts)s accounts have no row in %(file)s; they are “unknown”.",
            noted.without_attributes,
        )
        counts = {"count": _count(noted.without_attributes), "accounts": _count(accounts)}
        told.append(("without-attributes", words % {**counts, "file": read.attributes_name}))
    if noted.attributes_unused:
        words = ngettext(
            "%(count)s row of %(file)s is of an account that the ledger does not have.",
            "%(count)s rows of %(file)s are of accounts that the ledger does not have.",
            noted.attributes_unused,
        )
        counts = {"count": _count(noted.attributes_unused), "file": str(read.attributes_name)}
        told.append(("attributes-unused", words % counts))
    if not (read.ledger.accounts.role == Role.REDEEMER).any():
        words = _("No account redeems, so nothing leaves by redemption; %(option)s says which do.")
        told.append(("no-redeemer", words % {"option": "--redeemers"}))
    return told


def _count(count: int) -> str:
    return speech.decimal(count, 0)


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
