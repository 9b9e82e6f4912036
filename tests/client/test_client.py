"""The client loses no payment and makes none twice, whatever the network does; a server that misbehaves by script."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest

from koinon.client.api import Client, new_key
from koinon.client.errors import Busy, KeyReused, NotAllowed, NotThere, OutcomeUnknown, Refused
from koinon.client.transport import Patience
from koinon.client.types import NewPayment

PAYER, PAYEE = uuid4(), uuid4()
MADE = {
    "id": str(uuid4()), "payer": str(PAYER), "payee": str(PAYEE), "amount_minor": 5, "unit": "XTS", "refunded_minor": 0,
    "reference": "", "effective_at": "2026-11-22T03:00:00Z", "posted_at": "2026-11-22T03:00:00.5Z", "hold": None,
    "added_later": True,
}  # fmt: skip
Step = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: list[Step]
    asked: list[tuple[str, str, dict[str, str], Any]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        content = json.loads(body) if headers.get("content-type") == "application/json" else body.decode()
        self.asked.append((self.command, self.path, headers, content))
        self.script.pop(0)(self)

    do_GET = do_DELETE = do_POST

    def log_message(self, *_: Any) -> None:
        pass


def answer(status: int, content: Any, **headers: str) -> Step:
    def step(handler: Handler) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return step


def hang_up(handler: Handler) -> None:
    """The connection is cut before the answer, as after a commit."""
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def half_an_answer(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n{")
    hang_up(handler)


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        pass


@contextmanager
def service(*script: Step) -> Iterator[tuple[str, list[Any]]]:
    asked: list[Any] = []
    handler = type("Scripted", (Handler,), {"script": list(script), "asked": asked})
    server = Quiet(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()


class Waits(list[float]):
    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def pay(url: str, waits: Waits, **how: Any) -> Any:
    with Client(url, key="k", sleep=waits, **how) as town:
        return town.pay(payer=PAYER, payee=PAYEE, amount_minor=5, unit="XTS")


def test_a_lost_answer_is_asked_for_again_with_the_same_key():
    waits = Waits()
    again = answer(201, MADE, Idempotency_Replayed="true")
    with service(hang_up, half_an_answer, answer(502, b"<html>"), again) as (url, asked):
        made = pay(url, waits)
    assert (made.id, made.replayed, made.amount_minor) == (UUID(MADE["id"]), True, 5)
    assert made.posted_at == datetime.fromisoformat("2026-11-22T03:00:00.5+00:00")
    assert len({headers["idempotency-key"] for _, _, headers, _ in asked}) == 1
    assert len(asked) == 4
    assert all(later > earlier / 3 for earlier, later in pairwise(waits))


def test_when_no_answer_comes_at_all_the_key_is_named():
    with service(*[hang_up] * 3) as (url, asked), pytest.raises(OutcomeUnknown) as unknown:
        pay(url, Waits(), patience=Patience(tries=3))
    assert f'"{unknown.value.key}"' == asked[0][2]["idempotency-key"]
    assert unknown.value.key in str(unknown.value)


def test_reading_without_an_answer_speaks_of_no_key():
    with service(hang_up) as (url, _), pytest.raises(OutcomeUnknown) as unknown:
        Client(url, key="k", sleep=Waits(), patience=Patience(tries=1)).whoami()
    assert "key" not in str(unknown.value)


def test_a_busy_service_is_asked_again_when_it_says():
    waits = Waits()
    busy = answer(503, {"code": "payments.busy"}, Retry_After="3")
    limited = answer(429, {"code": "api.too-many-requests"}, Retry_After="2")
    with service(busy, limited, answer(201, MADE)) as (url, _):
        assert pay(url, waits).replayed is False
    assert waits == [3.0, 2.0]


def test_a_service_that_stays_busy_is_given_up_and_nothing_was_done():
    busy_for_long = answer(503, {"code": "payments.busy"}, Retry_After="40")
    with service(busy_for_long, busy_for_long) as (url, asked), pytest.raises(Busy) as busy:
        pay(url, Waits())
    assert (busy.value.code, busy.value.retry_after, len(asked)) == ("payments.busy", 40.0, 2)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "api.credential-refused", NotAllowed), (403, "api.scope-missing", NotAllowed),
        (404, "parties.not-found", NotThere), (422, "payments.key-reused", KeyReused),
        (409, "payments.not-payable", Refused), (422, "api.request-invalid", Refused),
    ],
)  # fmt: skip
def test_a_refusal_is_not_asked_again(status, code, kind):
    problem = {"code": code, "detail": "why", "grounds": [{"code": "g", "text": "t"}], "findings": [{"pointer": "/a"}]}
    with service(answer(status, problem)) as (url, asked), pytest.raises(kind) as refused:
        pay(url, Waits())
    assert type(refused.value) is kind
    assert (refused.value.code, refused.value.grounds[0].text, refused.value.findings[0].pointer) == (code, "t", "/a")
    assert len(asked) == 1


def test_what_cannot_be_repeated_without_harm_is_not_repeated():
    with (
        service(hang_up) as (url, asked),
        Client(url, key="k", sleep=Waits()) as town,
        pytest.raises(OutcomeUnknown),
    ):
        town.add_webhook("https://x.example", ["payment.posted"])
    assert len(asked) == 1


def test_a_busy_answer_does_not_make_a_lost_one_known():
    busy = answer(503, {"code": "payments.busy"}, Retry_After="1")
    with service(hang_up, busy) as (url, _), pytest.raises(OutcomeUnknown):
        pay(url, Waits(), patience=Patience(tries=2))


def test_a_large_batch_goes_in_pieces_with_a_key_for_each_payment():
    def told(handler: Handler) -> None:
        asked = handler.asked[-1][3]["payments"]
        outcomes = [{"key": one["key"], "status": "posted", "replayed": False, "payment": MADE} for one in asked]
        answer(200, {"outcomes": outcomes})(handler)

    with service(told, told, told) as (url, asked), Client(url, key="k") as town:
        made = town.pay_many([NewPayment(PAYER, PAYEE, 1, "XTS", key=f"k{place}") for place in range(2001)])
    assert len(made) == 2001
    assert [len(content["payments"]) for _, _, _, content in asked] == [1000, 1000, 1]


def test_pages_are_followed_to_their_end():
    def movement(number: int) -> dict[str, Any]:
        return {
            "id": str(UUID(int=number)), "effective_at": "2026-11-22T03:00:00Z", "code": "pay", "is_reversal": False,
            "signed_minor": number, "unit": "XTS", "counterparty": None, "counterparty_name": "", "reference": "",
            "parts": [{"fund_name": "", "signed_minor": number}],
        }  # fmt: skip

    pages = [{"movements": [movement(3), movement(2)], "next": "abc"}, {"movements": [movement(1)], "next": None}]
    with service(*[answer(200, page) for page in pages]) as (url, asked), Client(url, key="k") as town:
        assert [one.signed_minor for one in town.movements(PAYER, page=2)] == [3, 2, 1]
    assert [path.partition("?")[2] for _, path, _, _ in asked] == ["limit=2", "limit=2&cursor=abc"]


def test_a_token_is_bought_once_and_again_when_it_is_refused():
    def token(number: int) -> Step:
        return answer(200, {"access_token": f"t{number}", "token_type": "Bearer", "expires_in": 3600, "scope": ""})

    who = {
        "credential": str(uuid4()), "name": "n", "kind": "client", "town": "t", "unit": "XTS", "exponent": 2,
        "sandbox": True, "party": None, "scopes": [], "expires_at": None, "requests_per_second": 1,
    }  # fmt: skip
    ended = answer(401, {"code": "api.credential-refused"})
    script = [token(1), answer(200, who), answer(200, who), ended, token(2), answer(200, who)]
    with service(*script) as (url, asked), Client(url, client_id="a b", client_secret="s") as town:
        for _ in range(3):
            town.whoami()
    assert [headers["authorization"] for _, path, headers, _ in asked if path.endswith("whoami")] == [
        "Bearer t1",
        "Bearer t1",
        "Bearer t1",
        "Bearer t2",
    ]


def test_a_key_is_not_sent_where_others_can_read_it():
    with pytest.raises(ValueError, match="https"):
        Client("http://town.example", key="k")
    Client("https://town.example", key="k")
    for wrong in ({}, {"key": "k", "client_id": "a", "client_secret": "b"}):
        with pytest.raises(ValueError, match="either"):
            Client("https://town.example", **wrong)


def test_keys_made_by_the_client_are_in_order_of_time():
    first, second = new_key(), new_key()
    assert UUID(first).version == 7
    assert first[:13] <= second[:13]


def test_the_client_runs_without_anything_installed(tmp_path):
    import shutil
    from pathlib import Path

    import koinon.client

    (tmp_path / "koinon").mkdir()
    shutil.copytree(Path(koinon.client.__file__).parent, tmp_path / "koinon" / "client")
    code = "import koinon.client.api, koinon.client.webhooks"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"], check=False
    )
    assert done.returncode == 0
