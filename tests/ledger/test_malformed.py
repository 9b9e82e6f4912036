"""Arrays that only a broken or hostile caller would send: nothing of them is posted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount
from koinon.ledger import operations
from koinon.ledger.errors import BatchMalformed
from koinon.ledger.types import Transfer
from tests.ledger.story import ACTOR, NOON, TOWN, Story, check

Conn = psycopg.Connection[Any]

SOUND = {
    "kind": "'{1,1}'::smallint[]",
    "id": "ARRAY[gen_random_uuid(), gen_random_uuid()]",
    "key": "'{k1,k2}'::text[]",
    "debit": "ARRAY[%(ana)s, %(ana)s]::bigint[]",
    "credit": "ARRAY[%(shop)s, %(shop)s]::bigint[]",
    "amount": "'{100,200}'::bigint[]",
    "unit": "'{LOC,LOC}'::text[]",
    "code": "'{pay,pay}'::text[]",
    "target": "'{NULL,NULL}'::uuid[]",
    "same_group": "'{NULL,NULL}'::uuid[]",
    "effective_at": "ARRAY[now(), now()]",
    "lapses_at": "'{NULL,NULL}'::timestamptz[]",
    "actor": "'{test:x,test:x}'::text[]",
    "reference": """'{"",""}'::text[]""",
}


def post(conn: Conn, story: Story, **changed: str) -> list[Any]:
    arguments = ", ".join((SOUND | changed).values())
    accounts = {"ana": story.accounts["ana"], "shop": story.accounts["shop"]}
    return conn.execute(f"SELECT outcome FROM ledger.post(1, {arguments})".encode(), accounts).fetchall()


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "'{7,1}'::smallint[]"},
        {"kind": "'{0,1}'::smallint[]"},
        {"kind": "'{NULL,1}'::smallint[]"},
        {"kind": "'{{1,1}}'::smallint[]"},
        {"kind": "'[0:1]={1,1}'::smallint[]"},
        {"amount": "'[0:1]={300,200}'::bigint[]"},
        {"amount": "'{300}'::bigint[]"},
        {"amount": "NULL"},
        {"credit": "'{}'::bigint[]"},
        {"key": "'{k1,NULL}'::text[]"},
        {"key": "'{k1,\"\"}'::text[]"},
        {"key": "ARRAY['k1', repeat('k', 256)]"},
        {"id": "'{NULL,NULL}'::uuid[]"},
        {"effective_at": "ARRAY[now(), 'infinity'::timestamptz]"},
        {"effective_at": "ARRAY[now(), '-infinity'::timestamptz]"},
        {"kind": "'{2,1}'::smallint[]"},
        {"kind": "'{2,1}'::smallint[]", "lapses_at": "ARRAY['infinity'::timestamptz, NULL]"},
        {"reference": "'{\"\",NULL}'::text[]"},
    ],
)
def test_arrays_that_make_no_batch_are_refused_whole(conn: Conn, changed: dict[str, str]) -> None:
    story = check(conn, TOWN)
    assert post(conn, story) == [("posted",), ("posted",)]
    with pytest.raises(psycopg.Error) as refused:
        post(conn, story, **({"key": "'{k3,k4}'::text[]"} | changed))
    assert refused.value.sqlstate == "KL004"


def test_a_group_torn_apart_is_refused_whole_and_says_so(conn: Conn) -> None:
    story = check(conn, TOWN)
    group = uuid4()
    requests = [
        Transfer(new_id(), story.accounts["ana"], story.accounts["shop"], Amount(100, "LOC"), "pay", key, NOON, ACTOR, "", mine)
        for key, mine in (("g1", group), ("x", None), ("g2", group))
    ]  # fmt: skip
    with pytest.raises(BatchMalformed, match="stand together"):
        operations.post(conn, town_id=1, requests=requests)


def test_times_far_away_but_finite_can_be_sealed(conn: Conn, connect_again: Any) -> None:
    own = connect_again()
    story = check(own, TOWN)
    for place, moment in enumerate(
        (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC) - timedelta(days=1))
    ):
        request = Transfer(
            new_id(),
            story.accounts["ana"],
            story.accounts["shop"],
            Amount(1, "LOC"),
            "pay",
            f"far-{place}",
            moment,
            ACTOR,
        )
        operations.post_all(own, town_id=1, requests=[request])
    own.commit()
    assert operations.seal(own, town_id=1, at=NOON) is not None
