"""``koinon api``: keys of programs that use the API, and a town to try it in."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from koinon.cli import opening, wiring
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import speaking

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(help="Give programs keys to the API, and a town to try it in.", no_args_is_help=True)
key = typer.Typer(help="Make, list and revoke keys.", no_args_is_help=True)
app.add_typer(key, name="key")

SCOPES = (
    "payments:write", "payments:charge", "payments:read", "refunds:write", "holds:write", "accounts:read",
    "webhooks:manage",
)  # fmt: skip
_LASTS = re.compile(r"([1-9][0-9]{0,3})d|(\d{4}-\d{2}-\d{2})")


def _until(text: str) -> str:
    if text and not _LASTS.fullmatch(text):
        raise typer.BadParameter("write 90d for ninety days, or the last day as 2027-03-31")
    return text


@key.command("add")
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The program or till it is for; never a person.")],
    scopes: Annotated[
        list[str], typer.Option("--scope", metavar="SCOPE", help=f"What for; repeat it. One of {', '.join(SCOPES)}.")
    ],
    actor: ActorOption,
    party: Annotated[UUID | None, typer.Option("--party", metavar="ID", help="The one party it acts for.")] = None,
    until: Annotated[
        str, typer.Option("--until", metavar="WHEN", help="Last day, or a number of days as 90d.", callback=_until)
    ] = "",
    rate: Annotated[int, typer.Option("--rate", min=1, max=1_000_000, help="Requests per second.")] = 100,
    oauth: Annotated[
        bool, typer.Option("--oauth", help="A client whose secret only buys access tokens that last an hour.")
    ] = False,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Make a key and print it, once. Takes an officer, and is recorded."""
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        now = datetime.now(UTC)
        with transaction(conn):
            made = wiring.api().add_key(
                conn, town_id=facts.id, name=name, scopes=scopes, actor=who, at=now,
                kind="client" if oauth else "key", party=party, expires_at=_ends(until, now, facts.zone),
                requests_per_second=rate,
            )  # fmt: skip

        def shown(console: Console) -> None:
            if oauth:
                console.print(f"client_id      {made.client_id}", soft_wrap=True, highlight=False)
                console.print(f"client_secret  {made.secret}", soft_wrap=True, highlight=False)
            else:
                console.print(made.secret, soft_wrap=True, highlight=False)
            console.print("It is shown this once. Keep it where the program finds it and nobody else does.")

        out.document(
            {"town": facts.slug, "id": made.id, "client_id": made.client_id if oauth else None, "secret": made.secret},
            shown,
        )


def _ends(until: str, now: datetime, zone: object) -> datetime | None:
    from zoneinfo import ZoneInfo

    assert isinstance(zone, ZoneInfo)
    if not until:
        return None
    if until.endswith("d"):
        return now + timedelta(days=int(until[:-1]))
    try:
        last = datetime.strptime(until, "%Y-%m-%d").date()  # noqa: DTZ007  Only its day is taken, which has no zone.
    except ValueError:
        raise typer.BadParameter(f"{until} is no day") from None
    return datetime.combine(last + timedelta(days=1), time.min, zone)


@key.command("list")
def list_keys(town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """List the town's keys, newest first. Secrets are kept nowhere."""
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            found = wiring.api_queries().credentials(conn, town_id=facts.id)

        def shown(console: Console) -> None:
            from koinon.cli.tables import plain_table

            table = plain_table("id", "name", "kind", "scopes", "party", "until", "state")
            for one in found:
                ended = one.expires_at is not None and one.expires_at <= datetime.now(UTC)
                state = "revoked" if one.revoked_at else "ended" if ended else "in force"
                until = f"{one.expires_at:%Y-%m-%d}" if one.expires_at else ""
                table.add_row(
                    str(one.id), one.name.replace("[", r"\["), one.kind, " ".join(one.scopes), str(one.party or ""),
                    until, state,
                )  # fmt: skip
            console.print(table)

        out.document(
            {
                "town": facts.slug,
                "keys": [
                    {
                        "id": one.id,
                        "name": one.name,
                        "kind": one.kind,
                        "scopes": one.scopes,
                        "party": one.party,
                        "requests_per_second": one.requests_per_second,
                        "created_at": one.created_at,
                        "expires_at": one.expires_at,
                        "revoked_at": one.revoked_at,
                    }
                    for one in found
                ],
            },
            shown,
        )


@key.command("revoke")
def revoke(
    credential: Annotated[UUID, typer.Argument(metavar="ID", help="As `koinon api key list` prints it.")],
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Take a key out of force for good: two seconds later nothing takes it any more. Takes an officer."""
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            wiring.api().revoke_key(conn, town_id=facts.id, credential=credential, actor=who, at=datetime.now(UTC))
        out.document(
            {"town": facts.slug, "id": credential, "revoked": True},
            lambda console: console.print("Revoked. It is not taken any more from two seconds on."),
        )


@app.command("sandbox")
def sandbox(
    new_key: Annotated[bool, typer.Option("--new-key", help="Make one more key, where the first was lost.")] = False,
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Make a town to try the API in, with households, shops and play money, and print its key, once.

    Run again in another month it pays that month's money. Its unit is XTS, which is no money anywhere.
    """
    with speaking(as_json) as out, opening.database(database) as opened, opening.connection(opened) as conn:
        made = wiring.sandbox().found(conn, at=datetime.now(UTC), new_key=new_key)

        def shown(console: Console) -> None:
            from koinon.cli.tables import plain_table

            table = plain_table("who", "id")
            for name, party in {**made.households, **made.shops}.items():
                table.add_row(name, str(party))
            console.print(table)
            if made.key is None:
                console.print("Its key was shown when it was made; --new-key makes another.")
            else:
                console.print(f"Key: {made.key.secret}", soft_wrap=True, highlight=False)
                console.print("It is shown this once. Everything here is play money.")

        out.document(
            {
                "town": made.town.slug,
                "sandbox": True,
                "unit": made.town.unit_code,
                "exponent": made.town.exponent,
                "households": made.households,
                "shops": made.shops,
                "key": made.key.secret if made.key else None,
            },
            shown,
        )
