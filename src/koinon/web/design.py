"""The design system's tokens and their contrast, read from the style sheet itself.

The page at ``/design/`` shows them and the tests judge them: neither keeps a
second list of colours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SHEET = Path(__file__).parent / "static" / "koinon" / "koinon.css"
LIGHT, DARK, DARK_BY_DEVICE = ':root, [data-theme="light"]', '[data-theme="dark"]', ':root:not([data-theme="light"])'
TEXT_AT_LEAST, SHAPES_AT_LEAST = 4.5, 3.0  # WCAG 2.2, 1.4.3 and 1.4.11.
# What stands on what: text, and shapes that must be told from their ground.
TEXT = [
    (ink, ground)
    for ink in ("ink", "ink-soft")
    for ground in ("paper", "card", "sunk", "sea-wash", "sun-wash", "clay-wash", "olive-wash")
] + [
    ("sea", "paper"), ("sea", "card"), ("sea", "sea-wash"), ("sea-deep", "sea-wash"), ("on-sea", "sea"),
    ("on-sea", "sea-deep"), ("clay", "paper"), ("clay", "card"), ("clay", "clay-wash"), ("olive", "card"),
]  # fmt: skip
SHAPES = [
    ("edge", "card"), ("edge", "paper"), ("bar", "card"), ("sea", "card"), ("olive", "olive-wash"), ("clay", "card"),
]  # fmt: skip


@cache
def sheet() -> str:
    return SHEET.read_text(encoding="utf-8")


@cache
def tokens(selector: str) -> dict[str, str]:
    """The colours that one rule of the sheet sets, by name."""
    block = re.search(rf"(?:^|\n) *{re.escape(selector)} \{{(.*?)\}}", sheet(), re.DOTALL)
    assert block is not None, f"the sheet has no rule for {selector}"
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block[1]))


def palette(theme: str) -> dict[str, str]:
    """Every colour in ``light`` or ``dark``."""
    return tokens(LIGHT) if theme == "light" else {**tokens(LIGHT), **tokens(DARK)}


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb``, from 0 to 1 (WCAG 2.2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, two: str) -> float:
    """From 1 (alike) to 21 (black on white).

    >>> contrast("#000000", "#ffffff"), contrast("#777777", "#777777")
    (21.0, 1.0)
    """
    lighter, darker = sorted((luminance(one), luminance(two)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@dataclass(frozen=True, slots=True)
class Colour:
    """A token with its two values, and the weakest contrast that it has on any ground it stands on."""

    name: str
    light: str
    dark: str
    weakest_light: float | None
    weakest_dark: float | None


def colours() -> list[Colour]:
    """Every token in the order of the sheet."""
    light, dark = palette("light"), palette("dark")
    return [Colour(name, light[name], dark[name], _weakest(name, light), _weakest(name, dark)) for name in light]


def _weakest(name: str, palette: dict[str, str]) -> float | None:
    pairs = [pair for pair in (*TEXT, *SHAPES) if pair[0] == name]
    return min((contrast(palette[one], palette[other]) for one, other in pairs), default=None)
