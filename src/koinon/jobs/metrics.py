"""Figures about the jobs, in a file of the text format that Prometheus reads."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from koinon.db import embedded


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure: its name, what it says, and whether it only grows."""

    name: str
    says: str
    counts: bool = False


SEALED = Metric("koinon_sealed_transfers_total", "Transfers sealed by this process.", counts=True)
LAPSED = Metric("koinon_lapsed_holds_total", "Holds that lapsed in this process.", counts=True)
SWEPT = Metric("koinon_swept_minor_total", "Unspent minor units taken back after a fund's last day.", counts=True)
PAID_OUT = Metric(
    "koinon_paid_out_households_total", "Households paid by scheduled cycles that ended here.", counts=True
)
FAILED = Metric("koinon_job_failures_total", "Rounds of a job that ended in an error.", counts=True)
DELIVERIES = Metric("koinon_deliveries_total", "Attempts at telling a listener, by how they ended.", counts=True)
BACKLOG = Metric("koinon_deliveries_due", "Webhooks and mails that are due and not sent, in all towns.")
BACKLOG_AGE = Metric("koinon_deliveries_oldest_seconds", "For how long the oldest of them has been due.")
CHECKS_FAILED = Metric("koinon_checks_failed", "Invariants that failed in the newest run.")
CHECKED_AT = Metric("koinon_checked_at_seconds", "When the newest run of the invariants ended, in Unix time.")
SEALED_AT = Metric("koinon_sealed_at_seconds", "When the newest round of sealing ended, in Unix time.")
SWEPT_AT = Metric("koinon_swept_at_seconds", "When the newest round of sweeping ended, in Unix time.")


@dataclass(slots=True)
class Figures:
    """Values by metric and labels; safe to use from several threads.

    >>> figures = Figures()
    >>> figures.add(SEALED, 12, town="besos")
    >>> print(figures.exposition(), end="")
    # HELP koinon_sealed_transfers_total Transfers sealed by this process.
    # TYPE koinon_sealed_transfers_total counter
    koinon_sealed_transfers_total{town="besos"} 12
    """

    _values: dict[Metric, dict[tuple[tuple[str, str], ...], float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, metric: Metric, number: float = 1, **labels: str) -> None:
        assert metric.counts
        with self._lock:
            rows = self._values.setdefault(metric, {})
            key = tuple(sorted(labels.items()))
            rows[key] = rows.get(key, 0) + number

    def set(self, metric: Metric, value: float, **labels: str) -> None:
        assert not metric.counts
        with self._lock:
            self._values.setdefault(metric, {})[tuple(sorted(labels.items()))] = value

    def value(self, metric: Metric, **labels: str) -> float | None:
        with self._lock:
            return self._values.get(metric, {}).get(tuple(sorted(labels.items())))

    def exposition(self) -> str:
        with self._lock:
            lines = []
            for metric, rows in sorted(self._values.items(), key=lambda item: item[0].name):
                lines.append(f"# HELP {metric.name} {metric.says}")
                lines.append(f"# TYPE {metric.name} {'counter' if metric.counts else 'gauge'}")
                lines += [f"{metric.name}{_labels(dict(key))} {value:.17g}" for key, value in sorted(rows.items())]
        return "".join(f"{line}\n" for line in lines)

    def write(self, path: Path) -> None:
        """Put them into a file, at once, so that a collector may read it at any time. May raise ``OSError``."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        part.write_text(self.exposition(), encoding="utf-8")
        part.replace(path)


def _labels(labels: Mapping[str, str]) -> str:
    # Town slugs and job names are the only labels there are; neither has quotes or backslashes.
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}" if labels else ""


def file_from_environment() -> Path:
    """Where the figures of this installation lie: ``figures.prom`` under KOINON_VAR unless KOINON_FIGURES names a file."""
    given = os.environ.get("KOINON_FIGURES")
    return Path(given) if given else embedded.default_root() / "figures.prom"


figures = Figures()
"""Those of this process."""
