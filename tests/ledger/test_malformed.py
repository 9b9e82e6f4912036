"""Arrays that only a broken or hostile caller would send: nothing of them is posted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount
from koinon.ledger import operations
from koinon.ledger.errors import BatchMalformed
from koinon.ledger.types import Request, Transfer
from tests.ledger.story import ACTOR, NOON, TOWN, Story, broken, check

Conn = psycopg.Connection[Any]

SOUND = {
    "id": "ARRAY[gen_random_uuid(), gen_random_uuid()]",
    "debit": "ARRAY[%(ana)s, %(ana)s]::integer[]",
    "credit": "ARRAY[%(shop)s, %(shop)s]::integer[]",
    "amount": "'{100,200}'::bigint[]",
    "kind": "'{1,1}'::smallint[]",
    "unit": "'{LOC,LOC}'::text[]",
    "code": "'{pay,pay}'::text[]",
    "target": "'{NULL,NULL}'::uuid[]",
    "same_group": "'{0}'::integer[]",
    "effective_at": "ARRAY[now(), now()]",
    "lapses_at": "'{NULL,NULL}'::timestamptz[]",
    "actor": "'{test:x,test:x}'::text[]",
    "reference": """'{"",""}'::text[]""",
}
ONCE = {
    "kind": "'{1}'::smallint[]",
    "unit": "'{LOC}'::text[]",
    "code": "'{pay}'::text[]",
    "target": "'{NULL}'::uuid[]",
    "effective_at": "ARRAY[now()]",
    "lapses_at": "'{NULL}'::timestamptz[]",
    "actor": "'{test:x}'::text[]",
    "reference": """'{""}'::text[]""",
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
        {"kind": "'{}'::smallint[]"},
        {"kind": "'{1,1,1}'::smallint[]"},
        {"kind": "NULL"},
        {"amount": "'[0:1]={300,200}'::bigint[]"},
        {"amount": "'{300}'::bigint[]"},
        {"amount": "NULL"},
        {"debit": "ARRAY[%(ana)s]::integer[]"},
        {"debit": "ARRAY[ARRAY[%(ana)s, %(ana)s]]::integer[]"},
        {"credit": "'{}'::integer[]"},
        {"id": "'{NULL,NULL}'::uuid[]"},
        {"id": "ARRAY[gen_random_uuid()]"},
        {"id": "NULL"},
        {"id": "ARRAY[[gen_random_uuid()], [gen_random_uuid()]]"},
        {"effective_at": "ARRAY[now(), 'infinity'::timestamptz]"},
        {"effective_at": "ARRAY[now(), '-infinity'::timestamptz]"},
        {"effective_at": "ARRAY[NULL::timestamptz]"},
        {"kind": "'{2,1}'::smallint[]"},
        {"kind": "'{2,1}'::smallint[]", "lapses_at": "ARRAY[NULL::timestamptz]"},
        {"kind": "'{2,1}'::smallint[]", "lapses_at": "ARRAY['infinity'::timestamptz, NULL]"},
        {"reference": "'{\"\",NULL}'::text[]"},
        {"actor": "'{NULL}'::text[]"},
        {"same_group": "'{0,0}'::integer[]"},
        {"same_group": "'{1}'::integer[]"},
        {"same_group": "'{2,2}'::integer[]"},
        {"same_group": "'{1,3}'::integer[]"},
        {"same_group": "'{1,-1}'::integer[]"},
        {"same_group": "'{1,NULL}'::integer[]"},
        {"same_group": "NULL"},
    ],
)
def test_arrays_that_make_no_batch_are_refused_whole(conn: Conn, changed: dict[str, str]) -> None:
    story = check(conn, TOWN)
    assert post(conn, story) == []  # A row only for what was not simply posted.
    before = conn.execute("SELECT count(*) FROM ledger.journal").fetchone()
    with pytest.raises(psycopg.Error) as refused, conn.transaction():
        post(conn, story, **changed)
    assert refused.value.sqlstate == "KL004"
    assert conn.execute("SELECT count(*) FROM ledger.journal").fetchone() == before


def test_what_is_the_same_for_all_may_be_said_once(conn: Conn) -> None:
    story = check(conn, TOWN)
    assert post(conn, story, **ONCE) == []
    assert post(conn, story, **(ONCE | {"same_group": "'{1,1}'::integer[]"})) == []
    assert post(conn, story, **(ONCE | {"amount": "'{100,20000}'::bigint[]"})) == [("insufficient-funds",)]
    holds = {"kind": "'{2}'::smallint[]", "lapses_at": "ARRAY[now()]"}
    assert post(conn, story, **(ONCE | holds)) == []
    story.tell("held ana 3.00\nbalance ana 93.00\nbalance shop 7.00")
    assert broken(conn) == []


def test_holds_of_which_one_never_ends_are_refused_whole(conn: Conn) -> None:
    story = check(conn, TOWN)
    with pytest.raises(psycopg.DatabaseError), conn.transaction():
        post(conn, story, **(ONCE | {"kind": "'{2}'::smallint[]", "lapses_at": "ARRAY[now(), NULL]"}))
    story.tell("held ana 0.00")


@pytest.mark.parametrize("changed", [{"actor": "'{test x}'::text[]"}, {"reference": "'{Ana Papadopoulou}'::text[]"}])
def test_names_of_people_come_into_no_book(conn: Conn, changed: dict[str, str]) -> None:
    story = check(conn, TOWN)
    with pytest.raises(psycopg.errors.CheckViolation):
        post(conn, story, **(ONCE | changed))


def test_a_batch_has_at_most_65536_requests_and_a_group_half_as_many(conn: Conn) -> None:
    story = check(conn, TOWN)
    debit, credit = story.accounts["ana"], story.accounts["shop"]

    def many(count: int, group: UUID | None = None) -> list[Request]:
        # Refused one by one, so that it takes no time: what counts here is how many there are.
        return [
            Transfer(new_id(), debit, credit, Amount(10**6, "LOC"), "pay", NOON, ACTOR, group=group)
            for _ in range(count)
        ]

    with pytest.raises(BatchMalformed, match="65536"):
        operations.post(conn, town_id=1, requests=many(65_537))
    conn.rollback()
    story = check(conn, TOWN)
    debit, credit = story.accounts["ana"], story.accounts["shop"]
    with pytest.raises(BatchMalformed, match="32767"):
        operations.post(conn, town_id=1, requests=many(32_768, uuid4()))


def test_a_group_torn_apart_is_refused_whole_and_says_so(conn: Conn) -> None:
    story = check(conn, TOWN)
    group = uuid4()
    requests = [
        Transfer(new_id(), story.accounts["ana"], story.accounts["shop"], Amount(100, "LOC"), "pay", NOON, ACTOR, "", mine)
        for mine in (group, None, group)
    ]  # fmt: skip
    with pytest.raises(BatchMalformed, match="stand together"):
        operations.post(conn, town_id=1, requests=requests)


def test_times_far_away_but_finite_can_be_sealed(conn: Conn, connect_again: Any) -> None:
    own = connect_again()
    story = check(own, TOWN)
    for moment in (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC) - timedelta(days=1)):
        request = Transfer(
            new_id(),
            story.accounts["ana"],
            story.accounts["shop"],
            Amount(1, "LOC"),
            "pay",
            moment,
            ACTOR,
        )
        operations.post_all(own, town_id=1, requests=[request])
    own.commit()
    assert operations.seal(own, town_id=1, at=NOON) is not None
