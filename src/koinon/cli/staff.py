"""``koinon town staff``: who works for the town. The first accounts are made here; nobody signs up alone."""

from __future__ import annotations

import re
import sys
import unicodedata
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from koinon.cli import opening
from koinon.cli.errors import PasswordWeak, UserExists, UserUnknown
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import speaking

if TYPE_CHECKING:
    from psycopg import Connection
    from rich.console import Console

    from koinon.parties.types import StaffFacts

app = typer.Typer(help="Say who works for a town, and as what.", no_args_is_help=True)

ACTOR = "cli:town-staff"


class StaffRole(StrEnum):
    """What somebody does for a town."""

    OFFICER = "officer"
    APPROVER = "approver"
    TREASURER = "treasurer"
    AUDITOR = "auditor"
    COORDINATOR = "coordinator"


def user_name(text: str) -> str:
    name = unicodedata.normalize("NFKC", text.strip())
    if not re.fullmatch(r"[\w.@+-]{1,150}", name):
        raise typer.BadParameter("a user name has letters, digits and . @ + - _ only")
    return name


def address(text: str) -> str:
    if text and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text.strip()):
        raise typer.BadParameter("this is not a mail address")
    return text.strip()


UserArgument = Annotated[str, typer.Argument(metavar="USERNAME", help="Name to sign in by.", callback=user_name)]


@app.command("add")
def add(
    username: UserArgument,
    role: Annotated[StaffRole, typer.Option("--role", help="What the person does for the town.")],
    email: Annotated[
        str,
        typer.Option("--email", metavar="ADDRESS", help="Mail address, also good to sign in by.", callback=address),
    ] = "",
    password_stdin: Annotated[
        bool,
        typer.Option("--password-stdin", help="Read the password from standard input; without it one is generated."),
    ] = False,
    sees_people: Annotated[
        bool,
        typer.Option("--sees-people", help="In this role, also show who people are: names, addresses, accounts."),
    ] = False,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Give somebody a role in a town, and an account where they have none; its password is shown once."""
    from koinon.parties import operations, queries
    from koinon.parties.passwords import new_password

    with speaking(as_json) as out, opening.database(database) as opened:
        from django.contrib.auth.hashers import make_password

        now = datetime.now(UTC)
        password = ""
        with opening.connection(opened) as conn:
            facts = opening.town(conn, town)
            user = next(
                (one for one in queries.users_called(conn, [username]) if one.username.lower() == username.lower()),
                None,
            )
            if user is None:
                password = _password_from_stdin(username, email) if password_stdin else new_password()
                user = operations.add_user(
                    conn, username=username, email=email, password_hash=make_password(password), at=now
                )
            elif password_stdin or email not in ("", user.email):
                raise UserExists(name=user.username)
            given = operations.grant_role(
                conn,
                town_id=facts.id,
                user_id=user.id,
                role=role.value,
                party_id=None,
                actor=ACTOR,
                at=now,
                sees_personal_data=sees_people,
            )
        shown_once = password if password and not password_stdin else None

        def show(console: Console) -> None:
            if not given:
                console.print(f"{user.username} is {role.value} of {facts.slug} already.", markup=False)
                return
            console.print(f"{user.username} is {role.value} of {facts.slug}.", markup=False)
            if shown_once:
                console.print(f"Password, shown only now: {shown_once}", markup=False)
            elif not password:
                console.print("The account was there already, and its password stays.")

        out.document(
            {
                "town": facts.slug,
                "user": user.username,
                "role": role.value,
                "given": given,
                "sees_people": sees_people,
                "account_made": bool(password),
                "password": shown_once,
            },
            show,
        )


@app.command("list")
def list_staff(town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """List who works for a town."""
    from koinon.db.transactions import transaction
    from koinon.parties import queries

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            staff = queries.staff(conn, town_id=facts.id)

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            table = plain_table("user", "address", "roles", "sees people as")
            for one in staff:
                table.add_row(one.username, one.email, ", ".join(one.roles), ", ".join(one.sees_personal_data))
            console.print(table)

        out.document({"town": facts.slug, "staff": [_as_json(one) for one in staff]}, show)


@app.command("remove")
def remove(
    username: UserArgument,
    role: Annotated[
        StaffRole | None, typer.Option("--role", help="Only this role; without it, all they have in the town.")
    ] = None,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Take roles away. The account stays, as does what was done with it."""
    from koinon.db.transactions import transaction
    from koinon.parties import operations

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            taken = operations.dismiss(
                conn,
                town_id=facts.id,
                username=username,
                role=role.value if role else "",
                actor=ACTOR,
                at=datetime.now(UTC),
            )
        out.document(
            {"town": facts.slug, "user": username, "removed": list(taken)},
            lambda console: console.print(
                f"{username} is no longer {' or '.join(taken)} of {facts.slug}.", markup=False
            ),
        )


@app.command("sees-people")
def sees_people(
    username: UserArgument,
    role: Annotated[StaffRole, typer.Option("--role", help="In which role.")],
    take_away: Annotated[bool, typer.Option("--no", help="Take the right away.")] = False,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Let somebody see who people are, in one of their roles. Roles over money do not include it."""
    from koinon.db.transactions import transaction
    from koinon.parties import operations

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            changed = operations.let_see_people(
                conn,
                town_id=facts.id,
                username=username,
                role=role.value,
                sees=not take_away,
                actor=ACTOR,
                at=datetime.now(UTC),
            )
        said = f"{username} {'no longer sees' if take_away else 'sees'} who people are as {role.value} of {facts.slug}."
        out.document(
            {
                "town": facts.slug,
                "user": username,
                "role": role.value,
                "sees_people": not take_away,
                "changed": changed,
            },
            lambda console: console.print(said, markup=False),
        )


@app.command("invite")
def invite(
    username: UserArgument, town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None
) -> None:
    """Make a code by which a colleague chooses a password that nobody else knows. It works once, for a month."""
    from koinon.db.transactions import transaction
    from koinon.parties import invitations
    from koinon.parties.secrets import Secrets

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            one = _colleague(conn, facts.id, username)
            made = invitations.invite_colleague(
                conn, town_id=facts.id, user_id=one.id, secrets=Secrets.load(), actor=ACTOR, at=datetime.now(UTC)
            )

        def show(console: Console) -> None:
            console.print(f"Code, shown only now: {made.code}", markup=False)
            console.print(f"It is typed at /invitation/ until {made.good_until:%F}.", markup=False)

        told = {"user": one.username, "invitation": made.id, "code": made.code, "good_until": made.good_until}
        out.document({"town": facts.slug, **told}, show)


@app.command("new-factor")
def new_factor(
    username: UserArgument, town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None
) -> None:
    """Forget a colleague's second factors and end their sessions: at the next sign-in they set up a new one."""
    from koinon.db.transactions import transaction
    from koinon.parties import rights

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            one = _colleague(conn, facts.id, username)
            gone = rights.new_factor(conn, town_id=facts.id, user_id=one.id, actor=ACTOR, at=datetime.now(UTC))
        out.document(
            {"town": facts.slug, "user": one.username, "forgotten": gone},
            lambda console: console.print(
                f"{one.username} sets up a new second factor at the next sign-in.", markup=False
            ),
        )


@app.command("ask")
def ask(
    username: UserArgument,
    actor: ActorOption,
    role: Annotated[
        StaffRole | None, typer.Option("--role", help="The role, or with --sees-people the one for it.")
    ] = None,
    sees_people: Annotated[bool, typer.Option("--sees-people", help="To see who people are, in this role.")] = False,
    factor: Annotated[bool, typer.Option("--new-factor", help="To set up a new second factor.")] = False,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Ask for a right of a colleague, as an officer. What takes one person is given; an approver decides on the rest."""
    from koinon.db.transactions import transaction
    from koinon.parties import rights
    from koinon.parties.rights import What

    if factor == (role is not None) or (sees_people and role is None):
        raise typer.BadParameter("say --role, --role with --sees-people, or --new-factor")
    what = What.FACTOR if factor else What.PEOPLE if sees_people else What.ROLE
    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            user_id = _user(conn, username)
            asked = rights.ask(
                conn,
                town_id=facts.id,
                user_id=user_id,
                what=what,
                role=role.value if role else "",
                asked_by=_number(who),
                at=datetime.now(UTC),
            )
        said = f"Asked for: {asked}. An approver decides." if asked else "Given."
        out.document(
            {"town": facts.slug, "user": username, "right": what.value, "request": asked},
            lambda console: console.print(said, markup=False),
        )


@app.command("asked")
def asked(town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """List the rights that wait for a second person."""
    from koinon.db.transactions import transaction
    from koinon.parties import rights

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            found = rights.requests(conn, town_id=facts.id)

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            table = plain_table("request", "for", "right", "role", "asked by", "when")
            for one in found:
                who = f"user:{one.asked_by}"
                table.add_row(str(one.id), one.username, one.what, one.role, who, f"{one.asked_at:%F %R}")
            console.print(table)

        out.document({"town": facts.slug, "requests": [asdict(one) for one in found]}, show)


@app.command("decide")
def decide(
    request: Annotated[UUID, typer.Argument(metavar="REQUEST", help="Id of the request, as `asked` prints it.")],
    actor: ActorOption,
    decline: Annotated[bool, typer.Option("--decline", help="Decline it; without it, it is given.")] = False,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Give a right that somebody else asked for, as an approver who does not get it."""
    from koinon.db.transactions import transaction
    from koinon.parties import rights

    with speaking(as_json) as out, opening.desk(database, town, actor, role="approver") as (conn, facts, who):
        with transaction(conn):
            done = rights.decide(
                conn,
                town_id=facts.id,
                request=request,
                decided_by=_number(who),
                give=not decline,
                at=datetime.now(UTC),
            )
        said = f"{'Declined' if decline else 'Given'}: {done.username}, {done.what} {done.role}".rstrip()
        out.document(
            {"town": facts.slug, "request": request, "given": not decline},
            lambda console: console.print(f"{said}.", markup=False),
        )


@app.command("withdraw")
def withdraw(
    request: Annotated[UUID, typer.Argument(metavar="REQUEST", help="Id of the request, as `asked` prints it.")],
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Take back what one asked for, as an officer."""
    from koinon.db.transactions import transaction
    from koinon.parties import rights

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            rights.withdraw(conn, town_id=facts.id, request=request, asked_by=_number(who), at=datetime.now(UTC))
        out.document(
            {"town": facts.slug, "request": request, "withdrawn": True},
            lambda console: console.print("Taken back.", markup=False),
        )


def _user(conn: Connection[Any], username: str) -> int:
    from koinon.parties import queries

    found = [one for one in queries.users_called(conn, [username]) if one.username.casefold() == username.casefold()]
    if not found:
        raise UserUnknown(asked=username)
    return found[0].id


def _colleague(conn: Connection[Any], town_id: int, username: str) -> StaffFacts:
    from koinon.parties import queries
    from koinon.parties.errors import NotStaff

    staff = queries.staff(conn, town_id=town_id)
    found = next((one for one in staff if one.username.casefold() == username.casefold()), None)
    if found is None:
        raise NotStaff(name=username, role="")
    return found


def _number(actor: str) -> int:
    return int(actor.removeprefix("user:"))


def _password_from_stdin(username: str, email: str) -> str:
    """The first line of standard input, where it is a password that the site would take."""
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError

    from koinon.parties.models import User

    password = sys.stdin.readline().rstrip("\r\n")
    try:
        validate_password(password, User(username=username, email=email))
    except ValidationError as refused:
        raise PasswordWeak(reasons=refused.messages) from None
    return password


def _as_json(one: StaffFacts) -> dict[str, Any]:
    return {
        "user": one.username,
        "email": one.email,
        "roles": one.roles,
        "sees_people": one.sees_personal_data,
    }
