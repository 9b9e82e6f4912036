"""What is told is written with the money, for those who listen and for nobody else."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest

from koinon.db import checks
from koinon.db.connections import Database
from koinon.kernel.identifiers import new_id
from koinon.outbox import operations as outbox
from koinon.outbox import queries
from koinon.outbox.errors import (
    AddressRefused,
    DeliveryNotFound,
    EndpointNotFound,
    KindUnknown,
    NoticeNotFound,
    TooManyListeners,
)
from koinon.outbox.types import Event
from koinon.parties.secrets import Secrets

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
TOWN, OTHER = 1, 2
KEYS = Secrets.fresh()
ANA, SHOP, RIVAL = new_id(), new_id(), new_id()


def paid(payee: UUID = SHOP, minor: int = 1250, payer: UUID = ANA) -> Event:
    data: dict[str, str | int] = {"payer": str(payer), "payee": str(payee), "amount_minor": minor, "unit": "REC"}
    return Event("payment.posted", new_id(), NOW, data)


def listen(conn: psycopg.Connection[Any], kinds: list[str], party: UUID | None = None, town: int = TOWN) -> UUID:
    return outbox.add_endpoint(
        conn,
        town_id=town,
        url="https://shop.example/hook",
        kinds=kinds,
        keys=KEYS,
        actor="user:1",
        at=NOW,
        party=party,
    ).endpoint.id


def rows(conn: psycopg.Connection[Any], table: str) -> int:
    row = conn.execute(f"SELECT count(*) FROM outbox.{table}").fetchone()
    assert row is not None
    return int(row[0])


def test_nothing_is_written_where_nobody_listens(conn: psycopg.Connection[Any]) -> None:
    listen(conn, ["payment.refunded"])
    listen(conn, ["payment.posted"], town=OTHER)

    told = outbox.tell(conn, town_id=TOWN, events=[paid()])

    assert (told, rows(conn, "event"), rows(conn, "delivery")) == (0, 0, 0)


def test_telling_where_nobody_listens_asks_one_thing_and_writes_nothing(conn: psycopg.Connection[Any]) -> None:
    conn.execute("SET TRANSACTION READ ONLY")
    assert outbox.tell(conn, town_id=TOWN, events=[paid()] * 100) == 0
    assert outbox.tell(conn, town_id=TOWN, events=[]) == 0


def test_an_event_is_written_once_and_a_delivery_for_each_who_listens(conn: psycopg.Connection[Any]) -> None:
    first, second = listen(conn, ["payment.posted"]), listen(conn, ["payment.posted", "hold.placed"])

    told = outbox.tell(conn, town_id=TOWN, events=[paid(), paid(RIVAL)])

    assert (told, rows(conn, "event"), rows(conn, "delivery")) == (4, 2, 4)
    for endpoint in (first, second):
        assert {one.state for one in queries.deliveries(conn, town_id=TOWN, listener=endpoint)} == {"due"}


def test_a_partys_endpoint_hears_only_of_what_concerns_it(conn: psycopg.Connection[Any]) -> None:
    own = listen(conn, ["payment.posted"], party=SHOP)
    ours = paid()

    told = outbox.tell(conn, town_id=TOWN, events=[paid(RIVAL), ours, paid(RIVAL)])

    assert told == 1
    assert [one.subject for one in queries.deliveries(conn, town_id=TOWN, listener=own)] == [ours.subject]


def test_one_that_pays_itself_is_told_once(conn: psycopg.Connection[Any]) -> None:
    listen(conn, ["payment.posted"], party=SHOP)
    assert outbox.tell(conn, town_id=TOWN, events=[paid(SHOP, payer=SHOP)]) == 1


def test_hundreds_of_parties_that_listen_are_each_told_of_their_own(conn: psycopg.Connection[Any]) -> None:
    shops = [new_id() for _ in range(203)]
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO outbox.listener (town_id, id, channel, kinds, party, created_at, created_by, url, secret) "
            "VALUES (%s, %s, 'webhook', '{payment.posted}', %s, now(), 'user:1', 'https://x.example/', 'x')",
            [(TOWN, new_id(), shop) for shop in shops],
        )
    assert outbox.tell(conn, town_id=TOWN, events=[paid(shops[0]), paid(shops[-1]), paid(RIVAL)]) == 2


def test_a_notice_leaves_small_amounts_out(conn: psycopg.Connection[Any]) -> None:
    outbox.add_notice(
        conn, town_id=TOWN, kinds=["payment.posted"], actor="user:1", at=NOW, party=SHOP, at_least_minor=1000
    )
    assert outbox.tell(conn, town_id=TOWN, events=[paid(minor=999), paid(minor=1000)]) == 1


def test_what_is_told_is_undone_with_the_transaction(
    database: Database, conn: psycopg.Connection[Any], owner_conn: psycopg.Connection[Any]
) -> None:
    listen(conn, ["payment.posted"])
    conn.commit()

    outbox.tell(conn, town_id=TOWN, events=[paid()])
    conn.rollback()

    assert rows(owner_conn, "event") == rows(owner_conn, "delivery") == 0


def test_who_asked_beforehand_is_not_asked_again(conn: psycopg.Connection[Any]) -> None:
    listen(conn, ["payment.posted"], party=SHOP)
    heard = queries.heard(conn, town_id=TOWN, kinds=["payment.posted", "hold.placed"])
    assert heard == {"payment.posted": frozenset({str(SHOP)})}
    assert outbox.tell(conn, town_id=TOWN, events=[paid()], heard=heard) == 1
    assert outbox.tell(conn, town_id=TOWN, events=[paid()], heard={}) == 0


# Who listens


def test_secret_is_shown_once_and_lies_sealed(conn: psycopg.Connection[Any]) -> None:
    made = outbox.add_endpoint(
        conn, town_id=TOWN, url="https://shop.example/", kinds=["hold.placed"], keys=KEYS, actor="user:1", at=NOW
    )
    row = conn.execute("SELECT secret FROM outbox.listener").fetchone()
    assert row is not None
    assert made.secret.startswith("whsec_")
    assert made.secret not in repr(made)
    assert made.secret.encode() not in bytes(row[0])


def test_every_change_of_an_endpoint_is_in_the_trail(conn: psycopg.Connection[Any]) -> None:
    endpoint = listen(conn, ["payment.posted"])
    who: Any = {"town_id": TOWN, "endpoint_id": endpoint, "actor": "user:1", "at": NOW}
    outbox.change_endpoint(conn, kinds=["hold.placed"], **who)
    outbox.rotate_secret(conn, keys=KEYS, **who)
    outbox.remove_endpoint(conn, **who)

    trail = conn.execute("SELECT action FROM audit.entry WHERE subject = %s ORDER BY id", [f"webhook:{endpoint}"])

    assert [row[0] for row in trail] == [
        "outbox.endpoint-added",
        "outbox.endpoint-changed",
        "outbox.secret-rotated",
        "outbox.endpoint-removed",
    ]


def test_a_party_neither_sees_nor_changes_anothers_endpoint(conn: psycopg.Connection[Any]) -> None:
    theirs = listen(conn, ["payment.posted"], party=RIVAL)
    who: Any = {"town_id": TOWN, "actor": "user:1", "at": NOW, "party": SHOP}

    assert queries.endpoints(conn, town_id=TOWN, party=SHOP) == []
    with pytest.raises(EndpointNotFound):
        queries.endpoint(conn, town_id=TOWN, endpoint_id=theirs, party=SHOP)
    with pytest.raises(EndpointNotFound):
        outbox.remove_endpoint(conn, endpoint_id=theirs, **who)
    with pytest.raises(EndpointNotFound):
        outbox.rotate_secret(conn, endpoint_id=theirs, keys=KEYS, **who)
    with pytest.raises(EndpointNotFound):
        outbox.send_again(conn, listener=theirs, **who)
    with pytest.raises(EndpointNotFound):
        queries.endpoint(conn, town_id=OTHER, endpoint_id=theirs)


def test_removed_endpoint_hears_nothing_and_keeps_no_secret(conn: psycopg.Connection[Any]) -> None:
    endpoint = listen(conn, ["payment.posted"])
    outbox.tell(conn, town_id=TOWN, events=[paid()])
    outbox.remove_endpoint(conn, town_id=TOWN, endpoint_id=endpoint, actor="user:1", at=NOW)

    assert outbox.tell(conn, town_id=TOWN, events=[paid()]) == 0
    assert conn.execute("SELECT state, secret FROM outbox.listener").fetchone() == ("removed", None)
    assert [one.state for one in queries.deliveries(conn, town_id=TOWN, listener=endpoint)] == ["abandoned"]
    assert [result for result in checks.run_checks(conn) if not result.passed] == []


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/",
        "ftp://shop.example/",
        "https://",
        "https://ana:secret@shop.example/",
        "https://localhost/",
        "https://intranet/",
        "https://printer.local/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://127.1/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fd00::1]/",
        "https://shop.example/#part",
        "https://shop.example:99999/",
        "https://shop.example/a b",
        "https://shop.example/\r\nX: y",
        "https://shop.example/" + "x" * 2000,
    ],
)
def test_addresses_that_lead_inside_or_nowhere_are_refused(conn: psycopg.Connection[Any], url: str) -> None:
    with pytest.raises(AddressRefused):
        outbox.add_endpoint(conn, town_id=TOWN, url=url, kinds=["payment.posted"], keys=KEYS, actor="user:1", at=NOW)


def test_kinds_that_never_happen_are_refused(conn: psycopg.Connection[Any]) -> None:
    with pytest.raises(KindUnknown) as refused:
        listen(conn, ["payment.posted", "payment.imagined"])
    assert refused.value.unknown == ["payment.imagined"]
    with pytest.raises(KindUnknown):
        listen(conn, [])


def test_there_are_only_so_many_listeners(conn: psycopg.Connection[Any]) -> None:
    for _ in range(outbox.MOST_LISTENERS):
        listen(conn, ["payment.posted"], party=SHOP)
    with pytest.raises(TooManyListeners):
        listen(conn, ["payment.posted"], party=SHOP)
    listen(conn, ["payment.posted"], party=RIVAL)


def test_what_was_never_for_a_listener_is_not_sent_again(conn: psycopg.Connection[Any]) -> None:
    endpoint = listen(conn, ["payment.posted"])
    with pytest.raises(DeliveryNotFound):
        outbox.send_again(conn, town_id=TOWN, listener=endpoint, event=new_id(), actor="user:1", at=NOW)


def test_removed_notice_is_not_found(conn: psycopg.Connection[Any]) -> None:
    notice = outbox.add_notice(conn, town_id=TOWN, kinds=["hold.placed"], actor="user:1", at=NOW, role="treasurer")
    assert queries.notices(conn, town_id=TOWN) == [notice]
    outbox.remove_notice(conn, town_id=TOWN, notice_id=notice.id, actor="user:1", at=NOW)
    with pytest.raises(NoticeNotFound):
        outbox.remove_notice(conn, town_id=TOWN, notice_id=notice.id, actor="user:1", at=NOW)


# Rights


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE outbox.event SET kind = 'hold.placed'",
        "DELETE FROM outbox.event",
        "DELETE FROM outbox.delivery",
        "DELETE FROM outbox.attempt",
        "UPDATE outbox.attempt SET error = ''",
        "DELETE FROM outbox.listener",
        "UPDATE outbox.listener SET party = NULL",
        "UPDATE outbox.listener SET created_by = 'user:2'",
        "INSERT INTO outbox.subscription VALUES (1, 'payment.posted', gen_random_uuid(), gen_random_uuid(), 0, '')",
        "TRUNCATE outbox.delivery",
    ],
)
def test_application_cannot_rewrite_what_was_told(conn: psycopg.Connection[Any], sql: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(sql)


# Keys


def test_secrets_are_sealed_anew_when_the_installations_key_turns(conn: psycopg.Connection[Any]) -> None:
    made = outbox.add_endpoint(
        conn, town_id=TOWN, url="https://shop.example/", kinds=["payment.posted"], keys=KEYS, actor="user:1", at=NOW
    )
    outbox.rotate_secret(
        conn, town_id=TOWN, endpoint_id=made.endpoint.id, keys=KEYS, actor="user:1", at=datetime.now(UTC)
    )
    turned = KEYS.with_next().turned(at=NOW)

    assert (outbox.rewrap(conn, turned), outbox.rewrap(conn, turned)) == (1, 0)

    outbox.tell(conn, town_id=TOWN, events=[paid()])
    (claimed,) = outbox.claim(conn, most=1, each=1, busy={}, lease_seconds=60)
    only_new = turned.without(KEYS.current)
    assert len(outbox.signing_secrets(claimed, only_new)) == 2


def test_data_are_what_was_said(conn: psycopg.Connection[Any]) -> None:
    listen(conn, ["payment.posted"])
    event = paid()
    outbox.tell(conn, town_id=TOWN, events=[event])
    (claimed,) = outbox.claim(conn, most=9, each=9, busy={}, lease_seconds=60)
    assert json.loads(claimed.data) == event.data
    assert (claimed.kind, claimed.subject, claimed.at) == (event.kind, event.subject, event.at)
