"""``koinon text``: answer text messages."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer

from koinon.cli import opening
from koinon.cli.helping import vault_of
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import speaking

app = typer.Typer(help="Answer text messages: what there is, and a lost card blocked.", no_args_is_help=True)

PersonArgument = Annotated[
    UUID, typer.Argument(metavar="PERSON", help="The resident's id, as `koinon party find` printed it.")
]


@app.command("bind")
def bind(
    person: PersonArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Answer a resident's telephone from now on. The number is read from standard input."""
    from koinon.db.transactions import transaction
    from koinon.helpdesk import texts

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        number = sys.stdin.readline()
        with transaction(conn):
            changed = texts.bind(
                conn,
                town_id=facts.id,
                person=person,
                number=number,
                actor=who,
                at=datetime.now(UTC),
                vault=vault_of(conn),
            )
        out.document(
            {"town": facts.slug, "person": person, "changed": changed},
            lambda console: console.print("answered from now on" if changed else "it was answered already"),
        )


@app.command("unbind")
def unbind(
    person: PersonArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Answer a resident's telephone no more."""
    from koinon.db.transactions import transaction
    from koinon.helpdesk import texts

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            changed = texts.unbind(
                conn, town_id=facts.id, person=person, actor=who, at=datetime.now(UTC), vault=vault_of(conn)
            )
        out.document(
            {"town": facts.slug, "person": person, "changed": changed},
            lambda console: console.print("answered no more" if changed else "it was not answered"),
        )


@app.command("inbox")
def inbox(as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """Take in what lies in the inbox folder now, without waiting for the site to do it; counts, no numbers."""
    with speaking(as_json) as out, opening.books(database) as conn:
        from koinon.cli import wiring

        counted = wiring.text_messages(conn, now=datetime.now(UTC))
        out.document(
            {"taken_in": counted},
            lambda console: console.print(", ".join(f"{name} {count}" for name, count in counted.items()) or "nothing"),
        )
