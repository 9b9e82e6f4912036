"""What is asked of a ledger file, and what was found in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo

from koinon.impact.tracing.types import Ledger

OPTIONAL = ("amount_minor", "cohort", "kind", "undoes")
DIMENSIONS = ("zone", "sector", "legal_form", "sse", "size", "kind")


class CohortBy(StrEnum):
    """What issued units are told apart by where the file does not say."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    ISSUER = "issuer"
    ALL = "all"


class RowKind(StrEnum):
    """What a row is, where the file says it."""

    PAYMENT = "payment"
    ISSUE = "issue"
    REDEEM = "redeem"
    EXPIRE = "expire"
    WITHDRAW = "withdraw"
    REFUND = "refund"


class TimeUnit(StrEnum):
    """What whole numbers in the time column count, since 1970."""

    AUTO = "auto"
    SECONDS = "s"
    MILLISECONDS = "ms"
    MICROSECONDS = "us"
    NANOSECONDS = "ns"


@dataclass(frozen=True, slots=True)
class Asked:
    """How a file is to be read.

    ``columns`` maps our names to the file's headings where they differ, and
    ``kinds`` the file's words in the column kind to ours; ``account_columns`` does it for the file of accounts.
    ``issuers``, ``redeemers`` and ``expiry`` are names, patterns with ``*`` and
    ``?``, or ``@FILE`` with one of them a line. ``decimals`` None: as many as the
    amounts have. ``thousands`` is what may stand between thousands, if anything. ``zone`` is for times that carry none,
    and for where a day or month of a cohort begins (UTC without it); ``time_format`` for those not written as ISO 8601 has them.
    """

    file: Path
    kinds: Mapping[str, str] = field(default_factory=dict)
    issuers: tuple[str, ...] = ()
    redeemers: tuple[str, ...] = ()
    expiry: tuple[str, ...] = ()
    accounts: Path | None = None
    by: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    account_columns: Mapping[str, str] = field(default_factory=dict)
    unit: str = "units"
    decimals: int | None = None
    decimal_mark: str = "."
    thousands: str = ""
    minor: bool = False
    zone: ZoneInfo | None = None
    time_unit: TimeUnit = TimeUnit.AUTO
    time_format: str | None = None
    cohort_by: CohortBy = CohortBy.MONTH
    encoding: str = "utf-8"


@dataclass(frozen=True, slots=True)
class Notes:
    """What a reader of the results should know of the file.

    ``zero`` rows moved nothing and are not in the ledger; ``to_self`` rows are,
    and are no payments. ``newest_first``: rows of one instant were taken from the last to the first.
    """

    rows: int
    zero: int
    to_self: int
    unsorted: bool
    newest_first: bool
    time_unit: str | None
    assumed_zone: str | None
    cohorts_by: str
    without_attributes: int
    attributes_unused: int


@dataclass(frozen=True, slots=True)
class LedgerFile:
    """A file, read: its ledger, what to know of it, and the hash by which anybody can see that it is the same file."""

    ledger: Ledger
    notes: Notes
    name: str
    sha256: str
    attributes_name: str | None = None
    attributes_sha256: str | None = None
