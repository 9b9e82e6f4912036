"""A report in its reader's language: sections of tables of text, each row with its page and its command."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum


class Audience(StrEnum):
    """Who reads it. ``COUNCIL`` and ``FUNDER`` see what may be published; ``HOUSE`` sees everything, exactly."""

    COUNCIL = "council"
    FUNDER = "funder"
    HOUSE = "house"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. ``hidden`` beside an empty ``value`` is told as such; ``page`` and ``command`` are where it comes from."""

    label: str
    value: str
    hidden: bool = False
    target: str = ""
    verdict: str = ""
    range: str = ""
    page: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class Label:
    """Words in a drawing, on the line ``y``: they begin at ``x``, or end there, or have their middle there."""

    x: int
    y: int
    words: str
    ends: bool = False
    middle: bool = False
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing and what it shows in a sentence: shapes as SVG of this size, and the words over them.

    Words stand apart because paper sets them with its own letters: a PDF that is read aloud holds no Arabic of an SVG.
    """

    says: str
    width: int
    height: int
    shapes: str
    labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table. ``asks`` is the question it answers; ``picture`` draws what stands in it."""

    title: str
    asks: str
    rows: tuple[Row, ...]
    picture: Picture | None = None

    @property
    def with_targets(self) -> bool:
        return any(row.target for row in self.rows)


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    words: tuple[str, ...]
    sheets: tuple[Sheet, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """All of it. ``numbers`` are the same figures for programs: indicator, part, value in its unit, unit, hidden."""

    title: str
    town: str
    slug: str
    unit: str
    language: str
    right_to_left: bool
    audience: Audience
    facts: tuple[tuple[str, str], ...]
    words: tuple[str, ...]
    sections: tuple[Section, ...]
    notes: tuple[str, ...]
    numbers: tuple[Number, ...]
    first_day: date
    last_day: date
    demonstration: bool = False


@dataclass(frozen=True, slots=True)
class Number:
    """A figure as programs read it; ``value`` None is hidden or undefined, as ``state`` says."""

    indicator: str
    part: str
    label: str
    unit: str
    value: Decimal | None
    low: Decimal | None
    high: Decimal | None
    target: Decimal | None
    state: str
    page: str
    command: str
