"""A flow diagram can be read: whatever flows, however long its names, no label meets another, a box or the edge."""

from __future__ import annotations

import base64
import random
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser

import koinon.server
from koinon.impact import lettering
from koinon.impact.files import markup
from koinon.impact.lettering import Letters
from koinon.impact.reports import drawings
from koinon.impact.sankey import Drawing, Link, Node, layout

LANGUAGES = ("el", "es", "fr", "pt", "ar")
# The page and the report, the same without amounts, and a file's report on a desk and on a telephone.
KINDS = [
    (1000, 480, drawings.LETTERS),
    (1000, 700, Letters(below=0)),
    (720, 300, markup.LETTERS),
    (340, 300, markup.LETTERS),
]
LOCALE = Path(koinon.server.__file__).parent / "locale"


@cache
def translated() -> dict[str, list[str]]:
    """What is said in each language, without what is filled in."""
    said: dict[str, set[str]] = {"en": set()}
    for language in LANGUAGES:
        said[language] = set()
        with (LOCALE / language / "LC_MESSAGES" / "django.po").open("rb") as file:
            for one in read_po(file):
                said["en"].update(_plain(one.id))
                said[language].update(_plain(one.string))
    return {language: sorted(words) for language, words in said.items()}


def _plain(words: str | tuple[str, ...]) -> list[str]:
    every = (words,) if isinstance(words, str) else words
    return [one for one in every if one and "<" not in one and "\n" not in one]


@cache
def names() -> list[str]:
    return [words for said in translated().values() for words in said if len(words) <= 60]


@pytest.fixture(scope="module", autouse=True)
def names_are_read() -> None:
    """Before the first example is drawn, which may not take a second; and by the one process that runs this file."""
    names()


@dataclass(frozen=True, slots=True)
class Area:
    """Where something stands: from left to right, from top to bottom."""

    what: str
    left: float
    right: float
    top: float
    bottom: float

    def meets(self, other: Area) -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )  # fmt: skip


def labels(drawing: Drawing, letters: Letters, mirrored: bool) -> list[Area]:
    """Each label as one area, as tall as Noto Sans is from the top of its accents to the tails of its letters."""
    found = []
    for box in drawing.boxes:
        long = max(lettering.wide(line.words, letters.size) for line in box.lines)
        left, right = (box.label_x - long, box.label_x) if mirrored else (box.label_x, box.label_x + long)
        last = box.below_y if letters.below else box.lines[-1].y
        top, bottom = box.lines[0].y - 1.069 * letters.size, last + 0.293 * letters.size
        found.append(Area(box.label, left, right, top, bottom))
    return found


def boxes(drawing: Drawing) -> list[Area]:
    return [Area(box.key, box.x, box.x + box.width, box.y, box.y + box.height) for box in drawing.boxes]


@st.composite
def flows(draw: st.DrawFn) -> tuple[list[Node], list[Link]]:
    """Two to four columns of up to twelve places each, a few of them nearly all of it."""
    columns = draw(st.lists(st.integers(1, 12), min_size=2, max_size=4))
    name = st.one_of(st.sampled_from(names()), st.text(min_size=1, max_size=50), st.just("W" * 40))
    nodes = [
        Node(f"{column}-{number}", draw(name), column) for column, many in enumerate(columns) for number in range(many)
    ]
    value = st.one_of(st.integers(0, 9), st.integers(1, 10_000_000))
    links = [
        Link(one.key, other.key, draw(value))
        for one in nodes
        for other in nodes
        if one.column + 1 == other.column and draw(st.booleans())
    ]
    return nodes, links


@settings(deadline=None)
@given(flows(), st.sampled_from(KINDS), st.booleans())
def test_no_label_meets_another_or_a_box_or_the_edge(
    flow: tuple[list[Node], list[Link]], kind: tuple[int, int, Letters], mirrored: bool
) -> None:
    width, height, letters = kind

    drawing = layout(*flow, width=width, height=height, letters=letters, mirrored=mirrored)

    told = labels(drawing, letters, mirrored)
    assert [(one.what, other.what) for one, other in combinations(told, 2) if one.meets(other)] == []
    assert [(one.what, box.what) for one in told for box in boxes(drawing) if one.meets(box)] == []
    assert all(one.left >= 0 and one.right <= drawing.width for one in told)
    assert all(one.top >= -letters.size / 2 and one.bottom <= drawing.height for one in told)


@given(flows(), st.sampled_from(KINDS))
def test_boxes_are_to_scale_and_fill_the_height(flow: tuple[list[Node], list[Link]], kind: Any) -> None:
    width, height, letters = kind

    drawing = layout(*flow, width=width, height=height, letters=letters)

    assert drawing.height >= height
    assert all(box.y >= 0 and box.y + box.height <= drawing.height + 2 for box in drawing.boxes)
    largest = max(drawing.boxes, key=lambda box: box.value, default=None)
    if largest is not None:
        scale = largest.height / largest.value
        assert all(abs(box.height - max(2, box.value * scale)) <= 1.5 for box in drawing.boxes)


def test_two_months_of_the_same_places_are_drawn_in_the_same_order() -> None:
    nodes = [Node("aid", "Aid", 0), Node("shops", "Shops", 1), Node("kept", "Kept", 1)]

    months = [
        layout(nodes, [Link("aid", "shops", 10), Link("aid", "kept", kept)], mirrored=mirrored)
        for kept in (1, 90)
        for mirrored in (False, True)
    ]

    assert {tuple(box.key for box in one.boxes) for one in months} == {("aid", "shops", "kept")}
    assert [[box.x for box in one.boxes] for one in months] == [[0, 824, 824], [984, 160, 160]] * 2


FONTS = files("koinon.web").joinpath("static/koinon/fonts")


def lettered() -> str:
    """A page with the letters of our pages, for measuring."""
    faces = "".join(
        f"@font-face {{ font-family: Measured; font-weight: 400 700; unicode-range: {letters};"
        f"src: url(data:font/woff2;base64,{base64.b64encode(FONTS.joinpath(f'noto-sans-{name}.woff2').read_bytes()).decode()}) }}"
        for name, letters in (
            ("latin", "U+0020-036F, U+2000-22FF"),
            ("greek", "U+0370-03FF"),
            ("arabic", "U+0600-06FF"),
        )
    )
    return (
        f"<!doctype html><meta charset=utf-8><style>{faces} svg, svg text {{ font-family: Measured }}</style><body>aαسـ"
    )


@pytest.fixture(scope="module")
def measuring(browser: Browser):
    page = browser.new_page()
    page.set_content(lettered())
    page.evaluate(
        "Promise.all(['700 19px', '400 19px'].flatMap(size => ['a', 'α', 'س'].map("
        "letter => document.fonts.load(`${size} Measured`, letter))))"
    )
    yield page
    page.close()


def test_words_are_never_wider_than_they_are_taken_to_be(measuring) -> None:
    """Every sentence of the site in every language, in bold."""
    widths = measuring.evaluate(
        """names => {
            const pen = document.createElement("canvas").getContext("2d");
            pen.font = "700 100px Measured";
            return names.map(name => pen.measureText(name).width);
        }""",
        names(),
    )

    wrong = {
        name: (wide, lettering.wide(name, 100))
        for name, wide in zip(names(), widths, strict=True)
        if wide > lettering.wide(name, 100)
    }
    assert wrong == {}
    assert len(names()) > 10_000


@pytest.mark.parametrize("mirrored", [False, True], ids=["ltr", "rtl"])
def test_no_drawn_label_meets_another(measuring, mirrored: bool) -> None:
    """As Chromium sets them: random months of a town, with the names of each language."""
    chance, met = random.Random(7), []
    said = translated()
    languages = ["ar"] if mirrored else ["en", "el", "es", "fr", "pt"]
    for number in range(40):
        names = [words for words in said[languages[number % len(languages)]] if len(words) <= 40]
        nodes = [
            Node(f"{column}-{place}", chance.choice(names), column)
            for column in range(4)
            for place in range(chance.randint(1, 8))
        ]
        links = [
            Link(one.key, other.key, chance.choice((1, 7, 300, 40_000)) * chance.randint(1, 9))
            for one in nodes
            for other in nodes
            if one.column + 1 == other.column
        ]
        drawing = layout(nodes, links, mirrored=mirrored)
        picture = drawings.sankey(drawing, "", lambda minor: f"{minor:,} REC")
        met += measuring.evaluate(
            """([svg, labels]) => {
                document.body.innerHTML = svg;
                const boxes = [...document.querySelectorAll("text")].map(one => [one, one.getBBox()]);
                const {width, height} = document.querySelector("svg").viewBox.baseVal, found = [];
                boxes.forEach(([one, a], at) => {
                    if (a.x < 0 || a.x + a.width > width || a.y + a.height > height) found.push(`${one.textContent} over the edge`);
                    for (const [there, [other, b]] of boxes.entries()) {
                        if (labels[at] < labels[there] && a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height)
                            found.push(`${one.textContent} meets ${other.textContent}`);
                    }
                });
                return found;
            }""",
            [str(drawings.svg(picture)), [at for at, box in enumerate(drawing.boxes) for _line in (*box.lines, box)]],
        )
    assert met == []
