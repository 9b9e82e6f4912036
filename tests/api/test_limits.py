"""A client that asks too much waits, and is told how long; others are not held up by it."""

from __future__ import annotations

from typing import Any

import pytest

from koinon.api.limits import Bucket
from koinon.payments.errors import Busy
from tests.api.asking import fresh, payment


@pytest.fixture
def no_time_passes(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a busy machine takes to ask."""
    now = api.clock()
    monkeypatch.setattr(api, "clock", lambda: now)


def test_a_credential_that_asks_too_much_is_told_when_to_come_back(books, asking, no_time_passes):
    slow = books.key("slow", rate=1)
    told = [asking("GET", "/whoami", by=slow) for _ in range(12)]
    assert [one.status for one in told[:10]] == [200] * 10
    last = told[-1]
    assert (last.status, last.code, last.headers["retry-after"], last.json["retry_after_seconds"]) == (
        429,
        "api.too-many-requests",
        "1",
        1,
    )
    assert told[0].headers["ratelimit-policy"] == '"default";q=10;w=10'
    assert told[0].headers["ratelimit"].startswith('"default";r=9;t=')
    assert asking("GET", "/whoami", by=books.key()).status == 200


def test_a_batch_counts_for_more(books, asking):
    slow = books.key("slow batches", rate=1)
    items = [{"key": fresh(), **payment(books, "ana", "forn", 1)} for _ in range(100)]
    told = asking("POST", "/payments/batch", json={"payments": items}, by=slow)
    assert (told.status, told.code) == (429, "api.too-many-requests")


def test_a_bucket_never_holds_more_than_its_burst():
    bucket = Bucket(rate=5, now=0.0)
    bucket.take(1, now=1_000_000.0)
    assert bucket.left == (b"ratelimit", b'"default";r=49;t=1')
    assert bucket.take(1, now=0.0) == 0.0  # A clock that stands behind takes nothing away.


def test_when_too_much_waits_the_answer_says_so_and_nothing_was_tried(books, asking, api, monkeypatch):
    async def full(_town_id: int, _command: object) -> None:
        raise Busy(retry_after_seconds=3)

    before = books.balance("forn")
    monkeypatch.setattr(api.engine, "perform", full)
    told = asking("POST", "/payments", json=payment(books, "ana", "forn", 1), key=fresh(), by=books.key())
    assert (told.status, told.code, told.headers["retry-after"]) == (503, "payments.busy", "3")
    assert books.balance("forn") == before


def test_health_is_asked_of_the_database_once_a_second(asking, api, monkeypatch, no_time_passes):
    asked = []
    run = api.readers.run
    monkeypatch.setattr(api.readers, "run", lambda read: asked.append(1) or run(read))
    api.healthy_at = float("-inf")
    assert {asking("GET", "/health").status for _ in range(20)} == {200}
    assert len(asked) == 1
