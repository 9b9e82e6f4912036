"""The palette's contrast on both themes, computed from the style sheet itself (WCAG 2.2, 1.4.3 and 1.4.11)."""

from __future__ import annotations

import re

import pytest

from koinon.web.design import (
    DARK,
    DARK_BY_DEVICE,
    SHAPES,
    SHAPES_AT_LEAST,
    SHEET,
    TEXT,
    TEXT_AT_LEAST,
    contrast,
    palette,
    tokens,
)  # fmt: skip

THEMES = ("light", "dark")


@pytest.mark.parametrize("theme", THEMES)
def test_text_can_be_read(theme: str) -> None:
    assert too_weak(theme, TEXT, TEXT_AT_LEAST) == {}


@pytest.mark.parametrize("theme", THEMES)
def test_shapes_can_be_seen(theme: str) -> None:
    assert too_weak(theme, SHAPES, SHAPES_AT_LEAST) == {}


def too_weak(theme: str, pairs: list[tuple[str, str]], least: float) -> dict[tuple[str, str], float]:
    colours = palette(theme)
    return {(one, on): found for one, on in pairs if (found := contrast(colours[one], colours[on])) < least}


def test_dark_is_the_same_by_choice_as_by_the_device() -> None:
    assert tokens(DARK) == tokens(DARK_BY_DEVICE)


@pytest.mark.parametrize("sheet", sorted(SHEET.parent.rglob("*.css")), ids=lambda path: path.name)
def test_no_sheet_knows_left_and_right_or_a_colour_of_its_own(sheet) -> None:
    """Logical properties only: the same sheets serve both directions. Colours are tokens: both themes have them."""
    text = re.sub(r"/\*.*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.DOTALL)
    physical = re.findall(
        r"(?:^|[\s;{])((?:margin|padding|border)-(?:left|right|top|bottom)[\w-]*|(?:left|right)|text-align:\s*(?:left|right)|float)\s*:",
        text,
    )
    own = [
        line.strip() for line in text.splitlines() if re.search(r"#[0-9a-f]{3,6}\b|rgb\(|hsl\(", line, re.IGNORECASE)
    ]
    assert physical == []
    assert [line for line in own if not line.startswith("--") and "#fff" not in line and "#000" not in line] == []
