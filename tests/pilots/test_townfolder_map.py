"""A town's map is taken in as it is drawn; what is wrong in it has its place, and a list without places takes none away."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from koinon.pilots import townfolder
from koinon.pilots.townfolder_findings import Findings
from koinon.pilots.townfolder_map import MAP_FILE, read_map
from tests.pilots import small_town

SQUARE = [[24.0, 40.9], [24.1, 40.9], [24.1, 41.0], [24.0, 41.0], [24.0, 40.9]]


def feature(kind: str, coordinates: Any, **properties: str) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": {"type": kind, "coordinates": coordinates}}


def drawn(*features: Any) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def test_outlines_and_doors_reach_the_plan(tmp_path: Path) -> None:
    shop = townfolder.read(small_town.write(tmp_path / "before")).businesses[0].tax_id
    content = drawn(
        feature("Polygon", [SQUARE], zone="ΕΛΕΥΘΕΡΟΥΠΟΛΗ", colour="red"),
        feature("Point", [24.0512345678, 40.95], tax_id=shop),
    )
    plan = townfolder.read(small_town.write(tmp_path / "after", {MAP_FILE: content}))
    assert [bool(zone.outline) for zone in plan.zones] == [True, False]
    assert json.loads(plan.zones[0].outline) == {"type": "Polygon", "coordinates": [SQUARE]}
    placed = next(one for one in plan.businesses if one.tax_id == shop)
    assert (placed.latitude, placed.longitude) == (Decimal("40.950000"), Decimal("24.051235"))


def test_every_finding_of_a_map_names_its_feature(tmp_path: Path) -> None:
    content = drawn(
        feature("Polygon", [SQUARE], zone="Ελευθερουπολι"),
        feature("Polygon", [SQUARE[:-1]], zone="nea-peramos"),
        feature("Point", [240, 40.9], tax_id="1"),
        feature("Point", [24, 40.9], tax_id="1"),
        feature("LineString", SQUARE),
        None,
    )
    found = small_town.findings(small_town.write(tmp_path, {MAP_FILE: content}))
    assert [(one.file, one.row, one.column, one.code) for one in found] == [
        (MAP_FILE, 1, "zone", "town.zone-unknown"),
        (MAP_FILE, 2, "coordinates", "town.map-invalid"),
        (MAP_FILE, 3, "coordinates", "town.map-invalid"),
        (MAP_FILE, 4, "tax_id", "town.map-shop-unknown"),
        (MAP_FILE, 5, "type", "town.map-invalid"),
        (MAP_FILE, 6, "type", "town.map-invalid"),
    ]
    assert "Ελευθερούπολη" in found[0].message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.binary(max_size=200) | st.builds(lambda value: json.dumps(value).encode(), JSON) | st.builds(
    lambda kind, value: drawn({"geometry": {"type": kind, "coordinates": value}, "properties": {"zone": "a"}}),
    st.sampled_from(["Polygon", "MultiPolygon", "Point"]), JSON,
))  # fmt: skip
def test_no_map_whatever_it_holds_breaks_the_reading(tmp_path_factory: Any, content: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "any-map"
    folder.mkdir(exist_ok=True)
    (folder / MAP_FILE).write_bytes(content)
    findings = Findings()
    found = read_map(folder, zone_of={"a": "a"}, zone_names=["a"], shops=set(), findings=findings)
    assert found.places == {}
    assert set(found.outlines) <= {"a"}
    assert all(one.file == MAP_FILE and one.message and one.remedy for one in findings.in_order())
