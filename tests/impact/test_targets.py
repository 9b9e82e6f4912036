"""A target's way: proposed by one person, confirmed by another, dated forward, and never rewritten."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.db import transaction as django_transaction

from koinon.audit import queries as trail
from koinon.db.connections import Database
from koinon.db.transactions import transaction
from koinon.impact import aims, targets
from koinon.impact.aims import Target
from koinon.impact.errors import TargetDecided, TargetNotFound, TargetNotSound, TargetSamePerson
from koinon.impact.measures import ZoneResidents
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import new_id
from koinon.parties.connection import raw
from tests.impact.story import told

AT = datetime(2026, 11, 3, 9, tzinfo=UTC)
WANTED = Target("recirculation", "", date(2026, 12, 1), date(2027, 12, 31), Decimal("0.35"), "Ple 2026/11")
OFFICER, APPROVER = "user:1", "user:2"


@pytest.fixture
def town(django_db) -> dict[str, Any]:
    story = told(django_db, "shop bakery zone=north")
    return {"conn": django_db, "town_id": story.place.town.pk}


def proposed(town: dict[str, Any], target: Target = WANTED, at: datetime = AT) -> targets.Proposal:
    return targets.propose(**town, proposal_id=new_id(), target=target, at=at, actor=OFFICER)


def test_a_target_holds_once_a_second_person_has_confirmed_it_and_the_record_says_who(town):
    asked = proposed(town)
    assert aims.targets(town["conn"], town["town_id"]) == ()
    with pytest.raises(TargetSamePerson):
        targets.confirm(**town, proposal_id=asked.id, at=AT, actor=OFFICER)

    done = targets.confirm(**town, proposal_id=asked.id, at=AT, actor=APPROVER)

    assert (done.state, done.decided_by) == ("confirmed", APPROVER)
    assert aims.targets(town["conn"], town["town_id"]) == (WANTED,)
    assert targets.confirm(**town, proposal_id=asked.id, at=AT, actor=APPROVER) == done
    with pytest.raises(TargetDecided):
        targets.decline(**town, proposal_id=asked.id, reason="no", at=AT, actor=APPROVER)
    lines = trail.entries_of_subject(**town, subject=f"town:{town['town_id']}", size=9)
    assert [(line.action, line.actor) for line in lines] == [("impact.target-set", APPROVER)]


def test_the_same_proposal_twice_is_one(town):
    first = proposed(town)

    again = targets.propose(**town, proposal_id=first.id, target=WANTED, at=AT + timedelta(hours=1), actor=OFFICER)

    assert again == first
    assert targets.proposals(**town) == (first,)


def test_who_proposed_it_takes_it_back_and_a_second_person_declines(town):
    own, other = proposed(town), proposed(town, replace(WANTED, by_day=date(2028, 1, 1)))

    assert targets.decline(**town, proposal_id=own.id, reason="a slip", at=AT, actor=OFFICER).state == "withdrawn"
    assert targets.decline(**town, proposal_id=other.id, reason="too far", at=AT, actor=APPROVER).state == "declined"
    assert targets.decline(**town, proposal_id=other.id, reason="too far", at=AT, actor=APPROVER).reason == "too far"
    assert aims.targets(town["conn"], town["town_id"]) == ()
    with pytest.raises(TargetNotFound):
        targets.confirm(**town, proposal_id=new_id(), at=AT, actor=APPROVER)


@pytest.mark.parametrize(
    ("wrong", "codes"),
    [
        ({"from_day": date(2026, 11, 2)}, ["target.past"]),
        ({"by_day": date(2026, 11, 30)}, ["target.reversed"]),
        ({"value": Decimal("1.2")}, ["target.share"]),
        ({"value": Decimal("-1")}, ["target.value"]),
        ({"value": Decimal("NaN")}, ["target.value"]),
        ({"part": "zone:nowhere"}, ["target.no-figure"]),
        ({"indicator": "happiness", "from_day": date(2020, 1, 1)}, ["target.no-figure", "target.past"]),
    ],
)
def test_what_cannot_be_meant_is_refused_with_every_finding_and_nothing_is_written(town, wrong, codes):
    with pytest.raises(TargetNotSound) as refused:
        proposed(town, replace(WANTED, **wrong))

    assert [one.code for one in refused.value.findings] == codes
    assert targets.proposals(**town) == ()


def test_what_is_shown_is_never_rewritten_and_what_is_late_is_proposed_anew(town):
    zone = replace(WANTED, indicator="share_by_zone", part="zone:north")
    first, late = proposed(town, zone), proposed(town, replace(zone, value=Decimal("0.5")))
    targets.confirm(**town, proposal_id=first.id, at=AT, actor=APPROVER)
    december = datetime(2026, 12, 2, tzinfo=UTC)

    with pytest.raises(TargetNotSound) as refused:
        targets.confirm(**town, proposal_id=late.id, at=december, actor=APPROVER)

    assert [one.code for one in refused.value.findings] == ["target.past", "target.shown"]
    assert aims.targets(town["conn"], town["town_id"]) == (zone,)


# --- Two at once


@dataclass
class Meeting:
    """A town, and two connections that are open at the same time."""

    town_id: int
    first: psycopg.Connection[Any]
    second: psycopg.Connection[Any]
    watcher: psycopg.Connection[Any]

    def proposed(self, target: Target) -> targets.Proposal:
        with transaction(self.first):
            return targets.propose(
                self.first, town_id=self.town_id, proposal_id=new_id(), target=target, at=AT, actor=OFFICER
            )

    def both(
        self, one: Callable[[psycopg.Connection[Any]], Any], other: Callable[[psycopg.Connection[Any]], Any]
    ) -> KoinonError | None:
        """``other`` is begun before ``one`` has ended, and has to wait for it; what ``other`` was refused with."""
        refused: list[KoinonError] = []

        def begin() -> None:
            try:
                with transaction(self.second):
                    other(self.second)
            except KoinonError as why:
                refused.append(why)

        beside = threading.Thread(target=begin)
        with transaction(self.first):
            one(self.first)
            beside.start()
            self._until_it_waits()
        beside.join(30)
        assert not beside.is_alive()
        return refused[0] if refused else None

    def _until_it_waits(self) -> None:
        for _ in range(300):
            waits = self.watcher.execute(
                "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %s", [self.second.info.backend_pid]
            ).fetchone()
            if waits == (True,):
                return
            time.sleep(0.05)
        raise AssertionError("the second one did not wait")

    def lines(self) -> list[tuple[str, dict[str, Any] | None]]:
        """What the audit trail says of the town's targets: the value, and what was said before; oldest first."""
        with transaction(self.first):
            found = trail.entries_of_subject(self.first, town_id=self.town_id, subject=f"town:{self.town_id}", size=99)
        return [(line.after["value"], line.before and line.before["value"]) for line in found[::-1]]


@pytest.fixture
def meeting(
    django_fresh: Database, owner_conn: psycopg.Connection[Any], connect_again: Callable[[], psycopg.Connection[Any]]
) -> Meeting:
    with django_transaction.atomic():
        town_id = told(raw(), "shop bakery zone=north").place.town.pk
    return Meeting(town_id, connect_again(), connect_again(), owner_conn)


def test_of_two_who_put_a_target_at_once_the_trail_says_what_the_second_one_replaced(meeting):
    def put(value: str, actor: str) -> Callable[[psycopg.Connection[Any]], bool]:
        aim = replace(WANTED, value=Decimal(value))
        return lambda conn: aims.put(conn, town_id=meeting.town_id, aim=aim, actor=actor, at=AT)

    assert meeting.both(put("0.35", OFFICER), put("0.4", APPROVER)) is None

    assert meeting.lines() == [("0.35", None), ("0.4", "0.35")]


def test_of_two_targets_for_one_day_confirmed_at_once_the_one_that_is_shown_is_not_rewritten(meeting):
    today = replace(WANTED, from_day=AT.date())
    one, other = meeting.proposed(today), meeting.proposed(replace(today, value=Decimal("0.4")))

    def confirm(proposal: targets.Proposal) -> Callable[[psycopg.Connection[Any]], Any]:
        return lambda conn: targets.confirm(
            conn, town_id=meeting.town_id, proposal_id=proposal.id, at=AT, actor=APPROVER
        )

    refused = meeting.both(confirm(one), confirm(other))

    assert isinstance(refused, TargetNotSound)
    assert [finding.code for finding in refused.findings] == ["target.shown"]
    with transaction(meeting.first):
        assert aims.targets(meeting.first, meeting.town_id) == (today,)
        states = {each.id: each.state for each in targets.proposals(meeting.first, town_id=meeting.town_id)}
    assert states == {one.id: "confirmed", other.id: "proposed"}


def test_nobody_confirms_a_target_while_a_folder_is_compared_with_those_that_are(meeting):
    folder = replace(WANTED, value=Decimal("0.5"))

    def apply(conn: psycopg.Connection[Any]) -> None:
        assert targets.confirmed(conn, town_id=meeting.town_id) == frozenset()
        aims.put(conn, town_id=meeting.town_id, aim=folder, actor=OFFICER, at=AT)

    def propose_and_confirm(conn: psycopg.Connection[Any]) -> None:
        step: dict[str, Any] = {"town_id": meeting.town_id, "proposal_id": new_id(), "at": AT}
        targets.propose(conn, **step, target=WANTED, actor=OFFICER)
        targets.confirm(conn, **step, actor=APPROVER)

    assert meeting.both(apply, propose_and_confirm) is None
    assert meeting.lines() == [("0.5", None), ("0.35", "0.5")]


def test_putting_many_rows_asks_no_more_than_putting_one_and_each_has_its_line(town, monkeypatch):
    asked: list[str] = []
    for name in ("many", "execute"):
        ask = getattr(aims, name)
        monkeypatch.setattr(aims, name, lambda *given, ask=ask, **named: asked.append(given[1]) or ask(*given, **named))
    counts = [ZoneResidents("north", 3000 + year, date(year, 1, 1), "Register") for year in range(1990, 2027)]

    assert aims.put_all(town["conn"], town_id=town["town_id"], aims=[*counts, counts[0]], actor=OFFICER, at=AT) == 37
    assert len(asked) == 3
    assert aims.put_all(town["conn"], town_id=town["town_id"], aims=counts, actor=OFFICER, at=AT) == 0

    lines = trail.entries_of_subject(**town, subject=f"town:{town['town_id']}", size=99)
    assert [line.action for line in lines] == ["impact.zone-residents-set"] * 37
    assert aims.zone_residents(town["conn"], town["town_id"]) == tuple(counts)
