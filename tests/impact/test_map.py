"""A map can be read: no number meets another one or a door, however small and near what it stands for is."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from koinon.impact.lettering import Area, apart, wide
from koinon.impact.mapping import DOT, SIZE, Map, Mark, drawn
from koinon.impact.reports import drawings


def square(west: float, south: float, side: float) -> dict[str, Any]:
    east, north = west + side, south + side
    return {"type": "Polygon", "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]]}  # fmt: skip


TOWN = ("town", "The town", square(0, 0, 10))
PLACE = st.tuples(st.floats(0, 9.9), st.floats(0, 9.9))


def area(mark: Mark, size: int = SIZE) -> Area:
    return Area(mark.x, mark.y, wide(mark.words, size), size)


def marks(drawing: Map | None) -> list[Mark]:
    assert drawing is not None
    return [one.mark for one in drawing.shapes if one.mark is not None]


@settings(deadline=None)
@given(st.lists(PLACE, max_size=40), st.sampled_from([SIZE, drawings.SIZE]))
def test_no_number_of_a_neighbourhood_meets_another_or_leaves_the_map(
    corners: list[tuple[float, float]], size: int
) -> None:
    """Forty neighbourhoods, several of them too small for their numbers and all of them in one corner."""
    zones = [(str(at), f"Zone {at}", square(*corner, 0.1)) for at, corner in enumerate(corners)]

    drawing = drawn([TOWN, *zones], {}, numbers={code: code for code, _name, _outline in zones}, size=size)

    told = marks(drawing)
    assert drawing is not None
    assert [one.words for one in told] == [code for code, _name, _outline in zones]
    areas = [area(one, size) for one in told]
    assert [(one, other) for one, other in combinations(areas, 2) if one.meets(other)] == []
    assert all(one.within(drawing.width, drawing.height) for one in areas)
    assert all(one.moved or abs(one.x - one.to_x) + abs(one.y - one.to_y) <= size for one in told)


@settings(deadline=None)
@given(st.lists(PLACE, max_size=20))
def test_no_number_of_a_shop_meets_another_or_lies_on_a_door(doors: list[tuple[float, float]]) -> None:
    drawing = drawn([TOWN], {}, places=[(str(at), *door) for at, door in enumerate(doors)])

    assert drawing is not None
    areas = [area(one.mark) for one in drawing.places]
    assert len(areas) == len(doors)
    assert [(one, other) for one, other in combinations(areas, 2) if one.meets(other)] == []
    standing = [Area(one.x, one.y, DOT, DOT) for one in drawing.places]
    assert [(one, door) for one in areas for door in standing if one.meets(door)] == []


def test_where_there_is_no_room_left_a_label_stays_where_it_was_wanted() -> None:
    wanted = [Area(10, 10, 20, 20)] * 2

    assert apart(wanted, (20, 20)) == tuple(wanted)


def test_two_neighbourhoods_side_by_side_keep_their_numbers_in_their_middles() -> None:
    drawing = drawn([("e", "East", square(1, 0, 1)), ("w", "West", square(0, 0, 1))], {}, numbers={"e": "1", "w": "2"})

    assert [(one.words, one.x, one.y, one.moved) for one in marks(drawing)] == [
        ("1", 750, 250, False),
        ("2", 250, 250, False),
    ]
