"""What businesses received in each neighbourhood, on the map and in the table below it: what the months told, and no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from django.utils.translation import gettext as _

from koinon.documents import formats
from koinon.impact import mapping
from koinon.impact.publication import PublicReport, Rules, together
from koinon.impact.reports import drawings
from koinon.impact.reports.types import Picture, Row, Sheet

PAGE = "indicators/share_by_zone.md"


def sheet(
    reports: Sequence[PublicReport],
    zones: Sequence[tuple[str, str, Mapping[str, Any] | None]],
    *,
    unit: str,
    exponent: int,
    money: Callable[[int], str],
    asks: str,
    command: str,
) -> Sheet | None:
    """The months' tables as one, with a map where outlines are known (``zones``: code, name, GeoJSON).

    None where no neighbourhood may be told.
    """
    amounts = together(report.by_zone for report in reports)
    if all(minor is None for minor in amounts.values()):
        return None
    named = {cell.code: cell.label for report in reports for cell in report.by_zone.cells}
    order = sorted(
        (code for code, minor in amounts.items() if code is not None or minor),
        key=lambda code: (code is None, amounts[code] is None, -(amounts[code] or 0), named[code]),
    )
    told = {code: minor for code, minor in amounts.items() if code is not None}
    one = 10**exponent
    on_the_map = {code for code, _name, outline in zones if outline}
    numbers = {code: formats.number(at) for at, code in enumerate(order, 1) if code in on_the_map}
    drawing = mapping.drawn(
        zones, told, whole=Rules().amount_base * one, numbers=numbers, frame=drawings.MAP, size=drawings.SIZE
    )

    def row(label: str, minor: int | None) -> Row:
        return Row(label, "" if minor is None else money(minor), hidden=minor is None, page=PAGE, command=command)

    rows = [
        row(
            _("elsewhere") if code is None else " · ".join(filter(None, (numbers.get(code), named[code]))),
            amounts[code],
        )
        for code in order
    ]
    totals = [report.by_zone.total_minor for report in reports]
    if None not in totals:
        rows.append(row(_("Together"), sum(total for total in totals if total is not None)))
    return Sheet(
        title=_("What shops received, by neighbourhood"),
        asks=_("The numbers on the map are those of the table.") if drawing is not None else asks,
        rows=tuple(rows),
        picture=None if drawing is None else _picture(drawing, unit, one),
    )


def _picture(drawing: mapping.Map, unit: str, one: int) -> Picture:
    key: list[tuple[int | None, str]] = [
        (step.step, f"{formats.number(Fraction(step.over, one))} – {formats.number(Fraction(step.most, one))}")
        for step in drawing.steps
    ]
    key += [(None, _("hidden"))] if drawing.some_hidden else []
    above = _("In %(unit)s, rounded to 5.") % {"unit": unit}
    return drawings.places(drawing, _("What shops received, on the map"), key, above=above)
