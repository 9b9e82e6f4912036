"""Requests to be paid over HTTP: asked by the payee, paid once by a payer, and nobody else's affair."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

from tests.api.asking import fresh


def asked(books: Any, payee: str = "forn", minor: int = 250, **more: Any) -> dict[str, Any]:
    return {"payee": books.party(payee), "amount_minor": minor, "unit": "REC", "lasts_seconds": 600, **more}


def test_a_till_asks_a_customers_app_pays_and_the_till_reads_so(books, asking):
    till, app = books.key("forn's till", party="forn"), books.key("ana's app", party="ana")
    key, before = fresh(), books.balance("forn")
    made = asking("POST", "/requests", json=asked(books, reference="till-3/1"), key=key, by=till)
    request = made.json
    assert (made.status, made.headers["location"]) == (201, f"/api/v1/requests/{request['id']}")
    assert (request["state"], len(request["number"]), request["token"][:3]) == ("open", 8, "R1.")
    assert asking("POST", "/requests", json=asked(books, reference="till-3/1"), key=key, by=till).json == request

    pays = f"/requests/{request['id']}/payment"
    paid = [asking("POST", pays, json={"payer": books.party("ana")}, by=app) for _ in range(2)]
    assert [(one.status, one.json["id"]) for one in paid] == [(201, paid[0].json["id"])] * 2
    told = asking("GET", f"/requests/{request['id']}", by=till).json
    assert (told["state"], told["payment"]) == ("paid", paid[0].json["id"])
    assert Decimal(books.balance("forn")) - Decimal(before) == Decimal("2.50")
    other = asking("POST", pays, json={"payer": books.party("pere")}, by=books.key())
    assert (other.status, other.code) == (409, "payments.request-paid")
    back = asking("POST", f"/requests/{request['id']}/withdraw", by=till)
    assert (back.status, back.code) == (409, "payments.request-paid")


def test_a_request_that_was_taken_back_is_not_paid(books, asking):
    till = books.key("forn's till", party="forn")
    request = asking("POST", "/requests", json=asked(books), key=fresh(), by=till).json["id"]
    back = [asking("POST", f"/requests/{request}/withdraw", by=till) for _ in range(2)]
    assert [(one.status, one.json["state"]) for one in back] == [(200, "withdrawn")] * 2
    refused = asking("POST", f"/requests/{request}/payment", json={"payer": books.party("ana")}, by=books.key())
    assert refused.code == "payments.request-withdrawn"


def test_nobody_asks_pays_reads_or_takes_back_for_another(books, asking):
    till, other, app = (books.key(f"{name}'s", party=name) for name in ("forn", "llibres", "ana"))
    request = asking("POST", "/requests", json=asked(books), key=fresh(), by=till).json["id"]
    assert asking("POST", "/requests", json=asked(books), key=fresh(), by=other).code == "api.outside-of-party"
    assert asking("GET", f"/requests/{request}", by=other).status == 404
    assert asking("POST", f"/requests/{request}/withdraw", by=other).status == 404
    charged = asking("POST", f"/requests/{request}/payment", json={"payer": books.party("ana")}, by=till)
    assert charged.code == "api.outside-of-party"  # A payer's own yes is what a request is for.
    elsewhere = asking("POST", f"/requests/{uuid4()}/payment", json={"payer": books.party("ana")}, by=app)
    assert elsewhere.status == 404
