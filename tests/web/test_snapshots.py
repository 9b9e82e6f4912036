"""Pages whose figures come from several questions: whoever writes in between is seen by all of them, or by none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from koinon.accounting import operations as accounting
from koinon.accounting import queries as accounts
from koinon.audit import operations as audit
from koinon.db.connections import Database, connect
from koinon.db.transactions import transaction
from koinon.impact.town import network
from koinon.ledger import queries as books
from koinon.offline import queries as offline
from koinon.treasury import queries as treasury
from tests.conftest import django_on
from tests.web.test_access import client_of

AT = datetime(2026, 11, 3, tzinfo=UTC)
COUNT = "SELECT count(*) FROM audit.entry"


@pytest.fixture(scope="module")
def site(town_database: Database) -> Iterator[Database]:
    with django_on(town_database):
        yield town_database


def meanwhile(site: Database, town_id: int) -> None:
    """Somebody writes something down on another connection."""
    with connect(site.app_url) as other, transaction(other):
        audit.record(other, town_id=town_id, actor="test", action="test.came", subject="test:1", at=AT)


@pytest.mark.parametrize(
    ("role", "address", "asks"),
    [
        ("treasurer", "/bookkeeping/network/", (accounts, "network")),
        ("treasurer", "/bookkeeping/till/", (accounts, "town_payments")),
        ("treasurer", "/treasury/", (books, "totals")),
        ("treasurer", "/treasury/runs/", (treasury, "open_redemptions")),
        ("treasurer", "/treasury/offline/", (offline, "report")),
        ("officer", "/impact/network/", (network, "read")),
        ("shop", "/shop/suppliers/", (network, "read")),
    ],
)
def test_what_comes_between_two_questions_of_a_page_is_seen_by_none_of_them(
    site: Database, monkeypatch: pytest.MonkeyPatch, role: str, address: str, asks: tuple[Any, str]
) -> None:
    module, name = asks
    question, seen = getattr(module, name), []

    def and_something_comes(conn: Any, **asked: Any) -> Any:
        before = conn.execute(COUNT).fetchone()
        meanwhile(site, asked["town_id"])
        seen.append(before == conn.execute(COUNT).fetchone())
        return question(conn, **asked)

    monkeypatch.setattr(module, name, and_something_comes)

    assert client_of(role).get(address).status_code == 200
    assert seen
    assert set(seen) == {True}


def test_what_is_written_from_such_a_page_is_kept_and_sees_what_was_done_while_it_waited(
    site: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, seen = accounting.record_notification, []

    def and_something_comes(conn: Any, **said: Any) -> Any:
        before = conn.execute(COUNT).fetchone()
        meanwhile(site, said["town_id"])
        seen.append(conn.execute(COUNT).fetchone()[0] - before[0])
        return record(conn, **said)

    monkeypatch.setattr(accounting, "record_notification", and_something_comes)
    client = client_of("treasurer")
    said = {"what": "notified", "sent_on": "2026-11-02", "authority": "Bank of Spain", "reference": "BdE-2026-17"}

    assert client.post("/bookkeeping/network/", said).status_code == 302
    assert seen == [1]
    assert "BdE-2026-17" in client.get("/bookkeeping/network/").content.decode()
