"""A report on paper: one PDF, tagged, in the reader's language and direction."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

from django.utils.translation import gettext as _

from koinon.documents.rendering import render
from koinon.impact.reports import drawings
from koinon.impact.reports.types import Picture, Report, Sheet

TEMPLATES = Path(__file__).parent / "templates"


def pdf(report: Report) -> bytes:
    """The report as PDF/UA; the words of its headings are those of the language that is active."""
    data = {
        "title": report.title,
        "town": {"name": report.town, "lines": []},
        "facts": [[name, _broken(value)] for name, value in report.facts],
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


def _picture(picture: Picture) -> dict[str, object]:
    return {
        "svg": drawings.svg(picture, for_page=False),
        "says": picture.says,
        "width": picture.width,
        "height": picture.height,
        "size": drawings.SIZE,
        "labels": [asdict(label) for label in picture.labels],
    }


def _broken(value: str) -> str:
    """A seal in pieces of sixteen letters, between which a line may end."""
    return re.sub(r"\b[0-9a-f]{64}\b", lambda seal: " ".join(re.findall(".{16}", seal[0])), value)


def _sheet(sheet: Sheet) -> dict[str, object]:
    columns = [_("Figure"), _("Value")] + ([_("Target"), ""] if sheet.with_targets else [])
    rows = []
    for row in sheet.rows:
        value = _("hidden") if row.hidden else row.value + (f" ({row.range})" if row.range else "")
        rows.append([row.label, value] + ([row.target, row.verdict] if sheet.with_targets else []))
    first = sheet.rows[0]
    source = f"docs/{first.page} · {first.command}"
    picture = _picture(sheet.picture) if sheet.picture is not None else None
    return {
        "title": sheet.title, "asks": sheet.asks, "columns": columns, "rows": rows, "source": source, "picture": picture,
    }  # fmt: skip
