"""Payments survive kills and cut connections; and bugs that break them are found within a minute."""

from __future__ import annotations

from tests.faults import sabotage
from tests.faults.harness import Report, Settings, run

MINUTE = 60


def found(report: Report) -> str:
    """What a failing test prints."""
    return f"\n{report.text()}"


def test_ten_kills_leave_nothing_to_explain() -> None:
    report = run(Settings(seed=3, kills=10))
    assert report.anomalies == [], found(report)
    assert report.kills.total() == 10
    assert report.accepted > 100
    assert report.refused > 100
    assert report.reads > 20
    assert report.unknown > 0


def test_two_applications_and_several_writers_tell_one_story_too() -> None:
    report = run(Settings(seed=4, kills=6, applications=2, writers=2))
    assert report.anomalies == [], found(report)
    assert report.kills.total() == 6


def test_an_answer_before_the_commit_is_found() -> None:
    report = run(
        Settings(
            seed=5,
            kills=1000,
            faults=("kill application before commit", "kill everything before commit"),
            sabotage_application="early",
            look_for=frozenset({"lost"}),
            at_most_seconds=MINUTE - 15,
        )
    )
    # What was told and never written is lost; who read it meanwhile was told what no order explains.
    assert {"lost", "unexplained"} & set(report.kinds), found(report)
    assert report.seconds < MINUTE


def test_ids_without_a_unique_key_are_found() -> None:
    report = run(
        Settings(
            seed=6,
            kills=1000,
            applications=2,
            clients=2,
            accounts=40,
            sabotage_database=sabotage.drop_the_unique_key,
            look_for=frozenset({"twice"}),
            at_most_seconds=MINUTE - 15,
        )
    )
    assert "twice" in report.kinds, found(report)
    assert report.seconds < MINUTE


def test_balances_that_are_read_before_the_lock_are_found() -> None:
    report = run(
        Settings(
            seed=7,
            kills=1000,
            applications=2,
            sabotage_database=sabotage.sum_before_the_lock,
            look_for=frozenset({"impossible", "balance"}),
            at_most_seconds=MINUTE - 15,
        )
    )
    assert report.kinds & {"impossible", "balance"}, found(report)
    assert report.seconds < MINUTE


def test_kills_around_the_commit_leave_nothing_to_explain() -> None:
    moments = [f"kill application {moment} commit" for moment in ("before", "during", "after")]
    report = run(Settings(seed=8, kills=4, faults=tuple(moments)))
    assert report.anomalies == [], found(report)
    assert report.kills.total() == 4


def test_payments_over_http_survive_as_well() -> None:
    report = run(Settings(seed=9, kills=4, over_http=True))
    assert report.anomalies == [], found(report)
    assert report.accepted > 50
    assert report.unknown > 0
