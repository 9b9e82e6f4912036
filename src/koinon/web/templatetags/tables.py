"""Cells of the table component."""

from __future__ import annotations

import re
from typing import Any

from django import template
from django.template.context import RequestContext
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from koinon.audit import queries as trail_queries
from koinon.parties.connection import raw
from koinon.parties.naming import Name
from koinon.web import words
from koinon.web.acts import acts
from koinon.web.listing import Cell
from koinon.web.tables import Kind
from koinon.web.templatetags import koinon as figures

register = template.Library()
_LONG_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@register.simple_tag(takes_context=True)
def cell(context: RequestContext, shown: Cell) -> SafeString:
    """One value, as its column's kind is written for people."""
    text = _drawn(context, shown)
    return format_html('<a href="{}">{}</a>', shown.link, text) if shown.link else text


def _drawn(context: RequestContext, shown: Cell) -> SafeString:
    column, value = shown.column, shown.value
    if column.template:
        drawn = context.template.engine.get_template(column.template)  # type: ignore[union-attr]
        with context.push(row=shown.row):
            return drawn.render(context)  # type: ignore[no-any-return]
    if value is None or value == "":
        return SafeString("–")
    if column.kind is Kind.MONEY:
        town = context.get("town")
        currency = town.national_currency if town and column.national else ""
        return figures.money(context, value, "signed" if column.signed else "", currency)
    if column.kind is Kind.STATE:
        word = (column.words or {}).get(str(value), value)
        return format_html('<span class="tag {}">{}</span>', words.TONES.get(str(value), ""), word)
    if column.kind is Kind.FLAG:
        return format_html("{}", _("yes") if value else _("no"))
    if column.words is not None:
        return format_html("{}", column.words.get(str(value), value))
    if column.kind is Kind.NUMBER:
        return figures.figure(context, value)
    if column.kind is Kind.DAY:
        return figures.day(context, value, "medium")
    if column.kind is Kind.MONTH:
        return format_html("{}", figures.month(value))
    if column.kind is Kind.INSTANT:
        return figures.instant(context, value)
    if column.kind is Kind.PARTY and isinstance(value, Name) and value.is_name:
        return format_html("<bdi>{}</bdi>", value)
    if column.kind in (Kind.CODE, Kind.PARTY):
        short = figures.short(value) if _LONG_ID.fullmatch(str(value)) else figures.short_subject(str(value))
        return format_html('<bdi class="code" dir="ltr">{}</bdi>', short)
    return format_html("<bdi>{}</bdi>", value)


@register.inclusion_tag("koinon/parts/trail.html", takes_context=True)
def trail(context: RequestContext, kind: str, number: Any) -> dict[str, Any]:
    """The audit trail of one record: who, when, what, why, before and after. ``{% trail "cycle" cycle.id %}``"""
    town = context["seat"].town
    found = trail_queries.entries_of_subject(raw(), town_id=town.pk, subject=f"{kind}:{number}", size=100)
    return {"acts": acts(found), "town": town}
