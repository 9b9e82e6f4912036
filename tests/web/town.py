"""A small town that has lived its first month, and its site, for tests that look at pages.

The month is run once in a test run; each test module gets a copy of its database.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from koinon.db.connections import Database
from tests.conftest import VAR, Databases, LiveSite, django_on, serving
from tests.pilots import small_besos

ROLES = ("resident", "shop", "officer", "approver", "treasurer", "coordinator", "auditor")
_copies = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Lived:
    """The database of the town after its month, and who signs in with which password."""

    databases: Databases
    name: str
    passwords: dict[str, str]

    @contextmanager
    def copy(self) -> Iterator[Database]:
        """A copy to do with as the test likes."""
        server, name = self.databases.server, f"{self.name}_copy_{next(_copies)}"
        with psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name} TEMPLATE {self.name} STRATEGY FILE_COPY")
            try:
                yield Database(app_url=server.url("koinon_app", name), owner_url=server.url("postgres", name))
            finally:
                admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@dataclass(frozen=True, slots=True)
class TownSite:
    """The site of the town, and how each role signs in."""

    site: LiveSite
    passwords: dict[str, str]

    @property
    def url(self) -> str:
        return self.site.url


@pytest.fixture(scope="session")
def lived(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    from koinon.pilots import demo, demo_people

    folder = small_besos.write(tmp_path_factory.mktemp("town"), households=8, shops=2)
    with databases.clone() as database, django_on(database):
        demo.run(
            database, demo.Wanted(var=VAR, folder=folder, aid_alone=True), now=datetime(2026, 11, 3, 9, tzinfo=UTC)
        )
        kept = json.loads((Path(VAR) / demo_people.FILE).read_text())
        passwords = {row["role"]: row["password"] for row in kept["sign_in"]}
        from django.db import connections

        connections.close_all()
        yield Lived(databases, str(conninfo_to_dict(database.app_url)["dbname"]), passwords)


@pytest.fixture(scope="module")
def town_database(lived: Lived) -> Iterator[Database]:
    with lived.copy() as database:
        yield database


@pytest.fixture(scope="module")
def town_site(lived: Lived) -> Iterator[TownSite]:
    with lived.copy() as database, serving(database) as site:
        yield TownSite(site, lived.passwords)
