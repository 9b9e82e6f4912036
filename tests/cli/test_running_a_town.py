"""A town that nobody rehearsed: its first people, its first budget, its seals, and a person who asks to be forgotten."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from koinon.audit import queries as audit
from koinon.cli.main import run
from koinon.db.connections import Database, connect
from koinon.db.transactions import transaction
from koinon.parties.queries import town_by_slug
from tests.cli.command import koinon
from tests.pilots import small_besos

STAFF = {"anna": "officer", "bilal": "approver", "carmen": "treasurer", "dimitra": "auditor"}


@dataclass
class Town:
    database: Database
    conn: psycopg.Connection[Any]
    var: Path
    identifier: str
    passwords: dict[str, str]
    folder: Path
    capsys: pytest.CaptureFixture[str] | None = None
    monkeypatch: pytest.MonkeyPatch | None = None

    def __call__(self, *arguments: str, typed: str = "") -> tuple[int, Any]:
        """Exit status and JSON document of ``koinon ARGUMENTS --json``, with this on standard input."""
        assert self.capsys is not None
        assert self.monkeypatch is not None
        self.monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        self.capsys.readouterr()
        status = run([*arguments, "--json", "--database", self.database.app_url])
        said = self.capsys.readouterr().out
        assert said.startswith("{"), "what another program reads is the document and nothing else"
        return status, json.loads(said)

    def told(self, *arguments: str) -> str:
        """What a person reads."""
        assert self.capsys is not None
        self.capsys.readouterr()
        assert run([*arguments, "--database", self.database.app_url]) == 0
        return " ".join(self.capsys.readouterr().out.split())

    def trail(self) -> list[tuple[str, str, str]]:
        """Actor, action and reason of every line of the audit trail, newest first."""
        with transaction(self.conn):
            town = town_by_slug(self.conn, "besos")
            return [
                (one.actor, one.action, one.reason) for one in audit.entries(self.conn, town_id=town.id, size=1_000)
            ]


@pytest.fixture(scope="module")
def applied(databases, tmp_path_factory) -> Iterator[Town]:
    """A small Besòs as its folder makes it: no users, no money."""
    var = tmp_path_factory.mktemp("town")
    folder = small_besos.write(tmp_path_factory.mktemp("folder"), households=12)
    (first, *_) = folder.joinpath("households.csv").read_text(encoding="windows-1252").splitlines()[1].split(";")
    with databases.clone() as database:
        said = koinon("town", "apply", str(folder), var=var, url=database.app_url, owner_url=database.owner_url)
        assert said.status == 0, said.err
        conn = connect(database.app_url)
        yield Town(database, conn, var, first, {}, folder)
        conn.close()


@pytest.fixture
def town(applied: Town, capsys, monkeypatch) -> Town:
    monkeypatch.setenv("KOINON_VAR", str(applied.var))
    monkeypatch.delenv("KOINON_DATABASE_URL", raising=False)
    monkeypatch.delenv("KOINON_USER", raising=False)
    applied.capsys, applied.monkeypatch = capsys, monkeypatch
    return applied


@pytest.fixture
def staffed(town: Town) -> Town:
    for name, role in STAFF.items():
        status, document = town("town", "staff", "add", name, "--role", role)
        assert status == 0, document
        town.passwords.setdefault(name, document["password"])
    return town


def refusal(answer: tuple[int, Any]) -> str:
    status, document = answer
    assert status == 1, document
    code: str = document["refused"]["code"]
    return code


def password_opens(town: Town, username: str, password: str) -> bool:
    from django.contrib.auth.hashers import check_password

    with transaction(town.conn):
        row = town.conn.execute("SELECT password FROM parties_user WHERE username = %s", [username]).fetchone()
    return row is not None and check_password(password, row[0])


# Staff


def test_first_person_gets_a_password_that_is_said_once_and_may_sign_in(town: Town):
    status, made = town("town", "staff", "add", "petra", "--role", "officer", "--email", "petra@example.org")
    again = town("town", "staff", "add", "petra", "--role", "officer")[1]

    assert status == 0
    assert (made["given"], made["account_made"]) == (True, True)
    assert password_opens(town, "petra", made["password"])
    assert (again["given"], again["account_made"], again["password"]) == (False, False, None)
    assert town.trail()[0][:2] == ("cli:town-staff", "parties.role-granted")


def test_a_right_over_money_is_asked_for_by_one_and_given_by_another(staffed: Town):
    approver = next(name for name, role in STAFF.items() if role == "approver")
    officer = next(name for name, role in STAFF.items() if role == "officer")
    auditor = next(name for name, role in STAFF.items() if role == "auditor")

    asked = staffed("town", "staff", "ask", auditor, "--role", "treasurer", "--as", officer)[1]
    assert [one["id"] for one in staffed("town", "staff", "asked")[1]["requests"]] == [asked["request"]]
    assert refusal(staffed("town", "staff", "decide", asked["request"], "--as", officer)) == "cli.role-missing"
    status, given = staffed("town", "staff", "decide", asked["request"], "--as", approver)
    assert (status, given["given"]) == (0, True)
    assert refusal(staffed("town", "staff", "decide", asked["request"], "--as", approver)) == "parties.right-decided"
    assert refusal(staffed("town", "staff", "withdraw", asked["request"], "--as", officer)) == "parties.right-decided"
    staffed("town", "staff", "remove", auditor, "--role", "treasurer")


def test_a_colleague_who_cannot_get_in_gets_a_code_and_sets_up_a_new_factor(staffed: Town):
    auditor = next(name for name, role in STAFF.items() if role == "auditor")
    status, made = staffed("town", "staff", "invite", auditor)
    assert (status, len(made["code"])) == (0, 19)
    assert staffed("town", "staff", "new-factor", auditor) == (
        0, {"town": made["town"], "user": auditor, "forgotten": 0},
    )  # fmt: skip
    assert refusal(staffed("town", "staff", "invite", "nobody")) == "parties.not-staff"


def test_a_household_is_invited_by_an_officer_and_the_code_can_be_ended(staffed: Town):
    officer = next(name for name, role in STAFF.items() if role == "officer")
    with transaction(staffed.conn):
        row = staffed.conn.execute("SELECT party_id FROM parties_household LIMIT 1").fetchone()
    made = staffed("party", "invite", str(row[0]), "--as", officer)[1]
    assert len(made["code"]) == 19
    assert staffed("party", "uninvite", made["invitation"], "--as", officer)[0] == 0
    again = staffed("party", "uninvite", made["invitation"], "--as", officer)
    assert refusal(again) == "parties.invitation-not-found"


def test_password_on_standard_input_is_taken_but_not_printed(town: Town):
    password = "a quiet heron at noon"
    arguments = ("town", "staff", "add", "quim", "--role", "auditor", "--password-stdin")

    assert refusal(town(*arguments, typed="password1234\n")) == "cli.password-weak"
    assert refusal(town(*arguments, typed="")) == "cli.password-weak"
    status, made = town(*arguments, typed=f"{password}\n")

    assert (status, made["password"]) == (0, None)
    assert password_opens(town, "quim", password)


def test_account_that_is_there_gets_a_second_role_and_keeps_its_password(town: Town):
    password = town("town", "staff", "add", "rosa", "--role", "officer", "--email", "rosa@example.org")[1]["password"]

    asked = ("town", "staff", "add", "ROSA", "--role", "approver")
    assert refusal(town(*asked, "--password-stdin", typed="a quiet heron at noon")) == "cli.user-exists"
    assert refusal(town(*asked, "--email", "other@example.org")) == "cli.user-exists"
    _, given = town(*asked)

    assert (given["user"], given["given"], given["password"]) == ("rosa", True, None)
    assert password_opens(town, "rosa", password)
    assert {"user": "rosa", "email": "rosa@example.org", "roles": ["approver", "officer"], "sees_people": []} in town(
        "town", "staff", "list"
    )[1]["staff"]


def test_name_or_address_of_somebody_else_is_refused(town: Town):
    town("town", "staff", "add", "sam", "--role", "officer", "--email", "sam@example.org")

    asked = ("--role", "officer", "--email")
    assert refusal(town("town", "staff", "add", "sara", *asked, "SAM@example.org")) == "parties.sign-in-taken"
    assert refusal(town("town", "staff", "add", "sam@example.org", *asked, "")) == "parties.sign-in-taken"


def test_role_that_is_taken_away_no_longer_acts_and_what_was_done_stays(town: Town):
    town("town", "staff", "add", "tomas", "--role", "treasurer")
    town("town", "staff", "add", "tomas", "--role", "auditor")
    before = len(town.trail())

    assert refusal(town("town", "staff", "remove", "tomas", "--role", "officer")) == "parties.not-staff"
    assert town("town", "staff", "remove", "tomas", "--role", "treasurer")[1]["removed"] == ["treasurer"]
    assert refusal(town("redeem", "run", "--as", "tomas")) == "cli.role-missing"
    assert town("town", "staff", "remove", "tomas")[1]["removed"] == ["auditor"]
    assert refusal(town("town", "staff", "remove", "tomas")) == "parties.not-staff"

    assert refusal(town("redeem", "run", "--as", "tomas")) == "cli.user-unknown"
    assert [entry[1] for entry in town.trail()][: len(town.trail()) - before] == ["parties.role-revoked"] * 2


@pytest.mark.parametrize("name", ["two words", "", "a" * 151])
def test_user_name_that_the_site_would_not_take_makes_no_sense(town: Town, name: str):
    assert run(["town", "staff", "add", name, "--role", "officer"]) == 2
    assert run(["town", "staff", "add", "uwe", "--role", "shop"]) == 2


# Budget


def test_euros_are_received_once_for_each_reference_of_the_bank(staffed: Town):
    asked = ("budget", "receive", "--fund", "inclusio", "--reference", "2026-09-25/000123")

    assert refusal(staffed(*asked, "--amount", "10", "--as", "anna")) == "cli.role-missing"
    status, first = staffed(*asked, "--amount", "1.234,56", "--as", "carmen")
    _, again = staffed(*asked, "--amount", "1234.56 €", "--as", "carmen")
    other = staffed(*asked, "--amount", "1.234,57", "--as", "carmen")

    assert (status, first["receipt"]["amount"], first["replayed"]) == (0, 1234_56, False)
    assert again == {**first, "replayed": True}
    assert refusal(other) == "treasury.bank-reference-reused"
    _, shown = staffed("budget", "show")
    (fund,) = [row for row in shown["funds"] if row["code"] == "inclusio"]
    assert (fund["received"], fund["withdrawn"], fund["reserve"]) == (1234_56, 0, 1234_56)
    assert shown["receipts"] == [first["receipt"]]
    assert "1,234.56 EUR" in staffed.told("budget", "show")
    assert ("treasury.budget-received", "") in [entry[1:] for entry in staffed.trail()]


def test_euros_that_were_not_issued_go_back_to_the_budget_once_for_each_reference(staffed: Town):
    asked = ("budget", "withdraw", "--fund", "coproduccio", "--as")
    staffed("budget", "receive", "--fund", "coproduccio", "--amount", "100", "--reference", "W/0", "--as", "carmen")

    assert refusal(staffed(*asked, "anna", "--amount", "40", "--reference", "W/1")) == "cli.role-missing"
    _, first = staffed(*asked, "carmen", "--amount", "40", "--reference", "W/1")
    _, again = staffed(*asked, "carmen", "--amount", "40", "--reference", "W/1")
    too_much = staffed(*asked, "carmen", "--amount", "60,01", "--reference", "W/2")

    assert (first["receipt"]["direction"], first["receipt"]["amount"]) == ("withdrawn", 40_00)
    assert again == {**first, "replayed": True}
    assert refusal(too_much) == "ledger.insufficient-funds"
    assert "60.00 REC available, 60.01 REC asked" in too_much[1]["refused"]["message"]
    (fund,) = [row for row in staffed("budget", "show")[1]["funds"] if row["code"] == "coproduccio"]
    assert (fund["received"], fund["withdrawn"], fund["reserve"]) == (100_00, 40_00, 60_00)


def test_a_target_is_proposed_by_one_and_confirmed_by_another(staffed: Town):
    asked = ("impact", "target", "propose", "recirculation", "40%", "--from", "2099-01-01", "--by", "2099-12-31")
    assert refusal(staffed(*asked, "--as", "bilal")) == "cli.role-missing"
    _, proposed = staffed(*asked, "--as", "anna")
    late = staffed(*asked[:4], "40%", "--from", "2020-01-01", "--by", "2019-01-01", "--as", "anna")

    assert refusal(late) == "impact.target-not-sound"
    assert [one["code"] for one in late[1]["findings"]] == ["target.past", "target.reversed"]
    _, confirmed = staffed("impact", "target", "confirm", proposed["id"], "--as", "bilal")
    assert (confirmed["state"], confirmed["value"]) == ("confirmed", "0.40")
    assert refusal(staffed("impact", "target", "decline", proposed["id"], "--reason", "no", "--as", "anna")) == (
        "impact.target-decided"
    )
    shown = staffed("impact", "target", "list")[1]
    assert {"recirculation"} <= {one["indicator"] for one in shown["targets"] if one["by_day"] == "2099-12-31"}
    assert "2099-12-31" in staffed.told("impact", "target", "list")


@pytest.mark.parametrize("amount", ["1.234", "0", "-5", "five", "1,234.567"])
def test_amount_that_could_be_misread_is_not_received(staffed: Town, amount: str):
    asked = ("budget", "receive", "--fund", "inclusio", "--reference", "B/1", f"--amount={amount}", "--as", "carmen")

    assert refusal(staffed(*asked)) == "cli.amount-not-understood"


def test_fund_and_reference_must_be_ones_that_there_can_be(staffed: Town):
    asked = ("budget", "receive", "--amount", "10", "--as", "carmen")

    assert refusal(staffed(*asked, "--fund", "none", "--reference", "B/2")) == "programmes.fund-not-found"
    assert run([*asked, "--fund", "inclusio", "--reference", "paid by Ana"]) == 2


# Seals


def test_sealing_on_demand_closes_what_was_posted_and_then_has_nothing_to_do(staffed: Town):
    asked = ("budget", "receive", "--fund", "inclusio", "--amount", "10", "--as", "carmen", "--reference")
    staffed("seal", "now")
    staffed(*asked, "B/seal")

    _, sealed = staffed("seal", "now", "--town", "besos")
    _, again = staffed("seal", "now")

    (row,) = sealed["sealed"]
    assert row["transfers"] == 1
    assert again == {"sealed": [{**row, "transfers": 0}]}
    assert staffed("seal", "verify")[1]["verified"] == [
        {key: row[key] for key in ("town", "block", "hash", "sealed_at")}
    ]
    assert row["hash"] in staffed.told("seal", "now")


# Changing a town that works


def test_change_to_a_town_that_has_staff_is_an_officers_and_the_trail_says_whose(staffed: Town):
    applied = staffed.trail()
    assert [entry[0] for entry in applied if entry[1] == "town.applied"] == ["cli:town-apply"]
    households = staffed.folder / "households.csv"
    before = households.read_bytes()

    assert refusal(staffed("town", "apply", str(staffed.folder))) == "cli.actor-needed"
    assert refusal(staffed("town", "apply", str(staffed.folder), "--as", "carmen")) == "cli.role-missing"
    assert refusal(staffed("town", "apply", str(staffed.folder), "--as", "nobody")) == "cli.user-unknown"
    assert staffed.trail() == applied
    assert staffed("town", "apply", str(staffed.folder), "--dry-run")[0] == 0

    households.write_bytes(before.replace(b"Vallbona", b"Baro de Viver", 1) if b"Vallbona" in before else before)
    assert staffed("town", "apply", str(staffed.folder), "--as", "anna")[0] == 0
    households.write_bytes(before)
    new = staffed.trail()[: len(staffed.trail()) - len(applied)]
    assert {entry[0] for entry in new} <= {user(staffed, "anna")}
    assert "town.applied" in [entry[1] for entry in new]


def user(town: Town, name: str) -> str:
    with transaction(town.conn):
        row = town.conn.execute("SELECT id FROM parties_user WHERE username = %s", [name]).fetchone()
    assert row is not None
    return f"user:{row[0]}"


# Residents and shops


def party(town: Town, kind: str) -> str:
    with transaction(town.conn):
        row = town.conn.execute(
            "SELECT id FROM parties_party WHERE kind = %s AND erased_at IS NULL ORDER BY id DESC", [kind]
        ).fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.parametrize(("role", "kind"), [("resident", "household"), ("shop", "organisation")])
def test_resident_and_shop_get_a_sign_in_whose_password_is_said_once(staffed: Town, role: str, kind: str):
    own = party(staffed, kind)
    asked = ("party", "sign-in", own, "--role", role, "--username", f"{role}-1", "--email", f"{role}@example.org")

    assert refusal(staffed(*asked, "--as", "carmen")) == "cli.role-missing"
    status, made = staffed(*asked, "--as", "anna")

    assert (status, made["user"], made["party"], made["role"]) == (0, f"{role}-1", own, role)
    assert password_opens(staffed, f"{role}-1", made["password"])
    assert staffed.trail()[0][:2] == (user(staffed, "anna"), "parties.role-granted")
    assert made["password"] not in str(staffed.trail())
    assert refusal(staffed(*asked, "--as", "anna")) == "parties.sign-in-taken"
    told = staffed.told("party", "sign-in", own, "--role", role, "--username", f"{role}-2", "--as", "anna")
    assert "Password, shown only now: " in told
    assert staffed("check")[1]["failed"] == 0


def test_shops_are_listed_by_their_sign_with_their_ids(staffed: Town):
    shops = staffed("party", "shops")[1]["shops"]

    assert party(staffed, "organisation") in [one["party_id"] for one in shops]
    assert [one["trade_name"] for one in shops] == sorted(one["trade_name"] for one in shops)
    assert shops[0]["party_id"] in staffed.told("party", "shops")


def test_sign_in_is_for_the_party_that_the_role_is_for(staffed: Town):
    asked = ("--username", "nobody-yet", "--as", "anna", "--role")
    with transaction(staffed.conn):
        own = str(town_by_slug(staffed.conn, "besos").party_id)
    stranger = "0192f000-0000-7000-8000-000000000000"

    for role, one in (
        ("shop", party(staffed, "household")),
        ("resident", party(staffed, "organisation")),
        ("shop", own),
    ):
        assert refusal(staffed("party", "sign-in", one, *asked, role)) == "parties.role-not-of-party"
    assert refusal(staffed("party", "sign-in", stranger, *asked, "resident")) == "parties.not-found"
    assert run(["party", "sign-in", own, *asked, "officer"]) == 2

    gone = party(staffed, "household")
    assert staffed("party", "erase", gone, "--reason", "asked", "--yes", "--as", "anna")[0] == 0
    assert refusal(staffed("party", "sign-in", gone, *asked, "resident")) == "parties.erased"


# Erasure


def test_person_is_found_without_the_identifier_on_the_command_line_and_erased(staffed: Town):
    find = ("party", "find", "--identifier-stdin", "--as", "anna")
    assert refusal(staffed(*find, typed="nobody\n")) == "cli.nobody-found"
    assert refusal(staffed(*find[:-1], "dimitra", typed=staffed.identifier)) == "cli.role-missing"
    _, found = staffed(*find, typed=f"{staffed.identifier.lower()}\n")
    assert found["kind"] == "household"
    assert staffed.trail()[0][1:] == ("parties.revealed", "found by its identifier")

    erase = ("party", "erase", found["party"], "--reason", "request 2026/17 granted", "--as", "anna")
    assert refusal(staffed(*erase)) == "cli.not-confirmed"
    assert refusal(staffed(*erase, typed="n\n")) == "cli.not-confirmed"
    assert staffed(*find, typed=staffed.identifier)[1] == found
    status, erased = staffed(*erase, typed="y\n")

    assert (status, erased["erased"], erased["left"]) == (0, True, 0)
    assert staffed.trail()[0][1:] == ("parties.erased", "request 2026/17 granted")
    assert refusal(staffed(*find, typed=staffed.identifier)) == "cli.nobody-found"
    assert staffed(*erase, "--yes")[1]["erased"] is False
    assert staffed("check")[1]["failed"] == 0


def test_erasure_takes_an_officer_and_a_person_of_this_town(staffed: Town):
    with transaction(staffed.conn):
        own = str(town_by_slug(staffed.conn, "besos").party_id)
    stranger = "0192f000-0000-7000-8000-000000000000"
    why = ("--reason", "asked", "--yes", "--as")

    assert refusal(staffed("party", "erase", own, *why, "carmen")) == "cli.role-missing"
    assert refusal(staffed("party", "erase", own, *why, "anna")) == "parties.public-body-kept"
    assert refusal(staffed("party", "erase", stranger, *why, "anna")) == "parties.not-found"
    assert run(["party", "erase", stranger, "--reason", " ", "--yes", "--as", "anna"]) == 2
