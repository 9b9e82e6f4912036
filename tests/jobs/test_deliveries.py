"""Webhooks leave once the money is committed, and arrive at least once, whatever happens on the way."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from koinon.db import checks
from koinon.db.transactions import transaction
from koinon.jobs import deliveries, metrics, webhooks
from koinon.jobs.deliveries import Manner, delivering, purge_round
from koinon.jobs.metrics import figures
from koinon.kernel.identifiers import new_id
from koinon.outbox import operations as outbox
from koinon.outbox import queries
from koinon.outbox.types import Event, FreshSecret
from koinon.parties.secrets import Secrets
from tests.jobs.receiver import Receiver, receiving

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
KEYS = Secrets.fresh()
ANA, SHOP = new_id(), new_id()
MANNER = Manner(inside=True, timeout_seconds=15, lease_seconds=20, secrets=KEYS)  # However busy the machine is.
IMPATIENT = replace(MANNER, timeout_seconds=2)  # Where somebody has to lose patience.


@pytest.fixture(autouse=True)
def town(owner_conn: psycopg.Connection[Any]) -> int:
    owner_conn.execute(
        "INSERT INTO parties_town (id, slug, name, country, unit_code, unit_name, unit_symbol, exponent,"
        " national_currency, time_zone, languages, legal_basis, created_at)"
        " VALUES (1, 'one', 'One', 'ES', 'LOC', 'Loc', '', 2, 'EUR', 'UTC', '[]', '{}', now())"
    )
    return 1


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def endpoint(conn: psycopg.Connection[Any], url: str, *, party: UUID | None = None) -> FreshSecret:
    with transaction(conn):
        return outbox.add_endpoint(
            conn,
            town_id=1,
            url=url,
            kinds=["payment.posted"],
            keys=KEYS,
            actor="user:1",
            at=NOW,
            party=party,
            inside=True,
        )


def paid(minor: int = 1250) -> Event:
    data: dict[str, str | int] = {"payer": str(ANA), "payee": str(SHOP), "amount_minor": minor, "unit": "LOC"}
    return Event("payment.posted", new_id(), NOW, data)


def tell(conn: psycopg.Connection[Any], *events: Event) -> None:
    with transaction(conn):
        outbox.tell(conn, town_id=1, events=events)


def log(conn: psycopg.Connection[Any], listener: UUID) -> list[queries.Delivery]:
    with transaction(conn):
        return queries.deliveries(conn, town_id=1, listener=listener, size=1000)


def attempts(conn: psycopg.Connection[Any], listener: UUID, event: UUID) -> list[tuple[int, int | None, str]]:
    with transaction(conn):
        found = queries.attempts(conn, town_id=1, listener=listener, event=event)
    return [(one.number, one.status, one.error) for one in found]


def until(holds: Callable[[], bool], seconds: float = 90) -> None:
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, "it did not come to that"
        time.sleep(0.02)


def make_due(owner_conn: psycopg.Connection[Any]) -> None:
    """As if the wait before the next try were over."""
    owner_conn.execute("UPDATE outbox.delivery SET next_at = now() WHERE state = 'due' AND NOT claimed")


def states(conn: psycopg.Connection[Any], listener: UUID) -> list[str]:
    return [one.state for one in log(conn, listener)]


# What arrives


def test_message_is_sent_promptly_signed_and_says_what_happened(conn, database, receiver, monkeypatch):
    monkeypatch.setattr(deliveries, "LOOK_EVERY_SECONDS", 600)  # It has to be woken: nobody looks by the clock.
    made = endpoint(conn, receiver.url + "/hook?shop=1")
    event = paid()
    with delivering(database.app_url, MANNER):
        until(lambda: _asleep(conn))
        tell(conn, event)
        (got,) = receiver.wait_for(1)
        until(lambda: states(conn, made.endpoint.id) == ["delivered"])

    assert got.path == "/hook?shop=1"
    assert got.is_signed_by(made.secret)
    assert abs(int(got.headers["webhook-timestamp"]) - time.time()) < 30
    (delivery,) = log(conn, made.endpoint.id)
    assert (delivery.state, delivery.attempts, delivery.last_status) == ("delivered", 1, 204)
    assert got.content == {
        "type": "payment.posted",
        "timestamp": "2026-11-02T09:00:00Z",
        "data": {"amount_minor": 1250, "payee": str(SHOP), "payer": str(ANA), "unit": "LOC"},
        "id": got.headers["webhook-id"],
        "subject": str(event.subject),
        "town": "one",
    }


def test_message_told_while_the_worker_looks_a_last_time_wakes_it(conn, database, receiver, monkeypatch):
    monkeypatch.setattr(deliveries, "LOOK_EVERY_SECONDS", 600)
    endpoint(conn, receiver.url)
    told: list[Event] = []
    claim = outbox.claim

    def claim_too_early(books, **how):
        found = claim(books, **how)
        if not told and _asleep(conn):
            told.append(paid())
            tell(conn, *told)  # The server says so with the answer to the worker's commit.
        return found

    monkeypatch.setattr(deliveries.outbox, "claim", claim_too_early)
    with delivering(database.app_url, MANNER):
        receiver.wait_for(1)


def _asleep(conn: psycopg.Connection[Any]) -> bool:
    """Whether a worker holds the lock that says: notify me."""
    with transaction(conn):
        row = conn.execute("SELECT pg_try_advisory_xact_lock_shared(%s)", [deliveries._ASLEEP]).fetchone()
    assert row is not None
    return not row[0]


def test_shops_own_endpoint_is_not_told_who_paid(conn, database, receiver):
    endpoint(conn, receiver.url, party=SHOP)
    with delivering(database.app_url, MANNER):
        tell(conn, paid())
        (got,) = receiver.wait_for(1)
    assert got.content["data"] == {"amount_minor": 1250, "payee": str(SHOP), "unit": "LOC"}
    assert str(ANA).encode() not in got.body


def test_what_was_rolled_back_is_never_sent(conn, database, receiver):
    endpoint(conn, receiver.url)
    told = paid(2)
    with delivering(database.app_url, MANNER):
        outbox.tell(conn, town_id=1, events=[paid(1)])
        time.sleep(0.5)
        conn.rollback()
        tell(conn, told)
        receiver.wait_for(1)
        time.sleep(0.5)
    assert [got.content["subject"] for got in receiver.received] == [str(told.subject)]


def test_nothing_is_sent_before_the_commit(conn, database, receiver):
    endpoint(conn, receiver.url)
    with delivering(database.app_url, MANNER):
        outbox.tell(conn, town_id=1, events=[paid()])
        time.sleep(1.2)
        assert receiver.received == []
        conn.commit()
        receiver.wait_for(1)


def test_hundreds_of_messages_arrive_each_once(conn, database, receiver):
    made = endpoint(conn, receiver.url)
    events = [paid(minor) for minor in range(1, 301)]
    with delivering(database.app_url, MANNER):
        for start in range(0, 300, 50):
            tell(conn, *events[start : start + 50])
        receiver.wait_for(300)
        until(lambda: set(states(conn, made.endpoint.id)) == {"delivered"})
    assert sorted(got.content["data"]["amount_minor"] for got in receiver.received) == list(range(1, 301))
    assert checks.run_checks(conn) == [replace(one, failures=[]) for one in checks.run_checks(conn)]


def test_two_workers_share_the_work_and_send_nothing_twice(conn, database, receiver):
    endpoint(conn, receiver.url)
    with delivering(database.app_url, MANNER), delivering(database.app_url, MANNER):
        tell(conn, *[paid(minor) for minor in range(1, 101)])
        receiver.wait_for(100)
        time.sleep(0.5)
    assert sorted(got.content["data"]["amount_minor"] for got in receiver.received) == list(range(1, 101))


# What does not arrive at once


def test_failed_message_is_tried_again_with_the_same_id_and_words(conn, owner_conn, database, receiver):
    made = endpoint(conn, receiver.url)
    receiver.answers = [500, 429]
    with delivering(database.app_url, MANNER):
        tell(conn, paid())
        for number in (1, 2, 3):
            receiver.wait_for(number)
            until(
                lambda number=number: (
                    len(attempts(conn, made.endpoint.id, log(conn, made.endpoint.id)[0].event_id)) >= number
                )
            )
            make_due(owner_conn)
    first, second, third = receiver.received
    assert first.body == second.body == third.body
    assert first.headers["webhook-id"] == third.headers["webhook-id"]
    assert third.is_signed_by(made.secret)
    event = log(conn, made.endpoint.id)[0].event_id
    assert attempts(conn, made.endpoint.id, event) == [(1, 500, "status"), (2, 429, "status"), (3, 204, "")]


def test_wait_grows_from_seconds_to_a_day_and_ends_after_three_days(conn, owner_conn, database, receiver):
    made = endpoint(conn, receiver.url)
    receiver.always = 503
    waits = []
    with delivering(database.app_url, MANNER):
        tell(conn, paid())
        for number in range(1, 11):
            receiver.wait_for(number)
            until(lambda number=number: log(conn, made.endpoint.id)[0].attempts >= number and not _claimed(owner_conn))
            (wait,) = owner_conn.execute(
                "SELECT extract(epoch FROM next_at - (SELECT max(at) FROM outbox.attempt))::float FROM outbox.delivery"
            ).fetchone()
            waits.append(wait)
            make_due(owner_conn)
    assert 4 <= waits[0] <= 6
    assert 60 * 3 < waits[1] < 60 * 7
    assert 18 * 3600 < waits[8] < 29 * 3600
    (delivery,) = log(conn, made.endpoint.id)
    assert (delivery.state, delivery.attempts) == ("failed", 10)


def _claimed(owner_conn: psycopg.Connection[Any]) -> bool:
    (found,) = owner_conn.execute("SELECT bool_or(claimed) FROM outbox.delivery").fetchone()
    return bool(found)


def test_receiver_that_asks_for_time_gets_it(conn, owner_conn, database, receiver):
    endpoint(conn, receiver.url)

    def busy(request: BaseHTTPRequestHandler) -> None:
        request.send_response(503)
        request.send_header("Retry-After", "600")
        request.send_header("Content-Length", "0")
        request.end_headers()

    receiver.answers = [busy]
    with delivering(database.app_url, MANNER):
        tell(conn, paid())
        receiver.wait_for(1)
        until(lambda: not _claimed(owner_conn))
    (wait,) = owner_conn.execute("SELECT extract(epoch FROM next_at - now())::float FROM outbox.delivery").fetchone()
    assert 590 < wait <= 600


def redirect(request: BaseHTTPRequestHandler) -> None:
    request.send_response(302)
    request.send_header("Location", f"http://127.0.0.1:{request.server.server_address[1]}/elsewhere")
    request.send_header("Content-Length", "0")
    request.end_headers()


def endless_head(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000)


def endless_body(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(10_000):
        request.wfile.write(b"x" * 100_000)


def drip(request: BaseHTTPRequestHandler) -> None:
    for letter in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000:
        request.wfile.write(bytes([letter]))
        request.wfile.flush()
        time.sleep(0.1)


def gibberish(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"220 mail.example ESMTP\r\n\r\n")


def hang_up(request: BaseHTTPRequestHandler) -> None:
    request.connection.close()


def silence(request: BaseHTTPRequestHandler) -> None:
    time.sleep(3)


@pytest.mark.parametrize(
    ("answer", "error", "manner"),
    [
        (redirect, "redirect", MANNER),
        (endless_head, "answer-too-long", MANNER),
        (drip, "timeout", IMPATIENT),
        (silence, "timeout", IMPATIENT),
        (gibberish, "answer-not-http", MANNER),
        (hang_up, "connection", MANNER),
        (400, "status", MANNER),
    ],
)
def test_answers_that_are_none_are_logged_for_what_they_are(conn, database, receiver, answer, error, manner):
    made = endpoint(conn, receiver.url)
    receiver.always = answer
    with delivering(database.app_url, manner):
        tell(conn, paid())
        until(lambda: log(conn, made.endpoint.id)[0].last_error == error)
    assert len(receiver.received) == 1


def test_endless_answer_is_taken_for_its_status_and_left(conn, database, receiver):
    made = endpoint(conn, receiver.url)
    receiver.always = endless_body
    with delivering(database.app_url, MANNER):
        tell(conn, paid())
        until(lambda: states(conn, made.endpoint.id) == ["delivered"])


def test_nobody_at_the_address_is_a_failed_attempt(conn, database, receiver):
    made = endpoint(conn, "http://127.0.0.1:1/")
    unknown = endpoint(conn, "http://nobody.invalid/")
    with delivering(database.app_url, MANNER):
        tell(conn, paid())
        until(lambda: log(conn, made.endpoint.id)[0].last_error == "connection")
        until(lambda: log(conn, unknown.endpoint.id)[0].last_error == "name")


def test_slow_endpoint_does_not_hold_up_another(conn, database, receiver):
    let_go = threading.Event()
    with receiving() as slow:
        slow.always = lambda request: let_go.wait(90)
        endpoint(conn, slow.url)
        endpoint(conn, receiver.url)
        with delivering(database.app_url, replace(MANNER, most_at_once=12, timeout_seconds=90, lease_seconds=120)):
            tell(conn, *[paid() for _ in range(50)])
            receiver.wait_for(50)  # While the slow one has not given its first answer.
            assert 0 < len(slow.wait_for(1)) <= 8
            let_go.set()


# Kills


WORKER = """
import sys, time
from koinon.jobs.deliveries import Manner, delivering
from koinon.parties.secrets import Secrets
from pathlib import Path
with delivering(sys.argv[1], Manner(inside=True, timeout_seconds=90, lease_seconds=3, secrets=Secrets.load(Path(sys.argv[2])))):
    print("begun", flush=True)
    time.sleep(600)
"""


def test_kill_in_mid_delivery_loses_nothing(conn, database, receiver, tmp_path):
    secrets = Secrets.load(tmp_path)
    with transaction(conn):
        made = outbox.add_endpoint(
            conn,
            town_id=1,
            url=receiver.url,
            kinds=["payment.posted"],
            keys=secrets,
            actor="user:1",
            at=NOW,
            inside=True,
        )
    let_go = threading.Event()
    receiver.answers = [lambda request: let_go.wait(90)] * 8
    tell(conn, *[paid(minor) for minor in range(1, 21)])
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, database.app_url, str(tmp_path)], env=os.environ.copy(), stdout=subprocess.PIPE
    )
    receiver.wait_for(8)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()
    let_go.set()

    with delivering(database.app_url, replace(MANNER, secrets=secrets)):
        until(lambda: states(conn, made.endpoint.id) == ["delivered"] * 20)

    minors = [got.content["data"]["amount_minor"] for got in receiver.received]
    assert set(minors) == set(range(1, 21))
    assert len(minors) == 28  # The eight that were under way came once more, and no other did.
    twice = [one for one in log(conn, made.endpoint.id) if one.attempts == 2]
    assert len(twice) == 8
    assert attempts(conn, made.endpoint.id, twice[0].event_id) == [(1, None, "interrupted"), (2, 204, "")]


def test_database_that_goes_away_is_found_again(conn, owner_conn, database, receiver):
    made = endpoint(conn, receiver.url)
    with delivering(database.app_url, MANNER):
        tell(conn, paid())
        receiver.wait_for(1)
        until(lambda: states(conn, made.endpoint.id) == ["delivered"])
        before = figures.value(metrics.FAILED, job="deliver") or 0
        owner_conn.execute(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE application_name = 'koinon deliver' AND datname = current_database()"
        )
        tell(conn, paid())
        receiver.wait_for(2)
        until(lambda: states(conn, made.endpoint.id) == ["delivered"] * 2)
    assert figures.value(metrics.FAILED, job="deliver") == before + 1


# Inner networks


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "169.254.169.254",
        "10.0.0.1",
        "2130706433",
        "127.1",
    ],
)
def test_nothing_is_sent_to_inner_networks_whatever_the_name_says(conn, database, receiver, host):
    port = receiver.url.rpartition(":")[2]
    made = endpoint(conn, f"http://{host}:{port}/")  # As a name that meant something else when it was added.
    with delivering(database.app_url, replace(MANNER, inside=False)):
        tell(conn, paid())
        until(lambda: log(conn, made.endpoint.id)[0].last_error != "")
    assert log(conn, made.endpoint.id)[0].last_error in ("address-refused", "name")
    assert receiver.received == []


def test_name_is_resolved_once_and_that_address_is_called(conn, database, receiver, monkeypatch):
    """A name that is public when it is judged and inner when it is called reaches nobody inside."""
    asked = []
    real = deliveries.webhooks.socket.getaddrinfo

    def rebinding(host, *arguments, **more):
        if host != "rebinding.example":
            return real(host, *arguments, **more)
        asked.append(host)
        return real("203.0.114.1" if len(asked) == 1 else "127.0.0.1", *arguments, **more)

    monkeypatch.setattr(deliveries.webhooks.socket, "getaddrinfo", rebinding)
    made = endpoint(conn, f"http://rebinding.example:{receiver.url.rpartition(':')[2]}/")
    with delivering(database.app_url, replace(MANNER, inside=False)):
        tell(conn, paid())
        until(lambda: log(conn, made.endpoint.id)[0].last_error != "")
    assert asked == ["rebinding.example"]
    assert receiver.received == []


def test_name_with_one_inner_address_among_others_is_refused(conn, database, receiver, monkeypatch):
    real = deliveries.webhooks.socket.getaddrinfo

    def both(host, port, **more):
        if host != "both.example":
            return real(host, port, **more)
        return real("203.0.114.1", port, **more) + real("127.0.0.1", port, **more)

    monkeypatch.setattr(deliveries.webhooks.socket, "getaddrinfo", both)
    made = endpoint(conn, f"http://both.example:{receiver.url.rpartition(':')[2]}/")
    with delivering(database.app_url, replace(MANNER, inside=False)):
        tell(conn, paid())
        until(lambda: log(conn, made.endpoint.id)[0].last_error == "address-refused")


# Endpoints that stay away


def test_endpoint_that_fails_for_days_is_disabled_and_resumed_with_what_waited(conn, owner_conn, database, receiver):
    made = endpoint(conn, receiver.url)
    receiver.always = 500
    with delivering(database.app_url, MANNER):
        tell(conn, paid(1))
        receiver.wait_for(1)
        until(lambda: not _claimed(owner_conn))
        owner_conn.execute("UPDATE outbox.listener SET failing_since = now() - interval '73 hours'")
        make_due(owner_conn)
        receiver.wait_for(2)
        until(lambda: _endpoint(conn, made).state == "disabled")
        tell(conn, paid(2))  # Nobody is told of what happens meanwhile.
        make_due(owner_conn)
        time.sleep(1.2)
        assert len(receiver.received) == 2
        receiver.always = 204
        with transaction(conn):
            outbox.resume_endpoint(conn, town_id=1, endpoint_id=made.endpoint.id, actor="user:1", at=NOW)
        until(lambda: states(conn, made.endpoint.id) == ["delivered"])
    trail = owner_conn.execute("SELECT actor, action FROM audit.entry ORDER BY id").fetchall()
    assert trail[-2:] == [("job:deliveries", "outbox.endpoint-disabled"), ("user:1", "outbox.endpoint-resumed")]
    assert _endpoint(conn, made).failing_since is None


def _endpoint(conn: psycopg.Connection[Any], made: FreshSecret) -> queries.Endpoint:
    with transaction(conn):
        return queries.endpoint(conn, town_id=1, endpoint_id=made.endpoint.id)


def test_endpoint_that_says_it_is_gone_is_believed(conn, database, receiver):
    made = endpoint(conn, receiver.url)
    receiver.always = 410
    with delivering(database.app_url, MANNER):
        tell(conn, paid())
        until(lambda: _endpoint(conn, made).state == "disabled")
    assert _endpoint(conn, made).disabled_why == "gone"


def test_failing_endpoint_is_tried_with_one_message_at_a_time(conn, owner_conn, database, receiver):
    endpoint(conn, receiver.url)
    owner_conn.execute("UPDATE outbox.listener SET failing_since = now()")
    let_go = threading.Event()
    receiver.answers = [lambda request: (let_go.wait(60), request.send_response(204), request.end_headers())]
    with delivering(database.app_url, replace(MANNER, timeout_seconds=90, lease_seconds=120)):
        tell(conn, *[paid() for _ in range(20)])
        receiver.wait_for(1)
        time.sleep(0.7)
        assert len(receiver.received) == 1
        let_go.set()
        receiver.wait_for(20)


def test_message_is_sent_again_by_hand(conn, owner_conn, database, receiver):
    made = endpoint(conn, receiver.url)
    with delivering(database.app_url, MANNER):
        tell(conn, paid())
        receiver.wait_for(1)
        until(lambda: states(conn, made.endpoint.id) == ["delivered"])
        with transaction(conn):
            event = queries.deliveries(conn, town_id=1, listener=made.endpoint.id)[0].event_id
            outbox.send_again(conn, town_id=1, listener=made.endpoint.id, event=event, actor="user:1", at=NOW)
        first, second = receiver.wait_for(2)
        until(lambda: states(conn, made.endpoint.id) == ["delivered"])
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert attempts(conn, made.endpoint.id, event) == [(1, 204, ""), (2, 204, "")]


def test_for_a_day_after_a_rotation_both_secrets_are_good(conn, owner_conn, database, receiver):
    old = endpoint(conn, receiver.url)
    with transaction(conn):
        new = outbox.rotate_secret(
            conn, town_id=1, endpoint_id=old.endpoint.id, keys=KEYS, actor="user:1", at=datetime.now(UTC)
        )
    with delivering(database.app_url, MANNER):
        tell(conn, paid())
        (both,) = receiver.wait_for(1)
        owner_conn.execute("UPDATE outbox.listener SET old_secret_until = now()")
        tell(conn, paid())
        only_new = receiver.wait_for(2)[1]
    assert both.is_signed_by(old.secret)
    assert both.is_signed_by(new.secret)
    assert only_new.is_signed_by(new.secret)
    assert not only_new.is_signed_by(old.secret)


def test_secret_that_cannot_be_opened_sends_nothing_unsigned(conn, database, receiver):
    made = endpoint(conn, receiver.url)
    with delivering(database.app_url, replace(MANNER, secrets=Secrets.fresh())):
        tell(conn, paid())
        until(lambda: log(conn, made.endpoint.id)[0].last_error == "secret")
    assert receiver.received == []


# Figures and old logs


def test_backlog_and_the_age_of_its_oldest_are_figures(conn, owner_conn, database):
    made = endpoint(conn, "http://127.0.0.1:1/")
    tell(conn, paid(), paid())
    owner_conn.execute("UPDATE outbox.delivery SET next_at = now() - interval '1 hour'")
    owner_conn.execute("UPDATE outbox.listener SET failing_since = now()")
    with transaction(conn):
        backlog = queries.backlog(conn)
    assert backlog.due == 2
    assert 3600 <= backlog.oldest_seconds < 3660  # Whole seconds; some may have passed meanwhile.
    with delivering(database.app_url, MANNER):
        until(lambda: log(conn, made.endpoint.id)[0].last_error != "")
    assert figures.value(metrics.BACKLOG) is not None
    assert (figures.value(metrics.DELIVERIES, channel="webhook", ended="again") or 0) >= 1


def test_logs_are_kept_for_a_month_and_what_is_due_for_as_long_as_it_is(conn, owner_conn, database, receiver):
    made = endpoint(conn, receiver.url)
    later = endpoint(conn, "http://127.0.0.1:1/")
    with delivering(database.app_url, MANNER):
        tell(conn, paid())
        until(lambda: states(conn, made.endpoint.id) == ["delivered"])
        until(lambda: log(conn, later.endpoint.id)[0].attempts >= 1 and not _claimed(owner_conn))
    now = datetime.now(UTC)

    assert purge_round(conn, now=now + timedelta(days=29)) == 0
    assert purge_round(conn, now=now + timedelta(days=31)) == 1
    assert states(conn, made.endpoint.id) == []
    assert states(conn, later.endpoint.id) == ["due"]

    owner_conn.execute("UPDATE outbox.listener SET state = 'disabled', disabled_at = now()")
    owner_conn.execute("UPDATE outbox.event SET told_at = now() - interval '31 days'")
    assert purge_round(conn, now=now) == 0
    assert states(conn, later.endpoint.id) == ["abandoned"]
    assert purge_round(conn, now=now + timedelta(days=31)) == 1
    left = owner_conn.execute(
        "SELECT (SELECT count(*) FROM outbox.event), (SELECT count(*) FROM outbox.attempt)"
    ).fetchone()
    assert left == (0, 0)


# Safe connections


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that only who is told to trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("certificate")
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "certificate.pem", folder / "key.pem"


def test_message_goes_over_a_safe_connection_to_whom_the_machine_trusts(conn, database, certificate):
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(*certificate)
    with receiving(served) as receiver:
        made = endpoint(conn, receiver.url)
        with delivering(database.app_url, MANNER):
            tell(conn, paid())
            until(lambda: log(conn, made.endpoint.id)[0].last_error == "certificate")
        assert receiver.received == []

        trusting = webhooks.tls()
        trusting.load_verify_locations(certificate[0])
        with transaction(conn):
            event = queries.deliveries(conn, town_id=1, listener=made.endpoint.id)[0].event_id
            outbox.send_again(conn, town_id=1, listener=made.endpoint.id, event=event, actor="user:1", at=NOW)
        with delivering(database.app_url, replace(MANNER, context=trusting)):
            until(lambda: states(conn, made.endpoint.id) == ["delivered"])
        assert receiver.received[0].is_signed_by(made.secret)


def test_certificate_of_another_name_is_refused(conn, database, certificate):
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(*certificate)
    trusting = webhooks.tls()
    trusting.load_verify_locations(certificate[0])
    with receiving(served) as receiver:
        made = endpoint(conn, receiver.url.replace("127.0.0.1", "localhost"))
        with delivering(database.app_url, replace(MANNER, context=trusting)):
            tell(conn, paid())
            until(lambda: log(conn, made.endpoint.id)[0].last_error == "certificate")
        assert receiver.received == []


def test_plain_answer_to_a_safe_connection_is_none(conn, database, receiver):
    made = endpoint(conn, receiver.url.replace("http:", "https:"))
    with delivering(database.app_url, MANNER):
        tell(conn, paid())
        until(lambda: log(conn, made.endpoint.id)[0].last_error in ("tls", "connection"))


def test_endpoints_are_changed_while_messages_fail_without_waiting_for_each_other(
    conn, connect_again, database, receiver
):
    """Two workers and an officer who removes, resumes and sends again at once: nobody is refused for a deadlock."""
    receiver.always = 500
    endpoints = [endpoint(conn, receiver.url).endpoint.id for _ in range(6)]
    before = figures.value(metrics.FAILED, job="deliver") or 0
    officer = connect_again()
    with delivering(database.app_url, MANNER), delivering(database.app_url, MANNER):
        for number in range(30):
            tell(conn, paid(), paid())
            one = endpoints[number % 3]
            with transaction(officer):
                outbox.send_again(officer, town_id=1, listener=one, actor="user:1", at=NOW)
                officer.execute("UPDATE outbox.delivery SET next_at = now() WHERE state = 'due' AND NOT claimed")
        for one in endpoints:
            with transaction(officer):
                outbox.remove_endpoint(officer, town_id=1, endpoint_id=one, actor="user:1", at=NOW)
    assert (figures.value(metrics.FAILED, job="deliver") or 0) == before
    ended = set(states(conn, endpoints[0]))
    assert "abandoned" in ended
    assert ended <= {
        "abandoned",
        "failed",
    }  # Where every round was quick enough, the first message was tried ten times.
