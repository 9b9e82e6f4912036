"""What was followed of a town's books, as it is kept and read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

UNKNOWN_ORIGIN = "unknown origin"


@dataclass(frozen=True, slots=True)
class Cohort:
    """What became of what a fund gave out in a month; amounts in minor units, floats for mixing.

    issued = held + redeemed + expired + withdrawn. ``by_hops``: what left after 0, 1, 2 ... payments. ``reach``: by
    dimension, label and payment, what arrived there. ``quantiles``: days to the exit, by per cent; lots only.
    """

    label: str
    issued: int | float
    held: int | float
    redeemed: int | float
    expired: int | float
    withdrawn: int | float
    volume: int | float
    multiplier: float | None
    mean_hops: float | None
    by_hops: tuple[int | float, ...]
    days_to_exit: float | None
    quantiles: Mapping[str, float]
    days_by_hop: tuple[float | None, ...]
    reach: Mapping[str, Mapping[str, Mapping[str, int | float]]]
    through_sse: int | float | None
    stayed_in_zone: int | float | None

    @property
    def fund(self) -> str:
        return self.label.rpartition(" ")[0]

    @property
    def month(self) -> str:
        return self.label.rpartition(" ")[2]


@dataclass(frozen=True, slots=True)
class Flows:
    """Who paid whom, by label, with what enters and leaves circulation; in minor units.

    The last rows are "issued" and "unknown origin", the last columns "redeemed", "expired", "withdrawn" and "held".
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    amounts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Followed:
    """A town's books as far as they were followed under a convention. Exact, so for the staff alone.

    ``paths`` by dimension, as ``tracing.types.Path`` describes them.
    """

    town_id: int
    convention: str
    seq_to: int
    rows: int
    digest: str
    began_at: datetime
    followed_at: datetime
    total: Cohort
    cohorts: tuple[Cohort, ...]
    unknown_origin: Cohort
    flows: Mapping[str, Flows]
    paths: Mapping[str, tuple[Mapping[str, Any], ...]]
