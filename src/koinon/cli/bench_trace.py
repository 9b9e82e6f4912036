"""``koinon bench trace``: how fast every unit is followed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from koinon.cli import wiring
from koinon.cli.opening import JsonOption
from koinon.cli.output import speaking

if TYPE_CHECKING:
    from rich.console import Console


def _sizes(given: str) -> tuple[int, ...]:
    """Sizes as they are typed: 100000,1e6 or 10M."""
    found = []
    for each in given.split(","):
        word = each.strip().upper()
        times = {"K": 1_000, "M": 1_000_000}.get(word[-1:], 1)
        try:
            value = float(word.removesuffix("K").removesuffix("M")) * times
            size = int(value)
        except (ValueError, OverflowError):
            raise typer.BadParameter(f"{each.strip()} is no number of transfers") from None
        if size != value or not 2_000 <= size <= 10**10:
            raise typer.BadParameter(f"{each.strip()}: give whole numbers of transfers from 2000 on")
        found.append(size)
    return tuple(found)


def trace(
    as_json: JsonOption = False,
    sizes: Annotated[
        str, typer.Option(metavar="N,N", help="How many transfers; 100 for each account. K and M may be used.")
    ] = "100K,1M,10M,100M",
    cohorts: Annotated[int, typer.Option(min=1, help="How many cohorts: one or more funds in each of 12 months.")] = 12,
    method: Annotated[
        list[str] | None, typer.Option("--method", metavar="NAME", help="Only this one; repeat for several.")
    ] = None,
    part: Annotated[
        list[str] | None,
        typer.Option(
            "--part",
            metavar="NAME",
            help="Only this: sizes, cohorts, day, first call, command or aggregates; repeat for several.",
        ),
    ] = None,
    peer: Annotated[
        list[str] | None,
        typer.Option(
            "--peer", metavar="PEER", help="followthemoney=FOLDER or spark, measured beside us; repeat for both."
        ),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds with a peer, in alternation.")] = 2,
) -> None:
    """Measure how fast every unit of an invented town is followed, in how much memory, and beside whom.

    Every figure is taken in a process of its own. Sizes for which there is no memory are left out, and said. Status 1 when
    a unit is lost or what is computed in two ways differs. A target that is missed is said and changes nothing.
    """
    from koinon.db.embedded import default_root

    asked_sizes = _sizes(sizes)
    with speaking(as_json) as out:
        bench = wiring.bench_trace()
        document = bench.measure(
            bench.Asked(
                sizes=asked_sizes,
                cohorts=cohorts,
                methods=tuple(method or ()),
                parts=tuple(part or ()),
                peers=tuple(peer or ()),
                rounds=rounds,
            ),
            root=default_root(),
            say=out.progress,
        )
        out.document(document, lambda console: show(console, document))


def show(console: Console, document: Mapping[str, Any]) -> None:
    """The document as a person reads it."""
    from koinon.cli.bench import show_targets
    from koinon.cli.tables import plain_table

    found = document["machine"]
    load = " ".join(f"{value:.2f}" for value in found["load_average"])
    console.print(
        f"{str(document['measured_at'])[:16]} UTC on {found['cpu']}, {found['cores']} cores, "
        f"{found['memory_bytes'] / 2**30:.0f} GiB, {found['kernel']}, load {load}\n",
        soft_wrap=True,
    )
    numbers = ("transfers", "accounts", "cohorts", "s", "CPU s", "per second", "MB", "lost")
    table = plain_table("method", *numbers, "digest", right=numbers)
    for one in document["runs"]:
        table.add_row(
            one["method"],
            f"{one['transfers']:,}",
            f"{one['accounts']:,}",
            f"{one['cohorts']:,}",
            f"{one['seconds']:.2f}",
            f"{one['cpu_seconds']:.2f}",
            f"{one['transfers_per_second']:,.0f}",
            f"{one['peak_mb']:,.0f}",
            f"{one['conservation_error']:.0e}" if one["conservation_error"] else "0",
            one["digest"][:12],
        )
    if document["runs"]:
        console.print(table)
        console.print()
    for one in document["skipped"]:
        console.print(f"left out: {one['method']} of {one['transfers']:,} transfers, {one['reason']}")
    for one in document.get("cohorts", ()):
        console.print(
            f"{one['method']}, {one['transfers']:,} transfers: {one['many']:,} cohorts take {one['seconds_many']:.2f} s, "
            f"{one['cohorts']} take {one['seconds']:.2f}: {one['ratio']:.2f} times, {one['cpu_ratio']:.2f} times the CPU"
        )
    if day := document.get("day"):
        console.print(
            f"a day of {day['day']:,} transfers appended to {day['transfers'] - day['day']:,}: {day['day_seconds']:.3f} s, "
            f"{day['share']:.2%} of the whole ({day['full_seconds']:.2f} s); its state of {day['state_bytes'] / 1e6:,.1f} MB is "
            f"read in {day['load_seconds']:.2f} s and written in {day['save_seconds']:.2f}"
        )
    if first := document.get("first_call"):
        console.print(f"the first call of a newcomer, with nothing compiled: {first['seconds']:.1f} s")
    if command := document.get("command"):
        console.print(
            f"koinon impact trace, {command['transfers']:,} transfers from CSV to report: {command['seconds']:.2f} s, "
            f"{command['peak_mb']:,.0f} MB"
        )
    for one in document.get("aggregates", ()):
        console.print(f"{one['method']}, {one['transfers']:,} transfers: {one['seconds']:.2f} s, {one['peak_mb']:,} MB")
    console.print()
    for peer in document["peers"]:
        agreement = peer["agreement"]
        said = (
            ("the same figures" if agreement else "OTHER FIGURES")
            if isinstance(agreement, bool)
            else f"results differ by {agreement['differ']:.2%}, it lost sight of {agreement['peer_lost']:.2%}"
        )
        console.print(f"{peer['peer']}, {peer['work']}: takes {peer['ratio']:.1f} times as long; {said}")
    if document["peers"]:
        console.print()
    show_targets(console, document["targets"])
