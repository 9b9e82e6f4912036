"""A map of neighbourhoods as plain drawing: outlines from the town's folder, shaded by a published figure.

For pages and reports alike. A neighbourhood stands on it by its number in the table beside it, as a shop does by its
number in a list: names have no room on a telephone. No number meets another one, and one that had to move away from its
place has a line that leads there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from koinon.impact.lettering import Area, apart, wide

WIDTH = 1000
STEPS = 5
SIZE = 48  # Of letters in a drawing of this width, so that they are read on a telephone of 320 pixels.
DOT = 28  # Of a door.


@dataclass(frozen=True, slots=True)
class Mark:
    """A number on the map, around its middle. Where it had to move, a line leads ``to_x``, ``to_y``."""

    words: str
    x: int
    y: int
    to_x: int
    to_y: int
    moved: bool


@dataclass(frozen=True, slots=True)
class Shape:
    """A neighbourhood as it is drawn. ``step`` shades it, 1 (least) to 5; None where its figure is hidden.

    Its mark stands in the middle of where it is widest at half its height: inside it, however it bends. None where it
    has no number.
    """

    code: str
    name: str
    path: str
    mark: Mark | None
    step: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """A shade of the map: for amounts above ``over`` (for the first shade: from it on) up to ``most``, in minor units."""

    step: int
    over: int
    most: int


@dataclass(frozen=True, slots=True)
class Place:
    """A door on the map, and what is written above it."""

    mark: Mark
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Map:
    width: int
    height: int
    shapes: tuple[Shape, ...]
    steps: tuple[Step, ...]
    places: tuple[Place, ...] = ()

    @property
    def some_hidden(self) -> bool:
        return any(shape.step is None for shape in self.shapes)


def drawn(
    zones: Iterable[tuple[str, str, Mapping[str, Any] | None]],
    amounts: Mapping[str, int | None],
    *,
    whole: int = 1,
    numbers: Mapping[str, str] | None = None,
    places: Iterable[tuple[str, float, float]] = (),
    frame: tuple[int, int | None] = (WIDTH, None),
    size: int = SIZE,
) -> Map | None:
    """The neighbourhoods (code, name, GeoJSON outline) to scale, north up; None where no outline is known.

    Plate carrée with the town's own mean latitude as its true one: within a town that is a map to scale. Steps are
    fifths of the largest amount, up to the next multiple of ``whole`` minor units, so that the key names them exactly.
    ``numbers`` are what stands for each neighbourhood, by its code. ``places`` are doors (what is written above it,
    latitude, longitude); one outside all outlines' frame is left out. It is as large as ``frame`` (width, and height
    where that has an end) holds, and its letters have this ``size``.

    Examples
    --------
    >>> square = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}
    >>> town = drawn([("n", "North", square), ("s", "South", square)], {"n": 1200, "s": 300}, whole=100)
    >>> town.width, [shape.step for shape in town.shapes], town.shapes[0].path[:12]
    (1000, [4, 1], 'M 0 1000 L 1')
    >>> [(one.over, one.most) for one in town.steps]
    [(0, 300), (300, 600), (600, 900), (900, 1200)]
    >>> doors = drawn([("n", "North", square)], {}, places=[("1", 0.5, 0.25), ("2", 7.0, 0.25)]).places
    >>> [(door.mark.words, door.x, door.y, door.mark.y) for door in doors]
    [('1', 250, 500, 460)]
    >>> bent = {"type": "Polygon", "coordinates": [[[0, 0], [4, 0], [4, 4], [3, 4], [3, 1], [0, 1], [0, 0]]]}
    >>> town = drawn([("b", "Bent", bent)], {}, numbers={"b": "1"}, frame=(1000, 400))
    >>> town.width, town.height, town.shapes[0].mark.x, town.shapes[0].mark.y
    (400, 400, 350, 200)
    """
    found = [(code, name, list(_rings(outline))) for code, name, outline in zones if outline]
    points = [point for _, _, rings in found for ring in rings for point in ring]
    if not points:
        return None
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    narrow = math.cos(math.radians((south + north) / 2))
    width, height = frame
    scale = width / max((east - west) * narrow, 1e-9)
    scale = scale if height is None else min(scale, height / max(north - south, 1e-9))
    most = max((amount for amount in amounts.values() if amount), default=0)
    stride = max(whole * math.ceil(Fraction(most, STEPS * whole)), 1)

    def placed(ring: list[tuple[float, float]]) -> list[tuple[int, int]]:
        return [(round((x - west) * narrow * scale), round((north - y) * scale)) for x, y in ring]

    lines = {code: [placed(ring) for ring in rings] for code, _name, rings in found}
    inside = [(label, placed([(x, y)])[0]) for label, y, x in places if west <= x <= east and south <= y <= north]
    room = round((east - west) * narrow * scale), round((north - south) * scale)
    told = {code: words for code, words in (numbers or {}).items() if code in lines}
    middles = [(told[code], _middle(max(lines[code], key=lambda line: abs(_area(line))))) for code in told]
    marks = dict(zip(told, _marks(middles, room, size), strict=True))
    shapes = tuple(
        Shape(
            code=code,
            name=name,
            path=" ".join("M " + " L ".join(f"{x} {y}" for x, y in line) + " Z" for line in lines[code]),
            mark=marks.get(code),
            step=_step(amounts.get(code), stride),
        )
        for code, name, _rings_of_it in found
    )
    steps = [Step(at, (at - 1) * stride, at * stride) for at in range(1, (_step(most, stride) or 1) + 1)]
    doors = [Area(x, y, DOT, DOT) for _label, (x, y) in inside]
    above = [(label, (x, y - (DOT + size) // 2 - 2)) for label, (x, y) in inside]
    return Map(
        *room,
        shapes=shapes,
        steps=tuple(steps) if most else (),
        places=tuple(
            Place(replace(mark, to_x=door.x, to_y=door.y), door.x, door.y)
            for mark, door in zip(_marks(above, room, size, doors), doors, strict=True)
        ),
    )


def _marks(
    wanted: Iterable[tuple[str, tuple[int, int]]], room: tuple[int, int], size: int, taken: Iterable[Area] = ()
) -> list[Mark]:
    """Words where they are wanted, or near it where there is room; two beside each other are not read as one."""
    wanted = list(wanted)
    areas = [Area(x, y, wide(words, size) + size // 2, size) for words, (x, y) in wanted]
    return [
        Mark(words, area.x, area.y, x, y, moved=abs(area.x - x) > size // 2 or abs(area.y - y) > size // 2)
        for (words, (x, y)), area in zip(wanted, apart(areas, room, taken), strict=True)
    ]


def _step(amount: int | None, stride: int) -> int | None:
    return None if amount is None else max(1, math.ceil(Fraction(amount, stride)))


def _rings(outline: Mapping[str, Any]) -> Iterator[list[tuple[float, float]]]:
    polygons = outline["coordinates"] if outline["type"] == "MultiPolygon" else [outline["coordinates"]]
    for polygon in polygons:
        for ring in polygon:
            yield [(float(point[0]), float(point[1])) for point in ring]


def _middle(line: list[tuple[int, int]]) -> tuple[int, int]:
    """The middle of the widest stretch inside an outline, at half its height."""
    xs, ys = [x for x, _ in line], [y for _, y in line]
    level = (min(ys) + max(ys)) // 2
    sides = sorted(
        x + (nx - x) * (level - y) / (ny - y) for (x, y), (nx, ny) in pairwise(line) if (y <= level) != (ny <= level)
    )
    start, end = max(
        zip(sides[::2], sides[1::2], strict=False), key=lambda one: one[1] - one[0], default=(min(xs), max(xs))
    )
    return round(start + end) // 2, level


def _area(line: list[tuple[int, int]]) -> float:
    return sum(x * ny - nx * y for (x, y), (nx, ny) in pairwise(line)) / 2
