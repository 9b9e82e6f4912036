"""A map of Besòs for the demonstration: neighbourhoods outlined roughly by hand, shops put somewhere inside them.

The outlines are no boundaries: they show how the neighbourhoods lie to each other, and no more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256

Position = tuple[float, float]
"""Longitude and latitude."""

OUTLINES: dict[str, list[Position]] = {
    "50": [(2.169, 41.4465), (2.1765, 41.4445), (2.1815, 41.447), (2.1825, 41.451), (2.177, 41.4535), (2.17, 41.452)],
    "53": [(2.1815, 41.447), (2.188, 41.4455), (2.1905, 41.449), (2.188, 41.4525), (2.1825, 41.451)],
    "54": [
        (2.17, 41.452), (2.177, 41.4535), (2.1825, 41.451), (2.188, 41.4525), (2.1905, 41.4545), (2.186, 41.459),
        (2.179, 41.4585), (2.172, 41.459), (2.167, 41.456),
    ],
    "55": [(2.172, 41.459), (2.179, 41.4585), (2.18, 41.463), (2.175, 41.4655), (2.17, 41.4635)],
    "56": [
        (2.179, 41.4585), (2.186, 41.459), (2.1905, 41.4545), (2.196, 41.4555), (2.194, 41.462), (2.188, 41.467),
        (2.182, 41.4665), (2.18, 41.463),
    ],
    "57": [
        (2.188, 41.4455), (2.1945, 41.4465), (2.1985, 41.451), (2.196, 41.4555), (2.1905, 41.4545), (2.188, 41.4525),
        (2.1905, 41.449),
    ],
    "58": [(2.1945, 41.4465), (2.1975, 41.443), (2.2035, 41.4445), (2.203, 41.448), (2.1985, 41.451)],
    "59": [(2.1975, 41.443), (2.1965, 41.437), (2.201, 41.431), (2.2085, 41.43), (2.2095, 41.437), (2.2035, 41.4445)],
    "70": [
        (2.208, 41.4195), (2.2075, 41.412), (2.214, 41.407), (2.2225, 41.411), (2.219, 41.418), (2.215, 41.424),
        (2.2105, 41.425),
    ],
    "73": [
        (2.193, 41.4245), (2.1985, 41.419), (2.208, 41.4195), (2.2105, 41.425), (2.2085, 41.43), (2.201, 41.431),
        (2.195, 41.429),
    ],
}  # fmt: skip


def geojson(zones: Mapping[str, str], shops: Mapping[str, str]) -> str:
    """The map: ``zones`` are names by code, ``shops`` zone codes by tax identifier."""
    features = [
        _feature("Polygon", [[list(place) for place in (*OUTLINES[code], OUTLINES[code][0])]], zone=name)
        for code, name in zones.items()
    ]
    features += [
        _feature("Point", list(inside(OUTLINES[code], tax_id)), tax_id=tax_id) for tax_id, code in sorted(shops.items())
    ]
    lines = ",\n".join(json.dumps(feature, ensure_ascii=False) for feature in features)
    return f'{{"type": "FeatureCollection", "features": [\n{lines}\n]}}\n'


def _feature(kind: str, coordinates: list[object], **properties: str) -> dict[str, object]:
    return {"type": "Feature", "properties": properties, "geometry": {"type": kind, "coordinates": coordinates}}


def inside(outline: list[Position], name: str) -> Position:
    """A place inside an outline, the same each time for the same name.

    >>> place = inside(OUTLINES["50"], "B-1")
    >>> place == inside(OUTLINES["50"], "B-1"), holds(OUTLINES["50"], place)
    (True, True)
    """
    west, east = min(x for x, _ in outline), max(x for x, _ in outline)
    south, north = min(y for _, y in outline), max(y for _, y in outline)
    tried = 0
    while True:
        drawn = sha256(f"{name}/{tried}".encode()).digest()
        across, up = (int.from_bytes(drawn[at : at + 4], "big") / 2**32 for at in (0, 4))
        place = (round(west + across * (east - west), 6), round(south + up * (north - south), 6))
        if holds(outline, place):
            return place
        tried += 1


def holds(outline: list[Position], place: Position) -> bool:
    """Whether a place lies inside an outline: a ray from it crosses the edges an odd number of times."""
    x, y = place
    crossed = False
    for (x1, y1), (x2, y2) in zip(outline, [*outline[1:], outline[0]], strict=True):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            crossed = not crossed
    return crossed
