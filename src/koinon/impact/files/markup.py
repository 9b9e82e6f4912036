"""Small pieces of a page: escaped text, numbers for people, tables, bars and flow diagrams as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from html import escape
from typing import Any

from koinon.impact.files import speech
from koinon.impact.lettering import Letters
from koinon.impact.sankey import Link, Node, layout


def text(value: Any) -> str:
    return escape(str(value), quote=True)


def named(value: str) -> str:
    """A name out of the file: in whichever direction it is written, it turns nothing around it.

    >>> named("Mills & Sons")
    '<bdi>Mills &amp; Sons</bdi>'
    """
    return f"<bdi>{text(value)}</bdi>"


class Money:
    """Amounts of one unit, as people write them.

    >>> euros = Money("REC", 2)
    >>> euros.exact(1234567), euros.whole(1234567), euros.exact(99.6), Money("hours", 0).exact(12)
    ('12,345.67', '12,346', '1.00', '12')
    >>> euros.exact(2**60 + 1), euros.whole(2**60 + 1)
    ('11,529,215,046,068,469.77', '11,529,215,046,068,470')
    """

    def __init__(self, unit: str, decimals: int) -> None:
        self.unit = unit
        self.decimals = decimals

    def exact(self, minor: float) -> str:
        return speech.decimal(Decimal(round(minor)).scaleb(-self.decimals), self.decimals)

    def whole(self, minor: float) -> str:
        units = Decimal(round(minor)).scaleb(-self.decimals)
        if 0 < abs(units) < 10 and self.decimals:
            return self.exact(minor)
        return speech.decimal(round(units), 0)


def share(part: float, whole: float) -> str:
    """A share of a whole; the dash is what is undefined.

    >>> share(1, 3), share(1, 0), share(1, 100_000)
    ('33.3%', '—', '< 0.1%')
    """
    if not whole:
        return "—"
    percent = 100 * part / whole
    return f"< {speech.percent(0.1, 1)}" if 0 < percent < 0.05 else speech.percent(percent, 1)


def number(value: float | None, places: int = 2) -> str:
    return "—" if value is None else speech.decimal(value, places)


def days(value: float | None) -> str:
    """A time in days, or in hours and minutes where it is short.

    >>> days(31.24), days(0.25), days(0.003), days(None)
    ('31.2 days', '6.0 hours', '4 minutes', '—')
    """
    if value is None:
        return "—"
    if value >= 1:
        return speech.duration(value, "day", 1)
    return (
        speech.duration(value * 24, "hour", 1) if value * 24 >= 1 else speech.duration(round(value * 1440), "minute", 0)
    )


def link(anchor: str, words: str) -> str:
    return f'<a href="#{anchor}">{text(words)}</a>'


def table(
    caption: str, heads: Sequence[tuple[str, bool]], rows: Sequence[Sequence[str]], *, foot: Sequence[str] | None = None
) -> str:
    """A table in which the first cell of a row is its heading. ``heads``: words as markup, and whether figures follow."""
    kinds = [' class="figure"' if right else "" for _, right in heads]

    def cells(row: Sequence[str]) -> str:
        first, *others = row
        return (
            f'<tr><th scope="row">{first}</th>'
            + "".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(kinds[1:], others, strict=True))
            + "</tr>"
        )

    head = "".join(f'<th scope="col"{kind}>{word}</th>' for kind, (word, _) in zip(kinds, heads, strict=True))
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{text(plain(caption))}"><table>'
        f"<caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>"
        + "".join(map(cells, rows))
        + "</tbody>"
        + (f"<tfoot>{cells(foot)}</tfoot>" if foot else "")
        + "</table></div>"
    )


def plain(markup: str) -> str:
    """Words without their marks, for a label.

    >>> plain('Paid on (<a href="#x">how?</a>)')
    'Paid on (how?)'
    """
    import re
    from html import unescape

    return unescape(re.sub(r"<[^>]+>", "", markup))


def bar(parts: Sequence[tuple[str, float]], whole: float) -> str:
    """A bar of several parts, for the eye only: the table says the figures. ``parts``: class and amount."""
    if whole <= 0:
        return ""
    drawn, left = [], 0.0
    for kind, amount in parts:
        wide = max(0.0, 100 * amount / whole)
        if wide > 0:
            drawn.append(f'<rect class="{kind}" x="{left:.2f}" width="{wide:.2f}" height="10"/>')
        left += wide
    return f'<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">{"".join(drawn)}</svg>'


def flow_diagram(
    name: str,
    title: str,
    description: str,
    nodes: Sequence[Node],
    links: Sequence[Link],
    kinds: Mapping[str, str],
    money: Money,
) -> str:
    """The diagram twice, for a desk and for a telephone; ``kinds`` gives each box's class."""
    drawn = []
    rows = max((sum(node.column == column for node in nodes) for column in {node.column for node in nodes}), default=1)
    whole = sum(one.value for one in links)
    mirrored = speech.current().right_to_left
    for size, width in (("wide", 720), ("narrow", 340)):
        drawing = layout(nodes, links, width=width, height=max(300, 62 * rows), letters=LETTERS, mirrored=mirrored)
        bands = "".join(
            f'<path class="band {kinds.get(band.target if kinds.get(band.target, "") in ENDS else band.source, "")}" '
            f'd="{band.path}" stroke-width="{band.thickness}"/>'
            for band in drawing.bands
        )
        boxes = "".join(
            f'<rect class="box {kinds.get(box.key, "")}" x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}"/>'
            for box in drawing.boxes
        )
        words = "".join(
            "".join(f'<text x="{box.label_x}" y="{line.y}">\u2068{text(line.words)}\u2069</text>' for line in box.lines)
            + f'<text class="soft" x="{box.label_x}" y="{box.below_y}">'
            + (text(money.whole(box.value)) if size == "wide" else share(box.value, whole))
            + "</text>"
            for box in drawing.boxes
        )
        drawn.append(
            f'<svg class="flow {size}" viewBox="0 0 {drawing.width} {drawing.height}" role="img" '
            f'aria-labelledby="{name}-{size}-title {name}-{size}-text"><title id="{name}-{size}-title">{text(title)}</title>'
            f'<desc id="{name}-{size}-text">{text(description)}</desc>{bands}{boxes}{words}</svg>'
        )
    return "".join(drawn)


ENDS = frozenset({"redeemed", "expired", "withdrawn", "held"})
LETTERS = Letters(size=14, line=19)  # As report.css sets the words of a diagram.
