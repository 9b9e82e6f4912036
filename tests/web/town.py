"""A small town that has lived its first month, and its site, for tests that look at pages.

The month is run once in a test run. Each process of it has a server of its own on a copy of what came of it, each test
module a copy of the database.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from koinon.db import embedded
from koinon.db.connections import Database
from koinon.db.embedded import EmbeddedServer
from tests import prepared
from tests.conftest import VAR, LiveSite, django_on, serving
from tests.pilots import small_besos

ROLES = ("resident", "shop", "officer", "approver", "treasurer", "coordinator", "auditor")
_copies = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Lived:
    """A server with the town after its month, and who signs in with which password."""

    server: EmbeddedServer
    passwords: dict[str, str]

    @contextmanager
    def copy(self) -> Iterator[Database]:
        """A copy to do with as the test likes."""
        name = f"lived_{next(_copies)}"
        with psycopg.connect(self.server.url("postgres", "postgres"), autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name} TEMPLATE {embedded.DATABASE} STRATEGY FILE_COPY")
            try:
                yield Database(app_url=self.server.url("koinon_app", name), owner_url=self.server.url("postgres", name))
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
def lived() -> Iterator[Lived]:
    made, own = prepared.once("lived", _live), VAR / "lived"
    if not own.exists():  # Both folders of tests that use this fixture have one of their own.
        prepared.copied(made, own, "pg")
    kept = json.loads((made / "demo" / "sign-in.json").read_text())
    with embedded.running(own, durable=False) as server:
        yield Lived(server, {row["role"]: row["password"] for row in kept["sign_in"]})


def _live(folder: Path) -> None:
    """Run the month, with the keys of this process, which are those of all."""
    from django.db import connections

    from koinon.pilots import demo

    prepared.kernels()
    prepared.copy_to(folder)
    town = without_end(small_besos.write(folder / "town", households=8, shops=2))
    wanted = demo.Wanted(var=folder / "demo", folder=town, aid_alone=True)
    with embedded.running(folder, durable=False) as server:
        database = Database(app_url=server.url("koinon_app"), owner_url=server.url("postgres"))
        with django_on(database):
            demo.run(database, wanted, now=datetime(2026, 11, 3, 9, tzinfo=UTC))
            connections.close_all()


def without_end(town: Path) -> Path:
    """The same town, whose money can be spent in whichever year it is looked at."""
    for file in town.rglob("*.toml"):
        text = file.read_text(encoding="utf-8")
        file.write_text(re.sub(r"^last_day = .*$", "last_day = 2099-12-31", text, flags=re.MULTILINE), encoding="utf-8")
    return town


@pytest.fixture(scope="module")
def town_database(lived: Lived) -> Iterator[Database]:
    with lived.copy() as database:
        yield database


@pytest.fixture(scope="module")
def town_site(lived: Lived) -> Iterator[TownSite]:
    with lived.copy() as database, serving(database) as site:
        yield TownSite(site, lived.passwords)
