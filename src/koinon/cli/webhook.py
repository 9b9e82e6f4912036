"""``koinon webhook`` and ``koinon notice``: which addresses and whose mailboxes are told that money moved."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from koinon.cli import opening
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import speaking, written
from koinon.kernel.money import Amount

if TYPE_CHECKING:
    from rich.console import Console

    from koinon.outbox.types import Endpoint, FreshSecret, Notice
    from koinon.parties.types import TownFacts

app = typer.Typer(help="Tell programs by webhook that money moved, and see what became of it.", no_args_is_help=True)
notices = typer.Typer(help="Tell shops, residents and the staff by e-mail that money moved.", no_args_is_help=True)

ROLE = "officer"

WebhookArgument = Annotated[UUID, typer.Argument(metavar="WEBHOOK", help="Id of the webhook, as `list` prints it.")]
EventsOption = Annotated[
    str, typer.Option("--events", metavar="KINDS", help="Kinds of events by commas, such as payment.posted.")
]
PartyOption = Annotated[
    UUID | None,
    typer.Option("--party", metavar="PARTY", help="Only what concerns this party, and without naming another."),
]


def kinds_of(text: str) -> list[str]:
    return [kind for kind in (part.strip() for part in text.split(",")) if kind]


@app.command("add")
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where messages are sent; begins with https://.")],
    events: EventsOption,
    actor: ActorOption,
    party: PartyOption = None,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Send messages about these kinds of events to an address from now on; its secret is shown once."""
    from koinon.db.transactions import transaction
    from koinon.outbox import operations
    from koinon.parties import queries as parties
    from koinon.parties.secrets import Secrets

    with speaking(as_json) as out, opening.desk(database, town, actor, role=ROLE) as (conn, facts, who):
        with transaction(conn):
            if party is not None:
                parties.party_facts(conn, facts.id, party)
            made = operations.add_endpoint(
                conn,
                town_id=facts.id,
                url=url,
                kinds=kinds_of(events),
                keys=Secrets.load(),
                actor=who,
                at=datetime.now(UTC),
                party=party,
                inside=os.environ.get("KOINON_WEBHOOKS_INSIDE") == "1",
            )
        out.document(
            {"town": facts.slug, **asdict(made.endpoint), "secret": made.secret}, lambda console: _secret(console, made)
        )


@app.command("list")
def list_webhooks(town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """List the webhooks of a town."""
    from koinon.db.transactions import transaction
    from koinon.outbox import queries

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            found = queries.endpoints(conn, town_id=facts.id)

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            table = plain_table("webhook", "address", "events", "party", "state")
            for one in found:
                table.add_row(
                    str(one.id), one.url, "\n".join(one.kinds), str(one.party or "all of the town"), _state(one)
                )
            console.print(table)

        out.document({"town": facts.slug, "webhooks": [asdict(one) for one in found]}, show)


@app.command("log")
def log(
    webhook: WebhookArgument,
    event: Annotated[
        UUID | None, typer.Option("--event", metavar="EVENT", help="Each attempt at telling of this event.")
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only what was given up.")] = False,
    size: Annotated[int, typer.Option("--size", min=1, max=1000, help="How many, newest first.")] = 50,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Show what a webhook was told, when it is told again, and how attempts ended."""
    from koinon.db.transactions import transaction
    from koinon.outbox import queries

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            queries.endpoint(conn, town_id=facts.id, endpoint_id=webhook)
            if event is not None:
                tries = queries.attempts(conn, town_id=facts.id, listener=webhook, event=event)
            else:
                state = "failed" if failed else ""
                told = queries.deliveries(conn, town_id=facts.id, listener=webhook, state=state, size=size)

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            if event is not None:
                table = plain_table("attempt", "ended", "took", "status", "error", right=("attempt", "took"))
                for one in tries:
                    table.add_row(
                        str(one.number), f"{one.at:%F %T}", f"{one.took_ms} ms", str(one.status or ""), one.error
                    )
            else:
                table = plain_table("event", "kind", "told", "state", "attempts", "last", "next", right=("attempts",))
                for each in told:
                    last = each.last_error or str(each.last_status or "")
                    following = f"{each.next_at:%F %T}" if each.next_at else ""
                    told_at = f"{each.told_at:%F %T}"
                    table.add_row(
                        str(each.event_id), each.kind, told_at, each.state, str(each.attempts), last, following
                    )
            console.print(table)

        rows = [asdict(one) for one in tries] if event is not None else [asdict(each) for each in told]
        out.document({"town": facts.slug, "webhook": webhook, "attempts" if event else "deliveries": rows}, show)


@app.command("send-again")
def send_again(
    webhook: WebhookArgument,
    actor: ActorOption,
    event: Annotated[
        UUID | None, typer.Option("--event", metavar="EVENT", help="This event; without it, all that was given up.")
    ] = None,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Send an event once more, or everything that was given up."""
    from koinon.db.transactions import transaction
    from koinon.outbox import operations

    with speaking(as_json) as out, opening.desk(database, town, actor, role=ROLE) as (conn, facts, who):
        with transaction(conn):
            number = operations.send_again(
                conn, town_id=facts.id, listener=webhook, event=event, actor=who, at=datetime.now(UTC)
            )
        out.document(
            {"town": facts.slug, "webhook": webhook, "deliveries": number},
            lambda console: console.print(f"{number} to be sent again.", markup=False),
        )


@app.command("change")
def change(
    webhook: WebhookArgument,
    actor: ActorOption,
    url: Annotated[
        str, typer.Option("--url", metavar="URL", help="Where messages are sent from now on; the secret stays.")
    ] = "",
    events: Annotated[
        str, typer.Option("--events", metavar="KINDS", help="Kinds of events by commas, in place of those before.")
    ] = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Send to another address or tell of other kinds; what is due already goes to the new address."""
    from koinon.db.transactions import transaction
    from koinon.outbox import operations

    if not url and not events:
        raise typer.BadParameter("say with --url or --events what is to change")
    with speaking(as_json) as out, opening.desk(database, town, actor, role=ROLE) as (conn, facts, who):
        with transaction(conn):
            found = operations.change_endpoint(
                conn,
                town_id=facts.id,
                endpoint_id=webhook,
                url=url or None,
                kinds=kinds_of(events) or None,
                actor=who,
                at=datetime.now(UTC),
                inside=os.environ.get("KOINON_WEBHOOKS_INSIDE") == "1",
            )
        out.document(
            {"town": facts.slug, **asdict(found)},
            lambda console: console.print(
                f"{found.url} is told of {', '.join(found.kinds)}.", markup=False, soft_wrap=True
            ),
        )


@app.command("rotate")
def rotate(
    webhook: WebhookArgument,
    actor: ActorOption,
    at_once: Annotated[
        bool, typer.Option("--at-once", help="The old secret is bad from now on; otherwise both are good for a day.")
    ] = False,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Make a new secret; it is shown once."""
    from koinon.db.transactions import transaction
    from koinon.outbox import operations
    from koinon.parties.secrets import Secrets

    with speaking(as_json) as out, opening.desk(database, town, actor, role=ROLE) as (conn, facts, who):
        with transaction(conn):
            made = operations.rotate_secret(
                conn,
                town_id=facts.id,
                endpoint_id=webhook,
                keys=Secrets.load(),
                actor=who,
                at=datetime.now(UTC),
                at_once=at_once,
            )
        out.document(
            {"town": facts.slug, **asdict(made.endpoint), "secret": made.secret}, lambda console: _secret(console, made)
        )


@app.command("resume")
def resume(
    webhook: WebhookArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Begin again with a webhook that was disabled; what waited for it is sent at once."""
    from koinon.db.transactions import transaction
    from koinon.outbox import operations

    with speaking(as_json) as out, opening.desk(database, town, actor, role=ROLE) as (conn, facts, who):
        with transaction(conn):
            found = operations.resume_endpoint(
                conn, town_id=facts.id, endpoint_id=webhook, actor=who, at=datetime.now(UTC)
            )
        out.document(
            {"town": facts.slug, **asdict(found)},
            lambda console: console.print(f"{found.url} is told again.", markup=False, soft_wrap=True),
        )


@app.command("remove")
def remove(
    webhook: WebhookArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Send nothing more to a webhook; its log stays as long as logs do."""
    from koinon.db.transactions import transaction
    from koinon.outbox import operations

    with speaking(as_json) as out, opening.desk(database, town, actor, role=ROLE) as (conn, facts, who):
        with transaction(conn):
            operations.remove_endpoint(conn, town_id=facts.id, endpoint_id=webhook, actor=who, at=datetime.now(UTC))
        out.document(
            {"town": facts.slug, "webhook": webhook, "removed": True},
            lambda console: console.print("Removed. What was still due is not sent.", markup=False),
        )


@notices.command("add")
def add_notice(
    events: EventsOption,
    actor: ActorOption,
    party: Annotated[
        UUID | None,
        typer.Option("--party", metavar="PARTY", help="A shop, household or resident, told of what concerns it."),
    ] = None,
    role: Annotated[
        str, typer.Option("--role", metavar="ROLE", help="Everybody who is officer, approver, treasurer or auditor.")
    ] = "",
    at_least: Annotated[
        str, typer.Option("--at-least", metavar="AMOUNT", help="Leave smaller amounts out; in the town's unit.")
    ] = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Write an e-mail about these kinds of events from now on, to a party or to everybody with a role."""
    from koinon.cli.budget import amount_of
    from koinon.db.transactions import transaction
    from koinon.outbox import operations
    from koinon.parties import queries as parties

    if (party is None) == (role == ""):
        raise typer.BadParameter("say with --party or --role who is written to")
    if role not in ("", "officer", "approver", "treasurer", "auditor"):
        raise typer.BadParameter(f"{role!r} is not officer, approver, treasurer or auditor", param_hint="'--role'")
    with speaking(as_json) as out, opening.desk(database, town, actor, role=ROLE) as (conn, facts, who):
        with transaction(conn):
            if party is not None:
                parties.party_facts(conn, facts.id, party)
            made = operations.add_notice(
                conn,
                town_id=facts.id,
                kinds=kinds_of(events),
                actor=who,
                at=datetime.now(UTC),
                party=party,
                role=role,
                at_least_minor=amount_of(at_least, facts).minor if at_least else 0,
            )
        out.document(
            {"town": facts.slug, **asdict(made)},
            lambda console: console.print(f"{made.id} is told by e-mail.", markup=False),
        )


@notices.command("list")
def list_notices(town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """List who is told by e-mail, and of what. No address is shown: it is looked up when a mail is sent."""
    from koinon.db.transactions import transaction
    from koinon.outbox import queries

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            found = queries.notices(conn, town_id=facts.id)

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            table = plain_table("notice", "to", "events", "from", right=("from",))
            for one in found:
                table.add_row(
                    str(one.id), str(one.party or f"every {one.role}"), "\n".join(one.kinds), _from(one, facts)
                )
            console.print(table)

        out.document({"town": facts.slug, "notices": [asdict(one) for one in found]}, show)


@notices.command("remove")
def remove_notice(
    notice: Annotated[UUID, typer.Argument(metavar="NOTICE", help="Id of the notice, as `list` prints it.")],
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Write no more of these e-mails."""
    from koinon.db.transactions import transaction
    from koinon.outbox import operations

    with speaking(as_json) as out, opening.desk(database, town, actor, role=ROLE) as (conn, facts, who):
        with transaction(conn):
            operations.remove_notice(conn, town_id=facts.id, notice_id=notice, actor=who, at=datetime.now(UTC))
        out.document(
            {"town": facts.slug, "notice": notice, "removed": True},
            lambda console: console.print("Removed.", markup=False),
        )


def _secret(console: Console, made: FreshSecret) -> None:
    console.print(f"{made.endpoint.id} {made.endpoint.url}", markup=False, soft_wrap=True)
    console.print(f"Secret, shown only now: {made.secret}", markup=False, soft_wrap=True)


def _state(one: Endpoint) -> str:
    if one.state == "disabled":
        return f"disabled ({one.disabled_why})"
    return f"failing since {one.failing_since:%F %T}" if one.failing_since else one.state


def _from(one: Notice, facts: TownFacts) -> str:
    return written(Amount(one.at_least_minor, facts.unit_code)) if one.at_least_minor else ""
