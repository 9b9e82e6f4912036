"""A campaign as somebody writes it down: a TOML file, with every finding placed.

name = "Autumn in the shops"
code = "autumn"
fund = "gift"               # for campaigns alone
on = "purchase"             # or "topup"
share = "20 %"
minimum = "5,00"            # smallest amount that earns; may be left out
most_per_person = "50,00"   # over all their purses; may be left out
ceiling = "10.000,00"
first_day = 2026-10-01
last_day = 2026-10-31
alert_at = 80               # per cent of the ceiling; may be left out
excluded_funds = ["inclusion"]

[shops]                     # where purchases earn, as in a spending rule; may be left out
sectors = ["culture"]
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID

from koinon.campaigns.errors import CampaignNotSound
from koinon.campaigns.types import Terms, Trigger
from koinon.kernel.decisions import Finding
from koinon.pilots.townfolder_cells import CellProblem, amount_minor, toml_fraction
from koinon.programmes import spending

LARGEST = 256 * 1024  # Bytes: a campaign is a page.
_KNOWN = frozenset({
    "name", "code", "fund", "on", "share", "minimum", "most_per_person", "ceiling", "first_day", "last_day", "alert_at",
    "excluded_funds", "terms_url", "shops",
})  # fmt: skip

_CODE = re.compile(r"[a-z0-9-]*[a-z0-9][a-z0-9-]*")


def read(path: Path, *, exponent: int, funds: Mapping[str, UUID]) -> tuple[str, Terms]:
    """Short name and terms of the campaign in a file, or ``CampaignNotSound`` with everything that is wrong with it."""
    reader = _Reader(path.name, _content(path), exponent, funds)
    terms = reader.terms()
    if reader.findings:
        raise CampaignNotSound(reader.findings)
    return reader.code, terms


def _content(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"it has more than {LARGEST // 1024} kB")
        return tomllib.loads(path.read_text(encoding="utf-8-sig"), parse_float=toml_fraction)
    except RecursionError:
        why = "it is nested too deeply"
    except (OSError, ValueError) as unreadable:  # No UTF-8, no TOML, or a number too long to be read.
        why = str(unreadable)
    found = Finding(path.name, 0, "", "campaign.unreadable", f"The file cannot be read: {why}.", "Write TOML.")
    raise CampaignNotSound([found])


class _Reader:
    def __init__(self, file: str, written: Mapping[str, Any], exponent: int, funds: Mapping[str, UUID]) -> None:
        self.findings: list[Finding] = []
        self.code = ""
        self._file, self._written, self._exponent, self._funds = file, written, exponent, funds

    def terms(self) -> Terms:
        for key in sorted(set(self._written) - _KNOWN):
            self._find(key, "unknown-key", "A campaign has no such key.", "Take it out, or look for a slip.")
        self.code = self._text("code")
        if self.code and not _CODE.fullmatch(self.code):
            self._find("code", "code", "The short name is small letters, figures and hyphens.", "Write another one.")
        shops, found = spending.parse(self._written.get("shops", {}), file=self._file, table="shops")
        self.findings += found
        return Terms(
            name=self._text("name"),
            fund_id=self._fund("fund", self._text("fund")),
            trigger=self._trigger(),
            share=self._share(),
            minimum_minor=self._amount("minimum") or 0,
            person_most_minor=self._amount("most_per_person"),
            ceiling_minor=self._amount("ceiling", needed=True) or 0,
            first_day=self._day("first_day"),
            last_day=self._day("last_day"),
            alert_percent=self._percent(),
            excluded_funds=frozenset(self._fund("excluded_funds", code) for code in self._list("excluded_funds")),
            shops=shops,
            terms_url=self._text("terms_url") if self._written.get("terms_url", "") != "" else "",
        )

    def _find(self, column: str, code: str, message: str, remedy: str) -> None:
        self.findings.append(Finding(self._file, 0, column, f"campaign.{code}", message, remedy))

    def _text(self, key: str) -> str:
        given = self._written.get(key)
        if not isinstance(given, str) or not given.strip():
            self._find(key, "missing", "This is missing.", f'Write {key} = "…".')
            return ""
        return given.strip()

    def _list(self, key: str) -> list[str]:
        given = self._written.get(key, [])
        if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
            self._find(key, "not-a-list", "This is not a list of short names.", f'Write {key} = ["…"].')
            return []
        return given

    def _fund(self, key: str, code: str) -> UUID:
        if code and code not in self._funds:
            known = ", ".join(sorted(self._funds)) or "-"
            self._find(key, "fund-unknown", f"The town has no fund {code}.", f"Its funds: {known}.")
        return self._funds.get(code, UUID(int=0))

    def _trigger(self) -> Trigger:
        given = self._written.get("on", "purchase")
        if given not in list(Trigger):
            self._find("on", "trigger", "A bonus is granted on a purchase or a topup.", 'Write on = "purchase".')
            return Trigger.PURCHASE
        return Trigger(given)

    def _share(self) -> Fraction:
        found = spending.parse_share(self._written.get("share"))
        if found is None:
            self._find("share", "no-share", "The share is not above zero and at most the whole.", "Write it like 20 %.")
        return found or Fraction(1)

    def _amount(self, key: str, *, needed: bool = False) -> int | None:
        given = self._written.get(key)
        if given is None:
            if needed:
                self._find(key, "missing", "This is missing.", f'Write {key} = "1.000,00".')
            return None
        try:
            return amount_minor(given if isinstance(given, int | Decimal) else str(given), exponent=self._exponent)
        except CellProblem as problem:
            self._find(key, "amount", problem.why, "Write it as a text, such as 12,50.")
            return None

    def _day(self, key: str) -> date:
        given = self._written.get(key)
        if not isinstance(given, date) or isinstance(given, datetime):
            self._find(key, "day", "This is no day.", f"Write {key} = 2026-10-01.")
            return date.max
        return given

    def _percent(self) -> int:
        given = self._written.get("alert_at", 80)
        return given if isinstance(given, int) and not isinstance(given, bool) else 0
