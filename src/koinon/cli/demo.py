"""``koinon demo``: a town's first month from nothing, then the site to look at it."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from koinon.cli import opening, serving, upkeep
from koinon.cli.opening import DatabaseOption, JsonOption
from koinon.cli.output import REFUSED, Output, on_stdout, speaking
from koinon.cli.serving import PortOption

if TYPE_CHECKING:
    from fractions import Fraction

    from rich.console import Console
    from rich.progress import Progress

    from koinon.pilots.demo import Summary
    from koinon.pilots.demo_waiting import Waiting


def demo(
    no_serve: Annotated[
        bool, typer.Option("--no-serve", help="End after the summary instead of serving the site.")
    ] = False,
    as_json: JsonOption = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Delete the demo's embedded database and start over.")] = False,
    months: Annotated[
        int, typer.Option("--months", min=1, max=12, help="Live so many months; the later ones are checked day by day.")
    ] = 1,
    port: PortOption = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="FOLDER", help="Another town folder than the bundled one.")
    ] = None,
    database: DatabaseOption = None,
) -> None:
    """Run a town's first month from nothing to shops paid in euros, then serve the site.

    People and their behaviour are generated; operations, books, files and checks are the real ones.
    """
    from koinon.db.embedded import default_root
    from koinon.pilots import demo as job

    with speaking(as_json) as out, ExitStack() as open_until_the_end:
        var = default_root()
        upkeep.room_for_demo(var)
        listening = None if no_serve else open_until_the_end.enter_context(serving.listening_on(serving.HOST, port))
        if fresh:
            opening.start_over(database)
        began = time.monotonic()
        telling = _telling(out)
        with telling:
            telling.stage("database")
            opened = open_until_the_end.enter_context(opening.database(database))
            wanted = job.Wanted(var / "demo", folder.absolute() if folder else job.BUNDLED, months=months)
            summary = job.run(
                opened,
                wanted,
                now=datetime.now(UTC),
                tell=telling.listener(),
                seconds={"database": time.monotonic() - began},
            )
        out.document(summary.as_json(), lambda console: _show(console, summary))
        if summary.failed:
            sys.stderr.write(f"These invariants fail: {', '.join(summary.failed)}; see `koinon check`.\n")
            raise typer.Exit(REFUSED)
        if listening is not None:
            serving.until_told(opened, listening, lambda address: _show_sign_in(summary, address, as_json=as_json))


class _Telling:
    """Progress as plain lines, one for each step."""

    def __init__(self, out: Output) -> None:
        self.out = out

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None

    def stage(self, name: str) -> None:
        self.out.progress(name)

    def step(self, told: str, done: int, of: int) -> None:
        self.out.progress(f"  {told} ({done} of {of})")

    def listener(self) -> Any:
        return self


class _Bars(_Telling):
    """Progress as bars, for a terminal."""

    def __init__(self, out: Output, progress: Progress) -> None:
        super().__init__(out)
        self._progress = progress
        self._task: Any = None
        self._name = ""

    def __enter__(self) -> None:
        self._progress.start()

    def __exit__(self, *_: object) -> None:
        self._close()
        self._progress.stop()

    def stage(self, name: str) -> None:
        self._close()
        self._name = name
        self._task = self._progress.add_task(name, total=None, told="")

    def step(self, told: str, done: int, of: int) -> None:
        self._progress.update(self._task, description=self._name, total=of, completed=done, told=told)

    def _close(self) -> None:
        if self._task is not None:
            task = next(task for task in self._progress.tasks if task.id == self._task)
            self._progress.update(self._task, total=task.total or 1, completed=task.total or 1)
            self._task = None


def _telling(out: Output) -> _Telling:
    if not sys.stderr.isatty():
        return _Telling(out)
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from koinon.cli.output import on_stderr

    return _Bars(
        out,
        Progress(
            TextColumn("{task.description:<11}"),
            BarColumn(24),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[told]}"),
            console=on_stderr(),
        ),
    )


def _show(console: Console, summary: Summary) -> None:
    from koinon.cli.tables import money, plain_table

    def amount(minor: int) -> str:
        return money(minor, summary.exponent, summary.unit)

    console.print(f"\n{summary.town_name}, {summary.month}", style="bold", end="")
    console.print("  (people and their behaviour are generated)\n")
    table = plain_table("", "value", right=["value"])
    totals = summary.totals
    on_its_way = money(totals.owed, summary.exponent, summary.national_currency)
    for name, value in (
        ("residents", f"{summary.residents:,} in {summary.households:,} households"),
        ("shops", f"{summary.shops:,}"),
        ("issued", amount(totals.issued)),
        ("paid", amount(totals.paid)),
        ("redeemed", amount(totals.redeemed)),
        *((("  of that, asked for and not paid out yet", on_its_way),) if totals.owed else ()),
        ("expired", amount(totals.expired)),
        ("outstanding", amount(totals.outstanding)),
        ("reserve", money(totals.reserve, summary.exponent, summary.national_currency)),
        ("local multiplier M", _ratio(summary.multiplier)),
        ("recirculation R", _percent(summary.recirculation)),
        ("velocity v, a year", _ratio(summary.velocity)),
        ("days to the first purchase", _ratio(summary.days_to_first_spend, 1)),
        ("payments refused at the till", f"{sum(summary.refused.values()):,}"),
        ("invariants", f"{summary.checked} checked, {len(summary.failed)} failed"),
        ("sealed blocks", f"{summary.blocks:,}"),
    ):
        table.add_row(name, value)
    console.print(table)
    console.print(
        f"From issued to reserve: the books as they stand now. From M to days: {summary.month} alone.",
        style="dim",
        soft_wrap=True,
    )
    shares = plain_table("received", "share", right=["share"])
    for label, share in (*summary.by_zone, *summary.by_sse):
        shares.add_row(label, _percent(share))
    console.print()
    console.print(shares)
    console.print(f"\nseal head  {summary.seal_head or 'nothing sealed'}", soft_wrap=True)
    for file in summary.files:
        console.print(f"bank file  {file}", soft_wrap=True, markup=False)
    took = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in summary.seconds.items())
    console.print(f"{took}; {sum(summary.seconds.values()):.1f} s in all", style="dim")


def _show_sign_in(summary: Summary, address: str, *, as_json: bool) -> None:
    from rich.text import Text

    from koinon.cli.output import on_stderr
    from koinon.cli.tables import plain_table

    console = on_stderr() if as_json else on_stdout()
    table = plain_table("role", "user", "password", "")
    for one in summary.sign_ins:
        table.add_row(one.role, one.user, one.password, Text(one.does, "dim"))
    console.print(f"\nThe site is at {address}", style="bold", end="")
    console.print("  (Ctrl-C stops it)\n")
    console.print(table)
    if summary.card is not None:
        console.print(
            f"A card to try at the till (sign in as {next(one.user for one in summary.sign_ins if one.role == 'shop')}, "
            f"open Till): number {summary.card.grouped}, PIN {summary.card.pin}; its code to scan is "
            f"in {summary.card.file}",
            soft_wrap=True,
        )
    if summary.aid_ended_on is not None:
        console.print(
            f"Aid could be spent until {summary.aid_ended_on}, so tills refuse it now; "
            "how to give it a later day: docs/guides/walk-through-the-demonstration.md",
            soft_wrap=True,
        )
    if summary.waiting is not None:
        console.print(_still_to_do(summary.waiting), soft_wrap=True, markup=False)
    console.print("Staff give a second thing when they sign in, a code: the page shows the one to type.", style="dim")
    console.print("What to press in each role: docs/guides/walk-through-the-demonstration.md", style="dim")


def _still_to_do(waiting: Waiting) -> str:
    """What a payout needs next, and where the bank's answers to it lie."""
    shops = f"{waiting.shops} shops" if waiting.shops > 1 else "one shop"
    first = "" if waiting.is_approved else "for the approver (To approve), then "
    told = f"A payout to {shops} waits {first}for the treasurer (Paying shops out)."
    if waiting.files:
        told += " What the bank answers then is imported under Bank, in this order: " + ", ".join(
            map(str, waiting.files)
        )
    return told


def _ratio(value: Fraction | None, digits: int = 2) -> str:
    return "undefined" if value is None else f"{float(value):.{digits}f}"


def _percent(value: Fraction | None) -> str:
    return "undefined" if value is None else f"{float(value) * 100:.1f} %"
