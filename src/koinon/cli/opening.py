"""Opening what a command works on: the database, Django's records, a town, the person who acts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from koinon.cli import wiring
from koinon.cli.errors import (
    DatabaseInUse,
    NotOurDatabase,
    NotSetUp,
    NotUpToDate,
    RoleMissing,
    TownUnknown,
    UserUnknown,
)
from koinon.cli.output import know_unit

if TYPE_CHECKING:
    from psycopg import Connection

    from koinon.db.connections import Database
    from koinon.parties.types import TownFacts, TownName

DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database", metavar="URL", envvar="KOINON_DATABASE_URL", help="PostgreSQL to use.", show_envvar=True
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
TownOption = Annotated[str, typer.Option("--town", metavar="SLUG", help="Which town; needed where there are several.")]
ActorOption = Annotated[
    str, typer.Option("--as", metavar="USER", envvar="KOINON_USER", help="Who does this: a user of the town.")
]


@contextmanager
def database(url: str | None) -> Iterator[Database]:
    """The database, brought to what this version expects, and Django's settings pointed at it."""
    from koinon.db import connections

    with connections.database(url) as opened, _address_kept():
        wiring.preparing().prepare(opened)
        try:
            yield opened
        finally:
            _close_django()


@contextmanager
def books(url: str | None, *, patience_seconds: int = 60) -> Iterator[Connection[Any]]:
    """A connection to books that are there already; needs no Django and changes no table.

    ``patience_seconds`` bounds each statement; 0 is for those that go through a whole history.
    """
    from koinon.db import connections

    with (
        connections.database(url) as opened,
        connections.connect(
            opened.app_url, application_name="koinon command", statement_timeout_seconds=patience_seconds
        ) as conn,
    ):
        if not _has_books(conn):
            raise NotSetUp
        if waiting := _not_had(conn):
            raise NotUpToDate(waiting=waiting)
        yield conn


class Desk(NamedTuple):
    """A town's books and who works on them; ``actor`` is empty for those who only read."""

    conn: Connection[Any]
    town: TownFacts
    actor: str


@contextmanager
def desk(url: str | None, slug: str, name: str = "", *, role: str = "") -> Iterator[Desk]:
    """The books of one town, opened for a user who has the role; without a role, for anybody who only reads."""
    from koinon.db.transactions import transaction

    with books(url) as conn:
        with transaction(conn):
            facts = town(conn, slug)
            who = actor(conn, facts, name, role=role) if role else ""
        yield Desk(conn, facts, who)


@contextmanager
def connection(database: Database) -> Iterator[Connection[Any]]:
    """One transaction on a connection of its own: the command owns it."""
    from koinon.db import connections
    from koinon.db.transactions import transaction

    with connections.connect(database.app_url, application_name="koinon command") as conn, transaction(conn):
        yield conn


def start_over(url: str | None) -> None:
    """Delete the embedded database, which its next start makes anew; refused for any other."""
    if url or os.environ.get("KOINON_DATABASE_URL"):
        raise NotOurDatabase
    from psycopg import sql
    from psycopg.errors import ObjectInUse

    from koinon.db import connections, embedded

    with (
        embedded.running() as server,
        connections.connect(server.url(embedded.ADMINISTRATOR, "postgres"), application_name="koinon fresh") as conn,
    ):
        conn.autocommit = True
        try:
            conn.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(embedded.DATABASE)))
        except ObjectInUse:
            raise DatabaseInUse from None


@dataclass(frozen=True, slots=True)
class _User:
    id: int
    roles: list[str]


def towns(conn: Connection[Any], slug: str) -> list[TownName]:
    """The town of that name, or without a name every town there is."""
    from koinon.parties import queries

    every = queries.towns(conn)
    found = [town for town in every if not slug or town.slug == slug]
    if slug and not found:
        raise TownUnknown(asked=slug, towns=[town.slug for town in every])
    return found


def town(conn: Connection[Any], slug: str) -> TownFacts:
    """The town of that name, or the only one there is."""
    from koinon.parties import queries

    found = towns(conn, slug)
    if len(found) != 1:
        raise TownUnknown(asked=slug, towns=[town.slug for town in found])
    facts = queries.town(conn, found[0].id)
    for unit in (facts.unit_code, facts.national_currency):
        know_unit(unit, facts.exponent)
    return facts


def actor(conn: Connection[Any], town: TownFacts, name: str, *, role: str | Sequence[str]) -> str:
    """How the books name the user of the town who is called so and has the role this takes, or one of those."""
    from koinon.db.statements import many, statement

    found = many(conn, statement("koinon.cli", "user_of_town"), _User, town_id=town.id, name=name)
    if not found:
        raise UserUnknown(asked=name)
    wanted = (role,) if isinstance(role, str) else role
    if not set(wanted) & set(found[0].roles):
        raise RoleMissing(asked=name, role=wanted[0])
    return f"user:{found[0].id}"


def _has_books(conn: Connection[Any]) -> bool:
    row = conn.execute("SELECT to_regclass('ledger.journal') IS NOT NULL").fetchone()
    conn.rollback()
    return bool(row and row[0])


def _not_had(conn: Connection[Any]) -> list[str]:
    """The migrations that this version has and the database has not had: ours in SQL, and Django's of our packages."""
    from importlib.resources import files

    from koinon.db import migrations

    missing = [f"{one.package}.{one.name}" for one in migrations.pending(conn)]
    had = set(conn.execute("SELECT app, name FROM django_migrations").fetchall())
    conn.rollback()
    for package in sorted(files("koinon").iterdir(), key=lambda folder: folder.name):
        if (folder := package.joinpath("migrations")).is_dir():
            names = sorted(file.name.removesuffix(".py") for file in folder.iterdir() if file.name[:4].isdigit())
            missing += [f"koinon.{package.name}.{name}" for name in names if (package.name, name) not in had]
    return missing


@contextmanager
def _address_kept() -> Iterator[None]:
    """Setting Django up writes KOINON_DATABASE_URL; whoever calls us keeps the one they had."""
    before = os.environ.get("KOINON_DATABASE_URL")
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("KOINON_DATABASE_URL", None)
        else:
            os.environ["KOINON_DATABASE_URL"] = before


def _close_django() -> None:
    from django.db import connections

    connections.close_all()
