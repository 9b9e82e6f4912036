"""A town run from the command line alone: from its folder to shops paid out, and books that anyone can check."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from koinon.cli.main import run
from koinon.db.connections import Database, connect
from koinon.db.transactions import transaction
from koinon.jobs.timer import check_round, seal_round
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount
from koinon.parties.queries import town_by_slug
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from koinon.payments import operations as payments
from koinon.pilots import demo_people
from koinon.programmes import queries as programmes
from koinon.treasury import operations as treasury
from tests.cli.command import koinon
from tests.pilots import small_besos

OTHER_ACCOUNT = "DE89370400440532013000"
PROGRAMME, MONTH = "inclusio-municipal", "2026-10"
NOW = datetime(2026, 10, 6, 12, 0, tzinfo=UTC)


@dataclass
class Town:
    """A town whose commands are typed one after the other."""

    database: Database
    conn: psycopg.Connection[Any]
    var: Path
    capsys: pytest.CaptureFixture[str] | None = None

    def __call__(self, *arguments: str) -> tuple[int, Any]:
        """Exit status and JSON document of ``koinon ARGUMENTS --json``."""
        assert self.capsys is not None
        self.capsys.readouterr()
        status = run([*arguments, "--json", "--database", self.database.app_url])
        return status, json.loads(self.capsys.readouterr().out)


@pytest.fixture(scope="module")
def applied(databases, tmp_path_factory) -> Iterator[Town]:
    """A small Besòs with its staff and its budget; nothing is paid out yet."""
    var = tmp_path_factory.mktemp("town")
    folder = small_besos.write(tmp_path_factory.mktemp("folder"), households=12)
    with databases.clone() as database:
        said = koinon(
            "town", "apply", str(folder), "--json", var=var, url=database.app_url, owner_url=database.owner_url
        )
        assert said.status == 0, said.err
        conn = connect(database.app_url)
        with transaction(conn):
            town = town_by_slug(conn, "besos")
            demo_people.staff(conn, town, demo_people.kept_sign_ins(var), at=NOW)
            for fund in programmes.funds(conn, town_id=town.id):
                treasury.receive_budget(
                    conn, town_id=town.id, fund=fund.id, amount=Amount(fund.budget_minor or 0, "REC"),
                    bank_reference=f"B/{fund.code}", idempotency_key=f"b:{fund.code}", at=NOW, actor="user:1",
                )  # fmt: skip
        yield Town(database, conn, var)
        conn.close()


@pytest.fixture
def typed(applied: Town, capsys, monkeypatch) -> Town:
    monkeypatch.setenv("KOINON_VAR", str(applied.var))
    monkeypatch.delenv("KOINON_DATABASE_URL", raising=False)
    applied.capsys = capsys
    return applied


def refusal(answer: tuple[int, Any]) -> str:
    status, document = answer
    assert status == 1
    code: str = document["refused"]["code"]
    return code


def test_town_from_prepared_month_to_settled_run_and_checked_books(typed: Town, owner: Callable[[str], None], tmp_path):
    # The month: prepared by one person, approved by another, paid out once.
    assert refusal(typed("cycle", "approve", PROGRAMME, MONTH, "--as", "demo-approver")) == "cli.cycle-unknown"
    assert refusal(typed("cycle", "prepare", PROGRAMME, MONTH, "--as", "demo-auditor")) == "cli.role-missing"
    assert refusal(typed("cycle", "prepare", PROGRAMME, MONTH, "--as", "nobody")) == "cli.user-unknown"
    assert refusal(typed("cycle", "prepare", "aid", MONTH, "--as", "demo-officer")) == "programmes.programme-not-found"
    assert refusal(typed("cycle", "list", "--town", "atlantis")) == "cli.town-unknown"
    _, prepared = typed("cycle", "prepare", PROGRAMME, MONTH, "--as", "demo-officer")
    assert (
        refusal(typed("cycle", "disburse", PROGRAMME, MONTH, "--as", "demo-officer")) == "programmes.cycle-not-in-state"
    )
    _, submitted = typed("cycle", "submit", PROGRAMME, MONTH, "--as", "demo-officer")
    seen = submitted["cycle"]["fingerprint"]
    approve = ("cycle", "approve", PROGRAMME, MONTH, "--as", "approver@besos.example")
    assert refusal(typed(*approve, "--fingerprint", "0" * 64)) == "programmes.cycle-changed"
    assert typed("cycle", "show", PROGRAMME, MONTH)[1]["cycle"]["fingerprint"] == seen
    typed(*approve, "--fingerprint", seen)
    status, disbursed = typed("cycle", "disburse", PROGRAMME, MONTH, "--as", "demo-officer")
    again = typed("cycle", "disburse", PROGRAMME, MONTH, "--as", "demo-officer")
    assert (status, disbursed["cycle"]["state"]) == (0, "disbursed")
    assert disbursed["cycle"]["paid"] == prepared["cycle"]["households"] > 10
    assert again == (0, disbursed)
    lines = typed("cycle", "lines", PROGRAMME, MONTH, "--state", "paid")[1]["lines"]
    assert sum(line["amount"] for line in lines) == disbursed["cycle"]["paid_total"]
    assert typed("cycle", "list")[1]["cycles"] == [disbursed["cycle"]]

    # A purchase, and the shop asks for its euros.
    receipt = buy_and_ask_for_euros(typed.conn)
    assert refusal(typed("redeem", "run", "--as", "demo-approver")) == "cli.role-missing"
    _, document = typed("redeem", "run", "--as", "demo-treasurer")
    run_id = document["run"]["id"]
    assert document["run"]["total"] == 40_00
    out = tmp_path / "bank"
    export = ("redeem", "export", run_id, "--to", str(out), "--as", "demo-treasurer")
    assert refusal(typed(*export)) == "treasury.run-in-other-state"
    _, approved = typed("redeem", "approve", run_id, "--as", "demo-approver")
    assert approved["payees"] == document["payees"]

    # The shop's account changes: the approval was for another one.
    change_account(typed.conn)
    assert refusal(typed(*export)) == "treasury.payee-changed"
    assert not out.exists()
    assert refusal(typed("redeem", "withdraw", run_id, "--as", "demo-officer")) == "cli.role-missing"
    assert typed("redeem", "withdraw", run_id, "--as", "demo-treasurer")[1]["run"]["state"] == "prepared"
    assert refusal(typed(*export)) == "treasury.run-in-other-state"
    _, approved = typed("redeem", "approve", run_id, "--as", "demo-approver")
    assert approved["payees"] != document["payees"]
    status, exported = typed(*export)
    assert (status, exported["payees"]) == (0, approved["payees"])
    assert OTHER_ACCOUNT in Path(exported["file"]).read_text()
    assert Path(exported["file"]).read_bytes().startswith(b"<?xml")
    assert Path(exported["file"]).stat().st_mode & 0o077 == 0
    _, settled = typed("redeem", "settle", run_id, "--as", "demo-treasurer")
    assert settled["run"]["state"] == "settled"
    assert typed("redeem", "list")[1]["runs"] == [settled["run"]]

    # The books: sealed by the job, verified by anyone, one receipt proved without a database.
    assert seal_round(typed.conn, now=NOW) > 0
    assert seal_round(typed.conn, now=NOW) == 0
    assert check_round(typed.conn) == []
    _, head = typed("seal", "head")
    kept = tmp_path / "head.json"
    kept.write_text(json.dumps(head))
    assert typed("seal", "verify", "--from", str(kept)) == (0, {"verified": [head]})
    proof = tmp_path / "proof.json"
    assert run(["seal", "proof", str(receipt), "--database", typed.database.app_url]) == 0
    proof.write_text(read_out(typed))
    assert run(["seal", "check-proof", str(proof), "--head", head["hash"]]) == 0
    assert run(["seal", "check-proof", str(proof), "--head", "00" * 32]) == 1
    assert run(["seal", "check-proof", str(kept), "--head", head["hash"]]) == 1
    read_out(typed)
    assert run(["seal", "receipt", str(receipt), "--database", typed.database.app_url]) == 0
    proof.write_text(read_out(typed))
    assert run(["seal", "check-proof", str(proof), "--head", head["hash"]]) == 0
    assert typed("check")[1]["failed"] == 0

    # Somebody edits one transfer behind the application's back.
    owner("UPDATE ledger.journal SET amount_minor = amount_minor + 1 WHERE kind = 't' AND code = 6")
    status, broken = typed("seal", "verify")
    assert status == 1
    assert broken["refused"]["code"] == "ledger.seal-broken"
    assert broken["refused"]["fields"]["block"] == head["block"]
    status, failed = typed("check")
    assert status == 1
    assert failed["failed"] == len(failed["failures"]) > 0
    assert all(failure["rows"] for failure in failed["failures"])
    assert check_round(typed.conn) == [failure["name"] for failure in failed["failures"]]


@pytest.fixture
def owner(applied: Town) -> Iterator[Callable[[str], None]]:
    with psycopg.connect(applied.database.owner_url, autocommit=True) as conn:
        yield lambda sql: conn.execute(sql.encode()) and None


def change_account(conn: psycopg.Connection[Any]) -> None:
    """The shop that is to be paid gets another account."""
    with transaction(conn):
        (shop,) = conn.execute("SELECT party FROM treasury.payment").fetchone() or (None,)
        Vault(conn, Secrets.load()).put(shop, {"iban": OTHER_ACCOUNT})


def buy_and_ask_for_euros(conn: psycopg.Connection[Any]) -> UUID:
    """One purchase of 45.00 and a redemption of 40.00; the purchase's transfer."""
    with transaction(conn):
        town = town_by_slug(conn, "besos")
        (buyer,) = conn.execute(
            "SELECT holder FROM ledger.account WHERE kind = 'purse' AND credits_posted >= 4500 ORDER BY id LIMIT 1"
        ).fetchone() or (None,)
        (shop,) = conn.execute(
            "SELECT holder FROM ledger.account WHERE kind = 'till' ORDER BY id LIMIT 1"
        ).fetchone() or (None,)
        payments.pay(
            conn, town_id=town.id, payment_id=new_id(), payer=buyer, payee=shop, amount=Amount(45_00, "REC"),
            effective_at=NOW, actor="till:1",
        )  # fmt: skip
        treasury.request_redemption(
            conn,
            town_id=town.id,
            party=shop,
            amount=Amount(40_00, "REC"),
            idempotency_key="r-1",
            at=NOW,
            actor="user:1",
        )
        row = conn.execute("SELECT id FROM ledger.transfer WHERE code = 'pay'").fetchone()
        assert row is not None
        transfer: UUID = row[0]
        return transfer


def read_out(typed: Town) -> str:
    assert typed.capsys is not None
    return typed.capsys.readouterr().out


def test_tables_are_for_people(typed: Town):
    assert typed.capsys is not None
    typed.capsys.readouterr()

    for arguments in (["cycle", "list"], ["redeem", "list"], ["seal", "head"], ["check"]):
        run([*arguments, "--database", typed.database.app_url])

    told = typed.capsys.readouterr().out
    assert "42,590" not in told
    assert "invariant" in told
    assert "{" not in told.split("invariant")[0]
