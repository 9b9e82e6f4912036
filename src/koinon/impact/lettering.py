"""How much room words take in a drawing, when no font is at hand: never less than bold Noto Sans needs; and how they keep apart.

A drawing is laid out before anybody knows which letters will be there to draw it with, so every letter is taken as wide
as the widest of its kind.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

# Widths in hundredths of the letters' size, and the letters that are at most as wide; capitals and all others below.
_KINDS = (
    (35, " \u00a0\u202f.,:;'’!·-()[]ijl"),
    (50, "rftIíìîïÍÌÎÏιίϊΐΙΪاأإآ"),
    (60, "csçzvxyγεέλντξς0123456789+?EFLSTZΕΖΣΤ"),
    (71, "αάηήμσ"),
    (92, "wωώφψΨæ%@…"),
    (102, "mMWœŒÆΉΌΎΏΜΩ—سشصض★"),
)
_WIDTHS = {letter: width for width, letters in _KINDS for letter in letters}
_CAPITAL, _USUAL, _WIDEST = 82, 66, 102
_ARABIC_END = 35  # An Arabic word's last letter runs out so much further.


@dataclass(frozen=True, slots=True)
class Letters:
    """How a drawing's words are set, in its units: how large, how far from line to line, in how many lines at most.

    ``below`` is how many lines stand under a name, for what is told of it.
    """

    size: int = 19
    line: int = 25
    most: int = 4
    below: int = 1


@dataclass(frozen=True, slots=True)
class Area:
    """Where something stands in a drawing: around the point in its middle."""

    x: int
    y: int
    width: int
    height: int

    def meets(self, other: Area) -> bool:
        return (
            2 * abs(self.x - other.x) < self.width + other.width
            and 2 * abs(self.y - other.y) < self.height + other.height
        )

    def within(self, width: int, height: int) -> bool:
        return (
            self.width <= 2 * self.x <= 2 * width - self.width
            and self.height <= 2 * self.y <= 2 * height - self.height
        )  # fmt: skip


def wide(words: str, size: int) -> int:
    """At most how wide these words are in letters of this size.

    >>> wide("Kept by businesses", 20), wide("سوق", 20), wide("", 20)
    (213, 54, 0)
    """
    ends = sum("\u0620" <= word[-1] <= "\u06d3" for word in words.split())
    return math.ceil(size * (sum(map(_hundredths, words)) + _ARABIC_END * ends) / 100)


def broken(words: str, room: int, letters: Letters) -> tuple[str, ...]:
    """The words in lines that fit into ``room``; what finds no place in the last line ends in dots.

    >>> broken("Rewards for contributions: Recompenses de barri", 218, Letters())
    ('Rewards for', 'contributions:', 'Recompenses de', 'barri')
    >>> broken("Neighbourhood of the north", 60, Letters(size=14, most=2))
    ('Neigh…', 'of the…')
    """
    found = [""]
    for word in words.split(" "):
        longer = f"{found[-1]} {word}" if found[-1] else word
        if found[-1] and len(found) < letters.most and wide(longer, letters.size) > room:
            found.append(word)
        else:
            found[-1] = longer
    return tuple(_shortened(one, room, letters.size) for one in found)


def apart(labels: Iterable[Area], frame: tuple[int, int], taken: Iterable[Area] = ()) -> tuple[Area, ...]:
    """Each label where it is wanted, or near it, so that it meets no earlier one and nothing ``taken`` and stays in the frame.

    In a frame that has no such place left for one, it stays where it was wanted.

    >>> [(one.x, one.y) for one in apart([Area(20, 20, 20, 12), Area(24, 20, 20, 12)], (100, 100))]
    [(20, 20), (24, 8)]
    """
    standing, found = list(taken), list[Area]()
    for label in labels:
        spots = (replace(label, x=x, y=y) for x, y in _around(label, frame))
        free = (one for one in spots if one.within(*frame) and not any(one.meets(other) for other in standing))
        found.append(next(free, label))
        standing.append(found[-1])
    return tuple(found)


def _around(label: Area, frame: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """The point itself, then those of ever larger squares around it, of each the nearest first, until all of the frame was seen."""
    step = max(label.height // 4, 1)
    yield label.x, label.y
    for far in range(1, max(frame) // step + 2):
        sides = range(-far, far + 1)
        square = {*((x, y) for x in sides for y in (-far, far)), *((x, y) for x in (-far, far) for y in sides)}
        for x, y in sorted(square, key=lambda at: (at[0] ** 2 + at[1] ** 2, at[1], at[0])):
            yield label.x + x * step, label.y + y * step


def _shortened(words: str, room: int, size: int) -> str:
    if wide(words, size) <= room:
        return words
    kept = words
    while kept and wide(f"{kept}…", size) > room:
        kept = kept[:-1]
    return f"{kept.rstrip()}…"


def _hundredths(letter: str) -> int:
    if unicodedata.category(letter) in ("Mn", "Cf"):
        return 0
    if unicodedata.east_asian_width(letter) in "WF":
        return _WIDEST
    return _WIDTHS.get(letter, _CAPITAL if letter.isupper() else _USUAL)
