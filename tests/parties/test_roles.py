"""Who may act for whom."""

from __future__ import annotations

import pytest
from psycopg.errors import CheckViolation

from koinon.db.transactions import savepoint
from koinon.parties import naming, operations, queries
from koinon.parties.errors import NotStaff, PartyNotFound, TownNotFound
from koinon.parties.secrets import Secrets
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


def test_the_right_to_personal_data_is_given_and_taken_apart_from_the_role(conn):
    town = build(conn)
    town.user("marta", "officer")
    asked = {"town_id": town.id, "username": "Marta", "role": "officer", "actor": "user:1", "at": NOON}
    assert queries.staff(conn, town_id=town.id)[0].sees_personal_data == []
    assert [operations.let_see_people(conn, sees=sees, **asked) for sees in (True, True)] == [True, False]
    assert queries.staff(conn, town_id=town.id)[0].sees_personal_data == ["officer"]
    assert operations.let_see_people(conn, sees=False, **asked)
    assert queries.staff(conn, town_id=town.id)[0].roles == ["officer"]
    assert town.audited()[-2:] == ["parties.personal-data-allowed", "parties.personal-data-disallowed"]
    with pytest.raises(NotStaff):
        operations.let_see_people(conn, sees=True, **{**asked, "role": "auditor"})


def test_a_reader_without_the_right_is_given_pseudonyms_and_leaves_no_look(conn):
    town = build(conn)
    forn = town.shop("forn", zone="besos", is_sse=True)
    asked = {
        "town_id": town.id,
        "parties": [forn, town.party],
        "reason": "test",
        "at": NOON,
        "secrets": Secrets.fresh(),
    }
    conn.execute("UPDATE parties_organisation SET legal_form = 'self-employed', trade_name = 'Marta Forn'")
    without = naming.called(conn, reader=naming.Reader("user:1", False), **asked)
    assert (str(without[forn]), without[forn].is_name) == (naming.pseudonym(forn), False)
    assert without[town.party].is_name  # A public body is nobody's name.
    assert "parties.revealed" not in town.audited()
    assert str(naming.called(conn, reader=naming.Reader("user:1", True), **asked)[forn]) == "Marta Forn"
    assert town.audited()[-1] == "parties.revealed"
    hidden = naming.called(conn, reader=naming.Reader("user:1", True), names=False, **asked)
    assert not hidden[forn].is_name
