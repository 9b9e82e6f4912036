"""The timer: it seals, it lapses, it checks, and no error stops it."""

from __future__ import annotations

import threading
import time
from datetime import UTC, date, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from koinon.db import checks
from koinon.db.transactions import transaction
from koinon.jobs import metrics, timer
from koinon.jobs.metrics import Figures, figures
from koinon.ledger import queries
from koinon.ledger.errors import AccountNotOpen
from tests.ledger.story import NOON, Story
from tests.programmes import small_town

OPENED = """
    open    bank    issuance
    open    reserve reserve
    open    escrow  escrow
    open    ana     purse
    open    shop    till
    receive bank reserve 100.00
    issue   reserve escrow 100.00
    disburse escrow ana 50.00
"""


@pytest.fixture
def town(conn, owner_conn) -> int:
    """A town with a few transfers and a hold that lapses at one o'clock."""
    owner_conn.execute(
        "INSERT INTO parties_town (id, slug, name, country, unit_code, unit_name, unit_symbol, exponent,"
        " national_currency, time_zone, languages, legal_basis, created_at)"
        " VALUES (1, 'one', 'One', 'ES', 'LOC', 'Loc', '', 2, 'EUR', 'UTC', '[]', '{}', now())"
    )
    with transaction(conn):
        Story(conn).tell(OPENED + "\nhold h1 ana shop 10.00 until 13:00")
    return 1


def test_round_lapses_holds_that_are_due_and_seals_what_was_posted(conn, town):
    before = timer.seal_round(conn, now=NOON + timedelta(minutes=59))
    held = [account.debits_held for account in purses(conn, town)]
    after = timer.seal_round(conn, now=NOON + timedelta(minutes=61))

    assert (before, after) == (4, 0)  # The hold stands in the books as a row of its own; that it lapses does not.
    assert held == [10_00]
    assert [account.debits_held for account in purses(conn, town)] == [0]
    assert figures.value(metrics.SEALED, town="one") >= 3
    assert figures.value(metrics.LAPSED, town="one") >= 1


def purses(conn, town):
    with transaction(conn):
        return queries.accounts_of_kind(conn, town_id=town, kind="purse")


def test_failed_invariants_are_named_and_counted(conn, owner_conn, town):
    before = timer.check_round(conn)  # The treasury knows nothing of the euros in this story, and says so.

    owner_conn.execute("UPDATE ledger.account SET credits_posted = credits_posted + 1 WHERE kind = 'till'")

    failed = timer.check_round(conn)
    assert set(failed) > set(before)
    assert "balances_equal_history" in failed
    assert figures.value(metrics.CHECKS_FAILED) == len(failed)


def test_what_the_invariants_said_is_kept_for_each_town(conn, owner_conn, town):
    owner_conn.execute("UPDATE ledger.account SET credits_posted = credits_posted + 1 WHERE kind = 'till'")
    failed = timer.check_round(conn)
    kept = checks.last(conn, town_id=town)
    assert sorted(result.name for result in kept if not result.passed) == sorted(failed)
    assert len(kept) == len(checks.every_check())
    assert checks.last(conn, town_id=town + 1) == []


@pytest.fixture
def aided(database, conn):
    """A town near Barcelona whose aid is good until the year's last day, and another fund that has no end."""
    town = small_town.build(conn)
    town.fund("aid", last_day=date(2026, 12, 31))
    town.fund("gifts")
    town.programme("inclusion", fund="aid")
    town.household("ana")
    town.award("inclusion", "ana", "400.00")
    town.receive("aid", "300.00")
    town.disburse(town.approve(town.prepare("inclusion")))
    conn.commit()
    return town


def expired_and_reserve(town) -> tuple[int, str]:
    with transaction(town.conn):
        return queries.totals(town.conn, town_id=town.id).expired, town.reserve("aid")


def test_unspent_aid_goes_back_to_the_reserve_when_the_last_day_is_over_in_the_town(conn, aided):
    last_minute, midnight = datetime(2026, 12, 31, 22, 59, tzinfo=UTC), datetime(2026, 12, 31, 23, 0, tzinfo=UTC)

    assert timer.sweep_round(conn, now=last_minute) == 0
    assert expired_and_reserve(aided) == (0, "200.00")

    assert timer.sweep_round(conn, now=midnight) == 100_00
    assert expired_and_reserve(aided) == (100_00, "300.00")
    assert figures.value(metrics.SWEPT, town="vila") >= 100_00

    assert timer.sweep_round(conn, now=midnight) == 0
    with transaction(conn):
        assert aided.audited().count("fund.swept") == 1
        assert aided.broken() == []


def test_fund_that_cannot_be_swept_is_counted_and_holds_up_no_other(conn, aided, monkeypatch):
    aided.fund("blocked", last_day=date(2026, 1, 31))
    conn.commit()
    before = figures.value(metrics.FAILED, job="sweep") or 0
    sweep = timer.programmes.sweep_fund

    def blocked_or_swept(conn, *, fund_id, **given):
        if fund_id == aided.funds["blocked"]:
            raise AccountNotOpen(key="sweep")
        return sweep(conn, fund_id=fund_id, **given)

    monkeypatch.setattr(timer.programmes, "sweep_fund", blocked_or_swept)

    assert timer.sweep_round(conn, now=datetime(2027, 1, 1, tzinfo=UTC)) == 100_00
    assert figures.value(metrics.FAILED, job="sweep") == before + 1


def test_a_town_whose_losses_cannot_be_covered_is_counted_and_holds_up_no_other(conn, database, monkeypatch):
    stuck, other = small_town.build(conn, slug="stuck"), small_town.build(conn, slug="other")
    conn.commit()
    before, asked = figures.value(metrics.FAILED, job="cover") or 0, []

    def refused_in_one(conn, *, town_id, **given):
        asked.append(town_id)
        if town_id == stuck.id:
            raise AccountNotOpen(key="cover")
        return 2

    monkeypatch.setattr(timer.offline, "take_back", refused_in_one)
    monkeypatch.setattr(timer.offline, "cover_owed", refused_in_one)

    assert timer.cover_round(conn, now=NOON) == 2
    assert sorted(asked) == sorted([stuck.id, stuck.id, other.id, other.id])
    assert figures.value(metrics.FAILED, job="cover") == before + 2


def test_timer_seals_by_itself_and_ends_when_told(conn, database, town):
    running = timer.Timer(database.app_url, seal_every=0.05, check_every=0.1)
    running.start()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not sealed(conn, town):
        time.sleep(0.05)
    running.stop()

    assert sealed(conn, town)
    assert not running.is_alive()


def sealed(conn, town) -> bool:
    with transaction(conn):
        return queries.head(conn, town_id=town) is not None


def test_timer_sweeps_at_its_start(database, monkeypatch):
    swept = threading.Event()
    monkeypatch.setattr(timer, "sweep_round", lambda conn, *, now: swept.set())
    with timer.running(database.app_url):
        assert swept.wait(60)


def test_timer_outlives_a_database_that_is_away(monkeypatch):
    before = figures.value(metrics.FAILED, job="seal") or 0
    running = timer.Timer("postgresql://nobody@/none?host=/nowhere", seal_every=0.02, check_every=60)
    running.start()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and (figures.value(metrics.FAILED, job="seal") or 0) < before + 2:
        time.sleep(0.02)
    alive = running.is_alive()
    running.stop()

    assert alive
    assert (figures.value(metrics.FAILED, job="seal") or 0) >= before + 2


def test_timer_keeps_its_figures_in_a_file_that_a_collector_reads(database, monkeypatch, tmp_path):
    file = tmp_path / "collected" / "koinon.prom"
    monkeypatch.setenv("KOINON_FIGURES", str(file))
    running = timer.Timer(database.app_url, seal_every=0.05)
    running.start()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (file.exists() and "\nkoinon_sealed_at_seconds " in file.read_text()):
        time.sleep(0.02)
    running.stop()

    assert file.read_text() == figures.exposition()
    assert "\nkoinon_sealed_at_seconds " in file.read_text()
    assert [one.name for one in file.parent.iterdir()] == [file.name]


def test_timer_goes_on_where_its_figures_cannot_be_written(database, monkeypatch, tmp_path):
    (tmp_path / "taken").touch()
    monkeypatch.setenv("KOINON_FIGURES", str(tmp_path / "taken" / "koinon.prom"))
    running = timer.Timer(database.app_url, seal_every=0.05)
    with capture_logs() as logged:
        running.start()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and [one["event"] for one in logged].count("figures not written") < 2:
            time.sleep(0.02)
        running.stop()

    assert [one["event"] for one in logged].count("figures not written") >= 2


def test_figures_are_exposed_in_the_format_of_prometheus():
    own = Figures()
    own.set(metrics.CHECKS_FAILED, 0)
    own.add(metrics.LAPSED, town="a")
    own.add(metrics.LAPSED, 2, town="a")

    assert own.exposition().splitlines() == [
        "# HELP koinon_checks_failed Invariants that failed in the newest run.",
        "# TYPE koinon_checks_failed gauge",
        "koinon_checks_failed 0",
        "# HELP koinon_lapsed_holds_total Holds that lapsed in this process.",
        "# TYPE koinon_lapsed_holds_total counter",
        'koinon_lapsed_holds_total{town="a"} 3',
    ]
