"""``koinon fund``: what was not spent by a fund's last day goes back to its reserve."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from koinon.cli import opening
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import speaking, written
from koinon.kernel.money import Amount

app = typer.Typer(help="Take back what was not spent by a fund's last day.", no_args_is_help=True)


@app.callback()
def fund() -> None:
    """Take back what was not spent by a fund's last day."""


@app.command("sweep")
def sweep(
    code: Annotated[str, typer.Option("--fund", metavar="CODE", help="Code of the fund whose last day is over.")],
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Return unspent aid to the fund's reserve, once its last day is over. The site does so by itself every day."""
    from koinon.db.transactions import transaction
    from koinon.programmes import operations, queries

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            found = queries.fund_by_code(conn, town_id=facts.id, code=code)
            swept = operations.sweep_fund(conn, town_id=facts.id, fund_id=found.id, actor=who, now=datetime.now(UTC))
        back = written(Amount(swept.minor, facts.unit_code))
        out.document(
            {"town": facts.slug, "fund": code, "purses": swept.purses, "swept": swept.minor},
            lambda console: console.print(f"{back} from {swept.purses} purses went back to {code}.", markup=False),
        )
