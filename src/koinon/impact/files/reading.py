"""A file of transfers as a ledger. Everything that is wrong is found in one reading; nothing is guessed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from koinon.impact.files import attributes, boundary, values
from koinon.impact.files.findings import Findings, shortly
from koinon.impact.files.tables import open_columns, sha256_of
from koinon.impact.files.types import OPTIONAL, Asked, CohortBy, LedgerFile, Notes, RowKind
from koinon.impact.tracing.types import Accounts, Ledger, Role, Transfers

NO_COHORT = "(not said)"
_WORDS = {
    "": None,
    "payment": RowKind.PAYMENT,
    "transfer": RowKind.PAYMENT,
    "purchase": RowKind.PAYMENT,
    "issue": RowKind.ISSUE,
    "disburse": RowKind.ISSUE,
    "disbursement": RowKind.ISSUE,
    "redeem": RowKind.REDEEM,
    "redemption": RowKind.REDEEM,
    "expire": RowKind.EXPIRE,
    "expiry": RowKind.EXPIRE,
    "withdraw": RowKind.WITHDRAW,
    "unissue": RowKind.WITHDRAW,
    "refund": RowKind.REFUND,
    "reversal": RowKind.REFUND,
}
_KINDS = (None, *RowKind)
_STEPS = {CohortBy.DAY: "D", CohortBy.WEEK: "D", CohortBy.MONTH: "M", CohortBy.YEAR: "Y"}


def read(asked: Asked, say: Callable[[str], None] = lambda _: None) -> LedgerFile:
    """The ledger that a file holds.

    Refuses the file with every finding (``LedgerFileRefused``); writes nothing.
    """
    opened = open_columns(
        asked.file,
        needed=("time", "source", "target", ("amount", "amount_minor")),
        optional=[name for name in OPTIONAL if name != "amount_minor"],
        renamed=asked.columns,
        option="--column",
        encoding=asked.encoding,
        names=("source", "target", "cohort", "kind", "undoes"),
    )
    columns, headings, findings = opened.columns, opened.headings, opened.findings
    if not opened.rows:
        findings.add(None, "", "ledger-file.no-rows", "there are no rows under the headings", "Export it again.")
        findings.raise_if_any()
    say(f"{opened.rows:,} rows read from {asked.file.name}")

    time, time_unit, zone_used = values.times(
        columns["time"], headings["time"], findings, zone=asked.zone, unit=asked.time_unit, form=asked.time_format
    )
    name = "amount" if "amount" in columns else "amount_minor"
    amount, exponent = values.amounts(
        columns[name],
        headings[name],
        findings,
        decimals=asked.decimals,
        mark=asked.decimal_mark,
        thousands=asked.thousands,
        minor=asked.minor or name == "amount_minor",
    )
    _positive(amount, headings[name], findings)
    names, (source, target) = values.names([columns["source"], columns["target"]])
    for side, codes in (("source", source), ("target", target)):
        findings.add_rows(
            np.array([not one for one in names], np.bool_)[codes],
            headings[side],
            "ledger-file.account",
            lambda _: "there is no account",
            "Fill it in; if money comes from or goes to nobody, name that account and say so with --issuers or --redeemers.",
        )
    kinds = _kinds(columns.get("kind"), headings.get("kind", ""), opened.rows, asked, findings)
    undoes = kinds == _KINDS.index(RowKind.REFUND)
    if "undoes" in columns:
        undoes |= values.flags(columns["undoes"], headings["undoes"], findings)

    known = None
    others: list[Findings] = []
    if asked.accounts is not None:
        known, wrong = attributes.read(
            asked.accounts,
            asked.by,
            names,
            asked.account_columns,
            encoding=asked.encoding,
        )
        others.append(wrong)
    given = known.roles if known is not None else np.zeros(len(names), np.uint8)
    asked_roles = (
        (Role.ISSUER, asked.issuers),
        (Role.REDEEMER, asked.redeemers),
        (Role.EXPIRY, asked.expiry),
    )
    role = boundary.roles(names, asked_roles, given, findings)
    if not (role == Role.ISSUER).any() and not (kinds == _KINDS.index(RowKind.ISSUE)).any() and not findings.count:
        likely = ", ".join(shortly(one) for one in boundary.candidates(source, target, names))
        findings.add(
            None,
            "",
            "ledger-file.no-issuer",
            "no account issues units, so there is nothing to follow",
            f"Say who does with --issuers. {likely} only pay and are never paid."
            if likely
            else "Say who does with --issuers.",
        )
    findings.raise_if_any(*others)

    source, target, names, role, of_name = _split(source, target, names, role, kinds)
    keep = amount > 0
    order = None if bool((time[1:] >= time[:-1]).all()) else np.argsort(time, kind="stable")
    newest_first = order is not None and bool((time[1:] <= time[:-1]).all())
    if newest_first:
        order = np.arange(len(time))[::-1]
    chosen = _chosen(keep, order)
    if chosen is not None:
        time, source, target, amount, undoes = (
            time[chosen],
            source[chosen],
            target[chosen],
            amount[chosen],
            undoes[chosen],
        )
    _sums(amount, headings[name], findings)
    issued = role[source] == Role.ISSUER
    cohorts, of_cohort, by = _cohorts(columns.get("cohort"), chosen, issued, time, source, names, asked)

    found = dict(known.attributes) if known is not None else {}
    if not found:
        found["part"] = attributes.by_part(source, target, role)
    else:
        found = {name: type(each)(each.codes[of_name], each.labels) for name, each in found.items()}
    ledger = Ledger(
        transfers=Transfers(_own(time), _own(source), _own(target), _own(amount), of_cohort, _own(undoes)),
        accounts=Accounts(names, role, found),
        cohorts=cohorts,
        unit=asked.unit,
        exponent=exponent,
    )
    return LedgerFile(
        ledger=ledger,
        notes=Notes(
            rows=opened.rows,
            zero=int(len(keep) - keep.sum()),
            to_self=int((source == target).sum()),
            unsorted=order is not None,
            newest_first=newest_first,
            time_unit=time_unit,
            assumed_zone=asked.zone.key if zone_used and asked.zone is not None else None,
            cohorts_by=by,
            without_attributes=int(((role == Role.HOLDER) & ~known.has_row[of_name]).sum()) if known is not None else 0,
            attributes_unused=known.unused if known is not None else 0,
        ),
        name=asked.file.name,
        sha256=sha256_of(asked.file),
        attributes_name=asked.accounts.name if asked.accounts is not None else None,
        attributes_sha256=sha256_of(asked.accounts) if asked.accounts is not None else None,
    )


def _positive(amount: NDArray[np.int64], heading: str, findings: Findings) -> None:
    findings.add_rows(
        amount < 0,
        heading,
        "ledger-file.amount-negative",
        lambda _: "the amount is below zero",
        "Swap source and target; where the row undoes an earlier one, say so in a column undoes.",
    )


def _sums(amount: NDArray[np.int64], heading: str, findings: Findings) -> None:
    """Whatever is added up in a trace stays below the sum of all amounts."""
    if len(amount) and float(amount.sum(dtype=np.float64)) >= 2.0**62:
        findings.add(
            None,
            heading,
            "ledger-file.amount-large",
            "the amounts together are too large to be kept exactly",
            "Say fewer --decimals, or write the amounts in a larger unit.",
        )
        findings.raise_if_any()


def _kinds(
    column: pa.ChunkedArray | None, heading: str, rows: int, asked: Asked, findings: Findings
) -> NDArray[np.int8]:
    """What each row is, as a place in ``_KINDS``; 0 where the file does not say."""
    if column is None:
        return np.zeros(rows, np.int8)
    words, which = values.labels(column)
    told = {word.lower(): meaning for word, meaning in asked.kinds.items()}

    def meant(word: str) -> int:
        lowered = word.lower()
        lowered = told.get(lowered, lowered)
        return _KINDS.index(_WORDS[lowered]) if lowered in _WORDS else -1

    codes = np.array([meant(word) for word in words], np.int8)
    findings.add_rows(
        (codes < 0)[which],
        heading,
        "ledger-file.word",
        lambda index: f"{shortly(words[which[index]])} is no kind of transfer that is known here",
        f"One of {', '.join(RowKind)}; or say what it means: --kind WORD=payment",
    )
    return codes[which]


def _split(
    source: NDArray[np.int32],
    target: NDArray[np.int32],
    names: list[str],
    role: NDArray[np.uint8],
    kinds: NDArray[np.int8],
) -> tuple[NDArray[np.int32], NDArray[np.int32], list[str], NDArray[np.uint8], NDArray[np.int64]]:
    """Where rows say what they are, an account that issues, redeems and trades becomes one for each."""
    everyone = np.arange(len(names))
    if not kinds.any():
        return source, target, names, role, everyone
    said = kinds != 0
    from_role, to_role = role[source].copy(), role[target].copy()
    trade = said & (kinds != _KINDS.index(RowKind.REFUND))
    from_role[trade], to_role[trade] = Role.HOLDER, Role.HOLDER
    from_role[kinds == _KINDS.index(RowKind.ISSUE)] = Role.ISSUER
    for kind, to in ((RowKind.REDEEM, Role.REDEEMER), (RowKind.EXPIRE, Role.EXPIRY), (RowKind.WITHDRAW, Role.ISSUER)):
        to_role[kinds == _KINDS.index(kind)] = to
    payers, payees = source.astype(np.int64) * len(Role) + from_role, target.astype(np.int64) * len(Role) + to_role
    met = np.zeros(len(names) * len(Role), np.bool_)
    met[payers] = met[payees] = True
    nodes, place = np.flatnonzero(met), np.cumsum(met, dtype=np.int32) - np.int32(1)
    of_name = nodes // len(Role)
    return (
        place[payers],
        place[payees],
        [names[index] for index in of_name.tolist()],
        (nodes % len(Role)).astype(np.uint8),
        of_name,
    )


def _chosen(keep: NDArray[np.bool_], order: NDArray[np.int64] | None) -> NDArray[np.int64] | None:
    """The rows of the ledger in its order: by time, those of one instant as they stand in the file."""
    if order is None:
        return None if keep.all() else np.flatnonzero(keep)
    return order[keep[order]]


def _own(array: NDArray[Any]) -> NDArray[Any]:
    """The same numbers in memory of our own: kernels are compiled once more for arrays that may not be written to."""
    return np.require(array, requirements=["C", "W"])


def _cohorts(
    column: pa.ChunkedArray | None,
    chosen: NDArray[np.int64] | None,
    issued: NDArray[np.bool_],
    time: NDArray[np.int64],
    source: NDArray[np.int32],
    names: list[str],
    asked: Asked,
) -> tuple[tuple[str, ...], NDArray[np.int32], str]:
    """The cohort of each issue, cohorts in the order in which they were first issued."""
    rows = np.flatnonzero(issued)
    codes: NDArray[Any]
    if column is not None:
        words, which = values.labels(column)
        codes = (which if chosen is None else which[chosen])[rows]
        told, by = [word or NO_COHORT for word in words], "column"
    elif asked.cohort_by == CohortBy.ISSUER:
        codes, told, by = source[rows], names, asked.cohort_by.value
    elif asked.cohort_by == CohortBy.ALL:
        codes, told, by = np.zeros(len(rows), np.int64), ["all"], asked.cohort_by.value
    else:
        days = _local(time[rows], asked).astype(f"datetime64[{_STEPS[asked.cohort_by]}]")
        periods, codes = np.unique(days, return_inverse=True)
        told, by = [str(period) for period in periods], asked.cohort_by.value
    different, first, place = np.unique(codes, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first, kind="stable"), kind="stable")
    ordered = different[np.argsort(first, kind="stable")]
    found = np.full(len(time), -1, np.int32)
    found[rows] = rank[place]
    return tuple(told[code] for code in ordered.tolist()), found, by


def _local(time: NDArray[np.int64], asked: Asked) -> NDArray[Any]:
    """Instants as local times; days begin where people live. A week begins on Monday."""
    if asked.zone is None:
        local = time.view("datetime64[us]")
    else:
        instants = pa.array(time).cast(pa.timestamp("us", asked.zone.key))
        local = pc.local_timestamp(instants).cast(pa.int64()).to_numpy().view("datetime64[us]")
    if asked.cohort_by != CohortBy.WEEK:
        return local
    days = local.astype("datetime64[D]")
    return days - ((days.view(np.int64) + 3) % 7)  # 1 January 1970 was a Thursday.
