"""What a command says when it refuses: every reason, to people and to programs, in the town's own decimals."""

from __future__ import annotations

import inspect
import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import typer
from rich.console import Console

from koinon.cli import output
from koinon.cli.errors import NobodyFound
from koinon.cli.tables import plain_table
from koinon.kernel.decisions import Finding, Ground
from koinon.kernel.errors import FindingsError, KoinonError
from koinon.kernel.money import Amount
from koinon.payments.errors import NotPayable, RefundTooLarge
from koinon.treasury.errors import BelowMinimum, PayeesNotPayable
from tools import refusals

PARTY = UUID("0192f000-0000-7000-8000-000000000000")
GROUNDS = [
    Ground("treasury.name-missing", {"party": str(PARTY)}),
    Ground("payments.day-limit", {"limit_minor": 1250, "zones": ["old town", "port"], "fund": None}),
]
FINDING = Finding("shops.csv", 3, "IBAN", "town.iban-invalid", "This is no IBAN [ES].", "Ask the shop.")


def sensible(parameter: inspect.Parameter) -> Any:
    """A value such as the code passes for a parameter with this annotation."""
    for words, value in (
        ("Ground", GROUNDS),
        ("Finding", [FINDING]),
        ("Amount", Amount(1250, "JOD")),
        ("[UUID]", [PARTY]),
        ("UUID", PARTY),
        ("Path", Path("folder/file.csv")),
        ("timedelta", timedelta(hours=1)),
        ("date", date(2026, 10, 1)),
        ("Mapping[str, int]", {"one": 1}),
        ("Sequence[dict", [{"name": "word", "package": "word"}]),
        ("dict", {"one": 1}),
        ("Collection", {"one", "another"}),
        ("Set", {"one", "another"}),
        ("Sequence", ["one", "another"]),
        ("tuple", ("one", "another")),
        ("list", ["one", "another"]),
        ("bool", True),
        ("float", 0.5),
        ("int", 7),
        ("str", "word"),
    ):
        if words in str(parameter.annotation):
            return value
    raise AssertionError(f"say here what a sensible {parameter} is")


def an_instance(refusal: type[KoinonError]) -> KoinonError:
    arguments: dict[str, Any] = {}
    positional: list[Any] = []
    if refusal.__init__ is Exception.__init__:
        return refusal("no more is known")
    for parameter in list(inspect.signature(refusal).parameters.values()):
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            arguments[parameter.name] = sensible(parameter)
        else:
            positional.append(sensible(parameter))
    return refusal(*positional, **arguments)


@pytest.fixture
def jordan(monkeypatch):
    """A command has met a town whose unit has three decimals."""
    monkeypatch.setattr(output, "_exponents", {})
    output.know_unit("JOD", 3)


def said(capsys: pytest.CaptureFixture[str], refusal: KoinonError, *, as_json: bool) -> tuple[str, str]:
    capsys.readouterr()
    with pytest.raises(typer.Exit) as ended, output.speaking(as_json):
        raise refusal
    assert ended.value.exit_code == 1
    out, err = capsys.readouterr()
    return out, err


@pytest.mark.parametrize("refusal", refusals.raised(), ids=lambda refusal: refusal.__qualname__)
@pytest.mark.parametrize("as_json", [True, False])
def test_every_refusal_can_be_said(refusal: type[KoinonError], as_json: bool, capsys, jordan):
    one = an_instance(refusal)

    out, err = said(capsys, one, as_json=as_json)

    if as_json:
        assert json.loads(out)["refused"]["code"] == one.code
    else:
        assert one.code in err


def test_amounts_in_a_refusal_are_minor_units_for_programs_and_decimals_of_the_town_for_people(capsys, jordan):
    refusal = BelowMinimum(minimum=Amount(11_250, "JOD"), asked=Amount(1250, "JOD"))

    document = json.loads(said(capsys, refusal, as_json=True)[0])["refused"]
    told = said(capsys, refusal, as_json=False)[1]

    assert document["fields"] == {"minimum": {"minor": 11_250, "unit": "JOD"}, "asked": {"minor": 1250, "unit": "JOD"}}
    assert document["message"] == "1.250 JOD asked, the town pays out 11.250 JOD or more"
    assert document["message"] in told


def test_amount_of_a_unit_that_the_command_did_not_meet_is_not_given_decimals(capsys, jordan):
    refusal = RefundTooLarge(payment_id=PARTY, left=Amount(0, "XTS"), asked=Amount(1250, "XTS"))

    assert "0 minor units of XTS are left" in said(capsys, refusal, as_json=False)[1]


@pytest.mark.parametrize(
    "refusal",
    [
        PayeesNotPayable(grounds=GROUNDS),
        NotPayable(asked=Amount(5000, "JOD"), payable=Amount(1250, "JOD"), grounds=GROUNDS),
    ],
    ids=["payees", "payment"],
)
def test_every_ground_is_listed_with_its_code_its_opaque_id_and_its_figures(refusal: KoinonError, capsys, jordan):
    listed = " ".join(said(capsys, refusal, as_json=False)[0].split())
    document = json.loads(said(capsys, refusal, as_json=True)[0])["refused"]

    assert f"treasury.name-missing party {PARTY}" in listed
    assert "payments.day-limit limit 1.250 JOD, zones old town port" in listed
    assert document["fields"]["grounds"] == [{"code": one.code, "fields": one.fields} for one in GROUNDS]


def test_every_finding_is_listed_with_its_place_and_remedy(capsys):
    findings = [FINDING, Finding("homes.csv", 0, "", "town.file-missing", "There is no such file.", "Put it there.")]

    listed = " ".join(said(capsys, FindingsError(findings), as_json=False)[0].split())
    document = json.loads(said(capsys, FindingsError(findings), as_json=True)[0])

    assert "shops.csv:3 (IBAN)" in listed
    assert "no IBAN [ES]" in listed
    assert "homes.csv" in listed
    assert document["findings"] == [one.as_dict() for one in findings]


def test_refusal_without_fields_says_its_sentence(capsys):
    assert str(NobodyFound()) in said(capsys, NobodyFound(), as_json=False)[1]


def test_what_people_wrote_is_printed_as_they_wrote_it(capsys):
    """Brackets are no marks of style, and a word between colons is no picture."""
    written = "Bar [/] [red]Sol[/red] :bank:"

    def show(console: Console) -> None:
        table = plain_table("shop")
        table.add_row(written)
        console.print(table)
        console.print(f"{written} is up to date.")

    with output.speaking(False) as out:
        out.document({}, show)
    with pytest.raises(typer.Exit), output.speaking(False):
        raise FindingsError([replace(FINDING, column=written, message=written, remedy=written)])

    printed, told = capsys.readouterr()
    lines = printed.splitlines()
    assert [line.strip() for line in lines[1:3]] == [written, f"{written} is up to date."]
    assert " ".join("".join(lines[3:]).split()).count("Sol[/red]") == 3
    assert told.startswith("Refused (")
