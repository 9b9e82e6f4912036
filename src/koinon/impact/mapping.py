"""A map of neighbourhoods as plain drawing: outlines from the town's folder, shaded by a published figure.

For pages and reports alike; each says with its own letters and colours what is where.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

WIDTH = 1000
STEPS = 5


@dataclass(frozen=True, slots=True)
class Shape:
    """A neighbourhood as it is drawn. ``step`` shades it, 1 (least) to 5; None where its figure is hidden.

    Its label stands in the middle of where it is widest at half its height: inside it, however it bends.
    """

    code: str
    name: str
    path: str
    label_x: int
    label_y: int
    step: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """A shade of the map: for amounts above ``over`` (for the first shade: from it on) up to ``most``, in minor units."""

    step: int
    over: int
    most: int


@dataclass(frozen=True, slots=True)
class Place:
    """A door on the map, and what is written beside it."""

    label: str
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
    places: Iterable[tuple[str, float, float]] = (),
    frame: tuple[int, int | None] = (WIDTH, None),
) -> Map | None:
    """The neighbourhoods (code, name, GeoJSON outline) to scale, north up; None where no outline is known.

    Plate carrée with the town's own mean latitude as its true one: within a town that is a map to scale. Steps are
    fifths of the largest amount, up to the next multiple of ``whole`` minor units, so that the key names them exactly.
    ``places`` are doors (what is written beside it, latitude, longitude); one outside all outlines' frame is left out.
    It is as large as ``frame`` (width, and height where that has an end) holds.

    Examples
    --------
    >>> square = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}
    >>> town = drawn([("n", "North", square), ("s", "South", square)], {"n": 1200, "s": 300}, whole=100)
    >>> town.width, [shape.step for shape in town.shapes], town.shapes[0].path[:12]
    (1000, [4, 1], 'M 0 1000 L 1')
    >>> [(one.over, one.most) for one in town.steps]
    [(0, 300), (300, 600), (600, 900), (900, 1200)]
    >>> drawn([("n", "North", square)], {}, places=[("1", 0.5, 0.25), ("2", 7.0, 0.25)]).places
    (Place(label='1', x=250, y=500),)
    >>> bent = {"type": "Polygon", "coordinates": [[[0, 0], [4, 0], [4, 4], [3, 4], [3, 1], [0, 1], [0, 0]]]}
    >>> town = drawn([("b", "Bent", bent)], {}, frame=(1000, 400))
    >>> town.width, town.height, town.shapes[0].label_x, town.shapes[0].label_y
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

    shapes = []
    for code, name, rings in found:
        lines = [placed(ring) for ring in rings]
        label_x, label_y = _middle(max(lines, key=lambda line: abs(_area(line))))
        shapes.append(
            Shape(
                code=code,
                name=name,
                path=" ".join("M " + " L ".join(f"{x} {y}" for x, y in line) + " Z" for line in lines),
                label_x=label_x,
                label_y=label_y,
                step=_step(amounts.get(code), stride),
            )
        )
    steps = [Step(at, (at - 1) * stride, at * stride) for at in range(1, (_step(most, stride) or 1) + 1)]
    inside = [(label, placed([(x, y)])[0]) for label, y, x in places if west <= x <= east and south <= y <= north]
    return Map(
        width=round((east - west) * narrow * scale),
        height=round((north - south) * scale),
        shapes=tuple(shapes),
        steps=tuple(steps) if most else (),
        places=tuple(Place(label, x, y) for label, (x, y) in inside),
    )


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
