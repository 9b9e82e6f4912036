"""``koinon complaint``: take complaints in, and see to it that they are answered in time."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from koinon.cli import opening
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import Output, speaking
from koinon.kernel.identifiers import new_id

if TYPE_CHECKING:
    from rich.console import Console

    from koinon.casework.types import Complaint
    from koinon.parties.types import TownFacts

app = typer.Typer(help="Take complaints in, attach to them, answer them in time.", no_args_is_help=True)


class Subject(StrEnum):
    """What a complaint is about."""

    CARD = "card"
    PAYMENT = "payment"
    AID = "aid"
    SHOP = "shop"
    STAFF = "staff"
    DATA = "data"
    OTHER = "other"


class Result(StrEnum):
    """Whether whoever complained was right."""

    UPHELD = "upheld"
    PARTLY = "partly"
    NOT_UPHELD = "not-upheld"


class Counted(StrEnum):
    """How the days of a term are counted."""

    DAYS = "days"
    WORKING_DAYS = "working-days"
    MONTHS = "months"


ComplaintArgument = Annotated[
    UUID, typer.Argument(metavar="COMPLAINT", help="Its id, as `koinon complaint list` prints it.")
]


@app.command("open")
def open_(
    about: Annotated[Subject, typer.Option("--about", help="Decides until when it is answered.")],
    actor: ActorOption,
    party: Annotated[
        UUID | None, typer.Option("--of", metavar="PARTY", help="Who complains; without it, nobody by name.")
    ] = None,
    key: Annotated[str, typer.Option("--key", metavar="TEXT", help="The same key takes it in once.")] = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Take a complaint in; its words are read from standard input, and sealed."""
    from koinon.casework import operations
    from koinon.casework.types import About

    def work(how: dict[str, Any]) -> Complaint:
        return operations.open_complaint(
            **how,
            about=About(about.value),
            words=sys.stdin.read(),
            idempotency_key=f"cli:{key or new_id()}",
            party=party,
        )

    _do(work, actor, town, as_json, database)


@app.command("list")
def list_(town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """List the complaints that wait for an answer, the most urgent first."""
    from koinon.casework import queries
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            found = queries.waiting(conn, town_id=facts.id)

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            table = plain_table("complaint", "number", "about", "answer by")
            for one in found:
                table.add_row(str(one.id), one.number, one.about.value, one.due_day.isoformat())
            console.print(table)

        out.document({"town": facts.slug, "waiting": [_as_json(one) for one in found]}, show)


@app.command("note")
def note(
    complaint: ComplaintArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Write a note for colleagues, read from standard input, and sealed."""
    from koinon.casework import operations, queries

    def work(how: dict[str, Any]) -> Complaint:
        operations.add_note(**how, complaint_id=complaint, words=sys.stdin.read())
        return queries.complaint(how["conn"], town_id=how["town_id"], complaint_id=complaint)

    _do(work, actor, town, as_json, database)


@app.command("attach")
def attach(
    complaint: ComplaintArgument,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="PDF, JPEG, PNG or plain text.")
    ],
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Attach a document of at most 5 MB, sealed."""
    from koinon.casework import operations, queries, rules

    def work(how: dict[str, Any]) -> Complaint:
        with file.open("rb") as stream:
            content = stream.read(rules.MOST_BYTES + 1)
        operations.attach(
            **how, complaint_id=complaint, name=file.name, content=content, idempotency_key=f"cli:{new_id()}"
        )
        return queries.complaint(how["conn"], town_id=how["town_id"], complaint_id=complaint)

    _do(work, actor, town, as_json, database)


@app.command("answer")
def answer(
    complaint: ComplaintArgument,
    outcome: Annotated[Result, typer.Option("--outcome", help="Whether whoever complained was right.")],
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Answer a complaint with words read from standard input, and close it."""
    from koinon.casework import operations
    from koinon.casework.types import Outcome

    def work(how: dict[str, Any]) -> Complaint:
        return operations.answer(**how, complaint_id=complaint, outcome=Outcome(outcome.value), words=sys.stdin.read())

    _do(work, actor, town, as_json, database)


@app.command("withdraw")
def withdraw(
    complaint: ComplaintArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Say that a complaint was taken back."""
    from koinon.casework import operations

    _do(lambda how: operations.withdraw(**_bare(how), complaint_id=complaint), actor, town, as_json, database)


@app.command("reopen")
def reopen(
    complaint: ComplaintArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Open a closed complaint again; its day stays what it was."""
    from koinon.casework import operations

    _do(lambda how: operations.reopen(**_bare(how), complaint_id=complaint), actor, town, as_json, database)


@app.command("set-term")
def set_term(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="How many days or months.")],
    count: Annotated[Counted, typer.Argument(help="What is counted.")],
    source: Annotated[str, typer.Option("--source", metavar="TEXT", help="The decision or law that says so.")],
    from_day: Annotated[
        datetime, typer.Option("--from", metavar="DAY", formats=["%Y-%m-%d"], help="First local day of the rule.")
    ],
    actor: ActorOption,
    about: Annotated[Subject | None, typer.Option("--about", help="For this kind alone; without it, for all.")] = None,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Set the town's own time for answers from a day on. Complaints that are in keep theirs."""
    from koinon.casework import operations
    from koinon.casework.types import About, Count
    from koinon.db.transactions import transaction

    first: date = from_day.date()
    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            changed = operations.set_term(
                conn,
                town_id=facts.id,
                about=About(about.value) if about else None,
                from_day=first,
                number=number,
                count=Count(count.value),
                source=source,
                actor=who,
                at=datetime.now(UTC),
            )
        out.document(
            {"town": facts.slug, "changed": changed},
            lambda console: console.print("set" if changed else "it was so already"),
        )


def _do(
    work: Callable[[dict[str, Any]], Complaint], actor: str, town: str, as_json: bool, database: str | None
) -> None:
    from koinon.db.transactions import transaction
    from koinon.parties.secrets import Secrets
    from koinon.parties.vault import Vault

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            vault = Vault(conn, Secrets.load())
            done = work({"conn": conn, "town_id": facts.id, "actor": who, "at": datetime.now(UTC), "vault": vault})
        _say(out, facts, done)


def _bare(how: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in how.items() if name != "vault"}


def _as_json(complaint: Complaint) -> dict[str, Any]:
    return {
        "id": complaint.id,
        "number": complaint.number,
        "about": complaint.about,
        "state": complaint.state,
        "party": complaint.party,
        "due_day": complaint.due_day,
        "source": complaint.term_source,
        "outcome": complaint.outcome,
    }


def _say(out: Output, town: TownFacts, complaint: Complaint) -> None:
    out.document(
        {"town": town.slug, **_as_json(complaint)},
        lambda console: console.print(
            f"{complaint.number} is {complaint.state}, to be answered by {complaint.due_day} ({complaint.id})",
            soft_wrap=True,
        ),
    )
