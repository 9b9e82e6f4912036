"""A target that is proposed, confirmed and declined by several people at once is written down once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from threading import Barrier
from typing import Any

import psycopg
import pytest

from koinon.impact import aims, targets
from koinon.impact.aims import Target
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import new_id
from tests.programmes import small_town
from tests.programmes.small_town import SmallTown

AT = datetime(2026, 11, 3, 9, tzinfo=UTC)
WANTED = Target("recirculation", "", date(2026, 12, 1), date(2027, 12, 31), Decimal("0.35"), "Ple 2026/11")


@pytest.fixture
def town(database: Any, conn: Any) -> SmallTown:
    town = small_town.build(conn)
    conn.commit()
    return town


def at_once(connect_again: Any, *works: Callable[[psycopg.Connection[Any]], str]) -> list[str]:
    ready = Barrier(len(works))

    def one(work: Callable[[psycopg.Connection[Any]], str]) -> str:
        with connect_again() as own:
            own.execute("SELECT 1")
            ready.wait(60)
            try:
                return work(own)
            except KoinonError as refused:
                own.rollback()
                return refused.code

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(one, works))


def test_what_is_proposed_twice_at_once_stands_once_in_the_trail(town: SmallTown, connect_again: Any) -> None:
    asked = {"town_id": town.id, "proposal_id": new_id(), "target": WANTED, "at": AT, "actor": "user:1"}
    assert set(at_once(connect_again, *[lambda own: targets.propose(own, **asked).state] * 4)) == {"proposed"}
    assert town.audited().count("impact.target-proposed") == 1


def test_one_of_those_who_confirm_and_decline_at_once_decides(town: SmallTown, connect_again: Any) -> None:
    proposal = new_id()
    targets.propose(town.conn, town_id=town.id, proposal_id=proposal, target=WANTED, at=AT, actor="user:1")
    town.conn.commit()
    how: dict[str, Any] = {"town_id": town.id, "proposal_id": proposal, "at": AT}

    def confirms(own: psycopg.Connection[Any]) -> str:
        return targets.confirm(own, actor="user:2", **how).state

    def declines(own: psycopg.Connection[Any]) -> str:
        return targets.decline(own, actor="user:3", reason="too far", **how).state

    def takes_back(own: psycopg.Connection[Any]) -> str:
        return targets.decline(own, actor="user:1", reason="a slip", **how).state

    came = at_once(connect_again, confirms, confirms, declines, takes_back)
    decided = {one for one in came if not one.startswith("impact.")}
    [stands] = targets.proposals(town.conn, town_id=town.id)
    assert decided == {stands.state}
    held = (WANTED,) if stands.state == "confirmed" else ()
    assert aims.targets(town.conn, town.id) == held
    said = [
        action
        for action in town.audited()
        if action.startswith("impact.target-") and action != "impact.target-proposed"
    ]
    assert said == ["impact.target-set" if held else f"impact.target-{stands.state}"]
