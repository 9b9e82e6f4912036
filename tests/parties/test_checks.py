"""Each invariant of the parties notices what somebody edits behind the operations' back."""

from __future__ import annotations

import pytest

from koinon.db.checks import run_checks
from koinon.parties import operations
from tests.programmes.small_town import NOON, build


@pytest.fixture
def town(database, conn):
    """An officer, and a resident's sign-in. Committed."""
    town = build(conn)
    town.household("ana")
    town.user("marta", "officer")
    town.user("ana", "resident", party="ana")
    assert town.broken() == []
    conn.commit()
    return town


def failing(conn) -> set[str]:
    return {result.name for result in run_checks(conn) if result.failures}


@pytest.mark.parametrize(
    "edit",
    [
        "INSERT INTO parties_rolegrant (user_id, town_id, role) SELECT id, 1, 'approver' FROM parties_user",
        "UPDATE parties_rolegrant SET role = 'treasurer' WHERE role = 'officer'",
        "UPDATE parties_rolegrant SET party_id = gen_random_uuid() WHERE role = 'resident'",
        "DELETE FROM audit.entry",
    ],
)
def test_a_role_that_nobody_granted_is_noticed(town, owner_conn, edit):
    with owner_conn.transaction(force_rollback=True):
        owner_conn.execute(edit)
        assert failing(owner_conn) == {"roles_were_granted_in_the_trail"}


def test_a_role_that_was_revoked_and_put_back_is_noticed(town):
    (user,) = town.conn.execute("SELECT user_id FROM parties_rolegrant WHERE role = 'officer'").fetchone()
    operations.revoke_role(
        town.conn, town_id=town.id, user_id=user, role="officer", party_id=None, actor="user:1", at=NOON
    )
    assert failing(town.conn) == set()
    town.conn.execute(
        "INSERT INTO parties_rolegrant (user_id, town_id, role) VALUES (%s, %s, 'officer')", [user, town.id]
    )
    assert failing(town.conn) == {"roles_were_granted_in_the_trail"}


def test_a_right_that_one_person_gave_alone_is_noticed(town):
    town.conn.execute(
        "INSERT INTO parties_rightrequest"
        " (id, town_id, user_id, what, role, asked_by_id, asked_at, decided_by_id, decided_at, outcome)"
        " SELECT gen_random_uuid(), %(town)s, r.user_id, 'people', 'officer', o.user_id, now(), o.user_id, now(), 'given'"
        " FROM parties_rolegrant AS r, parties_rolegrant AS o WHERE r.role = 'resident' AND o.role = 'officer'",
        {"town": town.id},
    )
    assert failing(town.conn) == {"rights_were_given_by_a_second_person"}
