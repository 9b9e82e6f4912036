"""The palette's contrast on both themes, computed from the style sheet itself (WCAG 2.2, 1.4.3 and 1.4.11)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

SHEET = (Path(__file__).resolve().parents[2] / "src" / "koinon" / "web" / "static" / "koinon" / "koinon.css").read_text(
    encoding="utf-8"
)
TEXT = [
    (ink, ground)
    for ink in ("ink", "ink-soft")
    for ground in ("paper", "card", "sunk", "sea-wash", "sun-wash", "clay-wash", "olive-wash")
] + [
    ("sea", "paper"), ("sea", "card"), ("sea", "sea-wash"), ("sea-deep", "sea-wash"), ("on-sea", "sea"),
    ("on-sea", "sea-deep"), ("clay", "paper"), ("clay", "card"), ("clay", "clay-wash"), ("olive", "card"),
]  # fmt: skip
SHAPES = [
    ("edge", "card"),
    ("edge", "paper"),
    ("bar", "card"),
    ("sea", "card"),
    ("olive", "olive-wash"),
    ("clay", "card"),
]


def tokens(selector: str) -> dict[str, str]:
    block = re.search(rf"(?:^|\n) *{re.escape(selector)} \{{(.*?)\}}", SHEET, re.DOTALL)
    assert block is not None
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block[1]))


def palette(theme: str) -> dict[str, str]:
    light = tokens(":root")
    return light if theme == "light" else {**light, **tokens(':root[data-theme="dark"]')}


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, two: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(two)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read(theme: str) -> None:
    colours = palette(theme)
    weak = {(ink, ground): found for ink, ground in TEXT if (found := contrast(colours[ink], colours[ground])) < 4.5}
    assert weak == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_shapes_can_be_seen(theme: str) -> None:
    colours = palette(theme)
    weak = {
        (shape, ground): found for shape, ground in SHAPES if (found := contrast(colours[shape], colours[ground])) < 3
    }
    assert weak == {}


def test_dark_is_the_same_by_choice_as_by_the_device() -> None:
    assert tokens(':root[data-theme="dark"]') == tokens(':root:not([data-theme="light"])')


def test_the_sheet_knows_no_left_and_right() -> None:
    """Logical properties only: the same sheet serves both directions of writing."""
    physical = re.findall(
        r"(?:^|[\s;{])((?:margin|padding|border)-(?:left|right|top|bottom)[\w-]*|(?:left|right)|text-align:\s*(?:left|right)|float)\s*:",
        SHEET,
    )
    assert physical == []
