"""Invitations: a code that one person uses once, for the party it was made for."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from koinon.db.connections import Database
from koinon.outbox import messages
from koinon.parties import invitations, operations
from koinon.parties.errors import InvitationNotFound, InvitationNotGood, PartyErased, PartyNotFound, RoleNotOfParty
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
KEYS = Secrets.fresh()


@pytest.fixture
def town(django_db: Any) -> Any:
    from koinon.parties.models import Party, Town

    made = Town.objects.create(slug="t", name="T", country="PT", unit_code="TTT", unit_name="t", created_at=NOW)
    body = Party.objects.create(town=made, kind="public_body", created_at=NOW)
    made.party = body
    made.save()
    return made


def household(town: Any) -> UUID:
    from koinon.parties.models import Household, Party

    party = Party.objects.create(town=town, kind="household", created_at=NOW)
    Household.objects.create(party=party)
    return party.pk  # type: ignore[no-any-return]


def person(conn: Any, name: str) -> int:
    return operations.add_user(conn, username=name, email="", password_hash="!", at=NOW).id


def grants(user: int) -> list[tuple[str, Any]]:
    from koinon.parties.models import RoleGrant

    return list(RoleGrant.objects.filter(user_id=user).values_list("role", "party_id"))


def invite(conn: Any, town: Any, party: UUID) -> invitations.NewInvitation:
    return invitations.invite(conn, town_id=town.pk, party_id=party, secrets=KEYS, actor="user:1", at=NOW)


def waiting(conn: Any, code: str, at: datetime = NOW) -> invitations.Invitation:
    return invitations.waiting(conn, code=code, secrets=KEYS, at=at)


def test_a_code_however_it_is_typed_binds_one_account_once(django_db: Any, town: Any) -> None:
    party, ana, ben = household(town), person(django_db, "ana"), person(django_db, "ben")
    made = invite(django_db, town, party)
    found = waiting(django_db, f"  {made.code.upper().replace('-', ' ')} ")
    invitations.use(django_db, invitation=found.id, user_id=ana, at=NOW)
    assert grants(ana) == [("resident", party)]
    with pytest.raises(InvitationNotGood):
        waiting(django_db, made.code)
    with pytest.raises(InvitationNotGood):
        invitations.use(django_db, invitation=found.id, user_id=ben, at=NOW)
    assert grants(ben) == []


def test_whoever_an_account_is_opened_for_is_told(django_db: Any, town: Any) -> None:
    party, ana = household(town), person(django_db, "ana")
    made = invite(django_db, town, party)
    assert messages.of_party(django_db, town_id=town.pk, party=party, most=9) == []
    invitations.use(django_db, invitation=made.id, user_id=ana, at=NOW)
    assert [one.kind for one in messages.of_party(django_db, town_id=town.pk, party=party, most=9)] == [
        "account.opened"
    ]


def test_the_code_stands_nowhere(django_db: Any, town: Any) -> None:
    made = invite(django_db, town, household(town))
    plain = invitations.plain(made.code)
    for table in ("parties_invitation", "audit.entry"):
        rows = django_db.execute(f"SELECT t::text FROM {table} AS t").fetchall()
        assert rows
        assert not any(plain in row[0] or made.code in row[0] for row in rows)


def test_a_code_ends_with_its_days_and_when_it_is_withdrawn(django_db: Any, town: Any) -> None:
    party = household(town)
    late, lost = invite(django_db, town, party), invite(django_db, town, party)
    with pytest.raises(InvitationNotGood):
        waiting(django_db, late.code, NOW + timedelta(days=30))
    invitations.withdraw(django_db, town_id=town.pk, invitation=lost.id, actor="user:1", at=NOW)
    with pytest.raises(InvitationNotGood):
        waiting(django_db, lost.code)
    with pytest.raises(InvitationNotFound):
        invitations.withdraw(django_db, town_id=town.pk, invitation=lost.id, actor="user:1", at=NOW)


def test_a_letter_is_withdrawn_only_among_those_of_its_party(django_db: Any, town: Any) -> None:
    party, other = household(town), household(town)
    made, how = invite(django_db, town, party), {"town_id": town.pk, "actor": "user:1", "at": NOW}
    with pytest.raises(InvitationNotFound):
        invitations.withdraw(django_db, invitation=made.id, party_id=other, **how)
    assert waiting(django_db, made.code).id == made.id
    invitations.withdraw(django_db, invitation=made.id, party_id=party, **how)
    with pytest.raises(InvitationNotGood):
        waiting(django_db, made.code)


def test_a_colleagues_code_opens_that_account_and_gives_no_right(django_db: Any, town: Any) -> None:
    tom, eve = person(django_db, "tom"), person(django_db, "eve")
    made = invitations.invite_colleague(django_db, town_id=town.pk, user_id=tom, secrets=KEYS, actor="user:1", at=NOW)
    with pytest.raises(InvitationNotGood):
        invitations.use(django_db, invitation=made.id, user_id=eve, at=NOW)
    invitations.use(django_db, invitation=made.id, user_id=tom, at=NOW)
    assert grants(tom) == []


def test_nobody_is_invited_to_act_for_the_town_for_the_erased_or_for_nobody(django_db: Any, town: Any) -> None:
    gone = household(town)
    made = invite(django_db, town, gone)
    Vault(django_db, KEYS).erase(gone, actor="user:1", reason="asked", at=NOW)
    with pytest.raises(InvitationNotGood):
        waiting(django_db, made.code)
    for party, refusal in ((gone, PartyErased), (town.party_id, RoleNotOfParty), (UUID(int=7), PartyNotFound)):
        with pytest.raises(refusal):
            invite(django_db, town, party)


def test_of_eight_who_use_a_code_at_once_one_has_it(django_fresh: Database, connect_again: Any) -> None:
    from django.db import transaction

    from koinon.parties.connection import raw
    from koinon.parties.models import Party, Town

    with transaction.atomic():
        made = Town.objects.create(slug="t", name="T", country="PT", unit_code="TTT", unit_name="t", created_at=NOW)
        made.party = Party.objects.create(town=made, kind="public_body", created_at=NOW)
        made.save()
        code = invite(raw(), made, household(made))
        users = [person(raw(), f"user-{number}") for number in range(8)]
    outcomes: list[str] = []

    def attempt(user: int) -> None:
        conn = connect_again()
        try:
            invitations.use(conn, invitation=code.id, user_id=user, at=NOW)
            conn.commit()
            outcomes.append("bound")
        except InvitationNotGood as refused:
            conn.rollback()
            outcomes.append(refused.code)

    threads = [threading.Thread(target=attempt, args=(user,)) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["bound"] + ["parties.invitation-not-good"] * 7


def test_an_account_that_is_opened_while_its_household_is_erased_is_erased_with_it(
    django_fresh: Database, connect_again: Any, owner_conn: Any
) -> None:
    from django.db import transaction

    from koinon.parties.connection import raw
    from koinon.parties.models import Party, Town, User

    with transaction.atomic():
        made = Town.objects.create(slug="t", name="T", country="PT", unit_code="TTT", unit_name="t", created_at=NOW)
        made.party = Party.objects.create(town=made, kind="public_body", created_at=NOW)
        made.save()
        party = household(made)
        code, ana = invite(raw(), made, party), person(raw(), "ana")
    opening, erasing = connect_again(), connect_again()
    invitations.use(opening, invitation=code.id, user_id=ana, at=NOW)  # Not committed yet.

    def erase() -> None:
        Vault(erasing, KEYS).erase(party, actor="user:1", reason="asked", at=NOW)
        erasing.commit()

    thread = threading.Thread(target=erase)
    thread.start()
    waits = "SELECT cardinality(pg_blocking_pids(%s))"
    while thread.is_alive() and owner_conn.execute(waits, [erasing.info.backend_pid]).fetchone() == (0,):
        time.sleep(0.01)
    opening.commit()
    thread.join()
    assert (grants(ana), User.objects.filter(pk=ana).exists()) == ([], False)
