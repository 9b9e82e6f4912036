"""Where the boxes and bands of a flow diagram stand: a layout in whole numbers, drawn by whoever has a pen.

Columns and the order in them are the caller's; nothing is moved about, so that two months are drawn alike and can be
compared. A box is as tall as what comes in or goes out of it, whichever is more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass


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
class Box:
    """A place as it is drawn. ``value`` is the larger of what came in and what went out."""

    key: str
    label: str
    value: int
    x: int
    y: int
    width: int
    height: int
    label_x: int
    label_y: int
    label_anchor: str


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


BOX_WIDTH, GAP, LABEL_GAP = 16, 26, 8


def layout(
    nodes: Sequence[Node], links: Sequence[Link], *, width: int = 1000, height: int = 480, mirrored: bool = False
) -> Drawing:
    """Boxes and bands that fill ``width`` by ``height``, in the units of the drawing.

    Boxes stand in their column in the order given, bands leave and arrive in the order of their other ends. A place
    through which nothing went is left out. ``mirrored`` runs from right to left.

    Examples
    --------
    >>> nodes = [Node("aid", "Aid", 0), Node("shops", "Shops", 1), Node("kept", "Kept", 1)]
    >>> drawing = layout(nodes, [Link("aid", "shops", 75), Link("aid", "kept", 25)], width=116, height=126)
    >>> [(box.key, box.x, box.y, box.height) for box in drawing.boxes]
    [('aid', 0, 0, 100), ('shops', 100, 0, 75), ('kept', 100, 101, 25)]
    >>> [(band.target, band.thickness, band.path) for band in drawing.bands]
    [('shops', 75, 'M 16 38 C 58 38 58 38 100 38'), ('kept', 25, 'M 16 88 C 58 88 58 114 100 114')]
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
    scale = min(
        (height - GAP * (len(column) - 1)) / sum(size[node.key] for node in column) for column in columns.values()
    )
    step = (width - BOX_WIDTH) / last if last else 0
    boxes = {}
    for number, column in columns.items():
        top = 0.0
        for node in column:
            tall = size[node.key] * scale
            boxes[node.key] = _box(
                node, size[node.key], round(number * step), top, tall, number == last, width, mirrored
            )
            top += tall + GAP
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
    bands.sort(key=lambda band: (places[band.source], places[band.target]))
    return Drawing(width, height, tuple(boxes[node.key] for node in nodes if node.key in boxes), tuple(bands))


def _box(node: Node, value: int, x: int, top: float, tall: float, is_last: bool, width: int, mirrored: bool) -> Box:
    """The label stands beside the box, on the side of the next column; of the last column, before it."""
    left = width - x - BOX_WIDTH if mirrored else x
    to_the_left = is_last != mirrored
    return Box(
        key=node.key,
        label=node.label,
        value=value,
        x=left,
        y=round(top),
        width=BOX_WIDTH,
        height=max(2, round(tall)),
        label_x=left - LABEL_GAP if to_the_left else left + BOX_WIDTH + LABEL_GAP,
        label_y=round(top + tall / 2),
        label_anchor="end" if is_last else "start",
    )
