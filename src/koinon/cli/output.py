"""How commands speak: people on standard output, or one JSON document; progress on standard error."""

from __future__ import annotations

import json
import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import typer

from koinon.cli.errors import NotConfirmed
from koinon.kernel.decisions import Finding, Ground
from koinon.kernel.errors import FindingsError, KoinonError
from koinon.kernel.money import Amount

if TYPE_CHECKING:
    from rich.console import Console

DONE, REFUSED, DEFECT, INTERRUPTED, TOLD_TO_END = 0, 1, 70, 130, 143

_exponents: dict[str, int] = {}  # Of the units that this command met; it works on one database.


class Output:
    """What one command says."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._began = time.monotonic()

    def document(self, content: Mapping[str, Any], show: Callable[[Console], None] | None = None) -> None:
        """The command's result: ``content`` as JSON when asked for, otherwise what ``show`` prints."""
        if self.as_json:
            # Written in one piece: half a document would be worse than none.
            sys.stdout.write(json.dumps(content, ensure_ascii=False, indent=2, default=plain) + "\n")
        elif show is not None:
            show(on_stdout())
        sys.stdout.flush()

    def progress(self, told: str) -> None:
        """One line on standard error, for whoever waits."""
        sys.stderr.write(f"{time.monotonic() - self._began:7.1f} s  {told}\n")
        sys.stderr.flush()

    def refused(self, refusal: KoinonError) -> None:
        """Say no with every reason there is."""
        findings = refusal.findings if isinstance(refusal, FindingsError) else ()
        if self.as_json:
            content: dict[str, Any] = {"refused": {"code": refusal.code, "message": message(refusal)}}
            if findings:
                content["findings"] = [finding.as_dict() for finding in findings]
            else:
                content["refused"]["fields"] = refusal.fields
            self.document(content)
            return
        console = on_stderr()
        if findings:
            from koinon.cli.tables import findings_table

            on_stdout().print(findings_table(findings))
        if grounds := [ground for ground in getattr(refusal, "grounds", ()) if isinstance(ground, Ground)]:
            from koinon.cli.tables import grounds_table

            on_stdout().print(grounds_table(grounds, told=lambda ground: _figures(ground, refusal)))
        console.print("Refused", style="bold red", end="")
        console.print(f" ({refusal.code}): {message(refusal)}", soft_wrap=True)


@contextmanager
def speaking(as_json: bool) -> Iterator[Output]:
    """A command's way of speaking; a refusal inside is said in full and ends the command with 1."""
    out = Output(as_json=as_json)
    try:
        yield out
    except KoinonError as refusal:
        out.refused(refusal)
        raise typer.Exit(REFUSED) from None


def know_unit(code: str, exponent: int) -> None:
    """Amounts of this unit are written with so many decimals from here on."""
    _exponents[code] = exponent


def written(amount: Amount) -> str:
    """An amount with the decimals of its town, or as what it is where no town was met.

    >>> know_unit("JOD", 3)
    >>> written(Amount(1250, "JOD")), written(Amount(1250, "XTS"))
    ('1.250 JOD', '1,250 minor units of XTS')
    """
    from koinon.cli.tables import money

    if amount.unit not in _exponents:
        return money(amount.minor, 0, f"minor units of {amount.unit}")
    return money(amount.minor, _exponents[amount.unit], amount.unit)


def agree(question: str) -> None:
    """Ask on standard error before something that cannot be undone. Refuses with ``NotConfirmed``, also where nobody answers."""
    sys.stderr.write(f"{question} [y/N]: ")
    sys.stderr.flush()
    # Not by typer.confirm, which writes a blank to standard output, before the document.
    answer = sys.stdin.readline() if sys.stdin is not None else ""
    if not answer.endswith("\n"):
        sys.stderr.write("\n")
    if answer.strip().lower() not in ("y", "yes"):
        raise NotConfirmed


def counted(number: int, one: str, many: str = "") -> str:
    """How many there are, with their name in the number that fits.

    >>> counted(1, "town"), counted(1200, "town"), counted(0, "pair alike", "pairs alike")
    ('1 town', '1,200 towns', '0 pairs alike')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def message(refusal: KoinonError) -> str:
    """What a refusal says, with its amounts as the town writes them.

    A refusal knows units but not their decimals, so its own words have two everywhere.
    """
    forms = {str(value): written(value) for value in vars(refusal).values() if isinstance(value, Amount)}
    if not forms:
        return str(refusal)
    either = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
    return re.sub(rf"(?<![\d.,-])(?:{either})(?!\w)", lambda found: forms[found[0]], str(refusal))


def _figures(ground: Ground, refusal: KoinonError) -> str:
    """The fields of a ground on one line; minor units become amounts in the unit the refusal speaks of."""
    units = {value.unit for value in vars(refusal).values() if isinstance(value, Amount)} or set(_exponents)
    unit = units.pop() if len(units) == 1 else ""

    def told(name: str, value: Any) -> str:
        if isinstance(value, Amount):
            return f"{name} {written(value)}"
        if unit and name.endswith("_minor") and isinstance(value, int):
            return f"{name.removesuffix('_minor')} {written(Amount(value, unit))}"
        if isinstance(value, list | tuple | set | frozenset):
            value = " ".join(str(one) for one in value)
        return f"{name} {value}"

    return ", ".join(told(name, value) for name, value in ground.fields.items() if value not in (None, ""))


def plain(value: Any) -> Any:
    """What JSON has no form for: exact fractions become decimals here and nowhere earlier.

    >>> plain(Fraction(1, 3)), plain(Decimal("400")), plain(Decimal("0.5"))
    (0.333333, 400, '0.5')
    >>> plain(Amount(1250, "LOC")), plain(Ground("payments.day-limit", {"limit_minor": 500}))
    ({'minor': 1250, 'unit': 'LOC'}, {'code': 'payments.day-limit', 'fields': {'limit_minor': 500}})
    """
    match value:
        case Amount() | Ground():
            return {each.name: getattr(value, each.name) for each in fields(value)}
        case Finding():
            return value.as_dict()
        case set() | frozenset():
            return sorted(value, key=str)
        case Fraction():
            return round(float(value), 6)
        case Decimal():
            return int(value) if value == value.to_integral_value() else str(value)
        case datetime() | date():
            return value.isoformat()
        case UUID() | Path():
            return str(value)
        case Enum():
            return value.value
        case bytes():
            return value.hex()
        case _:
            raise TypeError(f"{type(value).__name__} has no JSON form here")


def on_stdout() -> Console:
    return _console(to_errors=False)


def on_stderr() -> Console:
    return _console(to_errors=True)


def _console(*, to_errors: bool) -> Console:
    """Prints what it is given as it is: people write brackets and colons, and neither are marks of style."""
    from rich.console import Console

    stream = sys.stderr if to_errors else sys.stdout
    width = None if stream.isatty() else 120
    return Console(stderr=to_errors, width=width, highlight=False, markup=False, emoji=False)


def keep_defect(defect: BaseException) -> Path | None:
    """Write what went wrong where it can be sent from; None where even that is impossible."""
    try:
        from koinon.db.embedded import default_root
        from koinon.db.private import without_rows

        folder = default_root() / "log"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = folder / f"defect-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.log"
        file.touch(mode=0o600)
        file.write_text(without_rows("".join(traceback.format_exception(defect))), encoding="utf-8")
    except OSError:
        return None
    return file
