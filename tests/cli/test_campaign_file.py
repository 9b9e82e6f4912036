"""A campaign's file: what it says, and everything that is wrong with it at once, each with its place."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from pathlib import Path
from uuid import UUID

import pytest

from koinon.campaigns.errors import CampaignNotSound
from koinon.campaigns.types import Terms, Trigger
from koinon.cli import campaign_file
from koinon.cli.campaign_file import LARGEST
from koinon.programmes.spending import parse

FUNDS = {"gift": UUID(int=1), "inclusion": UUID(int=2)}
SHOPS, _ = parse({"sectors": ["culture"]}, file="autumn.toml", table="shops")


def read(folder: Path, text: str | bytes) -> tuple[str, Terms]:
    file = folder / "autumn.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return campaign_file.read(file, exponent=2, funds=FUNDS)


def found(folder: Path, text: str | bytes) -> list[tuple[str, str]]:
    with pytest.raises(CampaignNotSound) as refused:
        read(folder, text)
    return [(one.column, one.code) for one in refused.value.findings]


def test_the_file_of_the_description_is_read_to_the_cent(tmp_path: Path) -> None:
    example = (campaign_file.__doc__ or "").split("every finding placed.\n")[1]

    assert read(tmp_path, example) == (
        "autumn",
        Terms(
            name="Autumn in the shops",
            fund_id=FUNDS["gift"],
            trigger=Trigger.PURCHASE,
            share=Fraction(1, 5),
            minimum_minor=5_00,
            person_most_minor=50_00,
            ceiling_minor=10_000_00,
            first_day=date(2026, 10, 1),
            last_day=date(2026, 10, 31),
            alert_percent=80,
            excluded_funds=frozenset({FUNDS["inclusion"]}),
            shops=SHOPS,
            terms_url="",
        ),
    )


def test_fractions_are_read_to_their_last_digit(tmp_path: Path) -> None:
    example = (campaign_file.__doc__ or "").split("every finding placed.\n")[1]
    written = example.replace('"20 %"', "0.00001").replace('"5,00"', "5.10")

    _, terms = read(tmp_path, written)

    assert (terms.share, terms.minimum_minor) == (Fraction(1, 100_000), 5_10)
    assert found(tmp_path, written.replace("5.10", "5.1000000000000000001")) == [("minimum", "campaign.amount")]


def test_everything_that_is_wrong_is_said_once_and_with_its_place(tmp_path: Path) -> None:
    wrong = """
        name = 5
        code = "Autumn!"
        fund = "gifts"
        on = "sale"
        share = "120 %"
        minimum = "1,234"
        first_day = "2026-10-01"
        last_day = 2026-10-31T10:00:00
        excluded_funds = "inclusion"
        terms_url = ["https://example.org"]
        colour = "red"
    """

    assert found(tmp_path, wrong) == [
        ("colour", "campaign.unknown-key"),
        ("code", "campaign.code"),
        ("name", "campaign.missing"),
        ("fund", "campaign.fund-unknown"),
        ("on", "campaign.trigger"),
        ("share", "campaign.no-share"),
        ("minimum", "campaign.amount"),
        ("ceiling", "campaign.missing"),
        ("first_day", "campaign.day"),
        ("last_day", "campaign.day"),
        ("excluded_funds", "campaign.not-a-list"),
        ("terms_url", "campaign.missing"),
    ]
    assert found(tmp_path, "").count(("code", "campaign.missing")) == 1
    assert ("code", "campaign.code") not in found(tmp_path, "")


@pytest.mark.parametrize(
    "content",
    [
        b"name = ",
        b"name = '\xff'",
        b"ceiling = " + b"9" * 5000,
        b"shops = " + b"[" * 5000,
        b"#" * (LARGEST + 1),
    ],
    ids=["no TOML", "no UTF-8", "a number without end", "nested without end", "too large"],
)
def test_a_file_that_cannot_be_read_is_one_finding(tmp_path: Path, content: bytes) -> None:
    assert found(tmp_path, content) == [("", "campaign.unreadable")]


def test_a_file_that_is_not_there_is_one_finding(tmp_path: Path) -> None:
    with pytest.raises(CampaignNotSound) as refused:
        campaign_file.read(tmp_path / "none.toml", exponent=2, funds=FUNDS)

    assert [one.code for one in refused.value.findings] == ["campaign.unreadable"]
