"""From a bare database to one on which Koinon runs: roles, SQL migrations, then Django's tables."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager

from koinon.db import setup
from koinon.db.connections import Database

OWNER = "koinon_owner"


def prepare(database: Database) -> int:
    """Bring the database to what this version of Koinon expects; the number of SQL migrations that were run.

    Repeatable, and two at once take turns. Where nothing is due, the owner's
    address may be the application's: nothing is asked of it but to read. Where
    Django has been set up before, it was with the same ``KOINON_DATABASE_URL``.
    """
    fresh = setup.prepare(database)
    set_up_django(database)
    migrate(database)
    return len(fresh)


def set_up_django(database: Database) -> None:
    """Point Django's settings at the database and load the apps, once for each process."""
    os.environ["KOINON_DATABASE_URL"] = database.app_url
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "koinon.server.settings")

    import django
    from django.apps import apps

    if not apps.ready:
        django.setup()


def migrate(database: Database) -> None:
    """Run Django's migrations as ``koinon_owner``, on a connection of its own that is closed afterwards.

    Where none is due, nothing is asked of the connection but that it may read.
    """
    from django.core.management import call_command

    with _alias(database.owner_url) as alias:
        if not _due(alias):
            return
    with _alias(database.owner_url, assume_role=OWNER) as alias, setup.one_at_a_time(database):
        call_command("migrate", database=alias, interactive=False, verbosity=0, stdout=io.StringIO())


def _due(alias: str) -> bool:
    from django.db import connections
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connections[alias])
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


@contextmanager
def _alias(url: str, **options: str) -> Iterator[str]:
    """Another connection beside Django's default one, known to it as long as the block lasts."""
    from django.db import connections

    from koinon.server.settings import database_settings

    alias = "preparing"
    described = database_settings(url)
    described["OPTIONS"] = {**described["OPTIONS"], "options": "-c timezone=UTC", **options}
    connections.settings[alias] = connections.configure_settings({"default": described})["default"]
    try:
        yield alias
    finally:
        connections[alias].close()
        del connections[alias]
        del connections.settings[alias]
