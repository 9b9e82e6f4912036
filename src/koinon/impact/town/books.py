"""A town's sealed books as a ledger that can be traced.

The boundary of circulation, by the kind of account:

| account | is | so that |
| --- | --- | --- |
| purse, till, clearing | holder | what moves between two of them is a payment |
| escrow | issuer | giving out (disburse, reward, bonus, top-up, cover) issues; taking it back withdraws |
| redemption | redeemer | redeem leaves, its reversal returns |
| reserve | expiry | what is swept on a fund's last day leaves |

What moves outside (euros received, the reserve filling an escrow, payouts by the bank, hours of a time bank) is not
read. A cohort is a fund and a month: the cycle's, or for what no cycle gave out the local month of its day.

All accounts of a holder that keeps a till are one place: what a shop moves between its own tills is no payment. A
resident's purses stay apart, because each fund's money is spent and expires by its own rule.

Order is that of the books, in which no purse was ever below zero. A row's time is its ``effective_at``, or that of the
row before where it lies earlier (a sale made without a network, booked later). One that says it happened more than a day
after it was sealed happened when it was sealed: else a mistyped year would stop the clock of all that follow.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg import Connection
from psycopg.sql import SQL, Literal

from koinon.db.statements import many, one, scalar, statement
from koinon.impact.town import results

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from koinon.impact.tracing.types import Ledger

_PACKAGE = "koinon.impact"
ATTRIBUTES = ("kind", "zone", "sector", "legal_form", "sse", "size")
KNOWN_VERSION = 5  # Of how the books are read: what another one has kept is computed from the first row.
OWN_MONEY = "top-up"
"""The cohort's fund where residents paid for their units themselves."""

_Y2K_MICROS = 946_684_800_000_000  # PostgreSQL's binary times count from here.
_HEADER = len(b"PGCOPY\n\xff\r\n\x00") + 8
_HOLDS = {"purse": 0, "till": 0, "clearing": 0, "escrow": 1, "redemption": 2, "reserve": 3}  # tracing.types.Role


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account of a town's units as ``town_accounts.sql`` gives it."""

    id: int
    kind: str
    holder: UUID
    fund: str | None
    trades: bool
    party: str | None
    zone: str | None
    sector: str | None
    legal_form: str | None
    is_sse: bool | None
    size: str | None

    @property
    def place(self) -> str:
        """What it is one of: its holder's only place, or itself."""
        return str(self.holder) if self.trades else f"account:{self.id}"

    def known(self) -> tuple[str | None, ...]:
        """Its labels, in the order of ``ATTRIBUTES``. Of residents none but the neighbourhood."""
        if _HOLDS.get(self.kind, 0) != 0:
            return (None,) * len(ATTRIBUTES)
        if self.is_sse is None:
            kind = "residents" if self.party in ("household", "person", "authorised") else "town"
            return (kind, self.zone, kind, kind, "other", kind)
        sse = "sse" if self.is_sse else "other"
        return ("businesses", self.zone, self.sector, self.legal_form, sse, self.size)


class NewLabel(Exception):
    """Something is in the books that nothing was like when they were begun with."""


@dataclass(slots=True)
class Known:
    """What numbers mean: places and cohorts in the order in which the books first named them, and every label there is.

    Places and cohorts grow at their end only, so that what was computed up to one minute goes on the next. Labels are
    those of all accounts when the books were begun with; a new one begins them again. ``last_time`` is the last row's;
    ``register`` the last purse, the last other account and a print of what was known of all of them. ``seq_to`` and
    ``rows`` say up to where in the books all this is, ``kept_at`` when it was kept.
    """

    labels: list[list[str]]
    places: list[str] = field(default_factory=list)
    roles: list[int] = field(default_factory=list)
    codes: list[list[int]] = field(default_factory=lambda: [[] for _ in ATTRIBUTES])
    cohorts: list[str] = field(default_factory=list)
    last_time: int = -(2**62)
    register: list[Any] = field(default_factory=lambda: [0, 0, "0"])
    seq_to: int = 0
    rows: int = 0
    kept_at: str = ""

    @classmethod
    def of(cls, rows: Sequence[AccountRow]) -> Known:
        """Nothing of the books yet, but the labels of their accounts."""
        found: list[set[str]] = [set() for _ in ATTRIBUTES]
        for row in rows:
            for labels, label in zip(found, row.known(), strict=True):
                if label is not None:
                    labels.add(label)
        return cls([sorted(labels) for labels in found])

    def packed(self) -> bytes:
        """As bytes, to be kept."""
        content = (
            KNOWN_VERSION, results.VERSION, self.labels, self.places, self.roles, self.codes, self.cohorts,
            self.last_time, self.register, self.seq_to, self.rows, self.kept_at,
        )  # fmt: skip
        return zlib.compress(json.dumps(content, separators=(",", ":")).encode(), 1)

    @classmethod
    def unpacked(cls, content: bytes) -> Known | None:
        """What was kept; None where the books were read in another way then, or what they say was said in another."""
        known_version, results_version, *rest = json.loads(zlib.decompress(content))
        same = (known_version, results_version) == (KNOWN_VERSION, results.VERSION)
        return cls(*rest) if same else None

    def number(self, row: AccountRow) -> int:
        """Give a place its number: the next one. ``NewLabel`` where it has one that nothing had before."""
        if any(label is not None and label not in known for label, known in zip(row.known(), self.labels, strict=True)):
            raise NewLabel
        self.places.append(row.place)
        self.roles.append(_HOLDS.get(row.kind, 0))
        for codes, labels, label in zip(self.codes, self.labels, row.known(), strict=True):
            codes.append(-1 if label is None else labels.index(label))
        return len(self.places) - 1


@dataclass(frozen=True, slots=True)
class Books:
    """A stretch of a town's books: ``ledger`` holds its rows, with every place and cohort known by its end.

    ``seqs`` are the rows' places in the books; ``seq_to`` is where the stretch ends (excluded).
    """

    ledger: Ledger
    seqs: NDArray[np.int64]
    seq_to: int


@dataclass(frozen=True, slots=True)
class _Register:
    purse: int
    other: int
    print: str
    print_before: str


def accounts(conn: Connection[Any], *, town_id: int, unit: str, ids: Sequence[int] | None = None) -> list[AccountRow]:
    """The accounts of a town's units, all or some, with what is public of their holders."""
    asked = None if ids is None else list(ids)
    return many(conn, statement(_PACKAGE, "town_accounts"), AccountRow, town_id=town_id, unit=unit, ids=asked)


def still(conn: Connection[Any], *, town_id: int, unit: str, known: Known) -> bool:
    """Whether all that was known of accounts is so still; ``known`` learns how far it has been looked at.

    Where it is not, the books are followed from their first row.
    """
    purse, other, before = known.register
    found = one(
        conn, statement(_PACKAGE, "town_register"), _Register, town_id=town_id, unit=unit, purse=purse, other=other
    )
    known.register = [found.purse, found.other, found.print]
    return bool(found.print_before == before)


def mark(conn: Connection[Any]) -> str | None:
    """Another one after anything was written of who holds accounts, a minute later at the latest; None where nobody knows.

    Taken before ``still`` looks: where it is the same again, ``still`` would say the same.
    """
    found = scalar(conn, statement(_PACKAGE, "register_mark"))
    return None if found is None else str(found)


def sealed_until(conn: Connection[Any], *, town_id: int) -> int:
    """Up to where the books are sealed (excluded); 0 where nothing is."""
    return int(scalar(conn, statement(_PACKAGE, "sealed_until"), town_id=town_id))


def read(
    conn: Connection[Any],
    *,
    town_id: int,
    unit: str,
    exponent: int,
    time_zone: str,
    known: Known,
    seq_from: int,
    seq_to: int,
    rows: Sequence[AccountRow] | None = None,
) -> Books:
    """The movements from ``seq_from`` up to, not including, ``seq_to``; ``known`` learns what is new in them.

    ``rows`` are all accounts, read after ``seq_to`` was, so that whatever a sealed row names is among them; without them
    those that moved are read.
    """
    import numpy as np

    from koinon.impact.tracing.types import Accounts, Attribute, Ledger, Transfers

    found = _rows(conn, town_id=town_id, time_zone=time_zone, seq_from=seq_from, seq_to=seq_to)
    if rows is None:
        moved = np.unique(np.concatenate((found["debit"], found["credit"])))
        rows = accounts(conn, town_id=town_id, unit=unit, ids=moved.tolist())
    ids = np.array([row.id for row in rows], dtype=np.int64)
    debit = np.searchsorted(ids, found["debit"])
    credit = np.searchsorted(ids, found["credit"])
    role = np.array([_HOLDS.get(row.kind, 0) for row in rows], dtype=np.uint8)
    if len(rows):
        inside = (role[debit] == 0) | (role[credit] == 0)
        found, debit, credit = found[inside], debit[inside], credit[inside]
    number = _numbered(known, rows, debit, credit)
    cohort = _cohorts(known, rows, role, debit, found["month"])
    time = np.maximum.accumulate(np.concatenate(([known.last_time], found["time"] + _Y2K_MICROS)))[1:]
    if len(time):
        known.last_time = int(time[-1])
    transfers = Transfers(
        time=time.astype(np.int64),
        source=number[debit],
        target=number[credit],
        amount=found["amount"].astype(np.int64),
        cohort=cohort,
        undoes=found["undoes"] != 0,
    )
    attributes: Mapping[str, Attribute] = {
        name: Attribute(np.array(codes, dtype=np.int16), tuple(labels))
        for name, codes, labels in zip(ATTRIBUTES, known.codes, known.labels, strict=True)
    }
    places = Accounts(tuple(known.places), np.array(known.roles, dtype=np.uint8), attributes)
    ledger = Ledger(transfers, places, tuple(known.cohorts), unit, exponent)
    return Books(ledger, found["seq"].astype(np.int64), seq_to)


def _rows(conn: Connection[Any], *, town_id: int, time_zone: str, seq_from: int, seq_to: int) -> NDArray[Any]:
    """What ``town_rows.sql`` gives, by the bytes of COPY: a million rows take about a second and no object each."""
    import numpy as np

    fields = (("seq", 8), ("time", 8), ("amount", 8), ("debit", 4), ("credit", 4), ("month", 4), ("undoes", 1))
    row = np.dtype(
        [("columns", ">i2")]
        + [part for name, width in fields for part in ((f"{name}_width", ">i4"), (name, f">i{width}"))]
    )
    values = {"town_id": town_id, "time_zone": time_zone, "seq_from": seq_from, "seq_to": seq_to}
    text = statement(_PACKAGE, "town_rows")
    for name, value in values.items():
        text = text.replace(f"%({name})s", SQL("{}").format(Literal(value)).as_string(conn))
    content = BytesIO()
    with conn.cursor() as cursor, cursor.copy(f"COPY ({text}) TO STDOUT (FORMAT binary)") as copy:
        for piece in copy:
            content.write(piece)
    body = content.getbuffer()[_HEADER:-2]
    return np.frombuffer(body, dtype=row)


def _numbered(
    known: Known, rows: Sequence[AccountRow], debit: NDArray[np.intp], credit: NDArray[np.intp]
) -> NDArray[np.int32]:
    """The place of each account (by its row), new ones numbered in the order in which they first moved."""
    import numpy as np

    numbers = {place: number for number, place in enumerate(known.places)}
    both = np.empty(2 * len(debit), dtype=np.int64)
    both[0::2], both[1::2] = debit, credit
    moved, first = np.unique(both, return_index=True)
    place = np.zeros(len(rows), dtype=np.int32)
    for at in moved[np.argsort(first)]:
        row = rows[int(at)]
        found = numbers.get(row.place)
        if found is None:
            found = numbers[row.place] = known.number(row)
        place[at] = found
    return place


def _cohorts(
    known: Known, rows: Sequence[AccountRow], role: NDArray[np.uint8], debit: NDArray[np.intp], month: NDArray[Any]
) -> NDArray[np.int32]:
    """Of each row that issues the cohort, new ones numbered in the order of the books; -1 elsewhere."""
    import numpy as np

    cohort = np.full(len(debit), -1, dtype=np.int32)
    issues = np.flatnonzero(role[debit] == 1) if len(rows) else np.empty(0, dtype=np.int64)
    if not len(issues):
        return cohort
    keys = debit[issues].astype(np.int64) * 1_000_000 + month[issues]
    each, first, back = np.unique(keys, return_index=True, return_inverse=True)
    numbers = {label: number for number, label in enumerate(known.cohorts)}
    number_of = np.zeros(len(each), dtype=np.int32)
    for at in np.argsort(first):
        escrow, yyyymm = divmod(int(each[at]), 1_000_000)
        label = f"{rows[escrow].fund or OWN_MONEY} {yyyymm // 100:04}-{yyyymm % 100:02}"
        if label not in numbers:
            numbers[label] = len(known.cohorts)
            known.cohorts.append(label)
        number_of[at] = numbers[label]
    cohort[issues] = number_of[back]
    return cohort
