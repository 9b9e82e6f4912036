"""Dense results as tables that a terminal can show."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.table import Table
from rich.text import Text

from koinon.kernel.decisions import Finding, Ground, Severity


def plain_table(*headings: str, right: Sequence[str] = ()) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in right else "left", overflow="fold")
    return table


def well_or_not(is_well: bool, well: str, otherwise: str) -> Text:
    """One of two words, green where all is well and red where it is not."""
    return Text(well, "green") if is_well else Text(otherwise, "red")


def findings_table(findings: Sequence[Finding]) -> Table:
    """Every finding with its place and what to do about it."""
    table = plain_table("where", "", "what", "what to do")
    for finding in findings:
        place = finding.file
        if finding.row:
            place += f":{finding.row}"
        if finding.column:
            place += f" ({finding.column})"
        mark = Text("error", "red") if finding.severity == Severity.ERROR else Text("warning", "yellow")
        table.add_row(place, mark, f"{finding.message} [{finding.code}]", finding.remedy)
    return table


def grounds_table(grounds: Sequence[Ground], told: Callable[[Ground], str]) -> Table:
    """Every ground with what it is about: an opaque id, and figures."""
    table = plain_table("ground", "about")
    for ground in grounds:
        table.add_row(ground.code, told(ground))
    return table


def money(minor: int, exponent: int, unit: str) -> str:
    """An amount for a terminal.

    >>> money(1234567, 2, "REC")
    '12,345.67 REC'
    """
    sign, whole = "-" if minor < 0 else "", abs(minor)
    euros, cents = divmod(whole, 10**exponent)
    decimals = f".{cents:0{exponent}d}" if exponent else ""
    return f"{sign}{euros:,}{decimals} {unit}".rstrip()
