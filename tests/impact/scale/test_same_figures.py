"""DuckDB, Spark and the books say the same of the same town and month, to the minor unit and the microsecond."""

from __future__ import annotations

import json
from fractions import Fraction
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest

from koinon.cli.main import run
from koinon.impact import queries
from koinon.impact.indicators.concentration import concentration
from koinon.impact.scale import engines, expressions, figures, java, tracing
from koinon.impact.town import books, results
from koinon.impact.town.books import Known
from koinon.impact.tracing.api import trace
from koinon.impact.tracing.types import Convention
from koinon.kernel.periods import Month
from tests.impact.scale.lake import MONTHS, SEALED, Lake, lake

# A few rows: whatever pays for itself with millions of them is left out.
QUICK = {
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}


@pytest.fixture(scope="module")
def exported(databases, tmp_path_factory):
    with databases.clone() as database, lake(database, tmp_path_factory.mktemp("lake")) as found:
        yield found


@pytest.fixture(scope="module")
def duckdb(exported: Lake):
    with engines.duckdb(exported.export, memory_mb=300, threads=1) as engine:
        yield engine


@pytest.fixture(scope="module")
def spark(exported: Lake):
    """Spark on the Java that comes with the tests, whatever the machine has."""
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("JAVA_HOME", raising=False)
        patched.setattr(java.shutil, "which", lambda name: None)
        yield from _spark(exported)


def _spark(exported: Lake):
    with engines.spark(exported.export, master="local[1]", memory_mb=600, settings=QUICK) as engine:
        yield engine


def test_every_question_has_the_same_answer_on_spark(duckdb, spark):
    for question in expressions.QUESTIONS:
        asked = engines.ask(duckdb, question)
        assert asked, question
        assert engines.ask(spark, question) == asked, question


def test_a_month_has_the_figures_of_the_books(exported, duckdb):
    of_export = {(row.town, row.period): row for row in figures.months(duckdb, figures.lengths(exported.export))}
    sums = {(row["town"], row["period"], row["holder"]): row for row in engines.ask(duckdb, "receipts")}
    people = {(row["town"], row["period"], row["holder"]): row for row in engines.ask(duckdb, "customers")}
    compared = 0
    for town in exported.towns:
        holders = holders_of(exported, town)
        for name in MONTHS:
            month = Month.parse(name)
            key = (town.id, month.year * 100 + month.number)
            if key not in of_export:
                continue  # Nothing had moved in that town by then.
            of_books = queries.month(exported.conn, town.id, month, ZoneInfo(town.time_zone))
            found = of_export[key]
            spread = concentration(of_books.receipts)

            assert found.flows == of_books.flows
            assert (found.multiplier, found.recirculation, found.velocity) == (
                of_books.multiplier,
                of_books.recirculation,
                of_books.velocity,
            )
            assert (found.hhi, found.largest, found.businesses) == (
                (spread.hhi, spread.largest, spread.businesses) if spread else (None, None, 0)
            )
            for shares, of_month in ((found.by_zone, of_books.by_zone), (found.by_sse, of_books.by_sse)):
                told = {share.code or "": share.share for share in of_month if share.receipts_minor}
                assert {label: share for label, share in shares.items() if share} == (
                    told if of_books.flows.business_income > 0 else {}
                )
            for row in of_books.receipts:
                at = (*key, holders[row.holder])
                sum_, who = sums.get(at, {}), people.get(at, {})
                told = {
                    "receipts": row.receipts_minor,
                    "from_businesses": row.from_businesses,
                    "to_businesses": row.to_businesses,
                    "to_residents": row.to_residents,
                    "redeemed": row.redeemed,
                }
                assert {name: sum_.get(name, 0) for name in told} == told
                told = {"payments": row.payments, "payers": row.payers, "residents_paid": row.residents_paid}
                assert {name: who.get(name, 0) for name in told} == told
                compared += 1
    assert compared > 20


def test_a_months_concentration_and_what_residents_paid_by_hand(exported, duckdb):
    """Bakery 60, mill 30: HHI = (2/3)^2 + (1/3)^2 = 5/9.

    Residents paid 40 + 20 + 5 = 65; the story's shops have no sector and paid 30 + 5. All of them together pay as much as
    all holders: 100.
    """
    november = next(row for row in figures.months(duckdb, figures.lengths(exported.export)) if row.period == 202611)
    paid = {
        row["label"]: row["paid"]
        for row in engines.ask(duckdb, "turnover_by_sector")
        if (row["town"], row["period"]) == (november.town, 202611)
    }

    assert (november.hhi, november.largest, november.businesses) == (Fraction(5, 9), Fraction(2, 3), 2)
    assert (paid["residents"], sum(paid.values())) == (65_00, 100_00)


def test_a_mistyped_year_counts_when_it_was_sealed_and_makes_no_months_that_nobody_lived(exported):
    folder, town = exported.export.folder, exported.export.towns[0]
    periods = pq.read_table(folder / town.periods.path, partitioning=None).to_pylist()
    moved = [row for file in town.transfers for row in pq.ParquetFile(folder / file.path).read().to_pylist()]
    february = [row for row in moved if row["period"] == 202702]

    assert [row["period"] for row in periods] == [102611, 202611, 202612, 202701, 202702]
    assert [(row["code"], row["amount"]) for row in february] == [("pay", 1_00), ("redeem", 2_00)]
    assert {row["time"] for row in february} == {int(SEALED.timestamp()) * 1_000_000}


def test_a_question_is_answered_in_words_and_amounts_and_exactly_for_programs(exported, duckdb, capsys):
    town, folder = exported.towns[0], str(exported.export.folder)
    questions = [*expressions.QUESTIONS]

    assert run(["impact", "ask", folder, *questions, "--number", str(town.id), "--memory", "300"]) == 0
    told = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert run(["impact", "ask", folder, *questions, "--number", str(town.id), "--memory", "300", "--json"]) == 0
    exact = json.loads(capsys.readouterr().out)["answers"]

    unit = town.unit_code
    assert ["besos", "2026-11", "social", "economy", unit, "30.00", "1"] in told
    assert ["besos", "2026-11", unit, "90.00", "2", "0.556", "66.7%"] in told
    (residents,) = [
        row for row in exact["turnover_by_sector"] if (row["period"], row["label"]) == (202611, "residents")
    ]
    held = Fraction(residents["held_micros"], 30 * 24 * 3600 * 1_000_000)  # Minor units, on average over November.
    assert ["65.00", f"{float(65_00 * 12 / held):.3f}"] in [
        [line[4], line[-1]] for line in told if line[:3] == ["besos", "2026-11", "residents"]
    ]
    assert {
        question: [row for row in engines.ask(duckdb, question) if row["town"] == town.id] for question in questions
    } == exact


def test_tracing_says_the_same_here_on_spark_and_from_the_books(exported, spark):
    found = list(tracing.here(exported.export))

    assert [(row.town, row.convention, row.digest) for row in tracing.on_spark(spark.session, exported.export)] == [
        (row.town, row.convention, row.digest) for row in found
    ]
    for town in exported.towns:
        for convention in (Convention.FIFO, Convention.MIXING):
            (row,) = [one for one in found if (one.town, one.convention) == (town.id, convention)]
            assert row.result == from_the_books(exported, town, convention)


def from_the_books(exported: Lake, town, convention: Convention) -> str:
    rows = books.accounts(exported.conn, town_id=town.id, unit=town.unit_code)
    whole = books.read(
        exported.conn, town_id=town.id, unit=town.unit_code, exponent=town.exponent, time_zone=town.time_zone,
        known=Known.of(rows), rows=rows, seq_from=0, seq_to=books.sealed_until(exported.conn, town_id=town.id),
    )  # fmt: skip
    paths = () if convention is Convention.MIXING else ("sector", "zone")
    return results.packed(trace(whole.ledger, convention, paths=paths))


def holders_of(exported: Lake, town) -> dict:
    """The export's number of each holder: the lowest of its accounts."""
    numbers: dict = {}
    for row in books.accounts(exported.conn, town_id=town.id, unit=town.unit_code):
        numbers.setdefault(row.holder, row.id)
    return numbers
