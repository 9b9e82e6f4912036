"""Eligibility, exceptions and duplicates from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from koinon.cli.main import run
from koinon.db.connections import Database, connect
from koinon.db.transactions import transaction
from koinon.parties import operations as parties
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from koinon.pilots import townfolder
from koinon.pilots.apply import apply
from tests.pilots import small_families
from tests.programmes.small_town import NOON

Typed = Callable[..., tuple[int, Any]]


@pytest.fixture
def typed(database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Typed:
    """``koinon ARGUMENTS --json`` in a town that helps families: exit status and document."""
    with connect(database.app_url, application_name="test") as conn, transaction(conn):
        plan = townfolder.read(small_families.write(tmp_path))
        town_id = apply(conn, plan, at=NOON, actor="cli:test", accept_warnings=True, secrets=Secrets.load()).town_id
        assert town_id is not None
        for role in ("officer", "approver"):
            user = parties.add_user(conn, username=role, email=f"{role}@x.test", password_hash="", at=NOON)
            parties.grant_role(
                conn, town_id=town_id, user_id=user.id, role=role, party_id=None, actor="cli:test", at=NOON
            )

    def say(*arguments: str) -> tuple[int, Any]:
        capsys.readouterr()
        status = run([*arguments, "--json", "--database", database.app_url])
        return status, json.loads(capsys.readouterr().out)

    return say


def household(database: Database, number: str) -> str:
    with connect(database.app_url, application_name="test") as conn, transaction(conn):
        row = conn.execute("SELECT id FROM parties_town").fetchone()
        assert row is not None
        found = Vault(conn, Secrets.load()).find(row[0], "identifier", number)
    assert found is not None
    return found.hex


def test_rules_are_tried_an_exception_made_a_pair_decided_and_a_line_explained(
    typed: Typed, database: Database
) -> None:
    month = ("epidoma", "2026-10")
    status, seen = typed("aid", "preview", *month)
    assert (status, seen["due"], seen["waiting"], seen["refused"], seen["total"]) == (0, 3, 0, 2, 17500)

    late = household(database, "Φ22026")[-6:]
    ask = ("exception", "propose", *month, late, "--reason", "moved after the flood", "--aid", "80.00")
    status, made = typed(*ask, "--as", "officer")
    assert (status, made["state"]) == (0, "proposed")
    assert (
        typed("exception", "approve", made["exception"], "--as", "officer")[1]["refused"]["code"] == "cli.role-missing"
    )
    assert typed("exception", "approve", made["exception"], "--as", "approver")[1]["state"] == "approved"

    status, looked = typed("duplicates", "look", "--as", "officer")
    assert (status, looked["people"], looked["found"]) == (0, 8, 1)
    (pair,) = typed("duplicates", "list")[1]["duplicates"]
    decide = ("duplicates", "decide", pair["pair"], "same", "--reason", "one person, two files", "--as", "officer")
    assert typed(*decide)[1]["state"] == "same"

    assert typed("cycle", "prepare", *month, "--as", "officer")[0] == 0
    status, why = typed("aid", "why", *month, late)
    assert (status, why["state"], why["amount"], why["facts"]["exception"]) == (0, "due", 4000, made["exception"])
    assert [ground["code"] for ground in why["grounds"]] == [
        "entitlement.exception-pays", "entitlement.amount-of-exception",
    ]  # fmt: skip
    twice = typed("aid", "why", *month, household(database, "Φ52026"))[1]
    assert [ground["code"] for ground in twice["grounds"]] == ["entitlement.same-household"]

    assert typed("aid", "recheck", *month)[1]["differing"] == []
    assert typed("exception", "withdraw", made["exception"], "--as", "officer")[1]["state"] == "withdrawn"
    (differing,) = typed("aid", "recheck", *month)[1]["differing"]
    assert (differing["frozen"]["state"], differing["today"]["state"]) == ("due", "refused")
    assert len(typed("exception", "list")[1]["exceptions"]) == 1


def test_what_is_not_there_and_what_makes_no_sense_is_refused(typed: Typed, capsys: pytest.CaptureFixture[str]) -> None:
    nobody = ("exception", "propose", "epidoma", "2026-10", "ffffff", "--reason", "x", "--as", "officer")
    assert typed(*nobody)[1]["refused"]["code"] == "programmes.household-not-found"
    nothing = "00000000-0000-0000-0000-000000000001"
    assert typed("exception", "reject", nothing, "--as", "approver")[1]["refused"]["code"] == "programmes.exception-not-found"  # fmt: skip
    decide = ("duplicates", "decide", nothing, "same", "--reason", "x", "--as", "officer")
    assert typed(*decide)[1]["refused"]["code"] == "programmes.duplicate-not-found"
    assert run(["duplicates", "decide", nothing, "perhaps", "--reason", "x", "--as", "officer"]) == 2


def test_people_read_tables(typed: Typed, database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["aid", "preview", "epidoma", "2026-10", "--database", database.app_url]) == 0
    out = capsys.readouterr().out
    assert "3 get 175.00 PAG; 0 wait, 2 get nothing." in out
    assert "none-of" in out
