"""Opening what a command works on: the database, Django's records, a town, the person who acts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from koinon.cli import wiring
from koinon.cli.errors import DatabaseInUse, NotOurDatabase, NotSetUp, TownUnknown, UserUnknown

if TYPE_CHECKING:
    from psycopg import Connection

    from koinon.db.connections import Database
    from koinon.parties.models import Town, User
    from koinon.parties.types import TownFacts

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
def books(url: str | None) -> Iterator[tuple[Database, Connection[Any]]]:
    """A connection for reading the books, without Django and without changing the database."""
    from koinon.db import connections

    with (
        connections.database(url) as opened,
        # Recomputing a whole history may take longer than an ordinary statement.
        connections.connect(opened.app_url, application_name="koinon", statement_timeout_seconds=0) as conn,
    ):
        if not _has_books(conn):
            raise NotSetUp
        yield opened, conn


@contextmanager
def connection(database: Database) -> Iterator[Connection[Any]]:
    """One transaction on a connection of its own: the command owns it."""
    from koinon.db import connections
    from koinon.db.transactions import transaction

    with connections.connect(database.app_url, application_name="koinon command") as conn, transaction(conn):
        yield conn


@contextmanager
def town_transaction(database: Database, slug: str) -> Iterator[tuple[Connection[Any], TownFacts]]:
    """One transaction on a connection of its own, and the town it is about."""
    from koinon.parties import queries

    with connection(database) as conn:
        yield conn, queries.town_by_slug(conn, slug or town_called(slug).slug)


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


def town_called(slug: str) -> Town:
    """The town of that name, or the only one there is."""
    from koinon.parties.models import Town

    towns = {town.slug: town for town in Town.objects.order_by("id")}
    if slug in towns:
        return towns[slug]
    if not slug and len(towns) == 1:
        return next(iter(towns.values()))
    raise TownUnknown(asked=slug, towns=sorted(towns))


def user_called(name: str, town: Town) -> User:
    """The user of the town with that user name or address."""
    from django.db.models import Q

    from koinon.parties.models import User

    found = User.objects.filter(Q(username=name) | Q(email__iexact=name), grants__town=town, is_active=True).distinct()
    try:
        return found.get()
    except (User.DoesNotExist, User.MultipleObjectsReturned):
        raise UserUnknown(asked=name) from None


def _has_books(conn: Connection[Any]) -> bool:
    row = conn.execute("SELECT to_regclass('ledger.transfer') IS NOT NULL").fetchone()
    conn.rollback()
    return bool(row and row[0])


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
