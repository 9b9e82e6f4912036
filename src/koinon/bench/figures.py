"""Figures from samples: percentiles of how long payments took, medians of rounds, ratios.

Whoever waited counts once, however many others were in the same batch. A percentile is the
nearest rank: a time that some payment really took, never one between two.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil


class Latencies:
    """How long payments took, in seconds; many that took the same time are one entry with a weight.

    >>> took = Latencies()
    >>> took.add(0.002)
    >>> took.add(0.010, payments=99)
    >>> len(took), took.percentiles([0.01, 0.5])
    (100, [0.002, 0.01])
    """

    __slots__ = ("_seconds", "_weights")

    def __init__(self) -> None:
        self._seconds = array("d")
        self._weights = array("q")

    def add(self, seconds: float, payments: int = 1) -> None:
        self._seconds.append(seconds)
        self._weights.append(payments)

    def __len__(self) -> int:
        return sum(self._weights)

    def percentiles(self, shares: Sequence[float]) -> list[float | None]:
        """For each share of the payments the shortest time, in seconds, within which they were done; None where there were none.

        >>> took = Latencies()
        >>> for milliseconds in (4, 1, 3, 2):
        ...     took.add(milliseconds / 1000)
        >>> took.percentiles([0.5, 0.75, 0.99])
        [0.002, 0.003, 0.004]
        """
        total = len(self)
        if total == 0:
            return [None] * len(shares)
        # The margin is for shares that are no binary fraction.
        ranks = [max(1, ceil(share * total - 1e-9)) for share in shares]
        found: dict[int, float] = {}
        wanted = sorted(set(ranks))
        seen = place = 0
        for seconds, weight in sorted(zip(self._seconds, self._weights, strict=True)):
            seen += weight
            while place < len(wanted) and wanted[place] <= seen:
                found[wanted[place]] = seconds
                place += 1
        return [found[rank] for rank in ranks]

    def to_bytes(self) -> tuple[bytes, bytes]:
        """For another process."""
        return self._seconds.tobytes(), self._weights.tobytes()

    @classmethod
    def from_bytes(cls, given: tuple[bytes, bytes]) -> Latencies:
        made = cls()
        made._seconds.frombytes(given[0])
        made._weights.frombytes(given[1])
        return made

    @classmethod
    def together(cls, parts: Iterable[Latencies]) -> Latencies:
        made = cls()
        for part in parts:
            made._seconds.extend(part._seconds)
            made._weights.extend(part._weights)
        return made


@dataclass(slots=True)
class Run:
    """One round of one workload: what was asked for and answered while the clock ran."""

    seconds: float = 0.0
    payments: int = 0
    refused: int = 0
    latencies: Latencies = field(default_factory=Latencies)
    posted_in_all: int = 0  # The warm-up and what came in after the bell included: the books must hold as many.
    server_cpu_seconds: float = 0.0
    client_cpu_seconds: float = 0.0
    wal_bytes: int = 0
    notes: dict[str, float | int | str] = field(default_factory=dict)

    @property
    def payments_per_second(self) -> float:
        """Answered payments, the refused ones included: a refusal is an answer too."""
        return self.payments / self.seconds if self.seconds else 0.0


def together(runs: Sequence[Run]) -> Run:
    """Rounds of one workload as one: times add up, percentiles are over all payments."""
    return Run(
        seconds=sum(run.seconds for run in runs),
        payments=sum(run.payments for run in runs),
        refused=sum(run.refused for run in runs),
        latencies=Latencies.together(run.latencies for run in runs),
        posted_in_all=sum(run.posted_in_all for run in runs),
        server_cpu_seconds=sum(run.server_cpu_seconds for run in runs),
        client_cpu_seconds=sum(run.client_cpu_seconds for run in runs),
        wal_bytes=sum(run.wal_bytes for run in runs),
        notes={name: value for run in runs for name, value in run.notes.items()},
    )


def median(values: Sequence[float]) -> float:
    """The middle one, or the mean of the middle two.

    >>> median([3.0, 1.0, 2.0]), median([4.0, 1.0])
    (2.0, 2.5)
    """
    assert values, "a median needs values"
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def ratio_of_medians(ours: Sequence[float], theirs: Sequence[float]) -> float | None:
    """How many times as many payments a second as the peer, round against round; None where the peer made none.

    >>> ratio_of_medians([90.0, 100.0, 800.0], [9.0, 10.0, 11.0])
    10.0
    """
    return median(ours) / median(theirs) if median(theirs) else None


def milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
