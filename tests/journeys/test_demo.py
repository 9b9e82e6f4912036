"""The main job, as whoever clones the project meets it: a command in a process of its own.

A town of Besòs with a sixth of its families serves where the size does not matter.
"""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import psycopg
import pytest

from koinon.accounting import year
from koinon.banking import queries as banking
from koinon.db import embedded
from koinon.db.connections import Database
from koinon.treasury import queries as treasury
from tests import prepared
from tests.accounting import audit
from tests.cli.command import Said, environment, koinon
from tests.journeys.demo_books import canonical, everything
from tests.pilots import small_besos

TOWNS = Path(__file__).resolve().parents[2] / "towns"


@dataclass(frozen=True, slots=True)
class Shown:
    """A demonstration that has been run, where it lies, and what it said."""

    var: Path
    database: Database
    first: Said
    second: Said

    @property
    def document(self) -> dict[str, Any]:
        return self.first.document


@pytest.fixture(scope="module")
def small_town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_besos.write(tmp_path_factory.mktemp("small-town"))


@pytest.fixture(scope="module")
def undisturbed(small_town: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the small town's first month lies, on an embedded server, after a run that nobody disturbed."""
    var = tmp_path_factory.mktemp("undisturbed")
    prepared.kernels()
    said = koinon("demo", "--no-serve", "--json", "--folder", str(small_town), var=var)
    assert said.status == 0, said.err
    (var / "said.json").write_text(said.out)
    return var


@pytest.fixture(scope="module")
def shown(databases, tmp_path_factory) -> Iterator[Shown]:
    """The bundled town's first month, and the same command once more."""
    var = tmp_path_factory.mktemp("demo")
    prepared.kernels()
    with databases.clone() as database:
        where = {"var": var, "url": database.app_url, "owner_url": database.owner_url}
        first = koinon("demo", "--no-serve", "--json", **where)
        assert first.status == 0, first.err
        yield Shown(var, database, first, koinon("demo", "--no-serve", "--json", **where))


def demo_process(small_town: Path, var: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "koinon", "demo", "--no-serve", "--json", "--folder", str(small_town)],
        env=environment(var),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill_when_it_says(process: subprocess.Popen[str], pattern: str) -> None:
    """kill -9 from outside, a moment after a line of progress."""
    assert process.stderr is not None
    for line in process.stderr:
        if re.search(pattern, line):
            time.sleep(0.03)  # Into the middle of what comes next.
            process.send_signal(signal.SIGKILL)
            break
    else:
        pytest.fail(f"the demonstration ended without saying {pattern!r}")
    process.stderr.close()
    assert process.wait(30) == -signal.SIGKILL


def books_of(var: Path) -> Any:
    with embedded.running(var) as server, psycopg.connect(server.url("koinon_app")) as conn:
        return canonical(conn)


def server_lives(var: Path) -> bool:
    return any(
        str(var) in Path(f"/proc/{number}/cmdline").read_bytes().decode(errors="replace")
        for number in os.listdir("/proc")
        if number.isdigit() and Path(f"/proc/{number}/cmdline").exists()
    )


def gone(var: Path, seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if not server_lives(var):
                return True
        except (FileNotFoundError, ProcessLookupError):
            pass  # A process ended while it was looked at.
        time.sleep(0.1)
    return False


# --- What the month leaves ------------------------------------------------------------------------


def test_document_has_the_promised_keys_with_whole_minor_units(shown):
    document = shown.document

    assert set(document) == {
        "generated", "note", "residents", "shops", "issued", "paid", "redeemed", "expired", "outstanding", "reserve",
        "M", "R", "v", "seal_head", "invariants", "files", "seconds",
    }  # fmt: skip
    for key in ("residents", "shops", "issued", "paid", "redeemed", "expired", "outstanding", "reserve"):
        assert type(document[key]) is int, key
    assert document["generated"] is True


def test_first_month_pays_out_what_was_published_of_the_pilot(shown):
    with psycopg.connect(shown.database.app_url) as conn:
        ((aid,),) = conn.execute(
            "SELECT sum(amount_minor) FROM ledger.transfer WHERE code = 'disburse' AND kind = 't'"
        ).fetchall()

    assert aid == 42_590_39
    assert shown.document["shops"] == 175


def test_month_has_a_campaign_contributions_and_a_statement_that_matches(shown):
    where = {"var": shown.var, "url": shown.database.app_url}
    (campaign,) = koinon("campaign", "list", "--json", **where).document["campaigns"]
    (listed,) = koinon("bank", "list", "--json", **where).document["entries"]
    with psycopg.connect(shown.database.app_url) as conn:
        ((aid,),) = conn.execute(
            "SELECT sum(amount_minor) FROM ledger.transfer WHERE code = 'disburse' AND kind = 't'"
        ).fetchall()
        ((times, people, rewards),) = conn.execute(
            "SELECT count(*), count(DISTINCT party), sum(reward_minor) FROM coproduction.contribution"
            " WHERE state = 'verified'"
        ).fetchall()
        ((released,),) = conn.execute(
            "SELECT drafted_by <> approved_by AND ended_by = 'job:campaigns' FROM campaigns.campaign"
        ).fetchall()

    assert (campaign["state"], released) == ("ended", True)
    assert campaign["granted"] > 0
    assert (times, people) == (64, 16)
    assert shown.document["issued"] == aid + campaign["granted"] + rewards
    assert listed["amount"] == 40_00
    assert (shown.var / "demo" / "statements" / "2026-10.camt053.xml").stat().st_mode & 0o077 == 0


def test_units_are_accounted_for_to_the_minor_unit_and_covered(shown):
    document = shown.document

    assert document["issued"] == document["redeemed"] + document["expired"] + document["outstanding"]
    assert document["reserve"] >= document["outstanding"] > 0
    assert document["redeemed"] > 0
    assert document["invariants"]["failed"] == 0
    assert document["invariants"]["checked"] >= 20


def test_every_paper_of_the_month_says_the_same_to_the_cent(shown):
    """Statements, journal, trial balances, the year, the treasury, the bank's page, its files, and what the command prints."""
    document = shown.document
    with psycopg.connect(shown.database.app_url) as conn:
        ((town,),) = conn.execute("SELECT id FROM parties_town").fetchall()
        disagreements = audit.disagreements(conn, town_id=town, first_day=date(2026, 9, 1), last_day=date(2026, 11, 30))
        (run,) = [one for one in treasury.runs(conn, town_id=town) if one.settled_at is not None]
        told = year.year(conn, town_id=town, year=2026)
        reserve = banking.reserve(conn, town_id=town)

    assert disagreements == []
    moved = told.moved
    printed = ("issued", "paid", "redeemed", "expired", "outstanding", "reserve")
    assert [document[key] for key in printed] == [
        moved["issued"], moved["paid"] - moved["refunded"], moved["redeemed"], moved["expired"], told.outstanding[1],
        told.reserve[1],
    ]  # fmt: skip
    (payout,) = document["files"]
    sent = ElementTree.parse(payout)
    control, paid = (_cents(sent, name) for name in ("CtrlSum", "InstdAmt"))
    assert {*control, sum(paid)} == {run.total.minor} == {moved["paid_out"]}
    assert len(paid) == run.payments
    came = ElementTree.parse(shown.var / "demo" / "statements" / "2026-10.camt053.xml")
    (opening, closing), entries = _cents(came, "Bal"), _cents(came, "Ntry")
    assert opening + sum(entries) == closing == reserve.banks_minor
    assert [(part.code, part.amount_minor) for part in reserve.parts] == [("listed", closing - reserve.books_minor)]


def _cents(document: Any, name: str) -> list[int]:
    """Every amount that stands in an element of this name, or is one; what is debited is below zero."""
    found = []
    for one in document.iterfind(f".//{{*}}{name}"):
        amount = one.find("{*}Amt")
        sign = -1 if one.findtext("{*}CdtDbtInd") == "DBIT" else 1
        found.append(sign * int(Decimal((one if amount is None else amount).text) * 100))
    return found


def test_indicators_are_plausible_and_measured(shown):
    document = shown.document

    assert 1.0 < document["M"] < 1.7
    assert 0.2 < document["R"] < 0.45
    assert 10 < document["v"] < 40


def test_month_has_thousands_of_payments_some_refunds_and_some_refusals(shown):
    with psycopg.connect(shown.database.app_url) as conn:
        ((payments, refunds, partial),) = conn.execute(
            "WITH paid AS (SELECT town_id, group_seq, sum(amount_minor) AS minor, min(seq) AS first, max(seq) AS last"
            " FROM ledger.transfer WHERE code = 'pay' AND kind = 't' GROUP BY town_id, group_seq),"
            " given AS (SELECT g.target_seq, t.group_seq, t.amount_minor FROM ledger.target AS g"
            " INNER JOIN ledger.transfer AS t ON t.town_id = g.town_id AND t.seq = g.seq WHERE t.code = 'pay'),"
            " back AS (SELECT p.group_seq, p.minor, sum(g.amount_minor) AS given FROM paid AS p"
            " INNER JOIN given AS g ON g.target_seq BETWEEN p.first AND p.last GROUP BY p.group_seq, p.minor)"
            " SELECT (SELECT count(*) FROM paid), (SELECT count(DISTINCT group_seq) FROM given),"
            " (SELECT count(*) FROM back WHERE given < minor)"
        ).fetchall()

    assert 3_000 < payments < 9_000
    assert 20 < partial < refunds < 200
    assert re.search(r"\d refused", shown.first.err)


def test_bank_file_is_private_and_the_money_left_on_two_signatures(shown):
    (file,) = map(Path, shown.document["files"])
    with psycopg.connect(shown.database.app_url) as conn:
        cycles = conn.execute("SELECT state, prepared_by <> approved_by FROM programmes_cycle").fetchall()
        runs = conn.execute(
            "SELECT state, prepared_by <> approved_by FROM treasury.run WHERE exported_at IS NOT NULL"
        ).fetchall()

    assert file.read_bytes().startswith(b"<?xml")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (cycles, runs) == ([("disbursed", True)], [("settled", True)])


def test_payout_waits_for_a_second_person_and_the_demonstration_says_where_the_banks_answers_lie(shown):
    folder = shown.var / "demo" / "from-the-bank"
    with psycopg.connect(shown.database.app_url) as conn:
        waiting = conn.execute("SELECT state, payments FROM treasury.run WHERE exported_at IS NULL").fetchall()

    assert waiting == [("prepared", 3)]
    assert {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {
        "1-report.pain002.xml": 0o600,
        "2-statement.camt053.xml": 0o600,
    }


def test_card_to_try_pays_for_a_purchase_of_twenty_units(shown):
    with psycopg.connect(shown.database.app_url) as conn:
        ((left,),) = conn.execute(
            "SELECT sum(a.credits_posted - a.debits_posted - a.debits_held) FROM ledger.account AS a"
            " INNER JOIN parties_rolegrant AS g ON g.party_id = a.holder AND g.role = 'resident'"
            " WHERE a.kind = 'purse'"
        ).fetchall()

    assert left >= 20_00


def test_sign_in_data_are_private_and_name_each_role(shown):
    file = shown.var / "demo" / "sign-in.json"
    rows = json.loads(file.read_text())["sign_in"]

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [row["role"] for row in rows] == [
        "resident", "shop", "officer", "approver", "treasurer", "coordinator", "auditor"
    ]  # fmt: skip
    assert len({row["password"] for row in rows}) == 7
    with psycopg.connect(shown.database.app_url) as conn:
        granted = conn.execute(
            "SELECT g.role, g.party_id IS NOT NULL FROM parties_rolegrant AS g"
            " INNER JOIN parties_user AS u ON u.id = g.user_id ORDER BY g.role"
        ).fetchall()
    assert granted == [
        ("approver", False), ("auditor", False), ("coordinator", False), ("officer", False), ("resident", True),
        ("shop", True), ("treasurer", False),
    ]  # fmt: skip


def test_second_run_is_quick_does_nothing_twice_and_says_the_same(shown):
    first, second = shown.first.document, shown.second.document

    assert shown.second.status == 0
    assert {**first, "seconds": 0} == {**second, "seconds": 0}
    # A month's days are looked at, not lived.
    assert second["seconds"]["purchases"] < first["seconds"]["purchases"] / 4
    assert "2026-10-" not in shown.second.err


def test_check_and_seal_agree_from_outside(shown):
    where = {"var": shown.var, "url": shown.database.app_url}
    checked = koinon("check", "--json", **where)
    verified = koinon("seal", "verify", "--json", **where)

    assert (checked.status, checked.document["failed"]) == (0, 0)
    assert verified.status == 0
    assert verified.document["verified"][0]["hash"] == shown.document["seal_head"]


# --- Kills ----------------------------------------------------------------------------------------


def test_killed_in_disbursement_and_in_purchases_it_ends_in_the_books_of_an_undisturbed_run(
    small_town, undisturbed, tmp_path
):
    disturbed = tmp_path / "disturbed"
    prepared.copy_to(disturbed)
    kill_when_it_says(demo_process(small_town, disturbed), r"paid out \(40 of")
    assert gone(disturbed)
    kill_when_it_says(demo_process(small_town, disturbed), r"2026-10-09")
    assert gone(disturbed)
    kill_when_it_says(demo_process(small_town, disturbed), r"2026-10-31")
    finished = koinon("demo", "--no-serve", "--json", "--folder", str(small_town), var=disturbed)

    assert finished.status == 0, finished.err
    assert finished.document["invariants"]["failed"] == 0
    accounts, transfers = books_of(disturbed)
    assert len(accounts) > 100
    assert len(transfers) > 500
    assert (accounts, transfers) == books_of(undisturbed)


def test_told_to_end_in_the_middle_it_ends_in_order_and_says_that_it_can_go_on(small_town, tmp_path):
    prepared.copy_to(tmp_path)
    process = demo_process(small_town, tmp_path)
    assert process.stderr is not None
    for line in process.stderr:
        if "2026-10-03" in line:
            process.send_signal(signal.SIGTERM)
            break
    said = process.stderr.read()

    assert process.wait(60) == 143
    assert "goes on where it ended" in said
    assert "Traceback" not in said
    assert gone(tmp_path)


def test_fresh_starts_over_and_ends_in_the_same_books_with_the_same_passwords(small_town, undisturbed):
    books, sign_in = books_of(undisturbed), (undisturbed / "demo" / "sign-in.json").read_text()

    fresh = koinon("demo", "--no-serve", "--folder", str(small_town), "--fresh", var=undisturbed)

    assert fresh.status == 0, fresh.err
    assert "2026-10-31" in fresh.err
    assert books_of(undisturbed) == books
    assert (undisturbed / "demo" / "sign-in.json").read_text() == sign_in


# --- What is left to do -----------------------------------------------------------------------------


def test_payout_that_waits_is_approved_sent_answered_and_seen_on_the_statement_and_no_later_run_undoes_it(
    small_town, undisturbed, tmp_path
):
    prepared.copied(undisturbed, tmp_path, "pg", "secrets", "demo")
    answers = tmp_path / "demo" / "from-the-bank"

    with embedded.running(tmp_path):
        (run,) = [one for one in said(tmp_path, "redeem", "list")["runs"] if one["state"] == "prepared"]
        said(tmp_path, "redeem", "approve", run["id"], "--as", "demo-approver")
        said(tmp_path, "redeem", "export", run["id"], "--as", "demo-treasurer", "--to", str(tmp_path / "for-the-bank"))
        report = said(tmp_path, "bank", "import", str(answers / "1-report.pain002.xml"), "--as", "demo-treasurer")
        told = said(tmp_path, "bank", "import", str(answers / "2-statement.camt053.xml"), "--as", "demo-treasurer")
        show = said(tmp_path, "bank", "show")
        written = [file.read_bytes() for file in sorted(answers.iterdir())]
        again = said(tmp_path, "demo", "--no-serve", "--folder", str(small_town))
        runs = said(tmp_path, "redeem", "list")["runs"]

    assert sorted(one["outcome"] for one in report["answers"]) == ["noted"] * (run["payments"] - 1) + ["rejected"]
    assert (told["matched"], told["listed"]) == (2, 1)
    assert [one["amount"] for one in told["entries"] if not one["matched"]] == [-3_50]
    assert show["unexplained_minor"] == 0
    assert {part["code"] for part in show["parts"]} == {"listed"}
    assert again["invariants"]["failed"] == 0
    assert [one["state"] for one in runs] == ["settled", "settled"]
    assert [file.read_bytes() for file in sorted(answers.iterdir())] == written


def said(var: Path, *arguments: str) -> Any:
    told = koinon(*arguments, "--json", var=var)
    assert told.status == 0, told.err
    return told.document


# --- Months ---------------------------------------------------------------------------------------


def test_second_month_runs_on_top_and_every_day_of_it_is_checked(small_town, undisturbed, tmp_path):
    demo = ("demo", "--no-serve", "--json", "--folder", str(small_town))
    prepared.copied(undisturbed, tmp_path, "pg", "secrets", "demo")
    one = json.loads((undisturbed / "said.json").read_text())

    two = koinon(*demo, "--months", "2", var=tmp_path)

    assert two.status == 0, two.err
    document = two.document
    assert document["issued"] > one["issued"]
    assert document["issued"] == document["redeemed"] + document["expired"] + document["outstanding"]
    assert len(document["files"]) == 2
    assert "2026-10-" not in two.err
    assert len(set(re.findall(r"2026-11-\d\d", two.err))) == 30

    # A third month after somebody tampered: the first day's check stops it, and says so.
    with embedded.running(tmp_path) as server, psycopg.connect(server.url(embedded.ADMINISTRATOR)) as owner:
        owner.execute("UPDATE ledger.account SET credits_posted = credits_posted + 1 WHERE kind = 'till'")
    third = koinon(*demo, "--months", "3", var=tmp_path)

    assert third.status == 1
    assert third.document["refused"]["code"] == "pilots.books-broken"
    assert third.document["refused"]["fields"]["day"] == "2026-12-01"


# --- A folder with faults -------------------------------------------------------------------------


def test_faulty_folder_lists_every_planted_fault_and_changes_nothing(small_town, database, owner_conn, tmp_path):
    where = {"var": tmp_path, "url": database.app_url, "owner_url": database.owner_url}
    applied = koinon("town", "apply", str(small_town), "--json", **where)
    assert applied.status == 0, applied.err
    before = everything(owner_conn)

    said = koinon("town", "apply", str(TOWNS / "besos-faulty"), "--json", **where)

    planted = json.loads((TOWNS / "besos-faulty" / "planted.json").read_text())
    found = {(row["file"], row["row"], row["column"], row["code"]) for row in said.document["findings"]}
    assert said.status == 1
    assert said.document["refused"]["code"] == "kernel.findings"
    assert {(row["file"], row["row"], row["column"], row["code"]) for row in planted_rows(planted)} <= found
    assert all(row["message"] and row["remedy"] for row in said.document["findings"])
    assert everything(owner_conn) == before


def planted_rows(planted: Any) -> list[dict[str, Any]]:
    return planted if isinstance(planted, list) else planted["planted"]


def test_dry_run_says_what_would_be_done_and_writes_nothing(small_town, database, owner_conn, tmp_path):
    where = {"var": tmp_path, "url": database.app_url, "owner_url": database.owner_url}
    before = everything(owner_conn)

    said = koinon("town", "apply", str(small_town), "--dry-run", "--json", **where)

    assert said.status == 0
    assert said.document["counts"]["households_new"] > 50
    assert everything(owner_conn) == before


# --- The site afterwards --------------------------------------------------------------------------


def test_demo_serves_beside_a_taken_port_signs_everybody_in_and_leaves_nothing_behind(small_town, undisturbed):
    with occupied(8000):
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "koinon", "demo", "--folder", str(small_town)],
            env=environment(undisturbed), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            said = []
            for line in process.stdout:
                said.append(line)
                if line.startswith("auditor"):
                    break
            told = "".join(said)
            address = re.search(r"http://localhost:(\d+)/", told)
            assert address is not None
            assert address.group(1) != "8000"
            for row in json.loads((undisturbed / "demo" / "sign-in.json").read_text())["sign_in"]:
                assert row["password"] in told
                assert signs_in(address.group(0), row["user"], row["password"]), row["role"]
        finally:
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=60)

    assert process.returncode == 0, err
    assert "Port 8000 is taken" in err
    assert gone(undisturbed)


def signs_in(site: str, user: str, password: str) -> bool:
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    page = browser.open(f"{site}accounts/login/", timeout=30).read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token is not None
    form = {"csrfmiddlewaretoken": token.group(1), "login": user, "password": password}
    request = urllib.request.Request(
        f"{site}accounts/login/", urllib.parse.urlencode(form).encode(), headers={"Referer": f"{site}accounts/login/"}
    )
    answered = browser.open(request, timeout=30)
    shown = re.search(r'id="demonstrated">(\d{6})<', answered.read().decode())
    if shown is not None:  # Staff are asked for a code, which the demonstration shows.
        form = {"csrfmiddlewaretoken": token.group(1), "code": shown.group(1)}
        factor = f"{site}accounts/2fa/authenticate/"
        request = urllib.request.Request(factor, urllib.parse.urlencode(form).encode(), headers={"Referer": factor})
        answered = browser.open(request, timeout=30)
    return answered.status == 200 and "/accounts/" not in answered.geturl() and "factor" not in answered.geturl()


class occupied:
    """Another program on a port, unless one is there already."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.socket: Any = None

    def __enter__(self) -> None:
        import socket

        try:
            self.socket = socket.create_server(("127.0.0.1", self.port))
        except OSError:
            self.socket = None

    def __exit__(self, *_: object) -> None:
        if self.socket is not None:
            self.socket.close()
