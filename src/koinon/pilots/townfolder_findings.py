"""Every kind of finding that a town folder can give, and the list that collects them.

The code is stable: pages, tests and scripts rely on it. The remedy is what a
person at the town hall does next; docs/reference/findings.md shows each.
Messages and remedies are in the language of the page that asks for them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING

from django.apps import apps
from django.utils.translation import gettext

from koinon.kernel.decisions import Finding, Severity
from koinon.kernel.text import fold
from koinon.pilots.townfolder_limits import LONGEST_MESSAGE, MOST_FINDINGS

if TYPE_CHECKING:
    from collections.abc import Iterable

ERROR, WARNING = Severity.ERROR, Severity.WARNING
MOST_COMPARED, LONGEST_COMPARED = 500, 80


def said(sentence: str, **facts: object) -> str:
    """A sentence in the language of the page; in English where no page asked (a command, a script).

    >>> said("There is no day %(day)s.", day="31/09/2026")
    'There is no day 31/09/2026.'
    """
    told = gettext(sentence) if apps.ready else sentence
    return told % facts if facts else told


_ = said  # the name by which sentences are collected for translation


def gettext_noop(sentence: str) -> str:
    """Marks a sentence for collection. Django's own asks for settings, which a script has none of."""
    return sentence


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of finding: whether it stops the import, and what to do about it."""

    severity: Severity
    remedy: str


KINDS: dict[str, Kind] = {
    # the folder and its files
    "town.file-missing": Kind(
        ERROR, gettext_noop("Put the file into the folder, or correct its name in the settings.")
    ),
    "town.file-unreadable": Kind(ERROR, gettext_noop("Open the file, save it again as XLSX or CSV, and put it back.")),
    "town.file-too-large": Kind(
        ERROR, gettext_noop("Take out of the file what the town folder does not need, or save it anew.")
    ),
    "town.table-too-large": Kind(
        ERROR,
        gettext_noop("Delete what stands far below or beside the table, and the columns that nobody needs."),
    ),
    "town.file-too-costly": Kind(
        ERROR, gettext_noop("Copy the table into a new workbook, or save it as CSV; something in this one is broken.")
    ),
    "town.file-empty": Kind(ERROR, gettext_noop("Export the file again: it holds no line of headings or no rows.")),
    "town.toml-invalid": Kind(
        ERROR, gettext_noop("Correct the line; text stands in quotes, dates are written 2026-12-31.")
    ),
    "town.encoding-broken": Kind(
        ERROR, gettext_noop("Type the text of this cell again, or save the whole file in one encoding (UTF-8 is best).")
    ),
    "town.encoding-unknown": Kind(
        ERROR, gettext_noop("Write the encoding as utf-8, windows-1252, windows-1253 or windows-1256.")
    ),
    "town.sheet-missing": Kind(ERROR, gettext_noop("Correct the name of the sheet in town.toml, or rename the sheet.")),
    "town.headings-missing": Kind(ERROR, gettext_noop("Put the headings that town.toml names above the rows.")),
    "town.column-missing": Kind(ERROR, gettext_noop("Add the column, or name the heading it really has in town.toml.")),
    "town.column-twice": Kind(ERROR, gettext_noop("Keep one of the columns and rename or delete the other.")),
    "town.row-too-long": Kind(ERROR, gettext_noop("Put the cell that holds a separator between double quotes.")),
    "town.map-invalid": Kind(
        ERROR, gettext_noop("Export the map again as GeoJSON, with longitudes and latitudes (WGS 84).")
    ),
    "town.map-shop-unknown": Kind(
        WARNING, gettext_noop("Correct the tax identifier, or take the point out of the map.")
    ),
    # settings
    "town.setting-missing": Kind(ERROR, gettext_noop("Add the setting.")),
    "town.setting-unknown": Kind(ERROR, gettext_noop("Correct the name of the setting, or remove it.")),
    "town.setting-invalid": Kind(ERROR, gettext_noop("Correct the value.")),
    "town.code-twice": Kind(ERROR, gettext_noop("Give each its own code.")),
    "town.fund-missing": Kind(ERROR, gettext_noop('Say which fund the rule is for: fund = "code of the fund".')),
    "town.fund-unknown": Kind(ERROR, gettext_noop("Name a fund that a [[funds]] table of the folder defines.")),
    "town.rule-twice": Kind(
        ERROR,
        gettext_noop("Write one rule for each fund and each day from which it holds; its conditions hold together."),
    ),
    "town.payee-unknown": Kind(ERROR, gettext_noop("Name businesses by a tax identifier of the list of businesses.")),
    "town.rule-forward-only": Kind(
        ERROR, gettext_noop("Leave what holds as it is, and write another [[rules]] table with from_day and reason.")
    ),
    "town.target-confirmed": Kind(
        ERROR,
        gettext_noop(
            "Say here what was confirmed, or take the row out; on the site a new target is proposed and confirmed."
        ),
    ),
    # cells
    "town.value-missing": Kind(ERROR, gettext_noop("Fill in the cell.")),
    "town.value-unknown": Kind(
        ERROR, gettext_noop("Use one of the values that town.toml translates, or add this one to it.")
    ),
    "town.value-too-long": Kind(ERROR, gettext_noop("Shorten the text.")),
    "town.degrees-invalid": Kind(ERROR, gettext_noop("Write degrees with decimals, such as 41.449123.")),
    "town.number-invalid": Kind(ERROR, gettext_noop("Write a whole number.")),
    "town.amount-invalid": Kind(ERROR, gettext_noop("Write the amount in figures, such as 1.234,56.")),
    "town.amount-ambiguous": Kind(ERROR, gettext_noop("Write the amount with its decimals: 1.234,00 or 1,23.")),
    "town.amount-negative": Kind(ERROR, gettext_noop("Write what the household gets; a recovery is not an award.")),
    "town.amount-too-fine": Kind(ERROR, gettext_noop("Round the amount to the decimals that the currency has.")),
    "town.date-invalid": Kind(
        ERROR, gettext_noop("Write a day that exists, day first, with four digits for the year: 31/12/2026.")
    ),
    "town.dates-reversed": Kind(ERROR, gettext_noop("Correct whichever of the two dates is wrong.")),
    "town.birth-implausible": Kind(ERROR, gettext_noop("Correct the date of birth.")),
    "town.identifier-invalid": Kind(
        ERROR, gettext_noop("Copy the identifier from the document again, with its control letter.")
    ),
    "town.tax-id-invalid": Kind(ERROR, gettext_noop("Copy the tax identifier from the register again.")),
    "town.iban-invalid": Kind(ERROR, gettext_noop("Ask for the IBAN again: one of its digits is wrong.")),
    "town.zone-unknown": Kind(
        ERROR, gettext_noop("Use a neighbourhood of town.toml, or add this spelling to its `also`.")
    ),
    "town.sector-missing": Kind(
        ERROR, gettext_noop("Give the activity code (NACE); rules and figures by sector need it.")
    ),
    "town.sector-unknown": Kind(
        ERROR, gettext_noop("Use a class of NACE, such as 47.21; town.toml says which revision.")
    ),
    "town.registry-missing": Kind(
        WARNING, gettext_noop("Give the number under which the social economy register knows it.")
    ),
    # what belongs together
    "town.person-twice": Kind(ERROR, gettext_noop("Keep the row that is right and delete the other.")),
    "town.household-twice": Kind(ERROR, gettext_noop("Keep one row for each file number.")),
    "town.business-twice": Kind(ERROR, gettext_noop("Keep one row for each tax identifier.")),
    "town.award-twice": Kind(ERROR, gettext_noop("End the first award before the second begins, or delete one.")),
    "town.household-unknown": Kind(ERROR, gettext_noop("Add the household to its file, or correct the file number.")),
    "town.household-empty": Kind(ERROR, gettext_noop("Add the people of the household, or take the household out.")),
    "town.reference-missing": Kind(ERROR, gettext_noop("Mark the person whom the household's file is about.")),
    "town.reference-twice": Kind(ERROR, gettext_noop("Mark one person only.")),
    "town.members-differ": Kind(WARNING, gettext_noop("Correct the number, or complete the list of people.")),
    # what is not listed
    "town.more-errors": Kind(ERROR, gettext_noop("Correct the errors that are listed, and check again.")),
    "town.more-warnings": Kind(WARNING, gettext_noop("Look at the warnings that are listed, and check again.")),
}


@dataclass(slots=True)
class Findings:
    """The findings of one reading, in the order in which they turned up.

    Of each severity the first thousand are kept and the others counted: a list
    that nobody can read to its end helps nobody, and may not tie the machine up.
    """

    found: list[Finding] = field(default_factory=list)
    _count: dict[Severity, int] = field(default_factory=lambda: dict.fromkeys(Severity, 0))
    _first_left_out: dict[Severity, str] = field(default_factory=dict)

    def add(self, code: str, message: str, *, file: str, row: int = 0, column: str = "", remedy: str = "") -> None:
        kind = KINDS[code]
        self._count[kind.severity] += 1
        if self._count[kind.severity] > MOST_FINDINGS:
            self._first_left_out.setdefault(kind.severity, file)
            return
        self.found.append(
            Finding(
                file=file,
                row=row,
                column=_shortened(column),
                code=code,
                message=_shortened(message),
                remedy=remedy or said(kind.remedy),
                severity=kind.severity,
            )
        )

    def did_you_mean(self, wrong: str, right: Iterable[str]) -> str:
        """As the function of this name; nothing once the list of errors is full, as nobody would read it."""
        return "" if self._count[ERROR] >= MOST_FINDINGS else did_you_mean(wrong, right)

    def in_order(self) -> tuple[Finding, ...]:
        """File by file as they were first met, each from its top to its bottom; last, how many are not listed."""
        met = {file: place for place, file in enumerate(dict.fromkeys(finding.file for finding in self.found))}
        listed = sorted(self.found, key=lambda finding: (met[finding.file], finding.row))
        return (*listed, *(self._left_out(severity, file) for severity, file in self._first_left_out.items()))

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.in_order() if finding.severity is severity)

    def _left_out(self, severity: Severity, file: str) -> Finding:
        code = "town.more-errors" if severity is ERROR else "town.more-warnings"
        more = self._count[severity] - MOST_FINDINGS
        message = _("%(more)s more are not listed; the first of them is in this file.", more=more)
        return Finding(file, 0, "", code, message, said(KINDS[code].remedy), severity)


def _shortened(words: str) -> str:
    return words if len(words) <= LONGEST_MESSAGE else words[: LONGEST_MESSAGE - 1] + "…"


def did_you_mean(wrong: str, right: Iterable[str]) -> str:
    """`` Did you mean "…"?`` where something known is close, else nothing.

    >>> did_you_mean("last_dya", ["last_day", "source"])
    ' Did you mean "last_day"?'
    >>> did_you_mean("xyz", ["last_day"])
    ''
    """
    meant = closest(wrong, right)
    return " " + _('Did you mean "%(word)s"?', word=meant) if meant else ""


def closest(wrong: str, right: Iterable[str]) -> str:
    """What was probably meant, or nothing.

    >>> closest("Bon Pastro", ["el Bon Pastor", "la Sagrera"])
    'el Bon Pastor'
    """
    by_fold = {fold(text): text for text in islice(right, MOST_COMPARED)}
    close = get_close_matches(fold(wrong[:LONGEST_COMPARED]), list(by_fold), n=1, cutoff=0.7)
    return by_fold[close[0]] if close else ""
