"""The audit trail: lines are added, paged, found by what they are about, and never hold free text about people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from koinon.audit import operations, queries

NOW = datetime(2026, 10, 1, tzinfo=UTC)


def test_a_subject_tells_its_whole_story_newest_first(conn: psycopg.Connection[Any]) -> None:
    for action in ("cycle.prepared", "cycle.approved"):
        operations.record(
            conn, town_id=1, actor="user:17", action=action, subject="cycle:7", at=NOW, after={"state": action}
        )
    operations.record(conn, town_id=1, actor="user:17", action="town.seen", subject="town:1", at=NOW)
    story = queries.entries_of_subject(conn, town_id=1, subject="cycle:7")
    assert [(entry.actor, entry.action, entry.after) for entry in story] == [
        ("user:17", "cycle.approved", {"state": "cycle.approved"}),
        ("user:17", "cycle.prepared", {"state": "cycle.prepared"}),
    ]


def test_the_trail_is_paged_without_gaps_and_by_town(conn: psycopg.Connection[Any]) -> None:
    for number in range(5):
        operations.record(conn, town_id=1, actor="job:x", action="thing.done", subject=f"thing:{number}", at=NOW)
    operations.record(conn, town_id=2, actor="job:x", action="thing.done", subject="thing:other", at=NOW)
    first = queries.entries(conn, town_id=1, size=3)
    rest = queries.entries(conn, town_id=1, size=3, before=first[-1].id)
    assert [entry.subject for entry in (*first, *rest)] == [f"thing:{number}" for number in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize("actor", ["Maria Bueno", "maria@example.org", ""])
def test_an_actor_that_could_be_a_name_is_refused_by_the_database(conn: psycopg.Connection[Any], actor: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        operations.record(conn, town_id=1, actor=actor, action="thing.done", subject="thing:1", at=NOW)
