"""Material kept out of waste: kilograms by stream, what of it was used again, and what that spares the climate."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from koinon.impact.measures import ConversionFactor, Delivered


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream: ``kilograms`` in all, ``reused`` of them; ``co2e`` in kilograms, ``None`` where no factor holds.

    ``sources`` are those of the factors that were used.
    """

    stream: str
    kilograms: Fraction
    reused: Fraction
    co2e: Fraction | None
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Environment:
    """All streams. ``co2e`` adds up those that have a factor; ``uncounted`` names those that have none."""

    streams: tuple[Stream, ...]
    kilograms: Fraction
    reused: Fraction
    co2e: Fraction | None
    uncounted: tuple[str, ...]


def environment(
    delivered: Iterable[Delivered], factors: Iterable[ConversionFactor], *, reuse: Set[str] = frozenset()
) -> Environment:
    """Verified kilograms by stream, with the conversion factor that held on each day.

    Kilograms of material and kilograms of CO2 equivalent spared. ``reuse`` are the codes of the activities that give
    things to be used again; the others separate material to be recycled. A stream on a day without a factor makes
    the stream's ``co2e`` undefined: it is not zero.
    """
    known: dict[str, list[ConversionFactor]] = {}
    for factor in sorted(factors, key=lambda one: one.from_day):
        known.setdefault(factor.stream, []).append(factor)
    rows: dict[str, list[Delivered]] = {}
    for row in delivered:
        if row.measure == "kilogram":
            rows.setdefault(row.stream, []).append(row)
    streams = tuple(_stream(name, rows[name], known.get(name, []), reuse) for name in sorted(rows))
    spared = [stream.co2e for stream in streams if stream.co2e is not None]
    return Environment(
        streams=streams,
        kilograms=sum((stream.kilograms for stream in streams), Fraction(0)),
        reused=sum((stream.reused for stream in streams), Fraction(0)),
        co2e=sum(spared, Fraction(0)) if spared else None,
        uncounted=tuple(stream.stream for stream in streams if stream.co2e is None),
    )


def _stream(name: str, rows: list[Delivered], factors: list[ConversionFactor], reuse: Set[str]) -> Stream:
    co2e: Fraction | None = Fraction(0)
    sources: dict[str, None] = {}
    for row in rows:
        factor = _on(factors, row.day)
        if factor is None:
            co2e = None
        elif co2e is not None:
            co2e += Fraction(row.quantity * factor.grams_per_kilogram, 1_000_000)
            sources[factor.source] = None
    return Stream(
        stream=name,
        kilograms=Fraction(sum(row.quantity for row in rows), 1000),
        reused=Fraction(sum(row.quantity for row in rows if row.activity in reuse), 1000),
        co2e=co2e,
        sources=tuple(sources) if co2e is not None else (),
    )


def _on(factors: list[ConversionFactor], day: date) -> ConversionFactor | None:
    return next((factor for factor in reversed(factors) if factor.from_day <= day), None)
