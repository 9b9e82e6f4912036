"""Where the boxes and bands of a flow diagram stand: a layout in whole numbers, drawn by whoever has a pen.

Columns and the order in them are the caller's; nothing is moved about, so that two months are drawn alike and can be
compared. A box is as tall as what comes in or goes out of it, whichever is more.

No two labels meet: each stands behind its box, in the lane before the next column, broken into lines that fit there; and
each box has at least as much height to itself as its label. The last column has a lane of its own at the edge, no wider
than its words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from koinon.impact.lettering import Letters, broken, wide


@dataclass(frozen=True, slots=True)
class Node:
    """A place where units are. ``column`` counts from 0 in the direction of reading."""

    key: str
    label: str
    column: int


@dataclass(frozen=True, slots=True)
class Link:
    """Units that went from one place to another; ``value`` is positive, in any one unit."""

    source: str
    target: str
    value: int


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a label, which stands on ``y``."""

    y: int
    words: str


@dataclass(frozen=True, slots=True)
class Box:
    """A place as it is drawn. ``value`` is the larger of what came in and what went out.

    Its label begins at ``label_x`` and runs in the direction of reading; what is told of it stands below, on ``below_y``.
    """

    key: str
    label: str
    value: int
    x: int
    y: int
    width: int
    height: int
    label_x: int
    lines: tuple[Line, ...]
    below_y: int


@dataclass(frozen=True, slots=True)
class Band:
    """A link as it is drawn: the middle line of the band as an SVG path, and how thick the band is."""

    source: str
    target: str
    value: int
    path: str
    thickness: int


@dataclass(frozen=True, slots=True)
class Drawing:
    width: int
    height: int
    boxes: tuple[Box, ...]
    bands: tuple[Band, ...]


BOX_WIDTH, GAP, LABEL_GAP = 16, 6, 8
AMOUNT = 8  # How wide an amount under a label may be, in sizes of the letters.
_USUAL = Letters()


def layout(
    nodes: Sequence[Node],
    links: Sequence[Link],
    *,
    width: int = 1000,
    height: int = 480,
    letters: Letters = _USUAL,
    mirrored: bool = False,
) -> Drawing:
    """Boxes and bands that fill ``width`` and at least ``height``, in the units of the drawing; more where labels need it.

    Boxes stand in their column in the order given, bands leave and arrive in the order of their other ends. A place
    through which nothing went is left out. ``mirrored`` runs from right to left.

    Examples
    --------
    >>> nodes = [Node("aid", "Aid", 0), Node("shops", "Shops", 1), Node("kept", "Kept", 1)]
    >>> links = [Link("aid", "shops", 75), Link("aid", "kept", 25)]
    >>> drawing = layout(nodes, links, width=400, height=206, letters=Letters(size=10, line=12))
    >>> [(box.key, box.x, box.y, box.height) for box in drawing.boxes]
    [('aid', 0, 0, 200), ('shops', 296, 0, 150), ('kept', 296, 156, 50)]
    >>> drawing.boxes[1].lines, drawing.boxes[1].below_y
    ((Line(y=72, words='Shops'),), 84)
    >>> [(band.target, band.thickness, band.path) for band in drawing.bands]
    [('shops', 150, 'M 16 75 C 156 75 156 75 296 75'), ('kept', 50, 'M 16 175 C 156 175 156 181 296 181')]
    """
    links = [link for link in links if link.value > 0]
    places = {node.key: place for place, node in enumerate(nodes)}
    gone, come = defaultdict[str, int](int), defaultdict[str, int](int)
    for link in links:
        gone[link.source] += link.value
        come[link.target] += link.value
    size = {node.key: max(gone[node.key], come[node.key]) for node in nodes}
    columns = defaultdict[int, list[Node]](list)
    for node in nodes:
        if size[node.key]:
            columns[node.column].append(node)
    if not columns:
        return Drawing(width, height, (), ())
    last = max(columns)
    at_the_edge = _last_lane([node.label for node in columns[last]], width // (last + 1), letters)
    step = (width - BOX_WIDTH - LABEL_GAP - at_the_edge) / last if last else 0
    words = {
        node.key: broken(node.label, at_the_edge if number == last else int(step) - BOX_WIDTH - 2 * LABEL_GAP, letters)
        for number, column in columns.items()
        for node in column
    }
    least = {key: (len(lines) + letters.below) * letters.line for key, lines in words.items()}
    gaps = {number: GAP * (len(column) - 1) for number, column in columns.items()}
    # A third of the height is for what flows, however many labels there are.
    labels = max(gaps[number] + sum(least[node.key] for node in column) for number, column in columns.items())
    height = max(height, labels + height // 3)
    scale = min(
        _scale([(size[node.key], least[node.key]) for node in column], height - gaps[number])
        for number, column in columns.items()
    )
    boxes = {}
    for number, column in columns.items():
        top = 0.0
        for node in column:
            tall = size[node.key] * scale
            slot = max(tall, least[node.key])
            middle = top + slot / 2
            x = round(number * step)
            x = width - x - BOX_WIDTH if mirrored else x
            first = round(middle - least[node.key] / 2 + 0.75 * letters.line)
            lines = tuple(Line(first + at * letters.line, each) for at, each in enumerate(words[node.key]))
            boxes[node.key] = Box(
                key=node.key,
                label=node.label,
                value=size[node.key],
                x=x,
                y=round(middle - tall / 2),
                width=BOX_WIDTH,
                height=max(2, round(tall)),
                label_x=x - LABEL_GAP if mirrored else x + BOX_WIDTH + LABEL_GAP,
                lines=lines,
                below_y=first + len(lines) * letters.line,
            )
            top += slot + GAP
    return Drawing(
        width,
        height,
        tuple(boxes[node.key] for node in nodes if node.key in boxes),
        _bands(links, boxes, places, scale, mirrored=mirrored),
    )


def _last_lane(labels: Sequence[str], step: int, letters: Letters) -> int:
    """As wide as the longest label of the last column and as an amount, but no wider than if all columns had the same."""
    return min(
        step - BOX_WIDTH - 2 * LABEL_GAP, max(AMOUNT * letters.size, *(wide(one, letters.size) for one in labels))
    )


def _scale(column: Sequence[tuple[int, int]], room: float) -> float:
    """How tall one unit can be so that a column of boxes (value, least height) fits: what is small has its least height."""
    while True:
        scale = room / sum(value for value, _least in column)
        small = [least for value, least in column if value * scale < least]
        if not small:
            return scale
        column = [(value, least) for value, least in column if value * scale >= least]
        room -= sum(small)


def _bands(
    links: Sequence[Link], boxes: Mapping[str, Box], places: Mapping[str, int], scale: float, *, mirrored: bool
) -> tuple[Band, ...]:
    bands = []
    leaving = {key: float(box.y) for key, box in boxes.items()}
    arriving = dict(leaving)
    starts = {}
    for link in sorted(links, key=lambda link: (places[link.source], places[link.target])):
        starts[link] = leaving[link.source] + link.value * scale / 2
        leaving[link.source] += link.value * scale
    for link in sorted(links, key=lambda link: (places[link.target], places[link.source])):
        thick = link.value * scale
        end = arriving[link.target] + thick / 2
        arriving[link.target] += thick
        near, far = boxes[link.source], boxes[link.target]
        begin_x, end_x = (near.x, far.x + BOX_WIDTH) if mirrored else (near.x + BOX_WIDTH, far.x)
        middle, start, end = (begin_x + end_x) // 2, round(starts[link]), round(end)
        path = f"M {begin_x} {start} C {middle} {start} {middle} {end} {end_x} {end}"
        bands.append(Band(link.source, link.target, link.value, path, max(1, round(thick))))
    return tuple(sorted(bands, key=lambda band: (places[band.source], places[band.target])))
