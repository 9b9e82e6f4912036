"""A report on paper: one PDF, tagged, in the reader's language and direction."""

from __future__ import annotations

from pathlib import Path

from django.utils.translation import gettext as _

from koinon.documents.rendering import render
from koinon.impact.reports.types import Report, Sheet

TEMPLATES = Path(__file__).parent / "templates"


def pdf(report: Report) -> bytes:
    """The report as PDF/UA; the words of its headings are those of the language that is active."""
    data = {
        "title": report.title,
        "town": {"name": report.town, "lines": []},
        "facts": [list(fact) for fact in report.facts],
        "words": list(report.words),
        "sections": [
            {
                "title": section.title,
                "words": list(section.words),
                "sheets": [_sheet(sheet) for sheet in section.sheets],
            }
            for section in report.sections
        ],
        "notes": list(report.notes),
        "footer": f"{report.town} · {report.title}",
    }
    return render("period", data, report.language, folder=TEMPLATES)


def _sheet(sheet: Sheet) -> dict[str, object]:
    columns = [_("Figure"), _("Value")] + ([_("Target"), ""] if sheet.with_targets else [])
    rows = []
    for row in sheet.rows:
        value = _("hidden") if row.hidden else row.value + (f" ({row.range})" if row.range else "")
        rows.append([row.label, value] + ([row.target, row.verdict] if sheet.with_targets else []))
    first = sheet.rows[0]
    source = f"docs/{first.page} · {first.command}"
    return {"title": sheet.title, "asks": sheet.asks, "columns": columns, "rows": rows, "source": source}
