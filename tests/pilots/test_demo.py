"""What the demonstration knows of its town beside what it does."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from koinon.parties import queries as parties
from koinon.parties.secrets import Secrets
from koinon.pilots import demo, townfolder
from koinon.pilots.apply import apply
from tests.pilots import small_town


def test_aid_is_over_on_the_day_after_the_last_one_on_which_it_can_be_spent(
    conn: psycopg.Connection[Any], tmp_path: Path
) -> None:
    plan = townfolder.read(small_town.write(tmp_path / "town"))
    applied = apply(
        conn,
        plan,
        at=datetime(2026, 10, 1, tzinfo=UTC),
        actor="job:test",
        accept_warnings=True,
        secrets=Secrets.fresh(),
    )
    assert applied.town_id is not None
    town, last = parties.town(conn, applied.town_id), date(2027, 3, 31)

    assert demo.aid_ended_on(conn, town, last) is None
    assert demo.aid_ended_on(conn, town, last + timedelta(days=1)) == last
