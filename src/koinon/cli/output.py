"""How commands speak: people on standard output, or one JSON document; progress on standard error."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import typer

from koinon.kernel.errors import FindingsError, KoinonError

if TYPE_CHECKING:
    from rich.console import Console

DONE, REFUSED, DEFECT, INTERRUPTED, TOLD_TO_END = 0, 1, 70, 130, 143


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
            content: dict[str, Any] = {"refused": {"code": refusal.code, "message": str(refusal)}}
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
        console.print(f"[bold red]Refused[/] ({refusal.code}): ", end="")
        console.print(str(refusal), markup=False, highlight=False)


@contextmanager
def speaking(as_json: bool) -> Iterator[Output]:
    """A command's way of speaking; a refusal inside is said in full and ends the command with 1."""
    out = Output(as_json=as_json)
    try:
        yield out
    except KoinonError as refusal:
        out.refused(refusal)
        raise typer.Exit(REFUSED) from None


def plain(value: Any) -> Any:
    """What JSON has no form for: exact fractions become decimals here and nowhere earlier.

    >>> plain(Fraction(1, 3)), plain(Decimal("400")), plain(Decimal("0.5"))
    (0.333333, 400, '0.5')
    """
    match value:
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
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 120, highlight=False)


def on_stderr() -> Console:
    from rich.console import Console

    return Console(stderr=True, width=None if sys.stderr.isatty() else 120, highlight=False)


def keep_defect(defect: BaseException) -> Path | None:
    """Write what went wrong where it can be sent from; None where even that is impossible."""
    try:
        from koinon.db.embedded import default_root

        folder = default_root() / "log"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"defect-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.log"
        file.write_text("".join(traceback.format_exception(defect)), encoding="utf-8")
    except OSError:
        return None
    return file
