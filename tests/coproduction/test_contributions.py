"""What people do is verified, rewarded once within the caps, and can be undone."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from psycopg import Connection

from koinon.coproduction import activities, contributions, queries
from koinon.coproduction.errors import (
    ContributionInState,
    ContributionNotFound,
    CoproductionError,
    DayNotAllowed,
    FundOver,
    KeyReused,
    NotForThem,
    OccasionNotOpen,
    OccasionTooLong,
    OwnContribution,
    QuantityNotPlausible,
    RateInUse,
    ReasonMissing,
    RegisteredAlready,
    ReserveShort,
    SamePerson,
    StreamNotKnown,
)
from koinon.coproduction.types import Measure
from koinon.db.statements import statement
from koinon.kernel.identifiers import new_id
from koinon.programmes import queries as programmes
from tests.coproduction import garden_town
from tests.coproduction.garden_town import COORDINATOR, SECOND, TODAY, GardenTown, collection_point
from tests.programmes.small_town import NOON


@pytest.fixture
def town(conn: Connection[Any]) -> GardenTown:
    built = garden_town.build(conn)
    built.household("silva")
    built.person("ana", household="silva")
    built.person("rui", household="silva")
    built.person("zé")
    return built


def test_kilograms_become_a_reward_in_the_households_purse_up_to_the_cap(town: GardenTown) -> None:
    point = collection_point(town)

    first = town.brings("ana", point, 4_000, stream="glass")
    second = town.brings("ana", point, 7_500, stream="paper")
    third = town.brings("ana", point, 1_000, stream="mixed")

    assert [(each.rewarded_quantity, each.reward_minor) for each in (first, second, third)] == [
        (4_000, 8_00), (6_000, 12_00), (0, 0)
    ]  # fmt: skip
    assert [ground.code for ground in second.grounds] == ["reward.cap-activity"]
    assert (town.balance("silva", "lixo"), town.reserve("lixo")) == ("20.00", "480.00")
    assert town.now(point).granted_minor == 20_00
    assert town.broken() == []


def test_each_person_has_a_cap_of_their_own_and_the_household_in_its_own_name_none_beside_them(
    town: GardenTown,
) -> None:
    point = collection_point(town)
    town.brings("ana", point, 10_000, stream="glass")
    assert town.brings("rui", point, 6_000, stream="glass").reward_minor == 12_00
    assert town.brings("silva", point, 1_000, stream="glass").reward_minor == 0
    assert town.brings("zé", point, 10_000, stream="glass").reward_minor == 20_00
    assert town.broken() == []


def test_what_a_household_did_in_its_own_name_counts_against_its_people(town: GardenTown) -> None:
    point = collection_point(town)
    town.brings("silva", point, 6_000, stream="glass")
    assert town.brings("ana", point, 6_000, stream="glass").rewarded_quantity == 4_000


def test_caps_by_day_and_month_begin_anew(town: GardenTown) -> None:
    town.fund("horta")
    town.receive("horta", "500.00")
    garden = town.activity("horta", Measure.HOUR, fund="horta", rates={"": ("4.00", 1)})
    town.cap(garden, "day", quantity=2)
    town.cap(garden, "month", amount="12.00")

    earned = [
        town.brings("ana", garden, 180, day=day).reward_minor
        for day in (date(2026, 9, 29), date(2026, 9, 30), date(2026, 10, 1), date(2026, 10, 1))
    ]
    assert earned == [8_00, 4_00, 8_00, 0]
    assert town.broken() == []


def test_the_last_contribution_gets_what_is_left_of_the_budget(town: GardenTown) -> None:
    point = collection_point(town, budget="25.00")
    assert town.brings("ana", point, 10_000, stream="glass").reward_minor == 20_00
    last = town.brings("zé", point, 10_000, stream="glass")
    assert (last.reward_minor, [ground.code for ground in last.grounds]) == (5_00, ["reward.budget-over"])
    undone = town.undoes(last)
    assert undone.taken_back == 5_00
    assert town.brings("rui", point, 1_000, stream="mixed").reward_minor == 1_00
    assert town.broken() == []


def test_rewards_count_against_the_budget_that_cycles_of_the_fund_share(town: GardenTown) -> None:
    point = collection_point(town, budget="100.00")
    reward = town.brings("ana", point, 10_000, stream="glass")
    fund = town.funds["lixo"]
    assert programmes.committed_of_fund(town.conn, fund_id=fund) == 20_00
    town.undoes(reward)
    assert programmes.committed_of_fund(town.conn, fund_id=fund) == 0


def test_nothing_is_verified_while_the_euros_have_not_come(town: GardenTown) -> None:
    point = collection_point(town, euros="5.00")
    waits = town.registers("ana", point, 4_000, stream="glass")
    with pytest.raises(ReserveShort) as refused:
        town.verifies(waits)
    assert (str(refused.value.available), str(refused.value.asked)) == ("5.00 REC", "8.00 REC")
    assert queries.contribution(town.conn, town_id=town.id, contribution_id=waits.id).state == "registered"
    town.receive("lixo", "3.00")
    assert town.verifies(waits).reward_minor == 8_00
    assert town.broken() == []


def test_above_the_threshold_a_second_coordinator_verifies(town: GardenTown) -> None:
    point = collection_point(town)
    town.activity("lixo", fund="lixo", second_above=5_000)
    assert town.brings("ana", point, 5_000, stream="glass").state == "verified"
    much = town.brings("zé", point, 5_001, stream="glass")
    assert much.state == "confirmed"
    with pytest.raises(SamePerson):
        town.verifies(much)
    assert town.verifies(much, SECOND).reward_minor == 10_00
    assert town.broken() == []


def test_nobody_verifies_what_they_or_their_household_did(town: GardenTown) -> None:
    point = collection_point(town)
    user = town.user("marta", "resident", party="silva")
    for who in ("silva", "ana"):
        waits = town.registers(who, point, 1_000, stream="glass")
        with pytest.raises(OwnContribution):
            town.verifies(waits, f"user:{user}")
    assert town.verifies(waits).state == "verified"


def test_verifying_is_repeated_without_paying_again(town: GardenTown) -> None:
    point = collection_point(town)
    waits = town.registers("ana", point, 1_000, stream="glass", key="a")
    assert town.registers("ana", point, 1_000, stream="glass", key="a").replayed
    with pytest.raises(KeyReused):
        town.registers("ana", point, 2_000, stream="glass", key="a")
    town.verifies(waits)
    assert town.verifies(waits).replayed
    with pytest.raises(ContributionInState):
        town.verifies(waits, SECOND)
    assert town.balance("silva", "lixo") == "2.00"


def test_what_is_undone_comes_back_as_far_as_it_is_there(town: GardenTown) -> None:
    point = collection_point(town)
    town.shop("forn")
    found = town.brings("ana", point, 8_000, stream="glass")
    assert town.pay("silva", "forn", "10.00") == "posted"
    undone = town.undoes(found)
    assert (undone.state, undone.taken_back) == ("undone", 6_00)
    assert town.undoes(found).replayed
    assert (town.balance("silva", "lixo"), town.reserve("lixo"), town.now(point).granted_minor) == (
        "0.00",
        "490.00",
        10_00,
    )
    assert town.broken() == []


def test_a_correction_undoes_and_records_anew_with_the_right_quantity(town: GardenTown) -> None:
    point = collection_point(town)
    wrong = town.brings("ana", point, 8_000, stream="glass")
    anew = new_id()
    how: dict[str, Any] = {
        "town_id": town.id, "contribution_id": wrong.id, "quantity": 800, "new_id": anew, "reason": "a comma too far",
        "actor": COORDINATOR, "at": NOON,
    }  # fmt: skip
    right = contributions.correct(town.conn, **how)
    assert (right.replaces, right.reward_minor, right.rewarded_quantity) == (wrong.id, 1_60, 800)
    assert contributions.correct(town.conn, **how).replayed
    assert town.balance("silva", "lixo") == "1.60"
    assert town.broken() == []


@pytest.mark.parametrize(("right_quantity", "paid_anew"), [(6_000, 4_00), (4_000, 0), (3_000, 0)])
def test_what_was_spent_of_a_reward_is_not_paid_again_by_a_correction(
    town: GardenTown, right_quantity: int, paid_anew: int
) -> None:
    point = collection_point(town)
    town.shop("forn")
    wrong = town.brings("ana", point, 4_000, stream="glass")
    assert town.pay("silva", "forn", "8.00") == "posted"

    right = town.corrects(wrong, right_quantity)
    assert (right.rewarded_quantity, right.reward_minor) == (right_quantity, paid_anew)
    assert town.now(point).granted_minor == 8_00 + paid_anew
    again = town.corrects(right, 7_000)
    assert (again.reward_minor, town.now(point).granted_minor) == (6_00, 14_00)
    assert town.brings("ana", point, 4_000, stream="glass").rewarded_quantity == 3_000
    assert town.broken() == []


def test_what_was_corrected_is_not_corrected_and_rewarded_once_more(town: GardenTown) -> None:
    """The command is given again without its id, or two coordinators have the page open: its correction is corrected."""
    point = collection_point(town)
    wrong = town.brings("ana", point, 1_000, stream="glass")
    right = town.corrects(wrong, 2_000)
    with pytest.raises(ContributionInState) as refused:
        town.corrects(wrong, 3_000)
    assert refused.value.state == "undone"
    assert town.balance("silva", "lixo") == "4.00"
    town.undoes(right)
    with pytest.raises(ContributionInState):
        town.corrects(wrong, 3_000)
    assert town.corrects(right, 3_000).reward_minor == 6_00
    assert (town.balance("silva", "lixo"), town.now(point).granted_minor) == ("6.00", 6_00)
    assert town.broken() == []


def test_a_correction_is_found_without_a_walk_through_a_towns_contributions(town: GardenTown) -> None:
    point = collection_point(town)
    wrong = town.brings("ana", point, 1_000, stream="glass")
    right = town.corrects(wrong, 2_000)
    town.conn.execute(
        "INSERT INTO coproduction.contribution (town_id, id, activity_id, party, payee, stream, quantity, day, needs_second,"
        " registered_by, registered_at) SELECT town_id, gen_random_uuid(), activity_id, party, payee, stream, quantity, day,"
        " false, registered_by, registered_at FROM coproduction.contribution, generate_series(1, 5000) WHERE id = %s",
        [right.id],
    )
    asked = statement("koinon.coproduction", "corrected_by")
    [(plan,)] = town.conn.execute(
        "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + asked, {"town_id": town.id, "id": wrong.id}
    ).fetchall()
    assert plan[0]["Plan"]["Actual Rows"] == 1
    assert plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"] < 20


def test_what_was_spent_of_an_undone_reward_uses_up_the_cap(town: GardenTown) -> None:
    point = collection_point(town)
    town.shop("forn")
    first = town.brings("ana", point, 10_000, stream="glass")
    assert town.pay("silva", "forn", "15.00") == "posted"
    assert town.undoes(first).taken_back == 5_00

    second = town.brings("ana", point, 10_000, stream="glass")
    assert (second.rewarded_quantity, second.reward_minor) == (2_500, 5_00)
    town.undoes(second)
    assert (town.now(point).granted_minor, town.reserve("lixo")) == (15_00, "485.00")
    assert town.broken() == []


def test_a_correction_to_less_than_was_spent_frees_no_cap(town: GardenTown) -> None:
    point = collection_point(town)
    town.shop("forn")
    wrong = town.brings("ana", point, 10_000, stream="glass")
    assert town.pay("silva", "forn", "20.00") == "posted"
    assert town.corrects(wrong, 3_000).reward_minor == 0
    assert town.brings("ana", point, 5_000, stream="glass").rewarded_quantity == 0
    assert town.broken() == []


def test_rejecting_takes_a_reason_and_pays_nothing(town: GardenTown) -> None:
    point = collection_point(town)
    waits = town.registers("ana", point, 1_000, stream="glass")
    how: dict[str, Any] = {"town_id": town.id, "contribution_id": waits.id, "actor": COORDINATOR, "at": NOON}
    with pytest.raises(ReasonMissing):
        contributions.reject(town.conn, reason=" ", **how)
    assert contributions.reject(town.conn, reason="nobody came", **how).state == "rejected"
    with pytest.raises(ContributionInState):
        town.verifies(waits)
    own = town.registers("ana", point, 1_000, stream="glass", actor="user:500")
    with pytest.raises(ContributionNotFound):
        contributions.withdraw(town.conn, town_id=town.id, contribution_id=own.id, actor="user:501", at=NOON)
    taken = contributions.withdraw(town.conn, town_id=town.id, contribution_id=own.id, actor="user:500", at=NOON)
    assert taken.reason == "withdrawn"
    assert town.broken() == []


def test_many_are_verified_in_one_call_and_one_refusal_stops_no_other(town: GardenTown) -> None:
    point = collection_point(town)
    mine = town.user("marta", "resident", party="silva")
    waits = [town.registers(who, point, 6_000, stream="glass") for who in ("zé", "ana", "zé")]
    outcomes = contributions.verify_many(
        town.conn,
        town_id=town.id,
        contribution_ids=[each.id for each in waits] + [new_id()],
        actor=f"user:{mine}",
        at=NOON,
    )
    assert [each.contribution.reward_minor if each.contribution else each.refused.code for each in outcomes if each.contribution or each.refused] == [
        12_00, "coproduction.own-contribution", 8_00, "coproduction.contribution-not-found"
    ]  # fmt: skip
    assert town.broken() == []


def test_rates_change_from_a_day_on_and_no_reward_is_rewritten(town: GardenTown) -> None:
    point = collection_point(town)
    assert town.rate(point, "glass", "1.00", 3, since=TODAY)
    assert town.brings("zé", point, 3_000, stream="glass", day=TODAY - timedelta(days=1)).reward_minor == 6_00
    assert town.brings("zé", point, 3_000, stream="glass").reward_minor == 1_00
    with pytest.raises(RateInUse):
        town.rate(point, "glass", "5.00", since=TODAY)
    with pytest.raises(RateInUse):
        town.cap(point, "day", quantity=1, since=TODAY)
    assert town.rate(point, "glass", "5.00", since=TODAY + timedelta(days=1))
    assert not town.rate(point, "glass", "5.00", since=TODAY + timedelta(days=1))
    assert town.broken() == []


def test_who_may_register_what_and_when(town: GardenTown) -> None:
    point = collection_point(town)
    town.activity("lixo", fund="lixo", zones=("sul",), first_day=date(2026, 10, 2))
    town.household("norte", zone="norte")
    town.household("sul", zone="sul")
    town.shop("forn")

    def refused(who: str, quantity: int = 1_000, **how: Any) -> str:
        try:
            town.registers(who, point, quantity, **{"stream": "glass", **how})
        except CoproductionError as no:
            return type(no).__name__
        return ""

    assert refused("sul") == ""
    assert refused("norte") == refused("forn") == NotForThem.__name__
    assert refused("sul", stream="textile") == StreamNotKnown.__name__
    assert refused("sul", 0) == refused("sul", 90_000_000) == QuantityNotPlausible.__name__
    assert (
        refused("sul", day=date(2026, 10, 1)) == refused("sul", day=TODAY + timedelta(days=1)) == DayNotAllowed.__name__
    )


def test_at_an_occasion_people_register_themselves_once_a_day(town: GardenTown) -> None:
    garden = town.activity("horta", Measure.SESSION)
    town.activity("lixo", Measure.KILOGRAM)
    how: dict[str, Any] = {"town_id": town.id, "activity_id": garden.id, "place": "", "actor": COORDINATOR, "at": NOON}
    with pytest.raises(OccasionTooLong):
        activities.open_occasion(
            town.conn, occasion_id=new_id(), opens_at=NOON, closes_at=NOON + timedelta(days=32), **how
        )
    here = activities.open_occasion(
        town.conn, occasion_id=new_id(), opens_at=NOON, closes_at=NOON + timedelta(hours=3), **how
    )
    first = town.registers("ana", garden, 1, occasion=here.id)
    with pytest.raises(RegisteredAlready) as refused:
        town.registers("ana", garden, 1, occasion=here.id)
    assert refused.value.contribution == str(first.id)
    town.registers("rui", garden, 1, occasion=here.id)
    activities.close_occasion(town.conn, town_id=town.id, occasion_id=here.id, actor=COORDINATOR, at=NOON)
    with pytest.raises(OccasionNotOpen):
        town.registers("zé", garden, 1, occasion=here.id)
    assert town.verifies(first).reward_minor == 0
    assert queries.occasion(town.conn, town_id=town.id, occasion_id=here.id).contributions == 2
    assert town.broken() == []


def test_nothing_is_paid_from_a_fund_that_is_over(town: GardenTown) -> None:
    town.fund("velho", last_day=TODAY - timedelta(days=1))
    town.receive("velho", "10.00")
    point = town.activity("velho", fund="velho", rates={"glass": ("1.00", 1)})
    with pytest.raises(FundOver):
        town.brings("ana", point, 1_000, stream="glass")


def test_whoever_listens_is_told_of_a_reward_and_its_end(town: GardenTown) -> None:
    from koinon.outbox import operations as outbox

    point = collection_point(town)
    outbox.add_notice(
        town.conn, town_id=town.id, kinds=["contribution.rewarded", "contribution.undone"], party=town.parties["silva"],
        role="", at_least_minor=0, actor=COORDINATOR, at=NOON,
    )  # fmt: skip
    town.undoes(town.brings("ana", point, 1_000, stream="glass"))
    told = town.conn.execute("SELECT kind, data ->> 'amount_minor' FROM outbox.event ORDER BY id").fetchall()
    assert sorted(told) == [("contribution.rewarded", "200"), ("contribution.undone", "200")]
