"""Paying, giving back and reserving over HTTP: the money moves once, and the answer says what happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from koinon.payments import operations
from tests.api.asking import fresh, payment


def later(hours: int = 1) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


def test_a_payment_moves_the_money_and_says_where_it_can_be_read(books, asking):
    before = books.balance("forn")
    told = asking(
        "POST", "/payments", json=payment(books, "ana", "forn", 250, reference="r/1"), key=fresh(), by=books.key()
    )
    made = told.json
    assert told.status == 201
    assert {
        name: made[name] for name in ("payer", "payee", "amount_minor", "unit", "refunded_minor", "reference", "hold")
    } == {
        "payer": books.party("ana"),
        "payee": books.party("forn"),
        "amount_minor": 250,
        "unit": "REC",
        "refunded_minor": 0,
        "reference": "r/1",
        "hold": None,
    }
    assert told.headers["location"] == f"/api/v1/payments/{made['id']}"
    assert "idempotency-replayed" not in told.headers
    assert Decimal(books.balance("forn")) - Decimal(before) == Decimal("2.50")
    assert asking("GET", f"/payments/{made['id']}", by=books.key()).json == made


def test_a_refusal_gives_every_ground_in_the_readers_language(books, asking):
    told = asking(
        "POST", "/payments", json=payment(books, "ana", "cadena", 60_00), key=fresh(), by=books.key(),
        headers={"accept-language": "es-ES,es;q=0.9"},
    )  # fmt: skip
    problem = told.json
    assert (told.status, told.headers["content-type"], told.headers["content-language"]) == (
        409,
        "application/problem+json",
        "es",
    )
    assert problem["code"] == "payments.not-payable"
    assert problem["type"] == "/api/v1/problems/payments.not-payable"
    assert [ground["code"] for ground in problem["grounds"]] == ["payments.not-enough", "spending.no-chains"]
    assert problem["fields"]["payable"] == {"amount_minor": 2000, "unit": "REC"}
    assert asking("GET", problem["type"].removeprefix("/api/v1")).json["code"] == problem["code"]


def test_a_batch_has_the_outcome_of_each_payment_in_order(books, asking):
    keys = [fresh() for _ in range(4)]
    asked = [
        {"key": keys[0], **payment(books, "ana", "forn", 100)},
        {"key": keys[1], **payment(books, "ana", "forn", 900_00)},
        {"key": keys[2], **payment(books, "pere", "forn", 1)},
        {"key": keys[0], **payment(books, "ana", "forn", 100)},
    ]
    told = asking("POST", "/payments/batch", json={"payments": asked}, by=books.key())
    outcomes = told.json["outcomes"]
    assert told.status == 200
    assert [(one["key"], one["status"]) for one in outcomes] == [
        (keys[0], "posted"),
        (keys[1], "refused"),
        (keys[2], "refused"),
        (keys[0], "posted"),
    ]
    assert outcomes[0]["payment"] == outcomes[3]["payment"]
    assert {outcomes[1]["problem"]["code"], outcomes[2]["problem"]["code"]} == {"payments.not-payable"}
    again = asking("POST", "/payments/batch", json={"payments": asked}, by=books.key()).json["outcomes"]
    assert [one["replayed"] for one in again] == [True, False, False, True]
    assert again[0]["payment"] == outcomes[0]["payment"]


def test_a_payment_that_fails_through_our_fault_takes_no_other_of_its_batch_with_it(books, asking, monkeypatch):
    """The defect is in planning: neither a lane nor the first writer can do it, and one by one only one fails."""
    plan = operations.Batch.__init__

    def stumbling(self, found, commands):
        if any(getattr(command, "reference", "") == "stumble" for command in commands):
            raise ZeroDivisionError
        plan(self, found, commands)

    monkeypatch.setattr(operations.Batch, "__init__", stumbling)
    asked = [
        {"key": fresh(), **payment(books, "ana", "forn", 10, reference=reference)}
        for reference in ("first", "stumble", "last")
    ]
    told = asking("POST", "/payments/batch", json={"payments": asked}, by=books.key())
    outcomes = told.json["outcomes"]
    assert (told.status, [one["status"] for one in outcomes]) == (200, ["posted", "refused", "posted"])
    assert (outcomes[1]["problem"]["code"], outcomes[1]["problem"]["status"]) == ("api.defect", 500)
    assert b"ZeroDivisionError" not in told.body
    monkeypatch.undo()
    again = asking("POST", "/payments/batch", json={"payments": asked}, by=books.key()).json["outcomes"]
    assert [(one["status"], one["replayed"]) for one in again] == [
        ("posted", True),
        ("posted", False),
        ("posted", True),
    ]


def test_refunds_give_back_no_more_than_was_paid(books, asking):
    made = asking("POST", "/payments", json=payment(books, "ana", "forn", 300), key=fresh(), by=books.key()).json
    refunds = f"/payments/{made['id']}/refunds"
    first = asking("POST", refunds, json={"amount_minor": 100}, key=fresh(), by=books.key())
    rest = asking("POST", refunds, json={}, key=fresh(), by=books.key())
    over = asking("POST", refunds, json={"amount_minor": 1}, key=fresh(), by=books.key())
    assert [(one.status, one.json.get("amount_minor")) for one in (first, rest)] == [(201, 100), (201, 200)]
    assert (over.status, over.code) == (409, "payments.refund-too-large")
    assert [one["amount_minor"] for one in asking("GET", refunds, by=books.key()).json["refunds"]] == [100, 200]
    assert asking("GET", f"/payments/{made['id']}", by=books.key()).json["refunded_minor"] == 300


def test_a_hold_is_captured_once_and_the_rest_is_free_again(books, asking):
    hold = asking(
        "POST", "/holds", json={**payment(books, "ana", "forn", 500), "lapses_at": later()}, key=fresh(), by=books.key()
    ).json
    assert hold["state"] == "open"
    made = asking("POST", f"/holds/{hold['id']}/capture", json={"amount_minor": 200}, key=fresh(), by=books.key())
    assert (made.status, made.json["amount_minor"], made.json["hold"]) == (201, 200, hold["id"])
    now = asking("GET", f"/holds/{hold['id']}", by=books.key()).json
    assert (now["state"], now["captured_minor"]) == ("captured", 200)
    twice = asking("POST", f"/holds/{hold['id']}/capture", json={}, key=fresh(), by=books.key())
    assert (twice.status, twice.code) == (409, "payments.hold-not-open")


def test_a_released_hold_gives_everything_back(books, asking):
    purses = f"/parties/{books.party('ana')}/purses"
    before = asking("GET", purses, by=books.key()).json["available_minor"]
    key = fresh()
    hold = asking(
        "POST", "/holds", json={**payment(books, "ana", "forn", 500), "lapses_at": later()}, key=fresh(), by=books.key()
    ).json
    assert asking("GET", purses, by=books.key()).json["available_minor"] == before - 500
    for _ in range(2):  # The second is a retry.
        told = asking("POST", f"/holds/{hold['id']}/release", json={}, key=key, by=books.key())
        assert (told.status, told.json["state"]) == (200, "released")
    assert asking("GET", purses, by=books.key()).json["available_minor"] == before


def test_a_hold_that_would_have_ended_already_is_refused(books, asking):
    told = asking(
        "POST", "/holds", json={**payment(books, "ana", "forn", 500), "lapses_at": later(-1)}, key=fresh(),
        by=books.key(),
    )  # fmt: skip
    assert (told.status, told.code) == (409, "payments.lapses-too-soon")


def test_another_unit_is_refused(books, asking):
    told = asking(
        "POST", "/payments", json={**payment(books, "ana", "forn", 1), "unit": "EUR"}, key=fresh(), by=books.key()
    )
    assert (told.status, told.code) == (422, "kernel.unit-mismatch")


def test_the_books_hold_after_all_of_this(books):
    books.conn.rollback()
    assert books.town.broken() == []
    books.conn.rollback()
