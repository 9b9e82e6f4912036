"""A report as one page that needs nothing besides itself: no network, no script, printable."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from koinon.impact.reports import drawings
from koinon.impact.reports.types import Report, Row, Section, Sheet


def html(report: Report) -> str:
    """The whole page, in the language that is active."""
    facts = format_html_join("", "<div><dt>{}</dt><dd><bdi>{}</bdi></dd></div>", report.facts)
    words = format_html_join("", "<p>{}</p>", ((one,) for one in report.words))
    notes = format_html_join("", "<p>{}</p>", ((one,) for one in report.notes))
    body = format_html_join("", "{}", ((_section(number, one),) for number, one in enumerate(report.sections)))
    return format_html(
        '<!doctype html>\n<html lang="{}" dir="{}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="color-scheme" content="light dark">\n'
        "<title>{} · {}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n"
        '<p class="town">{}</p>\n<h1>{}</h1>\n<dl>{}</dl>\n{}\n{}\n<footer>{}</footer>\n</main>\n</body>\n</html>\n',
        report.language,
        "rtl" if report.right_to_left else "ltr",
        report.title,
        report.town,
        _style(),
        report.town,
        report.title,
        facts,
        words,
        body,
        notes,
    )


def _section(number: int, section: Section) -> SafeString:
    sheets = format_html_join("", "{}", ((_sheet(one),) for one in section.sheets))
    words = format_html_join("", "<p>{}</p>", ((one,) for one in section.words))
    return format_html(
        '<section aria-labelledby="part-{}"><h2 id="part-{}">{}</h2>{}{}</section>\n',
        number,
        number,
        section.title,
        words,
        sheets,
    )


def _sheet(sheet: Sheet) -> SafeString:
    heads = [_("Figure"), _("Value")] + ([_("Target"), _("Reached?")] if sheet.with_targets else [])
    head = format_html_join("", '<th scope="col">{}</th>', ((one,) for one in heads))
    rows = format_html_join("", "{}", ((_row(one, with_targets=sheet.with_targets),) for one in sheet.rows))
    first = sheet.rows[0]
    return format_html(
        "<figure>{}<table><caption>{} <small>{}</small></caption><thead><tr>{}</tr></thead><tbody>{}</tbody></table>"
        '<figcaption dir="ltr" lang="en"><span>docs/{}</span> · <code>{}</code></figcaption></figure>\n',
        _picture(sheet),
        sheet.title,
        sheet.asks,
        head,
        rows,
        first.page,
        first.command,
    )


def _picture(sheet: Sheet) -> SafeString:
    """Not read aloud: the table says the same."""
    if sheet.picture is None:
        return mark_safe("")
    return format_html('<div class="drawing" aria-hidden="true">{}</div>', drawings.svg(sheet.picture))


def _row(row: Row, *, with_targets: bool) -> SafeString:
    value = (
        format_html('<span class="soft">{}</span>', _("hidden"))
        if row.hidden
        else format_html("<bdi>{}</bdi>", row.value)
    )
    if row.range:
        value = format_html("{} <small>({})</small>", value, row.range)
    more = format_html("<td><bdi>{}</bdi></td><td>{}</td>", row.target, row.verdict) if with_targets else mark_safe("")
    return format_html('<tr><th scope="row"><bdi>{}</bdi></th><td>{}</td>{}</tr>', row.label, value, more)


@cache
def _style() -> SafeString:
    text = files("koinon.impact.reports").joinpath("period.css").read_text(encoding="utf-8")
    return mark_safe(text)  # noqa: S308 (our own file)
