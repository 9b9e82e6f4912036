"""The SQL behind the figures against a plain reading of every row, over random months; and what gardens delivered."""

from __future__ import annotations

import json
import shlex
from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from psycopg import Connection

from koinon.cli.main import run
from koinon.coproduction.types import Measure
from koinon.db.connections import Database
from koinon.db.statements import many, one, statement
from koinon.impact import aims, surveys
from koinon.impact.figures import Period, figures
from koinon.impact.measures import Answer, Baskets, Contributors, ConversionFactor, FundUse, RunningCost, Supply
from koinon.kernel.periods import Month
from koinon.parties.connection import raw
from koinon.parties.models import Organisation
from tests.coproduction import garden_town
from tests.docs import walk
from tests.impact.story import MADRID, Story
from tests.impact.test_following import NOVEMBER, Town
from tests.impact.test_reference import SHOPS, Row, random_town, rows_of
from tests.programmes.small_town import NOON
from tests.treasury.place import build

LISBON = ZoneInfo("Europe/Lisbon")


def use_by_hand(rows: list[Row], purses: set[int], until: datetime) -> tuple[int, int, int, int]:
    given = spent = expired = held = 0
    for row in rows:
        if row.at >= until:
            continue
        for account, sign in ((row.credit_account, 1), (row.debit_account, -1)):
            if account not in purses:
                continue
            held += sign * row.amount
            if (sign > 0) == (row.reverses is None):
                given += sign * row.amount
            elif row.code == "expire":
                expired -= sign * row.amount
            else:
                spent -= sign * row.amount
    return given, spent, expired, held


def supply_by_hand(rows: list[Row], shops: set[UUID], start: datetime, until: datetime) -> Supply:
    net: dict[tuple[UUID, UUID], int] = defaultdict(int)
    for row in rows:
        if row.code == "pay" and start <= row.at < until and row.debit[1] != row.credit[1]:
            if row.reverses is None:
                net[row.debit[1], row.credit[1]] += row.amount
            else:
                net[row.credit[1], row.debit[1]] -= row.amount
    took: dict[UUID, int] = defaultdict(int)
    for (_, payee), minor in net.items():
        took[payee] += minor if payee in shops else 0
    trade = {pair: minor for pair, minor in net.items() if set(pair) <= shops}
    return Supply(
        from_residents=sum(minor for (payer, payee), minor in net.items() if payee in shops and payer not in shops),
        between_businesses=sum(trade.values()),
        to_residents=sum(minor for (payer, payee), minor in net.items() if payer in shops and payee not in shops),
        active=sum(minor > 0 for minor in took.values()),
        buyers=len({payer for (payer, _), minor in trade.items() if minor > 0}),
        links=sum(minor > 0 for minor in trade.values()),
    )


def baskets_by_hand(
    rows: list[Row], shops: set[UUID], bound: set[int], start: datetime, until: datetime
) -> dict[UUID, tuple[list[int], list[int]]]:
    undone: dict[UUID, int] = defaultdict(int)
    for row in rows:
        if row.reverses is not None and start <= row.at < until:
            undone[row.reverses] += row.amount
    found: dict[UUID, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for row in rows:
        bought = (row.code, row.debit[0], row.credit[0], row.reverses) == ("pay", "purse", "till", None)
        if bought and start <= row.at < until and row.debit[1] not in shops and row.amount > undone[row.id]:
            found[row.credit[1]][row.debit_account not in bound].append(row.amount - undone[row.id])
    return {shop: (sorted(aid), sorted(own)) for shop, (aid, own) in found.items()}


@pytest.mark.parametrize("seed", [4])
def test_funds_supply_and_baskets_agree_with_a_reading_of_every_row(django_db, seed):
    story = random_town(django_db, seed)
    rows, conn, town = rows_of(story), story.place.conn, story.place.town.pk
    shops = {story.place.parties[name] for name in SHOPS}
    found = conn.execute(
        "SELECT id FROM ledger.account WHERE town_id = %s AND kind = 'purse' AND fund IS NOT NULL", [town]
    )
    purses = {row[0] for row in found}

    for month in ("2026-09", "2026-10", "2026-11"):
        start, until = (instant.astimezone(UTC) for instant in Month.parse(month).bounds(MADRID))
        period = {"town_id": town, "start": start, "until": until}
        (use,) = many(conn, statement("koinon.impact", "fund_use"), FundUse, town_id=town, until=until)
        assert (use.given, use.spent, use.expired, use.held) == use_by_hand(rows, purses, until)
        assert use.given == use.spent + use.expired + use.held
        supply = one(conn, statement("koinon.impact", "supply"), Supply, **period)
        assert supply == supply_by_hand(rows, shops, start, until)
        baskets = many(conn, statement("koinon.impact", "baskets"), Baskets, **period)
        assert {row.shop: (row.aid, row.own) for row in baskets} == baskets_by_hand(rows, shops, purses, start, until)


@pytest.fixture
def garden(conn: Connection[Any]) -> garden_town.GardenTown:
    """In October ana brings 4 and 6 kg of glass and 2 of oil, and works 90 minutes; one load was weighed twice."""
    town = garden_town.build(conn)
    town.fund("lixo")
    town.receive("lixo", "500.00")
    town.person("ana")
    point = town.activity("punt", fund="lixo", rates={"glass": ("0.50", 1), "oil": ("1.00", 1)})
    jars = town.activity("jars", fund="lixo", rates={"glass": ("0.25", 1)})
    hours = town.activity("hort", Measure.HOUR, fund="lixo", rates={"": ("4.00", 1)})
    town.cap(point, "month", quantity=8, stream="glass")
    town.brings("ana", point, 4000, stream="glass", day=date(2026, 10, 1))
    town.brings("ana", point, 6000, stream="glass", day=date(2026, 10, 2))
    town.brings("ana", point, 2000, stream="oil", day=date(2026, 10, 2))
    town.brings("ana", jars, 3000, stream="glass", day=date(2026, 10, 3))
    town.brings("ana", hours, 90, day=date(2026, 10, 4))
    town.undoes(town.brings("ana", point, 5000, stream="oil", day=date(2026, 10, 4)))
    for aim in (
        ConversionFactor("glass", date(2026, 1, 1), 300, "Inventory"),
        RunningCost("hort", date(2026, 10, 1), date(2026, 10, 31), 31_00, "Budget"),
        aims.Reuse("jars"),
    ):
        aims.put(conn, town_id=town.id, aim=aim, actor="user:1", at=NOON)
    return town


def test_kilograms_and_costs_are_those_of_what_was_verified(garden):
    """Of 10 kg of glass 8 are rewarded (4.00) and all delivered; 2 of oil earn 2.00, 5 were undone and taken back.
    90 minutes earn 6.00, and the garden costs a unit a day.
    """
    october = Period.of(Month(2026, 10), Month(2026, 10), LISBON)

    rows = figures(garden.conn, garden.id, october, keys=["cost_per_unit", "environment"])

    assert {(row.indicator, row.part): row.value for row in rows} == {
        ("cost_per_unit", "activity:hort"): (Fraction(6) + 31) / Fraction(3, 2),
        ("cost_per_unit", "activity:hort:rewards"): Fraction(4),
        ("cost_per_unit", "activity:jars"): Fraction(1, 4),
        ("cost_per_unit", "activity:jars:rewards"): Fraction(1, 4),
        ("cost_per_unit", "activity:punt"): Fraction(6, 12),
        ("cost_per_unit", "activity:punt:rewards"): Fraction(6, 12),
        ("environment", ""): Fraction(15),
        ("environment", "reused"): Fraction(3),
        ("environment", "co2e"): Fraction(39, 10),
        ("environment", "stream:glass"): Fraction(13),
        ("environment", "stream:glass:co2e"): Fraction(39, 10),
        ("environment", "stream:oil"): Fraction(2),
        ("environment", "stream:oil:co2e"): None,
    }
    assert {row.name for row in rows if row.part.startswith("activity:")} == {"Hort", "Jars", "Punt"}


def test_contributors_are_counted_apart_where_a_rate_or_a_factor_changed_or_a_cap_was_met(garden):
    """Of 10 kg of glass 2 lay above ana's cap (1.00). A new factor holds from the second of October, so two sums with two
    known factors would tell what she brought before.
    """
    aims.put(
        garden.conn,
        town_id=garden.id,
        aim=ConversionFactor("glass", date(2026, 10, 2), 400, "Newer"),
        actor="user:1",
        at=NOON,
    )
    days = {"first_day": date(2026, 10, 1), "last_day": date(2026, 10, 31)}
    found = many(garden.conn, statement("koinon.impact", "contributors"), Contributors, town_id=garden.id, **days)

    assert [(row.activity, row.stream, row.kind, row.people, row.gross) for row in found] == [
        ("hort", "", "done", 1, 90),
        ("jars", "glass", "done", 1, 3000),
        ("punt", "glass", "done", 1, 4000),
        ("punt", "glass", "done", 1, 6000),
        ("punt", "glass", "short", 1, 1_00),
        ("punt", "oil", "done", 1, 2000),
    ]


def test_anybody_with_the_books_computes_a_figure_again(garden, database: Database, tmp_path, capsys):
    target = aims.Target("cost_per_unit", "activity:jars", date(2026, 1, 1), date(2026, 12, 31), Decimal("0.2"), "Plan")
    aims.put(garden.conn, town_id=garden.id, aim=target, actor="user:1", at=NOON)
    garden.conn.commit()
    answers = tmp_path / "answers.csv"
    answers.write_text("spent,local\n100,60\n300,60\n", encoding="utf-8")

    def typed(*arguments: str) -> tuple[int, Any]:
        status = run(["impact", *arguments, "--json", "--database", database.app_url])
        return status, json.loads(capsys.readouterr().out)

    status, said = typed("indicators", "cost_per_unit", "--month", "2026-10")
    assert status == 0
    figure = next(each for each in said["figures"] if each["part"] == "activity:jars")
    assert (figure["exact"], figure["target"], figure["by"], figure["reached"]) == ("1/4", 0.2, "2026-12-31", False)

    status, said = typed("survey", str(answers), "--month", "2026-10", "--seed", "3")
    assert status == 0
    assert (said["local_share"]["value"], said["local_share"]["seed"], said["weights"]) == (0.3, 3, None)
    assert said["lm3"]["value"] is None
    assert run(["impact", "indicators", "happiness", "--database", database.app_url]) == 2


def test_the_guide_is_followed_to_its_end(garden, database: Database, tmp_path, monkeypatch, capsys):
    """docs/guides/measure-what-it-did.md, with the files it shows."""
    garden.conn.commit()
    docs = Path(__file__).parents[2] / "docs"
    guide = docs / "guides" / "measure-what-it-did.md"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KOINON_DATABASE_URL", database.app_url)
    for name, page, mark in (("answers.csv", guide, "csv"), ("outcomes.toml", docs / "indicators" / "sroi.md", "toml")):
        (tmp_path / name).write_text(page.read_text(encoding="utf-8").split(f"```{mark}\n")[1].split("```")[0])

    said = []
    for piece in walk.pieces(guide):
        assert isinstance(piece, walk.Typed)
        status = run(shlex.split(piece.command)[1:])
        out = capsys.readouterr().out
        said.append((piece.command, status, piece.expected.strip() in out))

    assert [each for each in said if each[1:] != (0, True)] == []
    assert len(said) == 4


@pytest.fixture
def followed_town(django_fresh: Database) -> Town:
    with transaction.atomic():
        story = Story(build(raw()))
        story.tell("shop bakery zone=north\nshop mill zone=south sse\nhome ana")
        Organisation.objects.filter(trade_name="bakery").update(sector="47.24")
        Organisation.objects.filter(trade_name="mill").update(sector="10.61")
    town = Town(story)
    town.tell(NOVEMBER)
    town.follow()
    return town


def test_rounds_of_the_books_have_the_figures_of_a_pencil_and_a_survey_completes_them(followed_town):
    """Of 60 given out 50 were paid once and 30 twice; 20 left after one payment, 5 after two, 5 unspent.

    The bakery (47) redeemed 10 and says half of it stays, the mill (10) redeemed 15 and says a tenth does: of 25
    (10 x 1/2 + 15 x 1/10) / 25 = 13/50. With it 20 x 13/50 = 5.2 more are spent in the third round.
    """
    period = Period.of(Month(2026, 11), Month(2026, 11), MADRID)
    answers = [Answer("47", 100, 60), Answer("47", 100, 40), Answer("10", 50, 5), Answer("10", 50, 5)]

    with transaction.atomic():
        rows = figures(raw(), followed_town.id, period, keys=["lm3", "retention", "leakage"])
        found = surveys.weighed(raw(), followed_town.id, period, answers, seed=1, draws=200)

    assert [(row.indicator, row.part, row.value) for row in rows] == [
        ("lm3", "", Fraction(7, 3)),
        ("lm3", "cohort:inclusion 2026-11", Fraction(7, 3)),
        ("retention", "", Fraction(3, 5)),
        ("retention", "hop:0", Fraction(5, 6)),
        ("retention", "hop:1", Fraction(3, 5)),
        ("retention", "hop:2", Fraction(0)),
        ("leakage", "", Fraction(1, 2)),
        ("leakage", "hop:0", Fraction(1, 12)),
        ("leakage", "hop:1", Fraction(1, 3)),
        ("leakage", "hop:2", Fraction(1, 12)),
        ("leakage", "beyond", Fraction(0)),
    ]
    for row in rows[:5]:
        assert row.low is not None
        assert row.high is not None
        assert row.low <= row.value <= row.high
    assert (found.weights, found.left_out) == ({"10": 15_00, "47": 10_00}, ())
    assert (found.estimate.value, found.ledger) == (Fraction(13, 50), Fraction(7, 3))
    assert found.lm3.value == Fraction(60_00 + 50_00 + 30_00, 60_00) + Fraction(5_20, 60_00)
    assert found.lm3.low is not None
    assert found.lm3.high is not None
    assert found.ledger < found.lm3.low <= found.lm3.value <= found.lm3.high
