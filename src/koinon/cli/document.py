"""``koinon document``: keep documents of households and residents, sealed."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from koinon.cli import opening
from koinon.cli.helping import KeyOption, NewFile, PartyArgument, reader_of, vault_of
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import speaking
from koinon.kernel.identifiers import new_id

app = typer.Typer(help="Keep documents of households and residents, sealed.", no_args_is_help=True)


class About(StrEnum):
    """What a document is."""

    APPLICATION = "application"
    IDENTITY = "identity"
    RESIDENCE = "residence"
    INCOME = "income"
    FAMILY = "family"
    AUTHORISATION = "authorisation"
    OTHER = "other"


@app.command("keep")
def keep(
    party: PartyArgument,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="PDF, JPEG, PNG or plain text.")
    ],
    actor: ActorOption,
    about: Annotated[About, typer.Option("--about", help="What it is.")] = About.OTHER,
    key: KeyOption = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Keep a document of at most 5 MB, sealed under the party's key."""
    from koinon.casework import rules
    from koinon.db.transactions import transaction
    from koinon.helpdesk import documents
    from koinon.helpdesk.types import DocumentAbout

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with file.open("rb") as stream:
            content = stream.read(rules.MOST_BYTES + 1)
        with transaction(conn):
            kept = documents.attach(
                conn,
                town_id=facts.id,
                party=party,
                about=DocumentAbout(about.value),
                name=file.name,
                content=content,
                idempotency_key=f"cli:{key or new_id()}",
                reader=reader_of(conn, facts, who),
                at=datetime.now(UTC),
                vault=vault_of(conn),
            )
        out.document(
            {"town": facts.slug, "party": party, "document": kept},
            lambda console: console.print(str(kept), soft_wrap=True),
        )


@app.command("list")
def list_documents(
    party: PartyArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """List the documents of a party by what they are, not by their names."""
    from koinon.db.transactions import transaction
    from koinon.helpdesk import documents

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            found = documents.documents(
                conn, town_id=facts.id, party=party, reader=reader_of(conn, facts, who), vault=vault_of(conn)
            )

        def show(console: Any) -> None:
            from koinon.cli.tables import plain_table

            table = plain_table("document", "is", "bytes", "kept", right=["bytes"])
            for one in found:
                day = one.added_at.date().isoformat()
                table.add_row(str(one.id), one.about.value, str(one.size_bytes), day)
            console.print(table)

        listed = [
            {"document": one.id, "about": one.about.value, "bytes": one.size_bytes, "kept_at": one.added_at}
            for one in found
        ]
        out.document({"town": facts.slug, "documents": listed}, show)


DocumentArgument = Annotated[UUID, typer.Argument(metavar="DOCUMENT", help="Its id, as `koinon document list` prints.")]


@app.command("save")
def save(
    party: PartyArgument,
    document: DocumentArgument,
    file: NewFile,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Write a document into a file; who opened it is recorded."""
    from koinon.db.transactions import transaction
    from koinon.helpdesk import documents

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            _, kind, content = documents.document(
                conn,
                town_id=facts.id,
                party=party,
                document_id=document,
                reader=reader_of(conn, facts, who),
                at=datetime.now(UTC),
                vault=vault_of(conn),
            )
            with file.open("xb") as stream:
                stream.write(content)
        out.document(
            {"town": facts.slug, "document": document, "media_type": kind, "file": file},
            lambda console: console.print(f"{kind} in {file}", soft_wrap=True),
        )


@app.command("destroy")
def destroy(
    party: PartyArgument,
    document: DocumentArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Destroy a document; that it was there stays on record."""
    from koinon.db.transactions import transaction
    from koinon.helpdesk import documents

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            documents.remove(
                conn,
                town_id=facts.id,
                party=party,
                document_id=document,
                reader=reader_of(conn, facts, who),
                at=datetime.now(UTC),
            )
        out.document(
            {"town": facts.slug, "document": document, "destroyed": True},
            lambda console: console.print("destroyed"),
        )
