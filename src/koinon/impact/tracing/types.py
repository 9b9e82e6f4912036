"""What is traced, and what a trace says.

Amounts are whole minor units; instants are microseconds since 1970 UTC. A transfer does one of these, by the roles
of its two accounts (docs/algorithms/tracing.md):

| from | to | is |
| --- | --- | --- |
| ISSUER | HOLDER | an issue into the cohort its row names |
| HOLDER | HOLDER | a payment; one to oneself is none and changes nothing |
| HOLDER | REDEEMER, EXPIRY, ISSUER | an exit: redeemed, expired, withdrawn |
| REDEEMER, EXPIRY | HOLDER | a return: what left last comes back and its exit is uncounted |
| ISSUER | HOLDER, ``undoes`` | the same for what was withdrawn |
| any other | | outside circulation: counted in ``Trace.outside`` and otherwise left alone |

A payment with ``undoes`` runs from payee back to payer: its payment is uncounted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

import numpy as np
from numpy.typing import NDArray

UNKNOWN = "unknown"
"""The label of accounts whose attribute is not known (code -1)."""

UNKNOWN_ORIGIN = "unknown origin"
"""The cohort of what was paid without having been issued: mutual credit, or a ledger that begins in the middle."""

HOPS = 16
"""``CohortTrace.by_hops`` tells 0 to 15 payments apart; its last place holds 16 and more."""

REACH = 4
"""``CohortTrace.reach`` tells where the first to the fourth payment arrived."""


class Role(IntEnum):
    """What an account is at the boundary of circulation."""

    HOLDER = 0
    ISSUER = 1
    REDEEMER = 2
    EXPIRY = 3


class Convention(StrEnum):
    """Which of the units in a purse are paid first. A convention attributes; what was paid in all is the same."""

    FIFO = "fifo"
    LIFO = "lifo"
    MIXING = "mixing"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One thing that is known of accounts: ``labels[codes[account]]``, or nothing where the code is -1."""

    codes: NDArray[np.int16]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Accounts:
    """Accounts by their index. ``names`` are opaque; what is known of them stands in ``attributes``.

    Attributes by name: "zone", "sector", "legal_form", "sse" (labels "sse" and "other"), "size", "kind"; others are
    traced in the same way. "sse" and "zone" also give ``through_sse`` and ``stayed_in_zone``.
    """

    names: Sequence[str]
    role: NDArray[np.uint8]
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Transfers:
    """Transfers by time, those of one instant in the order of their file or of their number in the books.

    ``time`` int64 microseconds, ascending; ``source`` and ``target`` int32 indices of accounts; ``amount`` int64,
    greater than 0; ``cohort`` int32, at least 0 where the source is an issuer, else -1; ``undoes``: this row gives back
    what an earlier one moved.
    """

    time: NDArray[np.int64]
    source: NDArray[np.int32]
    target: NDArray[np.int32]
    amount: NDArray[np.int64]
    cohort: NDArray[np.int32]
    undoes: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True, slots=True)
class Ledger:
    """A ledger to be traced: ``cohorts`` are labels ("aid 2027-03"), ``exponent`` the unit's decimal places."""

    transfers: Transfers
    accounts: Accounts
    cohorts: tuple[str, ...]
    unit: str = ""
    exponent: int = 2


@dataclass(frozen=True, slots=True)
class Days:
    """How long it took, in days, over ``amount``. ``quantiles`` by per cent (10, 25, 50, 75, 90); None for mixing."""

    amount: int | float
    mean: float | None
    quantiles: Mapping[int, float] | None = None


@dataclass(frozen=True, slots=True)
class CohortTrace:
    """What became of one cohort. Amounts are whole minor units for lots, floats for mixing.

    issued = held + redeemed + expired + withdrawn. For the cohort of unknown origin ``issued`` is what was paid and
    not there.

    ``by_hops``: of what left (redeemed and expired), the amount that had made 0, 1, 2 ... payments; the last place holds
    ``HOPS`` and more. ``mean_hops`` is over the same.
    ``volume``: the value that the cohort had in all payments, less what was given back; ``multiplier`` = volume / issued.
    ``days_to_exit``: from issue to redemption or expiry.
    ``days_by_hop``: how long money that had made k payments was held until it moved on, by payment or by leaving.
    ``reach``: {dimension: {label: {hop: amount}}}, what arrived at accounts of the label with its hop-th payment.
    ``through_sse``: what arrived at a social enterprise with at least one payment; each unit counts once.
    ``stayed_in_zone``: what was paid at least once, each time between two accounts of the same, known zone.
    ``issued_at``: the first and the last instant of issue.
    """

    label: str
    issued: int | float
    held: int | float
    redeemed: int | float
    expired: int | float
    withdrawn: int | float
    by_hops: tuple[int | float, ...]
    mean_hops: float | None
    volume: int | float
    multiplier: float | None
    days_to_exit: Days
    days_by_hop: tuple[float | None, ...]
    reach: Mapping[str, Mapping[str, Mapping[int, int | float]]]
    through_sse: int | float | None
    stayed_in_zone: int | float | None
    issued_at: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class FlowMatrix:
    """Who paid whom, by label, net of what was given back, with everything that enters and leaves circulation.

    ``rows`` are the labels, "unknown", "issued" and "unknown origin"; ``columns`` the labels, "unknown", "redeemed",
    "expired", "withdrawn" and "held". What a label's column holds (its income) is what its row holds. The same under
    every convention.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    amounts: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Path:
    """A way that money took: the label of its first holder and of each one it was paid to, and how it ended.

    ``end`` is "redeemed", "expired" or "held". ``labels`` end with "…" where a way is longer than is told. ``holders``
    is the number of different accounts where it ended and ``largest`` the amount of the largest of them;
    ``payers`` and ``payees`` are the smallest numbers of different accounts over its payments. All four are what
    disclosure control asks for: a path is never published without it.
    """

    labels: tuple[str, ...]
    end: str
    amount: int
    holders: int
    largest: int
    payers: int
    payees: int


@dataclass(frozen=True, slots=True)
class Trace:
    """What a ledger's trace says under one convention.

    ``cohorts`` in the order of the ledger; ``unknown_origin`` is kept apart and named in every result; ``total`` is all of
    them together. ``outside`` is what moved between accounts that are not in circulation. ``conservation_error`` is the
    largest difference, over cohorts, between what was issued and what became of it: 0 for lots, relative to what was
    issued for mixing. ``tick_us`` is the grain of times: for lots they are differences of whole ticks.
    ``digest`` is the SHA-256 of the canonical result, the same on each machine; ``seconds`` and ``peak_mb`` are no
    part of it.
    """

    convention: Convention
    unit: str
    exponent: int
    transfers: int
    accounts: int
    first_at: int | None
    last_at: int | None
    cohorts: tuple[CohortTrace, ...]
    unknown_origin: CohortTrace
    total: CohortTrace
    outside: int
    flows: Mapping[str, FlowMatrix]
    paths: Mapping[str, tuple[Path, ...]]
    conservation_error: int | float
    tick_us: int
    digest: str
    seconds: float
    peak_mb: float
