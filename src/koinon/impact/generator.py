"""An invented town's ledger of any length: monthly aid, shops by Zipf's law, suppliers, redemption, what lapses.

What comes out is a ledger as others bring theirs, for measuring and for trying things out. It is no model of how people
behave (``pilots`` has one): it has the shape that matters to whoever follows money through it.

- On the first day of each month residents are issued their aid, 50.00 to 150.00, from one of the funds. A cohort
  is a fund's month.
- Of the other rows four fifths are purchases: a resident drawn evenly, a shop drawn by Zipf's law, seven times of ten in
  the resident's own zone. Amounts are exponential, such that most aid is spent within its month.
- 11 in 100 are payments between businesses, to suppliers drawn by a law of their own; 2 in 100 are pay, from a business to a
  resident; 6 in 100 are redemptions of half to all that a business has.
- In the last tenth of a month some residents' remainder lapses. Five purchases of a thousand are given back.
- Nobody pays what is not there: balances never fall below zero.

The same ``Town`` gives the same rows, whether in one piece or in many.
"""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from koinon.impact.tracing.compiled import inlined, kernel
from koinon.impact.tracing.types import Accounts, Attribute, Ledger, Role, Transfers

ISSUER, REDEEMER, EXPIRY, FIRST = 0, 1, 2, 3
"""The accounts at the boundary, and the first one within."""

ZONES = ("old town", "harbour", "mills", "station", "hill", "river", "market", "gardens", "north", "south")
SECTORS = ("food", "household", "health", "culture", "repair", "catering", "clothing", "services")
FORMS = ("sole trader", "company", "cooperative", "association")
SIZES = ("micro", "small", "medium")

PIECE = 1 << 20
"""Rows of a row group: 29 MB as arrays."""

_REMEMBERED = 4096  # Recent purchases, any of which may be given back.
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Town:
    """What to invent: ``accounts`` are residents and businesses (a tenth), beside which three stand at the boundary.

    ``cohorts`` is rounded up to a whole number of funds for each of the ``months``. ``refunds_per_mille`` is of purchases;
    0 makes a ledger that tools without reversals can read. ``redeemed_percent`` is the least that a business redeems of what it
    has; with 100 purses are emptied often, and hold little that is mixed. ``paid_on_percent`` is the most that it pays another at
    once. ``redemptions_per_mille`` is of rows; what it leaves goes to payments between businesses, so that with fewer money goes round
    more often.

    >>> Town(transfers=100, accounts=20, cohorts=13, months=12).funds
    2
    """

    transfers: int = 1_000_000
    accounts: int = 10_000
    cohorts: int = 12
    months: int = 12
    seed: int = 1
    refunds_per_mille: int = 5
    redeemed_percent: int = 50
    paid_on_percent: int = 50
    redemptions_per_mille: int = 60
    first_year: int = 2027

    def __post_init__(self) -> None:
        assert self.accounts >= 20, "too few to be a town"
        assert self.transfers >= self.months >= 1
        assert self.cohorts >= 1

    @property
    def businesses(self) -> int:
        return max(10, self.accounts // 10)

    @property
    def residents(self) -> int:
        return self.accounts - self.businesses

    @property
    def funds(self) -> int:
        return -(-self.cohorts // self.months)

    @property
    def cohort_labels(self) -> tuple[str, ...]:
        """By month, then by fund."""
        labels = []
        for month in range(self.months):
            year, number = divmod(month, 12)
            labels += [f"fund {fund + 1} {self.first_year + year}-{number + 1:02d}" for fund in range(self.funds)]
        return tuple(labels)


class Names(Sequence[str]):
    """Opaque names, made when somebody asks: a million of them would take more memory than their balances."""

    def __init__(self, town: Town) -> None:
        self._first_business = FIRST + town.residents
        self._count = FIRST + town.accounts

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(self._count))]
        if not 0 <= index < self._count:
            raise IndexError(index)
        if index < FIRST:
            return ("town", "bank", "lapsed")[index]
        if index < self._first_business:
            return f"resident-{index - FIRST:07d}"
        return f"business-{index - self._first_business:06d}"


def accounts(town: Town) -> Accounts:
    """Roles and attributes. Residents have a zone and no sector; the boundary has neither.

    >>> found = accounts(Town(transfers=100, accounts=20))
    >>> found.names[0], found.names[3], found.names[-1 + len(found.names)]
    ('town', 'resident-0000000', 'business-000009')
    """
    count, businesses = FIRST + town.accounts, town.businesses
    first = count - businesses
    role = np.zeros(count, np.uint8)
    role[[ISSUER, REDEEMER, EXPIRY]] = [Role.ISSUER, Role.REDEEMER, Role.EXPIRY]
    number = np.arange(businesses)
    spread = number * 7919 + town.seed  # Attributes that have nothing to do with a shop's zone or rank.
    kinds = np.full(count, -1, np.int16)
    kinds[FIRST:first], kinds[first:] = 0, 1
    zone = np.full(count, -1, np.int16)
    zone[FIRST:first] = np.arange(town.residents) % len(ZONES)
    zone[first:] = number % len(ZONES)
    form = spread // 3 % 10
    form = np.where(form < 5, 0, np.where(form < 8, 1, np.where(form < 9, 2, 3)))

    def of_businesses(codes: NDArray[Any]) -> NDArray[np.int16]:
        found = np.full(count, -1, np.int16)
        found[first:] = codes
        return found

    return Accounts(
        names=Names(town),
        role=role,
        attributes={
            "kind": Attribute(kinds, ("resident", "business")),
            "zone": Attribute(zone, ZONES),
            "sector": Attribute(of_businesses(spread // 11 % len(SECTORS)), SECTORS),
            "legal_form": Attribute(of_businesses(form), FORMS),
            "sse": Attribute(of_businesses(np.where(form >= 2, 0, 1)), ("sse", "other")),
            "size": Attribute(of_businesses(np.minimum(spread // 23 % 6 // 2, 2)), SIZES),
        },
    )


# --- The rows -------------------------------------------------------------------------------------


def pieces(town: Town, rows: int = PIECE) -> Iterator[Transfers]:
    """The town's transfers in order, so many at a time."""
    begins, seconds = _months(town)
    state = _State(town)
    for first in range(0, town.transfers, rows):
        count = min(rows, town.transfers - first)
        piece = Transfers(
            time=np.empty(count, np.int64),
            source=np.empty(count, np.int32),
            target=np.empty(count, np.int32),
            amount=np.empty(count, np.int64),
            cohort=np.empty(count, np.int32),
            undoes=np.empty(count, np.bool_),
        )
        _live(
            first, town.transfers, begins, seconds, town.residents, town.businesses, town.funds, len(ZONES),
            town.refunds_per_mille, town.redeemed_percent / 100, town.paid_on_percent / 100,
            0.99 - town.redemptions_per_mille / 1000, state.random, state.balances, state.remembered,
            piece.time, piece.source, piece.target, piece.amount, piece.cohort, piece.undoes,
        )  # fmt: skip
        yield piece


def ledger(town: Town) -> Ledger:
    """The whole ledger in memory: 29 bytes a transfer."""
    (transfers,) = pieces(town, town.transfers)
    return Ledger(transfers, accounts(town), town.cohort_labels, unit="LOC", exponent=2)


def write_parquet(town: Town, path: Path, *, rows: int = PIECE) -> None:
    """Write the transfers as one Parquet file, a piece a row group, as ``tracing.mixing`` streams it.

    Columns ``time`` (microseconds since 1970 UTC), ``source`` and ``target`` (indices of accounts), ``amount`` (minor
    units), ``cohort`` (-1 for none), ``undoes``.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [
            ("time", pa.int64()),
            ("source", pa.int32()),
            ("target", pa.int32()),
            ("amount", pa.int64()),
            ("cohort", pa.int32()),
            ("undoes", pa.bool_()),
        ]
    )
    with pq.ParquetWriter(
        path,
        schema,
        compression="lz4",
        use_dictionary=["cohort"],
        column_encoding={"time": "DELTA_BINARY_PACKED", "amount": "DELTA_BINARY_PACKED"},
        write_statistics=False,
    ) as writer:
        for piece in pieces(town, rows):
            columns = (piece.time, piece.source, piece.target, piece.amount, piece.cohort, piece.undoes)
            writer.write_table(pa.table([pa.array(column) for column in columns], schema=schema), row_group_size=rows)


CSV_HEADER = ("time", "id", "kind", "source", "target", "amount", "cohort")
KINDS = ("issue", "payment", "redeem", "expire", "refund")


def write_csv(town: Town, path: Path) -> None:
    """Write the transfers as a researcher would hand them over: names, decimal amounts, ISO times."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(CSV_HEADER)
        names, labels, number = Names(town), town.cohort_labels, 0
        for piece in pieces(town):
            stamps = np.datetime_as_string(piece.time.astype("datetime64[us]"), unit="s")
            for row in range(len(piece)):
                source, target = int(piece.source[row]), int(piece.target[row])
                cohort, minor = int(piece.cohort[row]), int(piece.amount[row])
                kind = (
                    "issue" if source == ISSUER
                    else "redeem" if target == REDEEMER
                    else "expire" if target == EXPIRY
                    else "refund" if piece.undoes[row]
                    else "payment"
                )  # fmt: skip
                writer.writerow(
                    (
                        f"{stamps[row]}Z", number, kind, names[source], names[target],
                        f"{minor // 100}.{minor % 100:02d}", labels[cohort] if cohort >= 0 else "",
                    )
                )  # fmt: skip
                number += 1


def write_accounts(town: Town, path: Path) -> None:
    """Write each account with its attributes, as a CSV file that ``koinon impact trace --accounts`` reads."""
    found = accounts(town)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["account", *found.attributes])
        for index, name in enumerate(found.names):
            codes = [(one.labels, int(one.codes[index])) for one in found.attributes.values()]
            writer.writerow([name, *(labels[code] if code >= 0 else "" for labels, code in codes)])


class _State:
    """What goes from one piece to the next: the toss, what everybody has, recent purchases."""

    def __init__(self, town: Town) -> None:
        self.random = np.array([(town.seed * 0x9E3779B97F4A7C15 + 1) % 2**64], np.uint64)
        self.balances = np.zeros(FIRST + town.accounts, np.int64)
        self.remembered = np.zeros((_REMEMBERED, 3), np.int64)


def _months(town: Town) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """When each month begins and how long it is, in seconds since 1970 UTC and in seconds."""
    begins = [
        int(datetime(town.first_year + month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp())
        for month in range(town.months + 1)
    ]
    lengths = [after - begin for begin, after in itertools.pairwise(begins)]
    return np.array(begins[:-1], np.int64), np.array(lengths, np.int64)


@inlined
def _toss(state: NDArray[np.uint64]) -> float:
    """The next number of splitmix64 (Steele, Lea and Flood, 2014), in [0, 1)."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    found = state[0]
    found = (found ^ (found >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    found = (found ^ (found >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    found = found ^ (found >> np.uint64(31))
    return float(found >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@inlined
def _rank(state: NDArray[np.uint64], count: int) -> int:
    """Of 0 .. count - 1 by Zipf's law with exponent one: rank r with a probability of about 1 / (r + 1)."""
    return min(count - 1, int(math.exp(_toss(state) * math.log(count + 1.0))) - 1)


@kernel
def _live(
    first: int, transfers: int, begins: Any, seconds: Any, residents: int, businesses: int, funds: int, zones: int,
    refunds: int, least: float, most: float, redeems: float, state: Any, balance: Any, remembered: Any,
    time: Any, source: Any, target: Any, amount: Any, cohort: Any, undoes: Any,
) -> None:  # fmt: skip
    """Fill in rows ``first`` and on of the town's ledger."""
    months = len(begins)
    shop0 = 3 + residents
    for at in range(len(time)):
        row = first + at
        month = min(months - 1, row * months // transfers)
        month_first = -(-month * transfers // months)
        month_rows = -(-(month + 1) * transfers // months) - month_first
        place = row - month_first
        issues = min(residents, max(1, month_rows // 3))
        rest = month_rows - issues
        mean = 0.9 * 10_000.0 * issues / max(1.0, 0.8 * rest)
        payer, payee, minor, of_cohort, back = 0, 0, 0, -1, False
        if place < issues:
            second = place * _DAY // issues
            # Where there are more residents than rows for them, the next ones have their turn next month.
            payee = 3 + (month * issues + place) % residents
            minor = 5_000 + int(_toss(state) * 10_001)
            of_cohort = month * funds + (payee - 3) % funds
        else:
            second = _DAY + (place - issues) * (seconds[month] - _DAY) // max(1, rest)
            for _ in range(200):
                kind, back = _toss(state), False
                if kind < 0.8:
                    payer = 3 + int(_toss(state) * residents)
                    if balance[payer] > 0:
                        if kind < 0.001 * refunds * 0.8:
                            which = int(_toss(state) * _REMEMBERED)
                            payer, payee = remembered[which, 1], remembered[which, 0]
                            minor = min(balance[payer], remembered[which, 2])
                            remembered[which, 2] = 0
                            back = True
                        else:
                            zone = (payer - 3) % zones if _toss(state) < 0.7 else int(_toss(state) * zones)
                            there = (businesses - zone + zones - 1) // zones
                            payee = shop0 + zone + zones * _rank(state, there)
                            minor = min(balance[payer], 1 + int(-math.log(1.0 - _toss(state)) * mean))
                            which = int(_toss(state) * _REMEMBERED)
                            remembered[which, 0], remembered[which, 1] = payer, payee
                            remembered[which, 2] = minor
                elif kind < redeems - 0.02:
                    payer = shop0 + _rank(state, businesses)
                    payee = shop0 + businesses - 1 - _rank(state, businesses)
                    if balance[payer] > 0 and payer != payee:
                        minor = 1 + int(_toss(state) * most * balance[payer])
                elif kind < redeems:
                    payer, payee = shop0 + _rank(state, businesses), 3 + int(_toss(state) * residents)
                    if balance[payer] > 0:
                        minor = min(balance[payer], 1 + int(-math.log(1.0 - _toss(state)) * mean))
                elif kind < 0.99 or place * 10 < month_rows * 9:
                    payee = 1
                    payer = shop0 + (
                        _rank(state, businesses) if kind < (redeems + 0.99) / 2 else int(_toss(state) * businesses)
                    )
                    if balance[payer] > 0:
                        minor = max(1, int((least + (1.0 - least) * _toss(state)) * balance[payer]))
                else:
                    payee = 2
                    payer = 3 + int(_toss(state) * residents)
                    minor = balance[payer]
                if minor > 0:
                    break
            if minor <= 0:  # Nobody who was asked had anything: somebody is given some.
                payer, back = 0, False
                payee = 3 + int(_toss(state) * residents)
                minor = 5_000 + int(_toss(state) * 10_001)
                of_cohort = month * funds + (payee - 3) % funds
        if payer > 0:
            balance[payer] -= minor
        balance[payee] += minor
        time[at] = (begins[month] + second) * 1_000_000
        source[at], target[at], amount[at] = payer, payee, minor
        cohort[at], undoes[at] = of_cohort, back
