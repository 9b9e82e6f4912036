"""Answers of an engine as what indicators are computed from: the same functions make the same exact fractions of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from koinon.impact.export.layout import Export
from koinon.impact.indicators.multiplier import multiplier
from koinon.impact.indicators.recirculation import recirculation
from koinon.impact.indicators.velocity import velocity
from koinon.impact.scale.engines import Engine, Row, ask
from koinon.impact.types import Flows


@dataclass(frozen=True, slots=True)
class TownMonth:
    """A town's calendar month in exact figures. Complete and unrounded: for the staff, as the export is.

    ``largest``, ``hhi`` and shares are of receipts; None where nothing was received.
    """

    town: int
    period: int
    flows: Flows
    multiplier: Fraction | None
    recirculation: Fraction | None
    velocity: Fraction | None
    hhi: Fraction | None
    largest: Fraction | None
    businesses: int
    by_zone: dict[str, Fraction]
    by_sse: dict[str, Fraction]


def months(engine: Engine, lengths: dict[tuple[int, int], int]) -> list[TownMonth]:
    """Every month of every town of an export; ``lengths`` are microseconds by town and period."""
    concentration = {_key(row): row for row in ask(engine, "concentration")}
    zones, sse = _shares(ask(engine, "by_zone")), _shares(ask(engine, "by_sse"))
    found = []
    for row in ask(engine, "flows"):
        key = _key(row)
        moved = flows(row, lengths[key])
        of = concentration.get(key)
        whole = int(of["receipts"]) if of else 0
        found.append(
            TownMonth(
                *key,
                flows=moved,
                multiplier=multiplier(moved),
                recirculation=recirculation(moved),
                velocity=velocity(moved, periods_per_year=Fraction(12)),
                hhi=Fraction(int(of["squares"]), whole * whole) if of else None,
                largest=Fraction(int(of["largest"]), whole) if of else None,
                businesses=int(of["businesses"]) if of else 0,
                by_zone=zones.get(key, {}),
                by_sse=sse.get(key, {}),
            )
        )
    return found


def flows(row: Row, length: int) -> Flows:
    """A row of the question "flows", of a month that is ``length`` microseconds long."""
    named = {name: int(value) for name, value in row.items() if name not in ("town", "period", "outstanding_micros")}
    return Flows(**named, outstanding_mean=Fraction(int(row["outstanding_micros"]), length))


def _key(row: Row) -> tuple[int, int]:
    return int(row["town"]), int(row["period"])


def _shares(rows: Iterable[Row]) -> dict[tuple[int, int], dict[str, Fraction]]:
    """Each label's share of its month; months in which nothing was received, net of refunds, have none."""
    by_month: dict[tuple[int, int], dict[str, int]] = {}
    for row in rows:
        by_month.setdefault(_key(row), {})[str(row["label"])] = int(row["receipts"])
    return {
        key: {label: Fraction(amount, sum(labels.values())) for label, amount in labels.items()}
        for key, labels in by_month.items()
        if sum(labels.values()) > 0
    }


def lengths(export: Export) -> dict[tuple[int, int], int]:
    """How long each calendar month of each town was, in microseconds: summer time makes some an hour longer or shorter."""
    import pyarrow.parquet as pq

    found = {}
    for town in export.towns:
        for row in pq.read_table(export.folder / town.periods.path, partitioning=None).to_pylist():
            found[town.town, int(row["period"])] = int(row["ends"]) - int(row["starts"])
    return found
