"""A town's own books, followed minute by minute: the figures of a pencil, and always those of starting over."""

from __future__ import annotations

import json
import random
import time
import zlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import transaction

from koinon.cli.main import run
from koinon.db.checks import run_checks
from koinon.db.connections import Database, connect
from koinon.db.transactions import transaction as one_transaction
from koinon.impact import published
from koinon.impact import queries as figures
from koinon.impact.town import books as town_books
from koinon.impact.town import following, months, queries
from koinon.impact.town.following import Rebuilt, Step
from koinon.impact.town.types import Cohort, Followed
from koinon.jobs.following import follow_round
from koinon.kernel.periods import Month
from koinon.ledger import operations as ledger
from koinon.ledger import queries as books
from koinon.parties import queries as parties
from koinon.parties.connection import raw
from koinon.parties.models import Organisation, Zone
from tests.cli.command import koinon
from tests.impact.story import Story
from tests.treasury.place import build

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
NOVEMBER = """
    2026-11-01 00:00  issue    100.00
    2026-11-01 00:00  give     ana 60.00
    2026-11-02 10:00  pay      ana bakery 40.00
    2026-11-05 10:00  p: pay   ana mill 20.00
    2026-11-06 10:00  refund   p 10.00
    2026-11-07 10:00  pay      bakery mill 30.00
    2026-11-11 00:00  redeem   bakery 10.00
    2026-11-12 00:00  redeem   mill 15.00
    2026-11-21 00:00  expire   ana 5.00
"""


@dataclass
class Town:
    """A town whose books are told, sealed and followed, each in a transaction of its own as in life."""

    story: Story

    @property
    def id(self) -> int:
        return self.story.place.town.pk

    def tell(self, text: str) -> None:
        with transaction.atomic():
            raw()
            self.story.tell(text)

    def seal(self) -> None:
        """Until nothing is left: another test's transaction may put a row off for a moment."""
        until = time.monotonic() + 60
        while True:
            with transaction.atomic():
                ledger.seal_all(raw(), town_id=self.id, at=NOW)
            with transaction.atomic():
                if not books.unsealed(raw(), town_id=self.id) or time.monotonic() > until:
                    return

    def follow(self) -> list[Step]:
        self.seal()
        with transaction.atomic():
            return following.follow(raw(), town_id=self.id, at=NOW, actor="test")

    def rebuild(self) -> list[Rebuilt]:
        with transaction.atomic():
            found = following.rebuild(raw(), town_id=self.id, at=NOW, actor="test")
        assert [(one.convention, one.before is None) for one in found] == [("fifo", False), ("mixing", False)]
        return found

    def followed(self) -> dict[str, Followed]:
        with transaction.atomic():
            return queries.followed(raw(), town_id=self.id)

    def broken(self) -> list[tuple[str, list[dict[str, Any]]]]:
        with transaction.atomic():
            found = run_checks(raw(), town_id=self.id)
        return [(one.name, one.failures) for one in found if one.package == "koinon.impact" and one.failures]


@pytest.fixture
def town(django_fresh: Database) -> Town:
    with transaction.atomic():
        story = Story(build(raw()))
        story.tell(
            """
            shop    bakery zone=north
            shop    mill   zone=south sse
            home    ana
            """
        )
    return Town(story)


def test_cohort_has_the_figures_of_a_pencil(town: Town) -> None:
    """60 were given out in November. Ana paid the bakery 40 and the mill 20, which gave 10 back; 5 of her 10 expired.

    The bakery paid the mill 30 and redeemed 10; the mill has 10 + 30 and redeemed 15: first in, first out, the 10 of
    Ana and 5 of the bakery's. Left after no payment 5 (expired), after one 10 + 10, after two 5. Payments 40 + 10 + 30 = 80.
    """
    town.tell(NOVEMBER)

    steps = town.follow()

    found = town.followed()["fifo"]
    assert [(step.convention, step.rows, step.begun) for step in steps] == [("fifo", 8, True), ("mixing", 8, True)]
    assert [cohort.label for cohort in found.cohorts] == ["inclusion 2026-11"]
    assert _amounts(found.cohorts[0]) == (60_00, 30_00, 25_00, 5_00, 0, 80_00)
    assert found.cohorts[0].by_hops[:3] == (5_00, 20_00, 5_00)
    assert found.cohorts[0].through_sse == 40_00
    assert found.unknown_origin.issued == 0
    assert found.cohorts[0].reach["zone"] == {"north": {"1": 40_00}, "south": {"1": 10_00, "2": 30_00}}
    assert town.broken() == []


def test_each_minute_extends_the_last_one_and_comes_to_what_starting_over_comes_to(town: Town) -> None:
    lines = [line for line in NOVEMBER.splitlines() if line.strip()]
    seen = []
    for first in range(0, len(lines), 2):
        town.tell("\n".join(lines[first : first + 2]))
        seen += [step.fresh for step in town.follow() if step.convention == "fifo"]
        assert town.broken() == []

    assert sum(seen) == 8
    assert [step.convention for step in town.follow()] == []  # Nothing new, nothing done.
    assert [(one.convention, one.rows, one.same) for one in town.rebuild()] == [("fifo", 8, True), ("mixing", 8, True)]


@pytest.mark.parametrize("seed", range(3))
def test_any_history_followed_in_any_pieces_is_what_starting_over_comes_to(town: Town, seed: int) -> None:
    chance = random.Random(seed)
    town.tell("home ben\nhome cleo\nshop cafe zone=north\n2026-11-01 00:00 issue 3000.00")
    held = dict.fromkeys(("ana", "ben", "cleo"), 0) | dict.fromkeys(("bakery", "mill", "cafe"), 0)
    homes, shops = list(held)[:3], list(held)[3:]
    given = 0
    for minute in range(10, 50):
        when = f"2026-{11 + minute // 30}-{1 + minute % 28:02} 10:{minute}"
        payer = chance.choice([name for name in held if held[name] > 1] or ["ana"])
        amount = chance.randint(1, max(held[payer], 1))
        if chance.random() < 0.2 or not held[payer]:
            home = chance.choice(homes)
            town.tell(f"{when} give {home} {20 + minute}.00")
            held[home] += 20 + minute
            given += 20 + minute
        elif payer in shops and chance.random() < 0.4:
            town.tell(f"{when} redeem {payer} {amount}.00")
            held[payer] -= amount
        else:
            payee = chance.choice([name for name in shops if name != payer])
            town.tell(f"{when} p{minute}: pay {payer} {payee} {amount}.00")
            held[payer] -= amount
            held[payee] += amount
            if amount > 1 and chance.random() < 0.2:
                town.tell(f"{when} refund p{minute} 1.00")
                held[payer] += 1
                held[payee] -= 1
        if chance.random() < 0.15:
            town.follow()
    town.follow()

    total = town.followed()["fifo"].total
    assert (total.issued, total.held) == (given * 100, sum(held.values()) * 100)
    assert town.broken() == []
    assert all(one.same for one in town.rebuild())


def test_a_day_mistyped_by_two_centuries_stops_no_clock(town: Town) -> None:
    """The mill redeems as if in 2226, then again in December: each unit's days are those it lay with somebody."""
    town.tell(NOVEMBER.replace("2026-11-12 00:00", "2226-11-12 00:00"))
    town.follow()
    town.tell("2026-12-01 08:00  redeem   mill 10.00")
    town.follow()

    found = town.followed()["fifo"].total

    assert (found.redeemed, found.quantiles["50"] < 40) == (35_00, True)
    assert all(one.same for one in town.rebuild())
    assert town.broken() == []


def test_a_day_mistyped_by_a_millennium_makes_no_months_that_nobody_lived(town: Town) -> None:
    town.tell(NOVEMBER + "1026-11-03 10:00  give ana 1.00")
    town.follow()

    with transaction.atomic():
        traced = months.trace_months(raw(), town_id=town.id, at=NOW, actor="test")

    assert traced == (Month(2026, 11),)
    assert town.followed()["fifo"].total.issued == 61_00


def test_a_day_ahead_of_the_clock_is_lived_in_a_demonstration(town: Town) -> None:
    with transaction.atomic():
        parties_town = town.story.place.town
        parties_town.demonstrated_until = datetime(2227, 1, 1, tzinfo=UTC).date()
        parties_town.save(update_fields=["demonstrated_until"])
    town.tell(NOVEMBER.replace("2026-11-21 00:00", "2226-11-21 00:00"))
    town.follow()

    assert town.followed()["fifo"].total.quantiles["90"] > 50_000
    assert all(one.same for one in town.rebuild())


def test_what_was_kept_with_a_stopped_clock_is_computed_anew(town: Town, django_fresh: Database) -> None:
    town.tell(NOVEMBER)
    town.follow()
    with psycopg.connect(django_fresh.owner_url, autocommit=True) as owner:
        [content] = owner.execute("SELECT known FROM impact.followed WHERE convention = 'fifo'").fetchone() or [b""]
        first_version = zlib.compress(json.dumps(json.loads(zlib.decompress(content))[1:8]).encode())
        owner.execute("UPDATE impact.followed SET known = %s", [first_version])

    assert [(step.convention, step.begun) for step in town.follow()] == [("fifo", True), ("mixing", False)]
    assert all(one.same for one in town.rebuild())


def test_what_another_version_said_of_a_quiet_town_is_said_anew_though_nothing_was_paid_since(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    from koinon.impact.town import results

    town.tell(NOVEMBER)
    town.follow()
    monkeypatch.setattr(results, "VERSION", results.VERSION + 1)
    assert town.followed() == {}

    assert [(step.convention, step.begun) for step in town.follow()] == [("fifo", True), ("mixing", False)]
    assert town.followed()["fifo"].total.redeemed == 25_00
    assert town.follow() == []


def test_where_something_that_was_known_has_changed_the_books_are_begun_again(town: Town) -> None:
    town.tell(NOVEMBER)
    town.follow()
    with transaction.atomic():
        east = Zone.objects.create(town=town.story.place.town, code="east", name="East")
        Organisation.objects.filter(pk=town.story.place.parties["mill"]).update(zone=east)

    steps = town.follow()

    assert [(step.convention, step.begun) for step in steps] == [("fifo", True), ("mixing", False)]
    assert town.followed()["fifo"].total.reach["zone"]["east"] == {"1": 10_00, "2": 30_00}
    assert all(one.same for one in town.rebuild())


def test_what_changes_while_the_books_are_begun_with_begins_them_again(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.tell(NOVEMBER)
    read = town_books.accounts

    def read_and_then_changed(*asked: Any, **named: Any) -> list[town_books.AccountRow]:
        rows = read(*asked, **named)
        Organisation.objects.filter(pk=town.story.place.parties["mill"]).update(sector_group="flour")
        return rows

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(town_books, "accounts", read_and_then_changed)
        town.follow()
    steps = town.follow()

    assert [step.begun for step in steps if step.convention == "fifo"] == [True]
    assert town.followed()["fifo"].total.reach["sector"]["flour"] == {"1": 10_00, "2": 30_00}
    assert all(one.same for one in town.rebuild())


def test_a_state_that_cannot_be_read_is_begun_again(town: Town, django_fresh: Database) -> None:
    town.tell(NOVEMBER)
    town.follow()
    with psycopg.connect(django_fresh.owner_url, autocommit=True) as owner:
        owner.execute("UPDATE impact.followed SET state = 'koinon lots 0' WHERE convention = 'fifo'")
    town.tell("2026-11-22 10:00  pay  mill bakery 1.00")

    steps = town.follow()

    assert [(step.convention, step.begun) for step in steps] == [("fifo", True), ("mixing", False)]
    assert all(one.same for one in town.rebuild())


def test_a_shop_unlike_any_before_is_followed_from_its_first_sale(town: Town) -> None:
    town.tell(NOVEMBER)
    town.follow()
    town.tell("shop cafe zone=west\n2026-11-22 10:00 pay ana cafe 3.00")

    steps = town.follow()

    assert [step.begun for step in steps if step.convention == "fifo"] == [True]
    assert town.followed()["fifo"].total.reach["zone"]["west"] == {"1": 3_00}
    assert town.broken() == []
    assert all(one.same for one in town.rebuild())


def test_what_is_not_the_books_is_found_by_the_invariants(town: Town, django_fresh: Database) -> None:
    town.tell(NOVEMBER)
    town.follow()
    with psycopg.connect(django_fresh.owner_url, autocommit=True) as owner:
        owner.execute("UPDATE impact.cohort SET redeemed_minor = redeemed_minor + 1 WHERE name = 'inclusion 2026-11'")

    found = dict(town.broken())

    assert found["every_unit_became_something"][0]["missing_minor"] == -1
    assert [(row["name"], row["traced_minor"] - row["books_minor"]) for row in found["impact_equals_the_books"]] == [
        ("redeemed", 1)
    ]
    assert all(one.same for one in town.rebuild())
    assert town.broken() == []


def test_the_timer_follows_every_town_and_no_town_holds_up_another(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.tell(NOVEMBER)
    town.seal()
    from django.db import connection

    with transaction.atomic():
        (ours,) = parties.towns(raw())
    towns = [replace(ours, id=-1, slug="too-large"), replace(ours, id=-2, slug="gone"), ours]
    follow = following.follow

    def too_slow_for_one(conn: psycopg.Connection[Any], *, town_id: int, **told: Any) -> list[Step]:
        if town_id == -1:
            conn.execute("SET LOCAL statement_timeout = 1")
            conn.execute("SELECT pg_sleep(1)")
        return follow(conn, town_id=town_id, **told)

    monkeypatch.setattr(following, "follow", too_slow_for_one)
    connection.ensure_connection()
    first = follow_round(connection.connection, towns, now=NOW)
    again = follow_round(connection.connection, towns, now=NOW)

    assert (first, again) == (8, 0)
    assert town.followed()["fifo"].followed_at == NOW


def test_a_month_is_published_as_of_one_moment_whatever_comes_while_it_is_read(
    town: Town, django_fresh: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mill redeems 15.00 on another connection, right after what moved in November was read."""
    from django.db import connection

    town.tell(NOVEMBER)
    town.seal()
    with transaction.atomic():
        (ours,) = parties.towns(raw())
        months.trace_months(raw(), town_id=town.id, at=NOW, actor="test")
        before = published.compute(raw(), town_id=town.id, month=Month(2026, 11))
    flows, coming = figures.flows, ["2026-11-25 00:00  redeem mill 15.00"]

    def and_something_comes(*asked: Any) -> Any:
        found = flows(*asked)
        while coming:
            with connect(django_fresh.app_url) as other, one_transaction(other):
                Story(replace(town.story.place, conn=other), town.story.shops).tell(coming.pop())
        return found

    monkeypatch.setattr(figures, "flows", and_something_comes)
    connection.ensure_connection()
    follow_round(connection.connection, [ours], now=NOW)

    assert coming == []
    with transaction.atomic():
        assert published.month(raw(), town_id=town.id, month=Month(2026, 11)) == before
        assert published.compute(raw(), town_id=town.id, month=Month(2026, 11)) != before


def test_a_report_is_made_although_the_site_publishes_its_month_at_the_same_moment(
    town: Town, django_fresh: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    town.tell(NOVEMBER)
    town.seal()
    with transaction.atomic():
        months.trace_months(raw(), town_id=town.id, at=NOW, actor="test")
    publish, done = published.publish_months, []

    def after_the_site(conn: psycopg.Connection[Any], **asked: Any) -> Any:
        conn.execute("SELECT 1")  # From here on it does not see what others write.
        with connect(django_fresh.app_url) as other, one_transaction(other, one_snapshot=True):
            done.append(publish(other, **asked))
        return publish(conn, **asked)

    monkeypatch.setattr(published, "publish_months", after_the_site)
    asked = ["impact", "report", "--from", "2026-11", "--for", "house", "--json", "--database", django_fresh.app_url]
    assert run(asked) == 0

    assert done == [(Month(2026, 11),)]
    assert json.loads(capsys.readouterr().out)["from"] == "2026-11"


def test_lots_of_a_large_town_are_kept_now_and_then_and_nothing_is_lost_in_between(
    town: Town, django_fresh: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [line for line in NOVEMBER.splitlines() if line.strip()]
    monkeypatch.setattr(following, "LARGE_STATE", 0)
    lay, told = [], []
    for minute, line in enumerate(lines):
        town.tell(line)
        town.seal()
        with transaction.atomic():
            at = NOW + timedelta(minutes=4 * minute)
            steps = following.follow(raw(), town_id=town.id, at=at, actor="test")
        told += [(step.rows, step.fresh) for step in steps if step.convention == "fifo"]
        with psycopg.connect(django_fresh.owner_url) as owner:
            [known] = owner.execute("SELECT known FROM impact.followed WHERE convention = 'fifo'").fetchone() or [b""]
        lay.append((town_books.Known.unpacked(known) or town_books.Known([])).rows)
        assert town.broken() == []

    assert lay == [0, 0, 0, 0, 4, 4, 4, 4, 8]
    assert told == [(0, 0)] + [(rows, 1) for rows in range(1, 9)]
    assert all(one.same for one in town.rebuild())


def test_accounts_are_looked_at_again_only_where_something_was_written_of_them(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import connection

    town.tell(NOVEMBER)
    town.seal()
    connection.ensure_connection()
    with transaction.atomic():
        (ours,) = parties.towns(raw())
    looks = []
    still = town_books.still

    def counted(conn: psycopg.Connection[Any], **asked: Any) -> bool:
        looks.append(asked["known"].rows)
        return still(conn, **asked)

    def round_of_the_timer() -> list[int]:
        looks.clear()
        with transaction.atomic():
            connection.connection.execute("SELECT pg_stat_force_next_flush()")  # Else it is counted within the minute.
        follow_round(connection.connection, [ours], now=NOW)
        return list(looks)

    monkeypatch.setattr(town_books, "still", counted)
    assert round_of_the_timer()
    assert round_of_the_timer() == []
    town.tell("2026-11-22 10:00  pay  mill bakery 1.00")
    town.seal()
    assert round_of_the_timer() == []
    assert town.followed()["fifo"].rows == 9
    town.tell("home ben\n2026-11-23 10:00  give ben 5.00")
    town.seal()
    with transaction.atomic():  # Whoever is new is looked at, whether the server has counted them yet or not.
        following.follow(raw(), town_id=town.id, at=NOW, actor="test", unchanged=True)
    assert (len(looks), town.followed()["fifo"].rows) == (1, 10)
    with transaction.atomic():
        Organisation.objects.filter(pk=town.story.place.parties["mill"]).update(sector_group="flour")

    assert len(round_of_the_timer()) > 0
    assert "flour" in town.followed()["fifo"].total.reach["sector"]
    assert all(one.same for one in town.rebuild())


def test_commands_say_what_was_followed_and_whether_starting_over_comes_to_it(
    town: Town, django_fresh: Database, tmp_path: Path
) -> None:
    town.tell(NOVEMBER)
    town.seal()
    address = {"var": tmp_path, "url": django_fresh.app_url, "owner_url": django_fresh.owner_url}

    told = koinon("impact", "town", "--json", **address)
    again = koinon("impact", "rebuild", "--json", **address)
    with psycopg.connect(django_fresh.owner_url, autocommit=True) as owner:
        owner.execute("UPDATE impact.followed SET digest = repeat('0', 64) WHERE convention = 'fifo'")
    changed = koinon("impact", "rebuild", **address)

    assert (told.status, again.status, changed.status) == (0, 0, 1), told.err + again.err + changed.err
    assert [(one["convention"], one["rows"]) for one in told.document["conventions"]] == [("fifo", 8), ("mixing", 8)]
    assert told.document["conventions"][0]["total"]["redeemed"] == 25_00
    assert [one["same"] for one in again.document["rebuilt"]] == [True, True]
    assert "NOT what was kept before" in changed.out
    assert "mixing: 8 movements, the same" in changed.out


def _amounts(cohort: Cohort) -> tuple[float, ...]:
    return (cohort.issued, cohort.held, cohort.redeemed, cohort.expired, cohort.withdrawn, cohort.volume)
