"""A file, traced: what ``koinon impact trace`` does, for whoever calls it from a program."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from koinon.impact.files import reading, results, writing
from koinon.impact.files.types import Asked, LedgerFile
from koinon.impact.tracing.types import Convention, Ledger, Trace

MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000
LONGEST = 1 << 17
_WAYS = ("sector", "kind", "zone", "legal_form", "sse", "size")

CONVENTIONS: dict[str, tuple[Convention, ...]] = {
    "both": (Convention.FIFO, Convention.MIXING),
    "fifo": (Convention.FIFO,),
    "lifo": (Convention.LIFO,),
    "mixing": (Convention.MIXING,),
    "all": (Convention.FIFO, Convention.LIFO, Convention.MIXING),
}


def trace_file(
    asked: Asked,
    conventions: str = "both",
    *,
    out: Path | None = None,
    title: str | None = None,
    least: int = 10,
    disclosed: bool = False,
    language: str = "en",
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Read a ledger, trace it under one or more conventions and, with ``out``, write report and tables.

    ``least`` is the number of accounts below which the report names no group; with ``disclosed`` the document and the
    tables say no more than the report does. ``language`` is the report's, one of ``speech.LANGUAGES``.
    Refuses (``LedgerFileRefused``, ``FolderNotOurs``, ``FolderNotWritten``) before anything is written.
    """
    if out is not None:
        writing.may_write(out)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="fetches kernels") as beside:
        beside.submit(_fetch_kernels, CONVENTIONS[conventions])
        read = reading.read(asked, say)
    from koinon.impact.tracing import api

    found = api.trace_each(
        read.ledger,
        CONVENTIONS[conventions],
        paths=ways(read.ledger),
        tick_us=tick(read.ledger),
        progress=_told(say),
        say=say,
    )
    traces = list(found.values())
    say("traced")
    told = _disclosed(read, traces, least) if disclosed else traces
    document = results.document(read, told, asked=_asked(asked, conventions, least, disclosed=disclosed))
    if out is None:
        return document
    from koinon.impact.files import parquet, report

    document["written"] = {"folder": str(out), "files": sorted(writing.OURS)}

    def fill(folder: Path) -> None:
        parquet.write(folder, told)
        (folder / writing.RESULT).write_text(
            json.dumps({**document, "written": None}, ensure_ascii=False, separators=(",", ":")), encoding="utf-8"
        )
        page = report.page(read, traces, document, title=title, least=least, language=language)
        (folder / "report.html").write_text(page, encoding="utf-8")

    writing.write(out, fill)
    say(f"written to {out}")
    return document


def _disclosed(read: LedgerFile, traces: Sequence[Trace], least: int) -> list[Trace]:
    from koinon.impact.files import disclosed

    return disclosed.traces(read.ledger, traces, least)


def _fetch_kernels(conventions: Sequence[Convention]) -> None:
    """Have kernels that were compiled before at hand when the file has been read."""
    from koinon.impact.tracing import warm
    from koinon.impact.tracing.compiled import waits_for_compiler

    modules = sorted({"mixing" if each is Convention.MIXING else "lots" for each in conventions})
    if not waits_for_compiler(*modules):
        warm.compile_all(modules)


def ways(ledger: Ledger) -> list[str]:
    """The attribute along which ways are told: one, because each costs as much as tracing itself."""
    return [name for name in _WAYS if name in ledger.accounts.attributes][:1] or list(ledger.accounts.attributes)[:1]


def tick(ledger: Ledger) -> int:
    """The finest grain of times that the ledger's length allows: a minute, an hour or a day.

    Ages are told apart up to ``LONGEST`` ticks, and amounts times ticks are summed exactly.
    """
    transfers = ledger.transfers
    if not len(transfers):
        return DAY
    moved = int(transfers.amount.sum())
    span = int(transfers.time[-1]) - int(transfers.time[0])
    for grain in (MINUTE, HOUR):
        ticks = span // grain + 2
        if ticks < LONGEST and moved * ticks < 2**61:
            return grain
    return DAY


def _told(say: Callable[[str], None]) -> Callable[[int, int], None]:
    """Progress of a long trace, a line every few seconds."""
    last = time.monotonic()

    def told(done: int, of: int) -> None:
        nonlocal last
        if time.monotonic() - last > 3:
            last = time.monotonic()
            say(f"{done:,} of {of:,} transfers traced")

    return told


def command_line(asked: Asked, conventions: str) -> list[str]:
    """The command that gives these figures again."""
    words: list[str] = ["koinon", "impact", "trace", asked.file.name]
    for option, given in (("--issuers", asked.issuers), ("--redeemers", asked.redeemers), ("--expiry", asked.expiry)):
        words += _repeated(option, given)
    words += _repeated("--kind", [f"{word}={meaning}" for word, meaning in asked.kinds.items()])
    if asked.accounts is not None:
        words += ["--accounts", asked.accounts.name]
    words += _repeated("--by", asked.by)
    words += _repeated("--column", [f"{name}={heading}" for name, heading in asked.columns.items()])
    words += _repeated("--account-column", [f"{name}={heading}" for name, heading in asked.account_columns.items()])
    usual = Asked(file=asked.file)
    if asked.unit != usual.unit:
        words += ["--unit", asked.unit]
    if asked.decimals is not None:
        words += ["--decimals", str(asked.decimals)]
    if asked.decimal_mark != usual.decimal_mark:
        words += ["--decimal-mark", asked.decimal_mark]
    if asked.thousands:
        words += ["--thousands", asked.thousands]
    if asked.minor:
        words += ["--minor"]
    if asked.zone is not None:
        words += ["--zone", asked.zone.key]
    if asked.time_unit != usual.time_unit:
        words += ["--time-unit", asked.time_unit.value]
    if asked.time_format is not None:
        words += ["--time-format", asked.time_format]
    if asked.cohort_by != usual.cohort_by:
        words += ["--cohort-by", asked.cohort_by.value]
    if asked.encoding != usual.encoding:
        words += ["--encoding", asked.encoding]
    return [*words, "--convention", conventions]


def _repeated(option: str, given: Sequence[str]) -> list[str]:
    return [word for each in given for word in (option, each)]


def _asked(asked: Asked, conventions: str, least: int, *, disclosed: bool) -> dict[str, Any]:
    command = [*command_line(asked, conventions), *(["--disclosed", "--least", str(least)] if disclosed else [])]
    return {"command": command, "conventions": conventions, "least": least, "disclosed": disclosed}
