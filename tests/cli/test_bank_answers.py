"""What the bank makes of a run, typed by a treasurer in Jordan: three decimals, three shops, and things go wrong."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from koinon.cli.main import run
from koinon.db.transactions import transaction
from koinon.ledger import queries as books
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from koinon.treasury import operations as treasury
from tests.programmes.small_town import NOON, SmallTown, build, money

ACCOUNTS = {
    "bakery": "JO94CBJO0010000000000131000302",
    "butcher": "JO71CBJO0000000000001234567890",
    "grocer": "JO94CBJO0010000000000131000302",
}
YESTERDAY = datetime.now(UTC).date() - timedelta(days=2)


@dataclass
class Desk:
    """A treasurer's terminal."""

    town: SmallTown
    url: str
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str, by: str = "carmen") -> Any:
        """The JSON document of ``koinon ARGUMENTS --as carmen``."""
        self.capsys.readouterr()
        status = run([*arguments, "--as", by, "--json", "--database", self.url])
        document = json.loads(self.capsys.readouterr().out)
        assert (status == 0) is ("refused" not in document), document
        return document

    def told(self, *arguments: str, by: str = "carmen") -> str:
        """What a person reads."""
        self.capsys.readouterr()
        run([*arguments, *(["--as", by] if by else []), "--database", self.url])
        out, err = self.capsys.readouterr()
        return " ".join((out + err).split())

    def read(self, *arguments: str) -> Any:
        """The JSON document of a command that anybody may give."""
        self.capsys.readouterr()
        assert run([*arguments, "--json", "--database", self.url]) == 0
        return json.loads(self.capsys.readouterr().out)

    def payments(self, run_id: str) -> dict[str, dict[str, Any]]:
        """The payments of a run by the name of the shop."""
        names = {str(party): name for name, party in self.town.parties.items()}
        self.capsys.readouterr()
        assert run(["redeem", "show", run_id, "--json", "--database", self.url]) == 0
        return {names[one["party"]]: one for one in json.loads(self.capsys.readouterr().out)["payments"]}

    def trail(self) -> list[str]:
        with transaction(self.town.conn):
            return self.town.audited()


@pytest.fixture
def desk(database, conn, tmp_path, monkeypatch, capsys) -> Desk:
    """Three shops have asked for 1.000, 2.000 and 3.000."""
    monkeypatch.setenv("KOINON_VAR", str(tmp_path))
    for name in ("KOINON_DATABASE_URL", "KOINON_USER", "KOINON_SECRETS"):
        monkeypatch.delenv(name, raising=False)
    town = build(conn)
    conn.execute("UPDATE parties_town SET country = 'JO', exponent = 3, national_currency = 'JOD'")
    town.fund("aid", last_day=YESTERDAY)
    town.fund("open", last_day=date(2999, 12, 31))
    for name, role in {"anna": "officer", "bilal": "approver", "carmen": "treasurer"}.items():
        town.user(name, role)
    vault = Vault(conn, Secrets.load())
    vault.put(town.party, {"name": "Town", "iban": ACCOUNTS["bakery"]})
    for number, (shop, account) in enumerate(ACCOUNTS.items(), 1):
        vault.put(town.shop(shop), {"name": shop, "iban": account})
        town.fill_till(shop, f"{number}0.00")
        treasury.request_redemption(
            conn, town_id=town.id, party=town.parties[shop], amount=money(f"{number}0.00"),
            idempotency_key=shop, at=NOON, actor="user:1",
        )  # fmt: skip
    conn.commit()
    return Desk(town, database.app_url, capsys)


@pytest.fixture
def sent(desk: Desk, tmp_path) -> str:
    """A run of all three shops that the bank has."""
    run_id: str = desk("redeem", "run")["run"]["id"]
    desk("redeem", "approve", run_id, by="bilal")
    told = desk.told("redeem", "export", run_id, "--to", str(tmp_path / "bank"))
    assert "3 payments, 6.000 JOD" in told
    return run_id


def test_shop_that_is_left_out_waits_for_the_next_run(desk: Desk):
    bakery, grocer = str(desk.town.parties["bakery"]), str(desk.town.parties["grocer"])

    stranger = desk("redeem", "run", "--leave-out", "0192f000-0000-7000-8000-000000000000")
    first = desk("redeem", "run", "--leave-out", bakery, "--leave-out", grocer)["run"]
    second = desk("redeem", "run")["run"]

    assert stranger["refused"]["code"] == "parties.not-found"
    assert (list(desk.payments(first["id"])), first["total"]) == (["butcher"], 2000)
    assert set(desk.payments(second["id"])) == {"bakery", "grocer"}


def test_cancelled_run_leaves_its_requests_for_the_next_one(desk: Desk):
    first = desk("redeem", "run")["run"]["id"]

    assert desk("redeem", "cancel", first, by="anna")["refused"]["code"] == "cli.role-missing"
    assert desk("redeem", "cancel", first)["run"]["state"] == "cancelled"
    assert desk("redeem", "run")["run"]["payments"] == 3
    assert "treasury.run-cancelled" in desk.trail()


def test_rejected_payment_is_not_settled_with_the_others_and_goes_into_the_next_run(desk: Desk, sent: str):
    payment = desk.payments(sent)["bakery"]["id"]
    reject = ("redeem", "reject", sent, payment, "--reason", "ac04")

    assert desk(*reject, by="bilal")["refused"]["code"] == "cli.role-missing"
    assert desk(*reject)["state"] == "exported"
    assert desk("redeem", "settle", sent, "--payment", payment)["refused"]["code"] == "treasury.payment-in-other-state"
    told = desk.told("redeem", "settle", sent)

    assert "Settled: 2 paid, 1 rejected." in told
    assert {name: (one["state"], one["reason"]) for name, one in desk.payments(sent).items()} == {
        "bakery": ("rejected", "AC04"),
        "butcher": ("paid", ""),
        "grocer": ("paid", ""),
    }
    assert "1.000 JOD rejected AC04" in desk.told("redeem", "show", sent, by="")
    assert set(desk.payments(desk("redeem", "run")["run"]["id"])) == {"bakery"}


def test_run_settles_payment_by_payment_and_with_its_last_rejection(desk: Desk, sent: str):
    payments = desk.payments(sent)

    told = desk.told("redeem", "settle", sent, "--payment", payments["bakery"]["id"])
    assert "Not settled yet: 2 due, 1 paid." in told
    desk("redeem", "reject", sent, payments["butcher"]["id"], "--reason", "AC04")
    last = desk("redeem", "reject", sent, payments["grocer"]["id"], "--reason", "AC06")

    assert last["state"] == "settled"
    assert desk.trail()[-1] == "treasury.run-settled"


def test_payment_that_comes_back_is_in_the_till_again(desk: Desk, sent: str):
    payment = desk.payments(sent)["grocer"]["id"]
    give_back = ("redeem", "return", sent, payment, "--reason", "AC04")

    assert desk(*give_back)["refused"]["code"] == "treasury.payment-in-other-state"
    desk("redeem", "settle", sent)
    desk(*give_back)

    assert desk.payments(sent)["grocer"]["state"] == "returned"
    assert desk("redeem", "run")["refused"]["code"] == "treasury.nothing-to-pay"
    with transaction(desk.town.conn):
        till = books.account(desk.town.conn, town_id=desk.town.id, kind="till", holder=desk.town.parties["grocer"])
        assert till is not None
        assert till.balance.minor >= 3000
        assert desk.town.broken() == []


def test_payment_of_another_run_is_not_touched(desk: Desk, sent: str):
    payment = desk.payments(sent)["grocer"]["id"]
    desk("redeem", "reject", sent, payment, "--reason", "AC04")
    other = desk("redeem", "run")["run"]["id"]

    answer = desk("redeem", "return", other, payment, "--reason", "AC04")

    assert answer["refused"]["code"] == "treasury.payment-not-found"
    assert run(["redeem", "reject", sent, payment, "--reason", "because", "--as", "carmen"]) == 2


def test_unspent_aid_is_swept_by_an_officer_once_the_last_day_is_over(desk: Desk):
    desk.town.household("ana")
    desk.town.give("ana", "aid", "10.00")
    desk.town.conn.commit()

    assert desk("fund", "sweep", "--fund", "aid")["refused"]["code"] == "cli.role-missing"
    assert desk("fund", "sweep", "--fund", "open", by="anna")["refused"]["code"] == "programmes.fund-not-over"
    assert "1.000 REC from 1 purses" in desk.told("fund", "sweep", "--fund", "aid", by="anna")
    assert desk("fund", "sweep", "--fund", "aid", by="anna")["swept"] == 0
    with transaction(desk.town.conn):
        assert books.totals(desk.town.conn, town_id=desk.town.id).expired == 1000
        assert desk.town.balance("ana", "aid") == "0.00"
    assert desk.trail().count("fund.swept") == 1


def test_refusal_writes_amounts_with_the_decimals_of_the_town(desk: Desk):
    desk.town.programme("late", fund="open", share=(1, 1), floor="0")
    desk.town.household("ana")
    desk.town.award("late", "ana", "12.50")
    desk.town.approve(desk.town.prepare("late"))
    desk.town.conn.commit()

    assert "has 0.000 REC, 1.250 REC asked: 1.250 REC are missing" in desk.told(
        "cycle", "disburse", "late", "2026-10", by="anna"
    )


def test_the_banks_table_pays_what_left_and_brings_back_what_came(desk: Desk, sent: str, tmp_path: Path):
    """``koinon bank``: looked at, imported twice, listed, matched by hand, and shown against the books."""
    payments = desk.payments(sent)
    bakery, butcher = (payments[name]["id"].replace("-", "") for name in ("bakery", "butcher"))
    paid, day = payments["bakery"]["amount"] / 1000, YESTERDAY.isoformat()
    table = tmp_path / "bank.csv"
    table.write_text(
        "date,amount,bank reference,our reference,return code\n"
        f"{day},-{paid:.3f},R1,{bakery},\n{day},{paid:.3f},R2,{bakery},AC04\n{day},-0.001,R3,{butcher},\n{day},-1.250,R4,,\n"
    )
    assert desk("bank", "import", str(table))["findings"][0]["code"] == "bank.account-needed"
    desk("bank", "account", "--code", "main", "--number", "JO94CBJO0010000000000131000302")

    shown = desk("bank", "import", str(table), "--dry-run")
    first, again = desk("bank", "import", str(table)), desk("bank", "import", str(table))
    assert (shown["matched"], shown["listed"], shown["entries"]) == (2, 2, [])
    assert (first["matched"], first["listed"], first["known"]) == (2, 2, 0)
    assert (again["matched"], again["known"], again["replayed"]) == (2, 4, True)
    assert (first["imported_at"], first["imported_by"], again["imported_by"]) == (None, "", "carmen")
    today = datetime.fromisoformat(again["imported_at"]).astimezone(ZoneInfo("Europe/Madrid")).date()
    for how in ([], ["--dry-run"], ["--account", "main"]):
        said = desk.told("bank", "import", str(table), *how)
        assert said.startswith(f"This file was imported on {today} by carmen; nothing changed."), said
    assert desk.payments(sent)["bakery"]["state"] == "returned"

    listed = {one["reference"]: one for one in desk.read("bank", "list")["entries"]}
    assert {name: one["grounds"][0]["code"] for name, one in listed.items()} == {
        "R3": "entry.amount-differs",
        "R4": "entry.nothing-recognised",
    }
    told = desk.told("bank", "match", listed["R4"]["id"], "--is", "charge", "--reason", "Monthly price")
    assert "charge" in told
    assert desk("bank", "match", listed["R3"]["id"], "--is", "payout", "--reason", "x")["refused"]["code"] == (
        "banking.match-not-possible"
    )
    reserve = desk.read("bank", "show")
    assert reserve["unexplained_minor"] == 0
    assert {part["code"] for part in reserve["parts"]} >= {"listed", "charge", "receipt-not-seen"}
    assert desk("bank", "import", str(table), by="anna")["refused"]["code"] == "cli.role-missing"
    with transaction(desk.town.conn):
        assert desk.town.broken() == []


def test_terms_are_shown_and_promised(desk: Desk):
    today = datetime.now(ZoneInfo("Europe/Madrid")).date().isoformat()  # Where the small town lies.
    step = ("--from", today, "--source", "Regulation 7")
    assert (
        desk("redeem", "terms", *step, "--minimum", "5", "--fee", "0,500", "--schedule", "weekly:4")["terms"][
            "schedule"
        ]
        == "weekly:4"
    )
    assert "fee 0.500" in desk.told("redeem", "terms")
    refused = desk("redeem", "terms", *step, "--format", "pain.001.001.09")["refused"]
    assert refused["code"] == "treasury.terms-not-possible"


RULES = """
[[funds]]
code = "winter"
name = "Winter fuel"
source = "Council decision 48"
budget = "900,000"
[[programmes]]
code = "fuel"
name = "Fuel for winter"
fund = "winter"
share = "1/1"
for = "households"
[programmes.amounts.formula]
base = "20,000"
"""


def test_a_shop_is_paid_out_by_a_treasurer_who_can_take_it_back_or_make_it_a_habit(desk: Desk) -> None:
    bakery = str(desk.town.parties["bakery"])
    desk.town.fill_till("bakery", "50.00")
    desk.town.conn.commit()
    asked = desk("redeem", "ask", bakery, "2,000", "--key", "k")
    assert (asked["amount"], desk("redeem", "ask", bakery, "2,000", "--key", "k")["replayed"]) == (2_000, True)
    assert desk("redeem", "take-back", asked["redemption"])["redemption"] == asked["redemption"]
    assert desk("redeem", "always", bakery, "--keep", "1,500")["keep"] == 1_500
    assert desk("redeem", "always", bakery, "--end")["keep"] is None
    assert desk.trail()[-2:] == ["treasury.standing-order-set", "treasury.standing-order-ended"]


def test_rules_from_a_file_are_shown_first_and_written_with_a_word(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(RULES)
    assert desk("town", "rules", str(file), by="anna")["written"] is False
    assert "winter" not in desk.told("fund", "list", by="")
    done = desk("town", "rules", str(file), "--yes", by="anna")
    assert (done["counts"]["funds_new"], done["counts"]["programmes_new"]) == (1, 1)
    assert "winter" in desk.told("fund", "list", by="")
    file.write_text(RULES.replace('fund = "winter"', 'fund = "wintr"'))
    assert "town.fund-unknown" in desk.told("town", "rules", str(file), by="anna")
