"""Django's connections are those of the rest, whatever the address says besides."""

from __future__ import annotations

import psycopg

from koinon.server.settings import database_settings


def test_options_in_the_address_leave_the_statement_timeout(database_url: str) -> None:
    options = database_settings(f"{database_url}&options=-c%20search_path%3Dledger")["OPTIONS"]["options"]

    with psycopg.connect(database_url, options=options) as conn:
        shown = [conn.execute(f"SHOW {name}").fetchone() for name in ("search_path", "statement_timeout", "timezone")]

    assert shown == [("ledger",), ("30s",), ("UTC",)]
