"""From a bare database to one on which Koinon runs: roles, SQL migrations, then Django's tables."""

from __future__ import annotations

import io
import os

from koinon.db import setup
from koinon.db.connections import Database, connect
from koinon.ledger import operations as ledger

OWNER = "koinon_owner"


def prepare(database: Database) -> int:
    """Bring the database to what this version of Koinon expects; the number of SQL migrations that were run.

    Repeatable, and two at once take turns. Where Django has been set up before,
    it was with the same ``KOINON_DATABASE_URL``.
    """
    fresh = setup.prepare(database)
    set_up_django(database)
    migrate(database)
    with connect(database.owner_url, application_name="koinon prepare") as conn:
        ledger.adopt_cluster(conn)
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
    """Run Django's migrations as ``koinon_owner``, on a connection of its own that is closed afterwards."""
    from django.core.management import call_command
    from django.db import connections

    from koinon.server.settings import database_settings

    alias = "owner"
    described = database_settings(database.owner_url)
    described["OPTIONS"] = {**described["OPTIONS"], "assume_role": OWNER, "options": "-c timezone=UTC"}
    connections.settings[alias] = connections.configure_settings({"default": described})["default"]
    try:
        with setup.one_at_a_time(database):
            call_command("migrate", database=alias, interactive=False, verbosity=0, stdout=io.StringIO())
    finally:
        connections[alias].close()
        del connections[alias]
        del connections.settings[alias]
