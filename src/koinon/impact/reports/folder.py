"""A report as files: a page, a PDF, and its figures as a data package of CSV and Parquet. All of them, or none."""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from koinon.impact.opendata import Field, OpenTable, package
from koinon.impact.reports import page, paper
from koinon.impact.reports.errors import FolderInUse
from koinon.impact.reports.types import Audience, Number, Report

_FIELDS = (
    Field("indicator", "string", "Key of the indicator; docs/indicators/<key>.md defines it."),
    Field("part", "string", "Empty: the whole; else a zone, fund, activity, stream or number of payments."),
    Field("label", "string", "What the figure is called, in the report's language."),
    Field("unit", "string", "ratio, share (0 to 1), index, per-year, days, count, money (units), kilograms, ..."),
    Field("value", "number", "Empty where it is hidden or undefined, never zero."),
    Field("low", "number", "Lower end, where it comes from a sample or a judgement."),
    Field("high", "number", "Upper end."),
    Field("target", "number", "What the town wanted to reach."),
    Field("state", "string", "told, hidden or undefined."),
    Field("page", "string", "Where it is defined."),
    Field("command", "string", "What computes it again."),
)


def figures_table(numbers: Sequence[Number]) -> OpenTable:
    """A report's figures as a table."""
    rows = tuple(tuple(getattr(one, field.name) for field in _FIELDS) for one in numbers)
    return OpenTable("figures", "Every figure of the period", _FIELDS, ("indicator", "part"), rows)


def write(report: Report, folder: Path) -> tuple[Path, ...]:
    """Write report.html, report.pdf, figures.csv, figures.parquet and datapackage.json into a new or empty ``folder``.

    They appear at once, or not at all. ``FolderInUse`` where it holds anything.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FolderInUse(folder=str(folder))
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        for name, content in contents(report).items():
            (beside / name).write_bytes(content)
        beside.chmod(0o755 if report.audience is not Audience.HOUSE else 0o700)
        if folder.exists():
            folder.rmdir()
        os.replace(beside, folder)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return tuple(sorted(folder.iterdir()))


def contents(report: Report) -> dict[str, bytes]:
    """Each file by its name."""
    table = figures_table(report.numbers)
    described = package(
        [table], name=f"{report.slug}-{report.first_day}-{report.last_day}", title=f"{report.town}: {report.title}", unit=report.unit,
        created=report.last_day.isoformat(), demonstration=report.demonstration,
    )  # fmt: skip
    if report.audience is Audience.HOUSE:
        described |= {"description": "Exact and complete: for the town's own use.", "licenses": []}
    described["resources"].append(
        {
            "name": "figures-parquet",
            "path": "figures.parquet",
            "format": "parquet",
            "mediatype": "application/vnd.apache.parquet",
        }
    )
    return {
        "report.html": page.html(report).encode(),
        "report.pdf": paper.pdf(report),
        "figures.csv": table.csv().encode(),
        "figures.parquet": _parquet(table),
        "datapackage.json": (json.dumps(described, ensure_ascii=False, indent=2) + "\n").encode(),
    }


def _parquet(table: OpenTable) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    columns: dict[str, Any] = {}
    for place, field in enumerate(table.fields):
        values = [row[place] for row in table.rows]
        kind = pa.decimal128(38, 9) if field.type == "number" else pa.string()
        columns[field.name] = pa.array(
            [Decimal(value) if field.type == "number" and value is not None else value for value in values], type=kind
        )
    out = io.BytesIO()
    parquet.write_table(pa.table(columns), out)
    return out.getvalue()
