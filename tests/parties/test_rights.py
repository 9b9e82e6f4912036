"""Rights of the staff: which take a second person, and who that may be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from koinon.parties import operations, queries, rights
from koinon.parties.errors import LastOfficer, NotStaff, OwnRight, RightDecided, RightNotFound, SamePerson
from koinon.parties.rights import What
from tests.parties.test_invitations import person, town

__all__ = ["town"]

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)


class Office:
    """A town's staff, spoken of by name."""

    def __init__(self, conn: Any, town_id: int) -> None:
        self.conn, self.town_id = conn, town_id
        self.people: dict[str, int] = {}
        for name in ("officer", "approver", "approver2", "new", "other"):
            self.people[name] = person(conn, name)
        for name, role in (("officer", "officer"), ("approver", "approver"), ("approver2", "approver")):
            self.grant(name, role)

    def grant(self, name: str, role: str) -> None:
        operations.grant_role(
            self.conn, town_id=self.town_id, user_id=self.people[name], role=role, party_id=None, actor="t", at=NOW
        )

    def ask(self, who: str, whom: str, what: What = What.ROLE, role: str = "") -> Any:
        return rights.ask(
            self.conn, town_id=self.town_id, user_id=self.people[whom], what=what, role=role,
            asked_by=self.people[who], at=NOW,
        )  # fmt: skip

    def decide(self, who: str, request: Any, *, give: bool = True) -> None:
        rights.decide(self.conn, town_id=self.town_id, request=request, decided_by=self.people[who], give=give, at=NOW)

    def end(self, who: str, role: str) -> None:
        rights.end(self.conn, town_id=self.town_id, user_id=self.people[who], role=role, actor="t", at=NOW)

    def roles(self, name: str) -> tuple[list[str], list[str]]:
        found = [one for one in queries.staff(self.conn, town_id=self.town_id) if one.username == name]
        return (found[0].roles, found[0].sees_personal_data) if found else ([], [])

    def acts(self, name: str) -> list[str]:
        sql = "SELECT action FROM audit.entry WHERE subject = %s AND action LIKE 'parties.right%%' ORDER BY id"
        return [row[0] for row in self.conn.execute(sql, [f"user:{self.people[name]}"]).fetchall()]


@pytest.fixture
def office(django_db: Any, town: Any) -> Office:
    return Office(django_db, town.pk)


def test_rights_over_money_are_given_by_an_approver_who_neither_asked_nor_gets_them(office: Office) -> None:
    request = office.ask("officer", "new", role="treasurer")
    assert office.roles("new") == ([], [])
    office.grant("officer", "approver")
    for who, refusal in (("officer", SamePerson), ("new", SamePerson), ("other", NotStaff)):
        with pytest.raises(refusal):
            office.decide(who, request)
    assert office.roles("new") == ([], [])
    office.decide("approver", request)
    assert office.roles("new") == (["treasurer"], [])
    with pytest.raises(RightDecided):
        office.decide("approver2", request)
    assert office.acts("new") == ["parties.right-asked", "parties.right-given"]


def test_other_roles_are_given_at_once_and_nobody_gives_themselves_any(office: Office) -> None:
    assert office.ask("officer", "new", role="auditor") is None
    assert office.roles("new") == (["auditor"], [])
    for role in ("auditor", "treasurer"):
        with pytest.raises(OwnRight):
            office.ask("officer", "officer", role=role)


def test_seeing_people_takes_two_and_the_role_it_is_for(office: Office) -> None:
    with pytest.raises(NotStaff):
        office.ask("officer", "new", What.PEOPLE, "auditor")
    office.ask("officer", "new", role="auditor")
    request = office.ask("officer", "new", What.PEOPLE, "auditor")
    with pytest.raises(RightDecided):
        office.ask("officer", "new", What.PEOPLE, "auditor")
    office.decide("approver", request)
    assert office.roles("new") == (["auditor"], ["auditor"])


def test_what_was_declined_or_taken_back_gives_nothing_and_can_be_asked_for_again(office: Office) -> None:
    first = office.ask("officer", "new", role="approver")
    office.decide("approver", first, give=False)
    second = office.ask("officer", "new", role="approver")
    with pytest.raises(SamePerson):
        rights.withdraw(office.conn, town_id=office.town_id, request=second, asked_by=office.people["approver"], at=NOW)
    rights.withdraw(office.conn, town_id=office.town_id, request=second, asked_by=office.people["officer"], at=NOW)
    assert office.roles("new") == ([], [])
    assert rights.requests(office.conn, town_id=office.town_id) == []
    with pytest.raises(RightNotFound):
        rights.decide(
            office.conn, town_id=office.town_id + 1, request=second, decided_by=office.people["approver"], give=True,
            at=NOW,
        )  # fmt: skip


def test_a_right_to_see_people_is_not_given_in_a_role_that_was_lost_meanwhile(office: Office) -> None:
    office.ask("officer", "new", role="auditor")
    request = office.ask("officer", "new", What.PEOPLE, "auditor")
    office.end("new", "auditor")
    with pytest.raises(NotStaff):
        office.decide("approver", request)


def test_a_new_second_factor_ends_the_sessions_and_forgets_the_old_one(office: Office) -> None:
    from allauth.mfa.models import Authenticator
    from django.contrib.sessions.models import Session

    from koinon.parties.models import BrowserSession

    user = office.people["approver2"]
    Authenticator.objects.create(user_id=user, type="totp", data={"secret": "x"})
    Session.objects.create(session_key="k", session_data="", expire_date=NOW)
    BrowserSession.objects.create(user_id=user, session_key="k", began_at=NOW, seen_at=NOW, way="password")
    request = office.ask("officer", "approver2", What.FACTOR)
    with pytest.raises(SamePerson):
        office.decide("approver2", request)
    office.decide("approver", request)
    assert not Authenticator.objects.filter(user_id=user).exists()
    assert not Session.objects.filter(session_key="k").exists()


def test_a_town_keeps_an_officer(office: Office) -> None:
    with pytest.raises(LastOfficer):
        office.end("officer", "officer")
    office.ask("officer", "new", role="officer")
    office.end("officer", "officer")
    assert office.roles("officer") == ([], [])
    with pytest.raises(NotStaff):
        office.end("officer", "officer")


def test_what_is_over_is_forgotten_with_the_browser_it_was_in(django_db: Any, town: Any) -> None:
    from datetime import timedelta

    from django.contrib.sessions.models import Session

    from koinon.parties.models import BrowserSession

    user = person(django_db, "ana")
    for key, ends in (("over", NOW - timedelta(hours=1)), ("live", NOW + timedelta(hours=1))):
        Session.objects.create(session_key=key, session_data="", expire_date=ends)
        BrowserSession.objects.create(user_id=user, session_key=key, began_at=NOW, seen_at=NOW, way="password")
    assert operations.forget_ended_sessions(django_db, at=NOW) == 1
    assert list(BrowserSession.objects.values_list("session_key", flat=True)) == ["live"]
    assert list(Session.objects.values_list("session_key", flat=True)) == ["live"]
