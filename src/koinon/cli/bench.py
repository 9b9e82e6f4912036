"""``koinon bench``: figures, with what they were taken on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from koinon.cli import bench_trace, wiring
from koinon.cli.opening import JsonOption
from koinon.cli.output import speaking

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(help="Measure on this machine.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Measure on this machine."""


app.command("trace")(bench_trace.trace)


@app.command("payments")
def payments(
    as_json: JsonOption = False,
    seconds: Annotated[
        float | None,
        typer.Option(min=0.1, help="How long each round is measured; else as long as each workload needs."),
    ] = None,
    warm_up: Annotated[float, typer.Option(min=0, help="Seconds before the clock of a round runs.")] = 2.0,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of a workload that peers play too, in alternation.")] = 5,
    workload: Annotated[
        list[str] | None, typer.Option("--workload", metavar="NAME", help="Only this one; repeat for several.")
    ] = None,
    peer: Annotated[
        list[str] | None,
        typer.Option(
            "--peer", metavar="PEER", help="pgledger=FILE.sql or hordak, measured beside us; repeat for both."
        ),
    ] = None,
    transfers: Annotated[
        int, typer.Option(min=0, help="Also post so many transfers first and measure on top of them.")
    ] = 0,
    wallets: Annotated[int, typer.Option(min=100, help="How many wallets pay each other.")] = 100_000,
) -> None:
    """Measure payments on a durable database of the command's own, and check its books afterwards.

    Status 1 when an invariant fails afterwards or the books hold another number of payments than were acknowledged.
    A target that is missed is said and changes nothing.
    """
    from koinon.db.embedded import default_root

    with speaking(as_json) as out:
        bench = wiring.bench()
        document = bench.measure(
            bench.Asked(
                workloads=tuple(workload or ()),
                peers=tuple(peer or ()),
                seconds=seconds,
                warm_up=warm_up,
                rounds=rounds,
                wallets=wallets,
                transfers=transfers,
            ),
            root=default_root(),
            prepare=wiring.preparing().prepare,
            say=out.progress,
        )
        out.document(document, lambda console: show(console, document))


@app.command("disburse")
def disburse(
    as_json: JsonOption = False,
    wallets: Annotated[int, typer.Option(min=10, help="How many households are paid.")] = 1_000_000,
    sample: Annotated[
        int, typer.Option(min=2, max=10_000, help="How many of them are also paid one at a time.")
    ] = 2_000,
    tills: Annotated[float, typer.Option(min=0.1, help="Payments a second that tills ask for meanwhile.")] = 100.0,
    piece: Annotated[
        int, typer.Option(min=0, max=65_536, help="Households paid in one transaction; 0: as many as 60 ms take.")
    ] = 0,
) -> None:
    """Measure paying out a whole town, on a durable database of the command's own, and check its books afterwards.

    Status 1 when an invariant fails afterwards. A target that is missed is said and changes nothing.
    """
    from koinon.db.embedded import default_root

    with speaking(as_json) as out:
        bench = wiring.bench_disburse()
        document = bench.measure(
            bench.Asked(wallets=wallets, sample=sample, tills_per_second=tills, piece=piece),
            root=default_root(),
            prepare=wiring.preparing().prepare,
            say=out.progress,
        )
        out.document(document, lambda console: show_disburse(console, document))


@app.command("journal")
def journal(
    as_json: JsonOption = False,
    rows: Annotated[int, typer.Option(min=1_000, help="How many rows the books hold.")] = 3_000_000,
    months: Annotated[int, typer.Option(min=2, max=240, help="In how many months they were posted.")] = 24,
    towns: Annotated[int, typer.Option(min=1, max=100, help="How many towns post in turns.")] = 1,
) -> None:
    """Measure what the journal of a month costs in the books of years, with the index by day and without it.

    On a database of the command's own, whose rows are written by SQL and only read.
    """
    from koinon.db.embedded import default_root

    with speaking(as_json) as out:
        bench = wiring.bench_journal()
        document = bench.measure(
            bench.Asked(rows=rows, months=months, towns=towns),
            root=default_root(),
            prepare=wiring.preparing().prepare,
            say=out.progress,
        )
        out.document(document, lambda console: show_journal(console, document))


def show_journal(console: Console, document: Mapping[str, Any]) -> None:
    """The document as a person reads it: what each reading cost, and how large the index is."""
    from koinon.cli.tables import plain_table

    numbers = ("entries", "ms", "pages", "ms without", "pages without")
    table = plain_table("journal of", *numbers, right=numbers)
    for one in document["read"]:
        mine, other = one["with_index"], one["without"]
        table.add_row(
            one["what"], f"{mine['entries']:,}", _figure(mine["milliseconds"]), f"{mine['pages']:,}",
            _figure(other["milliseconds"]), f"{other['pages']:,}",
        )  # fmt: skip
    console.print(table)
    console.print(
        f"PostgreSQL {document['settings']['postgresql']}: {document['asked']['rows']:,} rows of {document['asked']['towns']} "
        f"towns in {document['journal_pages']:,} pages, index {document['index_bytes']:,} bytes",
        soft_wrap=True,
    )


@app.command("till")
def till(
    as_json: JsonOption = False,
    charges: Annotated[int, typer.Option(min=3, help="How many charges are measured.")] = 60,
) -> None:
    """Measure a purchase at the till in Chromium, from the tap on "charge" to "paid", and what its first load weighs.

    On a durable database of the command's own, whose books are checked afterwards. A target that is missed is said and
    changes nothing.
    """
    from koinon.db.embedded import default_root

    with speaking(as_json) as out:
        bench = wiring.bench_till()
        document = bench.measure(
            bench.Asked(charges=charges),
            root=default_root(),
            prepare=wiring.preparing().prepare,
            say=out.progress,
        )
        out.document(document, lambda console: show_till(console, document))


def show_till(console: Console, document: Mapping[str, Any]) -> None:
    """The document as a person reads it: each part of a charge, and each file of the first load."""
    from koinon.cli.tables import plain_table

    _show_machine(console, document)
    charge = document["charge"]
    table = plain_table("from charge to paid, median", "ms", right=["ms"])
    for name, key in (
        ("server: what lies on the till", "card_ms"),
        ("server: PIN and payment", "pay_ms"),
        ("the page's own work", "script_ms"),
        ("together", "machine_ms"),
        ("together, 95 of 100", "machine_p95_ms"),
        ("by the clock, without a person's pauses", "tap_to_paid_ms"),
    ):
        table.add_row(name, f"{charge[key]:.1f}")
    console.print(table)
    loaded = document["first_load"]
    table = plain_table("first load, compressed", "bytes", right=["bytes"])
    for one in loaded["files"]:
        table.add_row(one["path"], f"{one['bytes']:,}")
    table.add_row("all", f"{loaded['bytes']:,}")
    console.print(table)
    show_targets(console, document["targets"])


def show_disburse(console: Console, document: Mapping[str, Any]) -> None:
    """The document as a person reads it: where, how fast, in how much memory, what tills noticed of it."""
    from koinon.cli.tables import plain_table

    _show_machine(console, document)
    numbers = ("wallets", "s", "per second", "CPU us", "slowest piece ms", "client MB", "server MB", "WAL B", "load")
    table = plain_table("run", *numbers, right=numbers)
    named = {
        "small": "a tenth",
        "first": "purses opened",
        "again": "purses there",
        "beside_tills": "beside tills",
        "single": "one at a time",
    }
    for name, said in named.items():
        one = document[name]
        table.add_row(
            said,
            f"{one['wallets']:,}",
            f"{one['seconds']:.2f}",
            f"{one['wallets_per_second']:,.0f}",
            _figure(one.get("server_cpu_us_per_wallet")),
            _figure(one.get("slowest_piece_ms")),
            *(_figure(one[key] / 2**20 if key in one else None) for key in ("client_peak_bytes", "server_peak_bytes")),
            _figure(one.get("wal_bytes_per_wallet")),
            f"{one['load_average'][0]:.1f}",
        )
    console.print(table)
    tills = document["beside_tills"]["tills"]
    console.print(
        f"tills meanwhile: {tills['payments']:,} payments, {tills['payments_per_second']:.0f}/s, "
        f"p50 {_figure(tills['p50_ms'])} ms, p99 {_figure(tills['p99_ms'])} ms, longest {_figure(tills['max_ms'])} ms"
    )
    console.print(f"every invariant over {document['checked']:,} rows\n")
    show_targets(console, document["targets"])


def show(console: Console, document: Mapping[str, Any]) -> None:
    """The document as a person reads it: where, what, how fast, beside whom, and what is the limit."""
    _show_machine(console, document)
    _show_workloads(console, document["workloads"])
    for peer in document["peers"]:
        _show_peer(console, peer)
    if "history" in document:
        _show_history(console, document["history"])
    _show_limits(console, document["limits"], document["workloads"])
    show_targets(console, document["targets"])


def _show_machine(console: Console, document: Mapping[str, Any]) -> None:
    found, settings = document["machine"], document["settings"]
    disk = found["disk"]
    load = " ".join(f"{value:.2f}" for value in found["load_average"])
    console.print(
        f"{str(document['measured_at'])[:16].replace('T', ' ')} UTC on {found['cpu']}, {found['cores']} cores, "
        f"{found['memory_bytes'] / 2**30:.0f} GiB, {found['kernel']}, {disk['file_system']} on {disk['device']}, "
        f"load {load}",
        soft_wrap=True,
    )
    console.print(
        "PostgreSQL "
        + settings["postgresql"]
        + ": "
        + ", ".join(f"{name} {value}" for name, value in settings.items() if name != "postgresql"),
        soft_wrap=True,
    )
    asked = document["asked"]
    warm_up = f", {asked['warm_up']:g} s of warm-up before each round" if "warm_up" in asked else ""
    console.print(f"{asked['wallets']:,} wallets{warm_up}\n")


def _show_workloads(console: Console, workloads: Sequence[Mapping[str, Any]]) -> None:
    from koinon.cli.tables import plain_table

    numbers = (
        "clients",
        "s",
        "per second",
        "p50 ms",
        "p95",
        "p99",
        "p99.9",
        "refused",
        "CPU srv+cl",
        "WAL B",
        "row B",
        "checked",
    )
    table = plain_table("workload", *numbers, right=numbers)
    for one in workloads:
        table.add_row(
            one["name"],
            str(one["clients"]),
            f"{one['seconds']:.0f}",
            f"{one['payments_per_second']:,.0f}",
            *(_figure(one[name]) for name in ("p50_ms", "p95_ms", "p99_ms", "p999_ms")),
            f"{one['refused']:,}",
            f"{one['server_cpu']:.2f}+{one['client_cpu']:.2f}",
            _figure(one["wal_bytes_per_payment"]),
            _figure(one["bytes_per_transfer"]),
            f"{one['checked']:,}",
        )
    console.print(table)
    console.print(
        "CPU is cores in use by the server and by the clients; WAL B a payment, row B with all indexes; "
        "checked is rows over which every invariant holds.\n",
        style="dim",
        soft_wrap=True,
    )


def _show_peer(console: Console, peer: Mapping[str, Any]) -> None:
    from koinon.cli.tables import plain_table

    said = f"{peer['name']} {peer['version']}".strip()
    console.print(
        f"{said}, {peer['arrangement']} (processes x threads), {_figure(peer['bytes_per_transfer'])} B a transfer"
    )
    numbers = ("clients", "ours/s", "theirs/s", "ratio", "their p50 ms", "their p99")
    table = plain_table("workload", *numbers, "rounds (ours : theirs)", right=numbers)
    for one in [peer, *peer["others"]]:
        if "workload" not in one:
            continue
        table.add_row(
            one["workload"],
            str(one["clients"]),
            f"{one['ours_per_second']:,.0f}",
            f"{one['payments_per_second']:,.0f}",
            f"{one['ratio']:.1f} x" if one["ratio"] is not None else "-",
            _figure(one["p50_ms"]),
            _figure(one["p99_ms"]),
            "  ".join(f"{each['ours']:,.0f} : {each['theirs']:,.0f}" for each in one["rounds"]),
        )
    console.print(table)
    console.print("The ratio is of the medians over the rounds.\n", style="dim")


def _show_history(console: Console, history: Mapping[str, Any]) -> None:
    from koinon.cli.tables import plain_table

    table = plain_table(f"with {history['transfers']:,} transfers in the books", "", right=("",))
    for name, value in history.items():
        if name != "transfers" and isinstance(value, int | float):
            table.add_row(name.replace("_", " "), f"{value:,}")
    console.print(table)
    console.print()


def _show_limits(console: Console, limits: Mapping[str, float], workloads: Sequence[Mapping[str, Any]]) -> None:
    from koinon.cli.tables import plain_table

    table = plain_table("limit of this machine", "per second", "reached", right=("per second",))
    for name, value in limits.items():
        reached = ", ".join(
            f"{one['name']} {one['limit']['fraction']:.0%}"
            for one in workloads
            if one.get("limit", {}).get("name") == name
        )
        table.add_row(name.replace("_", " "), f"{value:,.0f}", reached)
    console.print(table)
    console.print()


def show_targets(console: Console, targets: Sequence[Mapping[str, Any]]) -> None:
    from koinon.cli.tables import plain_table, well_or_not

    if not targets:
        return
    table = plain_table("target", "wanted", "found", "", right=("wanted", "found"))
    for one in targets:
        met = well_or_not(one["met"], "met", "missed")
        table.add_row(one["name"], one["wanted"], f"{one['found']:,.1f}", met)
    console.print(table)


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}" if value < 10 else f"{value:.1f}"
