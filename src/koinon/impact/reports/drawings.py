"""A report's drawings as SVG that stands by itself: on a page, on paper, in black and white as in colour.

What is drawn always stands in the table below it, so a drawing is told in one sentence to whoever cannot see it. Shades
differ by how dark they are, never by colour alone. Text is placed by its left or right end as paper has them, in both
directions of reading.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language_bidi
from django.utils.translation import gettext as _

from koinon.impact.flow import PublicFlow
from koinon.impact.lettering import Letters
from koinon.impact.mapping import Map
from koinon.impact.reports.types import Label, Picture
from koinon.impact.sankey import Drawing, Link, Node, layout

INK, BAR, TRACK, BAND = "#16213a", "#0b6b7d", "#e4e6ec", "#9fc3ca"
_BAR_HEIGHT, _ROW, _BASE, _LABELS, _FIGURES = 22, 36, 18, 300, 170
LETTERS = Letters()
SIZE = LETTERS.size
# The map's part of its drawing, and its shades from the least to the most: BAR on paper, as dark as on the page.
MAP = (620, 620)
SHADES = ("#dae9eb", "#b1d0d5", "#85b5be", "#5497a4", "#1f7787")
_EDGE, _KEY, _SWATCH = 12, 36, 28


def way(flow: PublicFlow, sources: Sequence[tuple[str, int]]) -> Drawing:
    """Four columns: where from, residents, businesses, where to. What goes round between businesses enters beside them.

    ``sources`` are their names in the reader's words and how much came from each.
    """
    nodes = [Node(f"source-{number}", label, 0) for number, (label, _minor) in enumerate(sources)]
    nodes += [
        Node("carried-residents", _("Kept from the month before"), 0),
        Node("wages-in", _("Received from businesses"), 0),
        Node("residents", _("Residents"), 1),
        Node("between-in", _("Spent by businesses here"), 1),
        Node("carried-businesses", _("Kept by businesses from before"), 1),
        Node("businesses", _("Businesses"), 2),
        Node("between-out", _("Spent at other businesses"), 3),
        Node("wages-out", _("Paid to residents"), 3),
        Node("redeemed", _("Redeemed"), 3),
        Node("kept-businesses", _("Kept by businesses"), 3),
        Node("kept-residents", _("Kept by residents"), 3),
        Node("expired", _("Expired"), 3),
    ]
    links = [Link(f"source-{number}", "residents", minor) for number, (_label, minor) in enumerate(sources)]
    links += [
        Link("carried-residents", "residents", flow.carried_by_residents or 0),
        Link("wages-in", "residents", flow.paid_to_residents or 0),
        Link("residents", "businesses", flow.spent_by_residents or 0),
        Link("between-in", "businesses", flow.between_businesses or 0),
        Link("carried-businesses", "businesses", flow.carried_by_businesses or 0),
        Link("businesses", "between-out", flow.between_businesses or 0),
        Link("businesses", "wages-out", flow.paid_to_residents or 0),
        Link("businesses", "redeemed", flow.redeemed or 0),
        Link("businesses", "kept-businesses", flow.kept_by_businesses or 0),
        Link("residents", "kept-residents", flow.kept_by_residents or 0),
        Link("residents", "expired", flow.expired or 0),
    ]
    return layout(nodes, links, letters=LETTERS, mirrored=get_language_bidi())


def sankey(drawing: Drawing, title: str, money: Callable[[int], str]) -> Picture:
    """The way of units, each place with its amount."""
    bands = format_html_join(
        "",
        '<path d="{}" stroke-width="{}" fill="none" stroke="{}" stroke-opacity="0.75"/>',
        ((band.path, band.thickness, BAND) for band in drawing.bands),
    )
    boxes = format_html_join("", "{}", ((_box(b.x, b.y, b.width, b.height, INK),) for b in drawing.boxes))
    labels = []
    for box in drawing.boxes:
        ends = box.label_x < box.x
        labels += [Label(box.label_x, line.y, line.words, ends=ends, bold=True) for line in box.lines]
        labels.append(Label(box.label_x, box.below_y, money(box.value), ends=ends))
    return Picture(title, drawing.width, drawing.height, bands + boxes, tuple(labels))


def bars(title: str, rows: Sequence[tuple[str, Fraction, str]]) -> Picture:
    """A bar for each row (what it is, how much, the same in words), the longest as wide as there is room."""
    most = max((value for _label, value, _told in rows), default=Fraction(0))
    room = 1000 - _LABELS - _FIGURES
    mirrored = get_language_bidi()
    start = _FIGURES if mirrored else _LABELS
    shapes, labels = mark_safe(""), []
    for number, (label, value, told) in enumerate(rows):
        top = number * _ROW + 7
        long = round(room * value / most) if most > 0 else 0
        shapes += _box(start, top, room, _BAR_HEIGHT, TRACK)
        shapes += _box(start + room - long if mirrored else start, top, long, _BAR_HEIGHT, BAR)
        labels.append(Label(1000 if mirrored else 0, top + _BASE, label, ends=mirrored))
        labels.append(Label(0 if mirrored else 1000, top + _BASE, told, ends=not mirrored, bold=True))
    return Picture(title, 1000, _ROW * len(rows), shapes, tuple(labels))


def places(
    drawing: Map,
    title: str,
    key: Sequence[tuple[int | None, str]],
    *,
    above: str = "",
) -> Picture:
    """A map of neighbourhoods with their numbers in the table, and its ``key`` beside it: which shade is how much; ``above`` it, of what.

    What is hidden (None in the key) is hatched and has a broken edge, and every shade is darker than the one before.
    """
    mirrored = get_language_bidi()
    height = max(drawing.height, _KEY * (len(key) + 1)) + 2 * _EDGE
    left = (1000 - MAP[0] if mirrored else 0) + (MAP[0] - drawing.width) // 2
    top = (height - drawing.height) // 2
    shapes = format_html_join(
        "",
        '<path d="{}" stroke="{}" stroke-width="2" {}/>',
        ((one.path, INK, _fill(one.step)) for one in drawing.shapes),
    )
    marks = [one.mark for one in drawing.shapes if one.mark is not None]
    shapes += format_html_join(
        "",
        '<path d="M {} {} L {} {}" stroke="{}" stroke-width="1"/>',
        ((one.x, one.y, one.to_x, one.to_y, INK) for one in marks if one.moved),
    )
    shapes = format_html('{}<g transform="translate({} {})">{}</g>', _HATCHING, left, top, shapes)
    labels = [Label(left + one.x, top + one.y + SIZE // 3, one.words, middle=True, bold=True) for one in marks]
    begins = 1000 - MAP[0] - _KEY if mirrored else MAP[0] + _KEY
    first = (height - _KEY * (len(key) + 1)) // 2
    labels.append(Label(begins, first + _KEY // 2 + SIZE // 3, above, ends=mirrored))
    for number, (step, words) in enumerate(key, 1):
        at = first + _KEY * number
        x = begins - _SWATCH if mirrored else begins
        shapes += format_html(
            '<rect x="{}" y="{}" width="{}" height="{}" stroke="{}" stroke-width="1" {}/>',
            x, at + (_KEY - _BAR_HEIGHT) // 2, _SWATCH, _BAR_HEIGHT, INK, _fill(step),
        )  # fmt: skip
        beside = x - _EDGE if mirrored else x + _SWATCH + _EDGE
        told = f"\u2067{words}\u2069" if mirrored else words  # From right to left, though the drawing is not.
        labels.append(Label(beside, at + _KEY // 2 + SIZE // 3, told, ends=mirrored))
    return Picture(title, 1000, height, shapes, tuple(labels))


_HATCHING = format_html(
    '<defs><pattern id="hatched" width="12" height="12" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="12" height="12" fill="#ffffff"/><rect width="2" height="12" fill="{}"/></pattern></defs>',
    INK,
)


def _fill(step: int | None) -> SafeString:
    if step is None:
        return mark_safe('fill="url(#hatched)" stroke-dasharray="8 6"')
    return format_html('fill="{}"', SHADES[step - 1])


def svg(picture: Picture, *, for_page: bool = True) -> SafeString:
    """The drawing for a page; for paper as a file of its own, without its words."""
    words = format_html_join("", "{}", ((_text(each),) for each in picture.labels if for_page))
    return format_html(
        '<svg {}viewBox="0 0 {} {}" width="{}" height="{}" direction="ltr" font-family="Noto Sans, Noto Sans Arabic, sans-serif">{}{}</svg>',
        "" if for_page else mark_safe('xmlns="http://www.w3.org/2000/svg" '),
        picture.width, picture.height, picture.width, picture.height, mark_safe(picture.shapes), words,  # noqa: S308 (made above)
    )  # fmt: skip


def _box(x: int, y: int, width: int, height: int, colour: str) -> SafeString:
    return format_html('<rect x="{}" y="{}" width="{}" height="{}" fill="{}"/>', x, y, width, height, colour)


def _text(label: Label) -> SafeString:
    """Words that run in the direction of their first letter: the drawing itself runs from left to right in every language."""
    words = f"\u2068{label.words}\u2069" if get_language_bidi() else label.words
    return format_html(
        '<text x="{}" y="{}" text-anchor="{}" font-size="{}" font-weight="{}" fill="{}" stroke="#ffffff" stroke-width="5" '
        'stroke-linejoin="round" paint-order="stroke">{}</text>',
        label.x, label.y, "middle" if label.middle else "end" if label.ends else "start", SIZE, 700 if label.bold else 400, INK, words,
    )  # fmt: skip
