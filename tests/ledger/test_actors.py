"""A new actor's first postings never wait for each other, whoever comes first."""

from __future__ import annotations

from koinon.ledger import operations


def test_an_actor_is_met_once_somebody_has_written_it(conn):
    operations._met.clear()
    operations.meet(conn, town_id=1, actors=["till:new"])
    assert operations.strangers(1, ["till:new"]) == ["till:new"]
    operations.meet(conn, town_id=1, actors=["till:new", "till:other"])
    assert operations.strangers(1, ["till:other", "till:new"]) == ["till:other"]
