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
from koinon.impact.reports.types import Label, Picture
from koinon.impact.sankey import Drawing, Link, Node, layout

INK, BAR, TRACK, BAND = "#16213a", "#0b6b7d", "#e4e6ec", "#9fc3ca"
_BAR_HEIGHT, _ROW, _BASE, _LABELS, _FIGURES = 22, 36, 18, 300, 170
SIZE, _LINE, _OVER = 19, 21, 12


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
    return layout(nodes, links, mirrored=get_language_bidi())


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
        if box.height < 2 * _LINE:  # Room for one line.
            one = f"{box.label} · \u2066{money(box.value)}\u2069"  # The amount holds together beside Arabic.
            labels.append(Label(box.label_x, box.label_y + _OVER + _LINE // 3, one, ends=ends, bold=True))
            continue
        labels.append(Label(box.label_x, box.label_y + _OVER, box.label, ends=ends, bold=True))
        labels.append(Label(box.label_x, box.label_y + _OVER + _LINE, money(box.value), ends=ends))
    moved = format_html('<g transform="translate(0 {})">{}</g>', _OVER, bands + boxes)
    return Picture(title, drawing.width, drawing.height + 3 * _OVER, moved, tuple(labels))


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
    return format_html(
        '<text x="{}" y="{}" text-anchor="{}" font-size="{}" font-weight="{}" fill="{}" stroke="#ffffff" stroke-width="5" '
        'stroke-linejoin="round" paint-order="stroke">{}</text>',
        label.x, label.y, "end" if label.ends else "start", SIZE, 700 if label.bold else 400, INK, label.words,
    )  # fmt: skip
