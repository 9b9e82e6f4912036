"""An export is what is sealed: always the same bytes, taken up where it stopped, and of one town's books only."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow.parquet as pq
import pytest

from koinon.db.locks import LockFile
from koinon.impact.export import layout, operations
from koinon.impact.export.errors import (
    ExportDamaged,
    ExportNotWritten,
    ExportOfOtherBooks,
    ExportUnderWay,
    NoExport,
    NothingSealed,
)
from koinon.impact.export.layout import opened
from koinon.impact.scale import engines
from tests.impact.scale.lake import WINTER, seal, tell
from tests.impact.test_month import NOVEMBER


@pytest.fixture(scope="module")
def books(databases, tmp_path_factory):
    """A town whose November stands in another month of the books than what came after."""
    import psycopg

    from koinon.db.connections import connect
    from tests.conftest import django_on

    with databases.clone() as database:
        with django_on(database):
            town = tell(NOVEMBER + WINTER)
        conn = connect(database.app_url, application_name="koinon tests")
        with pytest.raises(NothingSealed):
            operations.export(conn, town, tmp_path_factory.mktemp("early"))
        with psycopg.connect(database.owner_url, autocommit=True) as owner:
            posted_a_month_before(owner, "2026-11-15")
        seal(conn, town)
        yield conn, town, owner
        conn.close()


def posted_a_month_before(owner, until: str) -> None:
    """Move what happened before a day into the month of the books before the present one."""
    owner.execute("SELECT ledger.open_month((SELECT max(month) - 1 FROM ledger.period))")
    owner.execute("INSERT INTO ledger.period SELECT town_id, month - 1, began_at FROM ledger.period")
    earlier = "seq - (1::bigint << 50)"
    owner.execute(
        f"UPDATE ledger.target AS t SET seq = t.seq - (1::bigint << 50) FROM ledger.journal AS j "
        f"WHERE j.town_id = t.town_id AND j.seq = t.seq AND j.effective_at < '{until}'"
    )
    owner.execute(
        f"UPDATE ledger.target AS t SET target_seq = target_seq - (1::bigint << 50) FROM ledger.journal AS j "
        f"WHERE j.town_id = t.town_id AND j.seq = t.target_seq AND j.effective_at < '{until}'"
    )
    owner.execute(f"UPDATE ledger.journal SET seq = {earlier} WHERE effective_at < '{until}'")


def tree(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.glob("**/*") if path.is_file()}


def test_the_same_books_give_the_same_bytes_and_nothing_is_written_twice(books, tmp_path):
    conn, town, _ = books
    first = operations.export(conn, town, tmp_path / "one")
    again = operations.export(conn, town, tmp_path / "one")
    elsewhere = operations.export(conn, town, tmp_path / "two")

    assert (len(first.written), first.kept, len(again.written), again.kept) == (2, 0, 0, 2)
    assert first.manifest == again.manifest == elsewhere.manifest
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    assert [file.complete for file in first.manifest.transfers] == [True, False]
    assert opened(tmp_path / "one", thoroughly=True).towns == (first.manifest,)


def test_an_export_has_every_sealed_movement_and_knows_nobody(books, tmp_path):
    conn, town, _ = books
    manifest = operations.export(conn, town, tmp_path).manifest
    moved = conn.execute(
        "SELECT count(*), sum(amount_minor) FROM ledger.transfer WHERE town_id = %s", (town.id,)
    ).fetchone()
    head = conn.execute("SELECT max(number) FROM ledger.block").fetchone()[0]
    conn.rollback()
    rows = [row for file in manifest.transfers for row in pq.read_table(tmp_path / file.path).to_pylist()]
    accounts = pq.read_table(tmp_path / manifest.accounts.path).to_pylist()
    refund = next(row for row in rows if row["undoes"])

    assert (manifest.rows, manifest.amount_minor) == moved == (len(rows), sum(row["amount"] for row in rows))
    assert manifest.seal.number == head
    assert [row["seq"] for row in rows] == sorted(row["seq"] for row in rows)
    assert next(row for row in rows if row["seq"] == refund["original"])["amount"] == 30_00
    assert {row["period"] for row in rows} == {202611, 202612, 202701}
    # The shops' zone and whether they are social enterprises is public; of a household there is its neighbourhood.
    assert {key for row in accounts for key, value in row.items() if isinstance(value, str) and "-" in value} == set()
    assert {(row["party"], row["zone"], row["sse"]) for row in accounts if row["kind"] in ("purse", "till")} == {
        ("residents", None, "other"),
        ("businesses", "north", "other"),
        ("businesses", "south", "other"),
        ("businesses", "south", "sse"),
    }


def test_a_month_begins_by_the_towns_clock_also_beside_years_that_no_calendar_has():
    new_year = datetime(2026, 12, 31, 22, 30, tzinfo=UTC)
    instants = [np.datetime64(new_year.replace(tzinfo=None)), np.datetime64("9999-12-31"), np.datetime64("0001-01-01")]
    time = np.array(instants, dtype="datetime64[us]").view(np.int64)

    assert operations._period_of(time, ZoneInfo("Europe/Athens")).tolist() == [202701, 999912, 101]
    assert operations._period_of(time[:1], ZoneInfo("UTC")).tolist() == [202612]


def test_an_export_of_an_earlier_version_is_not_read_and_written_anew(books, tmp_path):
    conn, town, _ = books
    manifest = operations.export(conn, town, tmp_path).manifest
    path = layout.manifest_path(tmp_path, town.id)
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 1}))

    with pytest.raises(ExportDamaged) as refused:
        opened(tmp_path)
    again = operations.export(conn, town, tmp_path)

    assert refused.value.files == [f"manifests/town={town.id}.json"]
    assert (again.manifest, len(again.written)) == (manifest, 2)
    assert opened(tmp_path).towns == (manifest,)


def test_its_files_are_for_their_owner_alone(books, tmp_path):
    conn, town, _ = books
    before = os.umask(0o022)
    try:
        operations.export(conn, town, tmp_path)
    finally:
        os.umask(before)

    files = [path for path in tmp_path.glob("**/*") if path.is_file()]
    assert {path.suffix for path in files} >= {".parquet", ".json"}
    assert [path.name for path in files if path.stat().st_mode & 0o077] == []


def test_who_was_interrupted_goes_on_after_the_months_that_were_finished(books, tmp_path, monkeypatch):
    conn, town, _ = books
    whole = operations.export(conn, town, tmp_path / "whole")

    def stop(folder, manifest):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(operations, "_commit", stop)
        with pytest.raises(KeyboardInterrupt):
            operations.export(conn, town, tmp_path / "stopped")
    with pytest.raises(NoExport):  # Without its manifest it is none yet.
        opened(tmp_path / "stopped")
    resumed = operations.export(conn, town, tmp_path / "stopped")

    assert (len(resumed.written), resumed.kept) == (0, 2)
    assert resumed.manifest == whole.manifest
    assert tree(tmp_path / "stopped") == tree(tmp_path / "whole")


def test_only_the_month_that_still_runs_is_written_anew(books, databases, tmp_path):
    conn, town, _ = books
    before = operations.export(conn, town, tmp_path).manifest
    account = conn.execute(
        "SELECT min(id) FILTER (WHERE kind = 'reserve'), min(id) FILTER (WHERE kind = 'escrow') FROM ledger.account"
    ).fetchone()
    from datetime import UTC, datetime

    from koinon.kernel.identifiers import new_id
    from koinon.kernel.money import Amount
    from koinon.ledger import operations as ledger
    from koinon.ledger.types import Transfer

    request = Transfer(
        new_id(), account[0], account[1], Amount(1_00, town.unit_code), "issue", datetime(2027, 1, 31, tzinfo=UTC),
        actor="test",
    )  # fmt: skip
    ledger.post_all(conn, town_id=town.id, requests=[request])
    conn.commit()
    assert operations.export(conn, town, tmp_path).manifest == before  # It is not sealed.
    seal(conn, town)
    after = operations.export(conn, town, tmp_path)

    assert (len(after.written), after.kept) == (1, 1)
    assert after.manifest.transfers[0] == before.transfers[0]
    assert after.manifest.rows == before.rows + 1
    assert not (tmp_path / before.transfers[1].path).exists()
    assert after.manifest.seal.number > before.seal.number


def test_what_is_missing_or_damaged_is_found_and_written_again(books, tmp_path):
    conn, town, _ = books
    manifest = operations.export(conn, town, tmp_path).manifest
    file = tmp_path / manifest.transfers[0].path
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b"?")

    assert opened(tmp_path).towns == (manifest,)  # Of the same length: only who looks thoroughly sees it.
    with pytest.raises(ExportDamaged) as refused:
        opened(tmp_path, thoroughly=True)
    assert refused.value.files == [manifest.transfers[0].path]
    file.unlink()
    with pytest.raises(ExportDamaged):
        opened(tmp_path)
    assert operations.export(conn, town, tmp_path).manifest == manifest
    assert file.read_bytes() == content


def test_other_books_do_not_go_on_with_an_export(books, tmp_path):
    conn, town, _ = books
    operations.export(conn, town, tmp_path)
    path = layout.manifest_path(tmp_path, town.id)
    kept = json.loads(path.read_text())
    path.write_text(json.dumps({**kept, "seal": {**kept["seal"], "hash": "0" * 64}}))
    before = tree(tmp_path)

    with pytest.raises(ExportOfOtherBooks):
        operations.export(conn, town, tmp_path)
    path.write_text("{}")
    with pytest.raises(ExportDamaged):
        operations.export(conn, town, tmp_path)
    path.write_bytes(before[str(path.relative_to(tmp_path))])
    assert tree(tmp_path) == before


def test_two_do_not_write_the_same_export_at_once(books, tmp_path):
    conn, town, _ = books
    operations.export(conn, town, tmp_path)
    lock = LockFile(tmp_path / "manifests" / f".town={town.id}.lock")
    assert lock.take()

    with pytest.raises(ExportUnderWay):
        operations.export(conn, town, tmp_path)
    lock.let_go()
    operations.export(conn, town, tmp_path)


def test_a_folder_that_cannot_be_made_is_said(books, tmp_path):
    conn, town, _ = books
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(ExportNotWritten):
        operations.export(conn, town, tmp_path / "file")


def test_a_question_that_there_is_not_names_those_that_there_are(books, tmp_path):
    conn, town, _ = books
    operations.export(conn, town, tmp_path)

    with (
        engines.duckdb(opened(tmp_path), memory_mb=200, threads=1) as engine,
        pytest.raises(engines.QuestionUnknown, match="by_zone"),
    ):
        engines.ask(engine, "gdp")
