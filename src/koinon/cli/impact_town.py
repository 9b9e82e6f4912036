"""``koinon impact town`` and ``koinon impact rebuild``: a town's own books, followed and computed anew."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from koinon.cli import opening
from koinon.cli.opening import DatabaseOption, JsonOption, TownOption
from koinon.cli.output import REFUSED, speaking

if TYPE_CHECKING:
    from rich.console import Console

    from koinon.impact.town.types import Cohort, Followed

FOLLOWER = "command:impact"


def town(town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """Say what became of what each fund gave out, up to the newest sealed movement."""
    from koinon.db.transactions import transaction
    from koinon.impact.town import following, queries

    with speaking(as_json) as out, opening.books(database, patience_seconds=0) as conn:
        with transaction(conn):
            facts = opening.town(conn, town)
        with transaction(conn):
            following.follow(conn, town_id=facts.id, at=datetime.now(UTC), actor=FOLLOWER)
        with transaction(conn):
            found = queries.followed(conn, town_id=facts.id)
            waiting = queries.unfollowed(
                conn, town_id=facts.id, seq_to=max((one.seq_to for one in found.values()), default=0)
            )

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            if not found:
                console.print("Nothing is sealed yet; `koinon seal now` seals what was posted.")
                return
            lots, mixing = found["fifo"], found.get("mixing")
            mixed = {one.label: one for one in mixing.cohorts} if mixing is not None else {}
            table = plain_table(
                "", "given out", "redeemed", "expired", "taken back", "held", "times paid", "days until it left"
            )
            for one in [*lots.cohorts, lots.total]:
                table.add_row(one.label, *_cells(one, mixed.get(one.label), facts.exponent, facts.unit_code))
            console.print(table)
            console.print(
                f"First in, first out; in brackets proportional. From {lots.rows:,} movements, digest {lots.digest[:16]}."
            )
            if waiting:
                console.print(f"{waiting:,} movements wait for the next seal.")

        content = {
            "town": facts.slug,
            "unit": facts.unit_code,
            "exponent": facts.exponent,
            "unfollowed": waiting,
            "conventions": [_document(one) for one in found.values()],
        }
        out.document(content, show)


def rebuild(town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """Compute all of it again from the first movement. Status 1 when it is not what following had come to."""
    from koinon.db.transactions import transaction
    from koinon.impact.town import following

    with speaking(as_json) as out, opening.books(database, patience_seconds=0) as conn:
        with transaction(conn):
            towns = opening.towns(conn, town)
        rows: list[dict[str, Any]] = []
        for one in towns:
            with transaction(conn):
                done = following.rebuild(conn, town_id=one.id, at=datetime.now(UTC), actor=FOLLOWER)
            rows += [{"town": one.slug, **asdict(each), "same": each.same} for each in done]

        def show(console: Console) -> None:
            for row in rows:
                told = "the same as before" if row["same"] else "NOT what was kept before"
                console.print(
                    f"{row['town']}, {row['convention']}: {row['rows']:,} movements, {told}",
                    style=None if row["same"] else "red",
                )
            if not rows:
                console.print("Nothing is sealed yet; `koinon seal now` seals what was posted.")

        out.document({"rebuilt": rows}, show)
        if not all(row["same"] for row in rows):
            raise typer.Exit(REFUSED)


def _cells(one: Cohort, mixed: Cohort | None, exponent: int, unit: str) -> list[str]:
    from koinon.cli.tables import money

    times = "–" if one.multiplier is None else f"{one.multiplier:.2f}"
    if mixed is not None and mixed.multiplier is not None:
        times += f" ({mixed.multiplier:.2f})"
    days = one.quantiles.get("50")
    return [
        *(
            money(int(minor), exponent, unit)
            for minor in (one.issued, one.redeemed, one.expired, one.withdrawn, one.held)
        ),
        times,
        "–" if days is None else f"{days:.0f}",
    ]


def _document(one: Followed) -> dict[str, Any]:
    return {
        "convention": one.convention,
        "rows": one.rows,
        "digest": one.digest,
        "began_at": one.began_at,
        "followed_at": one.followed_at,
        "total": asdict(one.total),
        "cohorts": [asdict(cohort) for cohort in one.cohorts],
        "unknown_origin": asdict(one.unknown_origin),
        "flows": {name: asdict(matrix) for name, matrix in one.flows.items()},
    }
