"""Who may act for whom."""

from __future__ import annotations

import pytest
from psycopg.errors import CheckViolation

from koinon.db.transactions import savepoint
from koinon.parties import operations, queries
from koinon.parties.errors import PartyNotFound, TownNotFound
from tests.programmes.small_town import NOON, build


def test_a_role_is_granted_once_revoked_once_and_both_are_recorded(conn):
    town = build(conn)
    user = town.user("marta", "officer")
    who = {"town_id": town.id, "user_id": user, "role": "approver", "party_id": None, "actor": "user:1", "at": NOON}
    assert [operations.grant_role(conn, **who), operations.grant_role(conn, **who)] == [True, False]
    assert [grant.role for grant in queries.grants(conn, user)] == ["approver", "officer"]
    assert [operations.revoke_role(conn, **who), operations.revoke_role(conn, **who)] == [True, False]
    assert [grant.role for grant in queries.grants(conn, user)] == ["officer"]
    assert town.audited() == ["parties.role-granted", "parties.role-granted", "parties.role-revoked"]


@pytest.mark.parametrize("role", ["resident", "shop"])
def test_residents_and_shops_act_for_a_party(conn, role):
    town = build(conn)
    with pytest.raises(CheckViolation), savepoint(conn):
        town.user("ana", role)


def test_a_town_is_found_by_number_and_by_name_and_says_so_when_not(conn):
    town = build(conn)
    assert queries.town(conn, town.id) == queries.town_by_slug(conn, "vila")
    assert queries.town(conn, town.id).zone.key == "Europe/Madrid"
    with pytest.raises(TownNotFound):
        queries.town_by_slug(conn, "atlantis")


def test_a_party_of_another_town_is_not_found(conn):
    town, other = build(conn), build(conn, slug="other")
    forn = town.shop("forn", zone="besos", is_sse=True)
    assert queries.party_facts(conn, town.id, forn).zone == "besos"
    with pytest.raises(PartyNotFound):
        queries.party_facts(conn, other.id, forn)
