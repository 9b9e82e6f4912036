"""On the wire: what two programs could read differently is refused, and one request is never taken for two."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from koinon.api.application import application
from koinon.api.wire import Wire
from tests.api.asking import fresh, payment
from tests.api.serving import served


@pytest.fixture(scope="module")
def address(books: Any) -> Iterator[tuple[str, int]]:
    with served(application(books.database.app_url, log=False)) as url:
        host, _colon, port = url.removeprefix("http://").partition(":")
        yield host, int(port)


def said(address: tuple[str, int], raw: bytes) -> bytes:
    """Everything that is answered until the server closes or has nothing more to say."""
    with socket.create_connection(address, timeout=60) as conn:
        conn.sendall(raw)
        answer = b""
        try:
            while piece := conn.recv(65536):
                answer += piece
                conn.settimeout(0.5)  # One more answer would be one too many.
        except TimeoutError:
            pass
        return answer


def statuses(answer: bytes) -> list[int]:
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


WHO = b"GET /api/v1/whoami HTTP/1.1\r\nHost: x\r\n%s\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
        b"Content-Length: +5\r\n\r\n12345",
        b"Content-Length: 5 5\r\n\r\n12345",
        b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"Authorization: Bearer a\r\n b\r\n\r\n",
        b"X\x00Y: z\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n5;a\nb\r\n12345\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
    ],
)
def test_what_two_programs_could_read_differently_is_refused(address, headers):
    raw = b"POST /api/v1/payments HTTP/1.1\r\nHost: x\r\n" + headers + WHO % b""
    answer = said(address, raw)
    assert set(statuses(answer)) <= {400, 401}
    assert len(statuses(answer)) <= 2
    assert b'"credential":' not in answer


def test_requests_in_a_row_on_one_connection_are_answered_in_order(books, address):
    def asked(minor: int) -> bytes:
        body = json.dumps(payment(books, "ana", "forn", minor)).encode()
        return (
            b"POST /api/v1/payments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nIdempotency-Key: %s\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (books.key().encode(), fresh().encode(), len(body), body)
        )

    with socket.create_connection(address, timeout=60) as conn:
        conn.sendall(b"".join(map(asked, (1, 2, 3))))
        answer = b""
        while answer.count(b"posted_at") < 3:
            answer += conn.recv(65536)
    assert statuses(answer) == [201, 201, 201]
    places = [answer.index(b'"amount_minor":%d' % minor) for minor in (1, 2, 3)]
    assert places == sorted(places)


def test_a_body_that_nobody_reads_is_not_taken_for_a_request(books, address):
    inner = WHO % (b"Authorization: Bearer %s\r\n" % books.key().encode())
    for path in (b"/api/v1/whoami", b"/api/v1/health", b"/api/v1/nowhere"):
        raw = b"GET %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (path, len(inner), inner)
        answer = said(address, raw)
        assert len(statuses(answer)) == 1
        assert b'"credential":' not in answer


def test_after_a_body_that_is_too_large_the_connection_is_closed(books, address):
    head = (
        b"POST /api/v1/payments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nIdempotency-Key: k\r\n"
        b"Content-Type: application/json\r\nContent-Length: 99999999\r\n\r\n" % books.key().encode()
    )
    with socket.create_connection(address, timeout=60) as conn:
        conn.sendall(head)
        answer = b""
        while piece := conn.recv(65536):
            answer += piece
    assert statuses(answer) == [413]


def test_headers_without_end_are_not_kept(address):
    with socket.create_connection(address, timeout=60) as conn, pytest.raises(OSError):  # noqa: PT011
        conn.sendall(b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\nX-A: ")
        for _ in range(10_000):
            conn.sendall(b"a" * 10_000)


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\nX-A: ",
        (
            b"POST /api/v1/oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            b"Content-Length: 9\r\n\r\na"
        ),
    ],
)
def test_a_request_that_never_ends_is_given_up(address, begun, monkeypatch):
    monkeypatch.setattr(Wire, "slowest_seconds", 0.3)
    with socket.create_connection(address, timeout=60) as conn:
        conn.sendall(begun)
        with contextlib.suppress(ConnectionResetError):
            assert conn.recv(65536) == b""


def test_a_slow_request_that_ends_in_time_is_answered_and_so_is_the_next(address, monkeypatch):
    monkeypatch.setattr(Wire, "slowest_seconds", 2.0)
    with socket.create_connection(address, timeout=60) as conn:
        for piece in (b"GET /api/v1/health HT", b"TP/1.1\r\nHo", b"st: x\r\n", b"\r\n"):
            conn.sendall(piece)
            time.sleep(0.1)
        assert statuses(conn.recv(65536)) == [200]
        conn.sendall(b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert statuses(conn.recv(65536)) == [200]
        time.sleep(2.2)
        conn.sendall(b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert statuses(conn.recv(65536)) == [200]
