"""A target's way: proposed by one person, confirmed by another, dated forward, and never rewritten."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from koinon.audit import queries as trail
from koinon.impact import aims, targets
from koinon.impact.aims import Target
from koinon.impact.errors import TargetDecided, TargetNotFound, TargetNotSound, TargetSamePerson
from koinon.kernel.identifiers import new_id
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
