"""The same request twice is one payment; the same key for something else is refused; nothing is lost by a crash."""

from __future__ import annotations

import secrets
import time
from uuid import UUID

import pytest

from koinon.api.asking import key_in
from koinon.api.errors import KeyMalformed
from koinon.db.errors import NotSettled
from tests.api.asking import Asking, Loop, fresh, payment


def test_a_payment_without_a_key_is_not_tried(books, asking):
    told = asking("POST", "/payments", json=payment(books, "ana", "forn", 1), by=books.key())
    assert (told.status, told.code) == (400, "api.key-missing")


@pytest.mark.parametrize("header", ["", " ", '""', "x" * 256, "a\x7fb", "é", '"a"b"', '"a\\b"'])
def test_a_key_that_is_none_is_refused(header):
    with pytest.raises(KeyMalformed):
        key_in(header.encode("latin-1"))


@pytest.mark.parametrize("header", ["receipt-17", '"receipt-17"', ' "receipt-17" '])
def test_a_quoted_key_and_a_bare_one_are_the_same(header):
    assert key_in(header.encode()) == "receipt-17"


def test_a_retry_gets_the_first_answer_and_is_told_so(books, asking):
    key, body = fresh(), payment(books, "ana", "forn", 10)
    first = asking("POST", "/payments", json=body, key=key, by=books.key())
    again = asking("POST", "/payments", json=body, key=f'"{key}"', by=books.key())
    assert (again.status, again.json, again.headers["idempotency-replayed"]) == (201, first.json, "true")


def test_a_key_for_something_else_is_refused_and_moves_nothing(books, asking):
    key = fresh()
    asking("POST", "/payments", json=payment(books, "ana", "forn", 10), key=key, by=books.key())
    before = books.balance("forn")
    for other in (payment(books, "ana", "forn", 11), payment(books, "ana", "llibres", 10)):
        told = asking("POST", "/payments", json=other, key=key, by=books.key())
        assert (told.status, told.code) == (422, "payments.key-reused")
    assert books.balance("forn") == before


def test_a_refused_request_does_not_use_its_key_up(books, asking):
    key = fresh()
    assert (
        asking("POST", "/payments", json=payment(books, "ana", "forn", 900_00), key=key, by=books.key()).status == 409
    )
    assert asking("POST", "/payments", json=payment(books, "ana", "forn", 10), key=key, by=books.key()).status == 201


def test_the_same_key_many_times_at_once_is_one_payment(books, asking):
    key, body, before = fresh(), payment(books, "ana", "forn", 10), float(books.balance("forn"))
    told = [
        one.result(60)
        for one in [asking.begin("POST", "/payments", json=body, key=key, by=books.key()) for _ in range(20)]
    ]
    assert {one.status for one in told} == {201}
    assert len({one.body for one in told}) == 1
    assert sum("idempotency-replayed" in one.headers for one in told) == 19
    assert round(float(books.balance("forn")) - before, 2) == 0.1


def test_two_credentials_never_mean_the_same_by_one_key(books, asking):
    key, body = fresh(), payment(books, "ana", "forn", 10)
    mine = asking("POST", "/payments", json=body, key=key, by=books.key()).json["id"]
    told = asking("POST", "/payments", json=body, key=key, by=books.key("another"))
    assert told.json["id"] != mine
    assert "idempotency-replayed" not in told.headers


def test_a_key_belongs_to_one_request_whatever_its_address(books, asking):
    key = fresh()
    made = asking("POST", "/payments", json=payment(books, "ana", "forn", 10), key=key, by=books.key()).json
    told = asking("POST", f"/payments/{made['id']}/refunds", json={}, key=key, by=books.key())
    assert (told.status, told.code) == (422, "payments.key-reused")


def test_a_client_that_lost_its_answer_learns_it_from_another_process(books, asking):
    """The connection was cut after the commit: another server on the same database gives the first answer."""
    from koinon.api.application import application

    key, body = fresh(), payment(books, "ana", "forn", 10)
    first = asking("POST", "/payments", json=body, key=key, by=books.key())
    app, loop = application(books.database.app_url, log=False), Loop()
    loop.run(app.start())
    try:
        again = Asking(app, loop)("POST", "/payments", json=body, key=key, by=books.key())
    finally:
        loop.run(app.stop())
        loop.close()
    assert (again.status, again.json, again.headers["idempotency-replayed"]) == (201, first.json, "true")


def test_a_key_whose_own_time_lies_far_from_now_is_taken_or_refused_and_never_a_defect(books, asking):
    def with_time(milliseconds: int) -> str:
        return str(UUID(int=(milliseconds << 80) | (7 << 76) | (2 << 62) | secrets.randbits(60)))

    now = time.time_ns() // 1_000_000
    for milliseconds in (0, now - 400 * 86_400_000, now - 40 * 86_400_000):
        key, body = with_time(milliseconds), payment(books, "ana", "forn", 1)
        first = asking("POST", "/payments", json=body, key=key, by=books.key())
        again = asking("POST", "/payments", json=body, key=key, by=books.key())
        assert (first.status, again.status, again.json) == (201, 201, first.json)
    for milliseconds in (now + 3 * 86_400_000, 2**48 - 1):
        told = asking(
            "POST", "/payments", json=payment(books, "ana", "forn", 1), key=with_time(milliseconds), by=books.key()
        )
        assert (told.status, told.code) == (409, "ledger.key-from-the-future")


def test_an_answer_that_nobody_knows_is_not_called_busy(books, asking, api, monkeypatch):
    async def away(_town_id: int, _command: object) -> None:
        raise NotSettled(reason="OperationalError")

    monkeypatch.setattr(api.engine, "perform", away)
    told = asking("POST", "/payments", json=payment(books, "ana", "forn", 1), key=fresh(), by=books.key())
    assert (told.status, told.code) == (504, "db.not-settled")
