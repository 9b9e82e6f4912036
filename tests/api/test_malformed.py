"""Whatever is sent, the answer says what is wrong with it, and never that we failed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from koinon.api import decoding, messages
from koinon.api.errors import BodyNotJson, RequestInvalid
from koinon.api.table import ROUTES
from tests.api.asking import fresh, payment


def findings(kind: type, raw: bytes) -> list[tuple[str, str]]:
    try:
        decoding.body(kind, raw)
    except RequestInvalid as refused:
        return [(one.pointer, one.code) for one in refused.findings]
    except BodyNotJson:
        return [("", "not-json")]
    return []


GOOD = {
    "payer": "0192f0c4-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
    "payee": "0192f0c4-1a2b-7c3d-9f01-23456789abcd",
    "amount_minor": 1250,
    "unit": "REC",
}


def test_every_finding_is_told_at_once_with_its_place():
    body = {"payer": "x", "amount_minor": 0, "unit": "rec", "referense": "r", "reference": "a b"}
    assert sorted(findings(messages.PaymentAsked, json.dumps(body).encode())) == [
        ("/amount_minor", "value"),
        ("/payee", "missing"),
        ("/payer", "value"),
        ("/reference", "value"),
        ("/referense", "unknown"),
        ("/unit", "value"),
    ]


def test_findings_of_a_batch_name_the_payment():
    body = {"payments": [{"key": "k", **GOOD}, {"key": "k k", **GOOD}, {**GOOD, "amount_minor": 1.5}, 7]}
    assert findings(messages.BatchAsked, json.dumps(body).encode()) == [
        ("/payments/1/key", "value"),
        ("/payments/2/key", "missing"),
        ("/payments/2/amount_minor", "value"),
        ("/payments/3", "type"),
    ]
    assert findings(messages.BatchAsked, b'{"payments": []}') == [("/payments", "value")]
    many = json.dumps({"payments": [{"key": str(place), **GOOD} for place in range(1001)]}).encode()
    assert findings(messages.BatchAsked, many) == [("/payments", "value")]


@pytest.mark.parametrize(
    "amount", ["0", "-1", "1.0", "1e2", '"1"', "true", "null", "9007199254740992", "1" * 400, "[]", "{}"]
)
def test_an_amount_is_a_whole_number_above_zero(amount):
    raw = json.dumps(GOOD).replace("1250", amount).encode()
    assert findings(messages.PaymentAsked, raw) == [("/amount_minor", "value")]


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "01", "+1", "0x1", "1."])
def test_what_is_no_number_in_json_is_no_json(amount):
    assert findings(messages.PaymentAsked, json.dumps(GOOD).replace("1250", amount).encode()) == [("", "not-json")]


@pytest.mark.parametrize(
    "raw",
    [
        b"", b" ", b"{", b"[]]", b"{}{}", b"\xff\xfe{\x00}\x00", b'{"payer": "\xff"}', b"[" * 100_000, b'{"a":' * 50_000,
        b"\xef\xbb\xbf{}", b"null,", b"'{}'", b'{"reference": "\x01"}',
    ],
)  # fmt: skip
def test_what_is_no_json_is_told_so(raw):
    assert findings(messages.PaymentAsked, raw) in ([("", "not-json")], findings(messages.PaymentAsked, b"{}"))


def test_a_member_that_is_there_twice_is_refused_wherever_it_stands():
    twice = b'{"payer": "0192f0c4-1a2b-7c3d-8e4f-5a6b7c8d9e0f", ' + json.dumps(GOOD).encode()[1:]
    escaped = b'{"pay\\u0065r": "0192f0c4-1a2b-7c3d-8e4f-5a6b7c8d9e0f", ' + json.dumps(GOOD).encode()[1:]
    assert findings(messages.PaymentAsked, twice) == [("/payer", "twice")]
    assert findings(messages.PaymentAsked, escaped) == [("/payer", "twice")]
    amounts = json.dumps(GOOD).encode()[:-1] + b', "amount_minor": 1}'
    assert findings(messages.PaymentAsked, amounts) == [("/amount_minor", "twice")]
    item = json.dumps({"key": "k", **GOOD}).encode()[:-1] + b', "key": "k"}'
    assert findings(messages.BatchAsked, b'{"payments": [%b]}' % item) == [("/key", "twice")]
    assert findings(messages.RefundAsked, b'{"amount_minor": 1, "amount_minor": 1}') == [("/amount_minor", "twice")]


def test_an_escaped_quotation_mark_is_no_second_member():
    raw = json.dumps({"url": 'https://x/"', "events": ["a", 'b"c']}).encode()
    assert decoding.body(messages.WebhookAsked, raw).events == ["a", 'b"c']


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from([*GOOD, "reference", "key", "payments"]), inner)
        ),
        max_leaves=12,
    )
)
@settings(max_examples=200)
def test_whatever_json_is_sent_it_is_taken_or_told_what_is_wrong(value):
    raw = json.dumps(value).encode()
    for route in ROUTES:
        if route.asks not in (None, dict):
            findings(route.asks, raw)


@given(raw=st.binary(max_size=200))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_bytes_are_sent_the_answer_is_a_problem(books, asking, raw):
    told = asking("POST", "/payments", body=raw, key="k", by=books.key())
    assert told.status in (400, 422)
    assert told.headers["content-type"] == "application/problem+json"


@given(
    path=st.text(max_size=60),
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "X"]),
)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_address_is_asked_the_answer_is_a_problem(books, asking, path, method):
    told = asking(method, "/" + path.encode("utf-8", "replace").decode(), by=books.key(), key="k", json={})
    assert told.status in (404, 405, 200, 422, 400)


def told_by(asking: Any, headers: list[tuple[str, str]], body: bytes = b"{}") -> tuple[int, str]:
    answer = asking("POST", "/payments", body=body, headers=headers)
    return answer.status, answer.code


def test_a_header_that_decides_something_is_there_once(books, asking):
    secret, other = books.key(), books.key("another")
    common = [("authorization", f"Bearer {secret}"), ("idempotency-key", "k"), ("content-type", "application/json")]
    for name, value in [
        ("authorization", f"Bearer {other}"), ("idempotency-key", "l"), ("content-type", "text/plain"),
        ("content-length", "2"),
    ]:  # fmt: skip
        extra = [("content-length", "2")] if name == "content-length" else []
        assert told_by(asking, [*common, *extra, (name, value)]) == (400, "api.headers-ambiguous")


def test_a_body_that_is_too_large_is_not_read(books, asking):
    common = [
        ("authorization", f"Bearer {books.key()}"),
        ("idempotency-key", "k"),
        ("content-type", "application/json"),
    ]
    assert told_by(asking, [*common, ("content-length", str(2**40))]) == (413, "api.body-too-large")
    told = asking("POST", "/payments", body=b" " * 20_000, headers=[*common, ("content-length", "5")], pieces=10)
    assert (told.status, told.headers["connection"]) == (413, "close")
    assert told_by(asking, [*common, ("content-length", "-1")]) == (400, "api.headers-ambiguous")
    assert told_by(asking, [*common, ("content-length", "1" * 400)]) == (413, "api.body-too-large")


def test_a_body_may_come_in_pieces(books, asking):
    told = asking("POST", "/payments", json=payment(books, "ana", "forn", 1), key=fresh(), by=books.key(), pieces=7)
    assert told.status == 201


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 201), ("application/json; charset=utf-8", 201), ("Application/JSON;charset=UTF-8", 201),
        ("application/json; charset=utf-16", 415), ("text/plain", 415), ("", 415), ("application/jsonp", 415),
    ],
)  # fmt: skip
def test_a_body_is_json_by_its_media_type(books, asking, kind, status):
    body = payment(books, "ana", "forn", 1)
    assert (
        asking("POST", "/payments", json=body, key=fresh(), by=books.key(), headers={"content-type": kind}).status
        == status
    )


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "limit=1&limit=2", "page=2", "cursor=%00", "cursor=!", "cursor=AAAA", "limit="],
)
def test_a_query_that_makes_no_sense_is_told_so(books, asking, query):
    told = asking("GET", f"/parties/{books.party('ana')}/movements", by=books.key(), query=query)
    assert (told.status, [bool(one["parameter"]) for one in told.json["findings"]]) == (422, [True])


def test_an_address_takes_its_methods_only(books, asking):
    told = asking("PUT", "/payments", by=books.key(), json={})
    assert (told.status, told.headers["allow"]) == (405, "POST")
    assert asking("GET", "/nowhere", by=books.key()).code == "api.no-such-route"


def test_a_client_that_goes_away_gets_no_answer(api):
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/x-www-form-urlencoded")]
    scope = {"type": "http", "method": "POST", "path": "/api/v1/oauth2/token", "query_string": b"", "headers": headers}
    api.loop.run(api(scope, receive, send))
    assert sent == []


def test_a_defect_says_nothing_about_what_was_asked(books, asking, api, monkeypatch, caplog):
    async def broken(_town_id: int, command: Any) -> Any:
        raise RuntimeError(f"never told: {command}")

    monkeypatch.setattr(api.engine, "perform", broken)
    told = asking("POST", "/payments", json=payment(books, "ana", "forn", 1), key=fresh(), by=books.key())
    assert (told.status, told.code) == (500, "api.defect")
    assert "never told" not in told.body.decode() + caplog.text
    assert "RuntimeError" in caplog.text
