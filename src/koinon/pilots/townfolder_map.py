"""The town's map: map.geojson of a town folder, with the outlines of neighbourhoods and the doors of shops.

GeoJSON (RFC 7946): a FeatureCollection whose polygons name a neighbourhood (``zone``) and
whose points name a business by its tax identifier (``tax_id``). Everything else in it is left unread.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from koinon.kernel.text import fold
from koinon.pilots.townfolder_cells import bare_identifier
from koinon.pilots.townfolder_findings import Findings
from koinon.pilots.townfolder_findings import said as _
from koinon.pilots.townfolder_limits import LARGEST_MAP, MOST_MAP_POSITIONS

MAP_FILE = "map.geojson"
Place = tuple[Decimal, Decimal]
"""Latitude and longitude in degrees, six decimals: about ten centimetres."""


@dataclass(frozen=True, slots=True)
class TownMap:
    """Outlines by zone code, as GeoJSON text, and places by tax identifier."""

    outlines: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)


def read_map(
    folder: Path, *, zone_of: Mapping[str, str], zone_names: Iterable[str], shops: set[str], findings: Findings
) -> TownMap:
    """What the folder's map says; an empty one where there is none. ``zone_of`` is by folded word."""
    path = folder / MAP_FILE
    if not path.is_file():
        return TownMap()
    features = _features(path, findings)
    outlines: dict[str, str] = {}
    places: dict[str, Place] = {}
    positions = 0
    for number, feature in enumerate(features, start=1):

        def problem(code: str, message: str, column: str, row: int = number) -> None:
            findings.add(code, message, file=MAP_FILE, row=row, column=column)

        geometry, properties = _part(feature, "geometry"), _part(feature, "properties")
        kind, coordinates = geometry.get("type"), geometry.get("coordinates")
        if kind in ("Polygon", "MultiPolygon"):
            outline = _outline(kind, coordinates)
            positions += _count(outline)
            word = str(properties.get("zone", ""))[:120]
            code = zone_of.get(fold(word))
            if code is None:
                told = _('The town has no neighbourhood "%(word)s".', word=word) + findings.did_you_mean(
                    word, zone_names
                )
                problem("town.zone-unknown", told, "zone")
            elif code in outlines:
                problem("town.code-twice", _('Two outlines are for the neighbourhood "%(code)s".', code=code), "zone")
            elif outline is None or positions > MOST_MAP_POSITIONS:
                problem("town.map-invalid", _("This is no closed outline of longitudes and latitudes."), "coordinates")
            else:
                outlines[code] = json.dumps({"type": kind, "coordinates": outline})
        elif kind == "Point":
            place, tax_id = _place(coordinates), bare_identifier(str(properties.get("tax_id", ""))[:40])
            if place is None:
                problem("town.map-invalid", _("This is no place of a longitude and a latitude."), "coordinates")
            elif tax_id not in shops:
                problem("town.map-shop-unknown", _("No business has this tax identifier."), "tax_id")
            else:
                places[tax_id] = place
        else:
            problem("town.map-invalid", _("A map holds polygons for neighbourhoods and points for shops."), "type")
    return TownMap(outlines, places)


def _features(path: Path, findings: Findings) -> list[Any]:
    if path.stat().st_size > LARGEST_MAP:
        findings.add("town.file-too-large", _("The map is larger than 4 MB."), file=MAP_FILE)
        return []
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError):
        content = None
    features = content.get("features") if isinstance(content, dict) else None
    if not isinstance(features, list) or not isinstance(content, dict) or content.get("type") != "FeatureCollection":
        findings.add("town.map-invalid", _("This is no GeoJSON FeatureCollection."), file=MAP_FILE)
        return []
    return features


def _part(feature: Any, name: str) -> dict[str, Any]:
    found = feature.get(name) if isinstance(feature, dict) else None
    return found if isinstance(found, dict) else {}


def degrees(value: Any, most: int) -> Decimal | None:
    """A latitude (``most`` 90) or longitude (180) to six decimals; None for anything else.

    >>> degrees(41.44912345, 90), degrees("2,1860", 180), degrees(91, 90), degrees(True, 90)
    (Decimal('41.449123'), Decimal('2.186000'), None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        exact = Decimal(str(value).strip().replace(",", "."))
    except ArithmeticError:
        return None
    if not exact.is_finite() or abs(exact) > most:
        return None
    return exact.quantize(Decimal("0.000001"))


def _place(coordinates: Any) -> Place | None:
    if not isinstance(coordinates, list) or len(coordinates) < 2:
        return None
    longitude, latitude = degrees(coordinates[0], 180), degrees(coordinates[1], 90)
    return None if longitude is None or latitude is None else (latitude, longitude)


def _outline(kind: str, coordinates: Any) -> list[Any] | None:
    """Rings of [longitude, latitude], each closed; None where it is anything else."""
    polygons = coordinates if kind == "MultiPolygon" else [coordinates]
    if not isinstance(polygons, list) or not polygons:
        return None
    checked = []
    for polygon in polygons:
        if not isinstance(polygon, list) or not polygon:
            return None
        rings = []
        for ring in polygon:
            places = [_place(one) for one in ring] if isinstance(ring, list) else []
            if len(places) < 4 or None in places or places[0] != places[-1]:
                return None
            rings.append([[float(place[1]), float(place[0])] for place in places if place is not None])
        checked.append(rings)
    return checked if kind == "MultiPolygon" else checked[0]


def _count(outline: list[Any] | None) -> int:
    if not outline:
        return 0
    return sum(_count(part) if isinstance(part, list) and part and isinstance(part[0], list) else 1 for part in outline)
