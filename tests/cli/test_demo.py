"""What the demonstration's summary tells a person."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from rich.console import Console

from koinon.cli import demo
from koinon.kernel.periods import Month
from koinon.ledger.types import Totals
from koinon.pilots.demo import Summary

WAITING = Totals(
    issued=43_900_00, paid=40_000_00, redeemed=32_254_00, expired=0, outstanding=11_646_00, reserve=11_938_00,
    unissued=0, owed=292_00,
)  # fmt: skip
SUMMARY = Summary(
    town="besos", town_name="Besos", unit="REC", exponent=2, national_currency="EUR", month=Month(2026, 10),
    residents=1, households=1, shops=3, totals=WAITING, multiplier=Fraction(2), recirculation=None, velocity=None,
    days_to_first_spend=None, by_zone=(), by_sse=(), done={}, refused={}, seal_head=None, blocks=0, checked=1,
    failed=(), files=(), sign_ins=(), card=None, waiting=None, aid_ended_on=None, seconds={},
)  # fmt: skip


@pytest.fixture
def shown() -> Any:
    def show(summary: Summary) -> str:
        told = io.StringIO()
        demo._show(Console(file=told, width=100), summary)
        return " ".join(told.getvalue().split())

    return show


def test_summary_says_how_much_of_what_was_redeemed_shops_still_wait_for(shown):
    assert "redeemed 32,254.00 REC of that, asked for and not paid out yet 292.00 EUR expired" in shown(SUMMARY)


def test_summary_says_nothing_of_waiting_when_every_shop_was_paid(shown):
    assert "not paid out" not in shown(replace(SUMMARY, totals=replace(WAITING, owed=0)))


def test_summary_says_which_figures_are_of_now_and_which_of_the_month(shown):
    assert "From issued to reserve: the books as they stand now. From M to days: 2026-10 alone." in shown(SUMMARY)


def test_terminal_says_that_aid_can_be_spent_no_more_once_its_last_day_is_over(capsys):
    for ended_on in (None, date(2027, 6, 30)):
        demo._show_sign_in(replace(SUMMARY, aid_ended_on=ended_on), "http://localhost", as_json=False)
    lasting, over = capsys.readouterr().out.split("The site is at")[1:]

    assert "Aid could be spent" not in lasting
    assert "Aid could be spent until 2027-06-30, so tills refuse it now" in over
