"""What the books accept and refuse, told as stories."""

from __future__ import annotations

import re
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from koinon.audit import queries as audit
from koinon.ledger import errors, operations, queries
from koinon.ledger.errors import BY_CODE, RequestRefused
from koinon.ledger.types import Refused, Transfer
from tests.ledger import story
from tests.ledger.story import broken

Conn = psycopg.Connection[Any]


def test_payment_is_refused_when_it_would_cross_the_floor(conn: Conn) -> None:
    story.check(
        conn,
        story.TOWN
        + """
        pay     ana  shop 100.01  -> insufficient-funds
        pay     ana  shop 100.00
        pay     ana  shop   0.01  -> insufficient-funds
        balance ana    0.00
        balance shop 100.00
        """,
    )
    assert broken(conn) == []


def test_payment_is_refused_when_it_would_cross_the_ceiling(conn: Conn) -> None:
    story.check(
        conn,
        story.TOWN
        + """
        open    corner till ceiling 30.00
        pay     ana  corner 30.01  -> ceiling-reached
        hold    h ana corner 10.00 until 13:00
        pay     ana  corner 20.01  -> ceiling-reached
        pay     ana  corner 20.00
        capture h
        balance corner 30.00
        """,
    )
    assert broken(conn) == []


def test_units_can_never_exceed_the_euros_received(conn: Conn) -> None:
    story.check(
        conn,
        story.TOWN
        + """
        issue    reserve escrow 500.01  -> insufficient-funds
        issue    bank    escrow   1.00  -> route-not-allowed
        disburse bank    ana      1.00  -> route-not-allowed
        pay      escrow  shop     1.00  -> route-not-allowed
        withdraw reserve bank   500.00
        issue    reserve escrow   0.01  -> insufficient-funds
        """,
    )
    assert broken(conn) == []


def test_the_way_of_one_euro_ends_in_the_bank(conn: Conn) -> None:
    told = story.check(
        conn,
        story.TOWN
        + """
        pay    ana  shop 80.00
        pay    shop coop 30.00
        redeem shop owed 50.00
        redeem coop owed 30.00
        payout owed bank 80.00
        expire ana  reserve 20.00
        balance bank -920.00
        balance owed 0.00
        """,
    )
    totals = queries.totals(conn, town_id=told.town_id)
    assert totals.issued == totals.redeemed + totals.expired + totals.outstanding
    assert (totals.issued, totals.paid, totals.redeemed, totals.expired) == (500_00, 110_00, 80_00, 20_00)
    assert totals.reserve == totals.outstanding + totals.unissued + totals.owed
    assert broken(conn) == []


def test_a_repeated_id_gives_the_first_result_even_to_a_payer_who_is_broke_now(conn: Conn) -> None:
    told = story.check(
        conn,
        story.TOWN
        + """
        @receipt-1 pay ana shop 100.00
        @receipt-1 pay ana shop 100.00  -> replayed
        @receipt-1 pay ana shop  99.00  -> key-reused
        @receipt-1 pay ana coop 100.00  -> key-reused
        balance shop 100.00
        """,
    )
    request = Transfer(
        told.named["receipt-1"], told.accounts["ana"], told.accounts["shop"], story.money("100.00"), "pay",
        story.NOON + timedelta(hours=1), actor="test:another",
    )  # fmt: skip
    (again,) = operations.post_all(conn, town_id=1, requests=[request])
    assert (again.id, again.replayed) == (told.named["receipt-1"], True)


def test_a_refused_request_does_not_use_its_id_up(conn: Conn) -> None:
    story.check(
        conn,
        story.TOWN
        + """
        @k pay ana shop 200.00   -> insufficient-funds
        @k pay ana shop  40.00
        batch
          @m pay ana shop 200.00   -> insufficient-funds
          @m pay ana shop  40.00
          @m pay ana shop  40.00   -> replayed
          @m pay ana shop 200.00   -> key-reused
        end
        @m pay ana shop 40.00 -> replayed
        balance shop 80.00
        """,
    )
    assert broken(conn) == []


def test_a_group_posts_wholly_or_not_at_all(conn: Conn) -> None:
    story.check(
        conn,
        story.TOWN
        + """
        batch
          (a) @a1 pay ana shop 60.00   -> group-refused
          (a) @a2 pay ana coop 60.00   -> insufficient-funds
          (a) @a3 pay ana coop 10.00   -> group-refused
          (b) @b1 pay ana shop 60.00
          (b) @b2 pay ana coop 40.00
              @c1 pay ana coop  0.01   -> insufficient-funds
        end
        batch
          (b) @b1 pay ana shop 60.00   -> replayed
          (b) @b2 pay ana coop 40.00   -> replayed
        end
        batch
          (d) @b1 pay ana shop 60.00   -> group-refused
          (d) @d2 pay shop coop 1.00   -> key-reused
          (e) @e1 pay shop coop 1.00   -> group-refused
          (e) @b2 pay ana coop 40.00   -> key-reused
          (f) @f1 pay shop coop 1.00   -> group-refused
          (f) @f1 pay shop coop 1.00   -> key-reused
          (b) @b2 pay ana coop 40.00   -> replayed
        end
        balance shop 60.00
        balance coop 40.00
        """,
    )
    assert broken(conn) == []


def test_what_came_in_earlier_in_the_batch_can_be_spent_later_in_it(conn: Conn) -> None:
    story.check(
        conn,
        story.TOWN
        + """
        batch
          pay ben shop 10.00  -> insufficient-funds
          disburse escrow ben 10.00
          pay ben shop 10.00
          pay ben shop 10.00  -> insufficient-funds
          redeem shop owed 10.00
        end
        balance owed 10.00
        """,
    )
    assert broken(conn) == []


def test_a_hold_reserves_until_it_is_captured_released_or_lapses(conn: Conn) -> None:
    story.check(
        conn,
        story.TOWN
        + """
        hold    h1 ana shop 70.00 until 13:00
        held    ana 70.00
        pay     ana shop 30.01    -> insufficient-funds
        capture h1 70.01          -> amount-exceeds-hold
        capture h1 20.00
        capture h1 20.00          -> hold-not-open
        balance ana 80.00
        held    ana 0.00
        hold    h2 ana shop 80.00 until 13:00
        release h2
        release h2                -> hold-not-open
        hold    h3 ana shop 80.00 until 13:00
        hold    h4 ana shop 10.00 until 13:00  -> insufficient-funds
        lapse   12:59
        held    ana 80.00
        lapse   13:00
        held    ana 0.00
        capture h3                -> hold-not-open
        capture nothing           -> hold-not-found
        hold    h5 ana shop 5.00 until 11:59
        capture h5                -> hold-not-open
        """,
    )
    assert broken(conn) == []


def test_a_hold_can_be_made_captured_and_undone_within_one_batch(conn: Conn) -> None:
    story.check(
        conn,
        story.TOWN
        + """
        batch
          hold h1 ana shop 70.00 until 13:00
          c1: capture h1 50.00
          reverse c1 20.00
          reverse c1 30.01       -> amount-exceeds-original
          (g) hold h2 ana shop 70.00 until 13:00  -> group-refused
          (g) capture h2                          -> group-refused
          (g) pay ana shop 0.01                   -> insufficient-funds
          release h2                              -> hold-not-found
        end
        balance ana 70.00
        held    ana 0.00
        """,
    )


def test_reversals_together_never_exceed_the_original(conn: Conn) -> None:
    story.check(
        conn,
        story.TOWN
        + """
        p1: pay ana shop 50.00
        reverse p1 20.00
        r2: reverse p1 10.00
        reverse p1 20.01     -> amount-exceeds-original
        reverse r2           -> reversal-of-reversal
        reverse p1
        reverse p1           -> amount-exceeds-original
        reverse unheard      -> original-not-found
        balance ana 100.00
        p2: pay ana shop 10.00
        redeem shop owed 10.00
        reverse p2           -> insufficient-funds
        """,
    )
    assert broken(conn) == []


def test_an_account_is_closed_only_when_empty_and_then_refuses_everything(conn: Conn) -> None:
    story.check(
        conn,
        story.TOWN
        + """
        p1: pay ana shop 100.00
        close shop              -> account-not-empty
        close ana
        close ana               -> account-not-open
        pay   shop ana 1.00     -> account-not-open
        reverse p1              -> account-not-open
        """,
    )


def test_requests_that_make_no_sense_are_refused_in_the_documented_order(conn: Conn) -> None:
    told = story.check(
        conn,
        story.TOWN
        + """
        pay ana  shop 0.00      -> amount-not-positive
        pay ana  shop -1.00     -> amount-not-positive
        pay ana  shop 10000000000000.01 -> amount-too-large
        pay ana  nobody 1.00    -> account-not-found
        pay ana  ana 1.00       -> same-account
        pay shop owed 1.00      -> route-not-allowed
        """,
    )
    euros = Transfer(
        story.new_id(), told.accounts["ana"], told.accounts["shop"], story.Amount(1, "EUR"), "pay", story.NOON,
        actor="test:story",
    )  # fmt: skip
    (outcome,) = operations.post(conn, town_id=1, requests=[euros])
    assert isinstance(outcome, Refused)
    assert outcome.error.code == "ledger.unit-mismatch"


def test_a_refusal_says_which_account_and_how_much_was_there(conn: Conn) -> None:
    told = story.check(conn, story.TOWN)
    with pytest.raises(RequestRefused) as refused:
        operations.transfer(
            conn,
            town_id=1,
            debit=told.accounts["ana"],
            credit=told.accounts["shop"],
            amount=story.money("100.50"),
            code="pay",
            id=story.new_id(),
            effective_at=story.NOON,
            actor="test:story",
        )
    assert (refused.value.account_id, refused.value.available, refused.value.asked) == (
        told.accounts["ana"],
        story.money("100.00"),
        story.money("100.50"),
    )


def test_towns_do_not_see_each_other(conn: Conn) -> None:
    told = story.check(conn, story.TOWN)
    elsewhere = story.Story(conn, town_id=2, accounts=told.accounts)
    elsewhere.tell("pay ana shop 1.00 -> account-not-found")


def test_opening_the_same_account_twice_gives_the_same_account(conn: Conn) -> None:
    holder = story.uuid4()
    wanted = [story.NewAccount("purse", "LOC", holder), story.NewAccount("purse", "LOC", holder, fund=story.uuid4())]
    first = operations.open_accounts(conn, town_id=1, accounts=[*wanted, wanted[0]], at=story.NOON, actor="test:story")
    second = operations.open_accounts(conn, town_id=1, accounts=wanted, at=story.NOON, actor="test:story")
    assert first == [*second, second[0]]
    assert len(set(second)) == 2


def test_every_refusal_of_the_posting_function_has_its_type() -> None:
    text = files("koinon.ledger").joinpath("sql/migrations/0002_posting.sql").read_text()
    said = set(re.findall(r"(?:what := |THEN )'([a-z]+(?:-[a-z]+)+)'", text))
    assert {f"ledger.{code}" for code in said} | {"ledger.group-refused"} == set(BY_CODE)


def test_a_refused_request_leaves_its_audit_line_and_no_other_trace(conn: Conn) -> None:
    told = story.check(conn, story.TOWN)
    before = conn.execute("SELECT * FROM ledger.account ORDER BY id").fetchall()
    told.tell("@broke pay ana shop 100.01 -> insufficient-funds")
    (line,) = audit.entries(conn, town_id=1)
    assert (line.actor, line.action, line.reason) == ("test:story", "request.refused", "ledger.insufficient-funds")
    assert line.subject == f"request:{told.named['broke']}"
    assert line.after == {
        "account": told.accounts["ana"],
        "asked_minor": 100_01,
        "available_minor": 100_00,
    }
    assert conn.execute("SELECT * FROM ledger.account ORDER BY id").fetchall() == before
    assert conn.execute("SELECT 1 FROM ledger.journal WHERE id = %s", (told.named["broke"],)).fetchall() == []


def test_of_all_is_another_request_than_the_same_amount_said(conn: Conn) -> None:
    story.check(
        conn,
        story.TOWN
        + """
        hold h1 ana shop 10.00 until 13:00
        @c1 capture h1
        @c1 capture h1          -> replayed
        @c1 capture h1 10.00    -> key-reused
        hold h2 ana shop 10.00 until 13:00
        @c2 capture h2 10.00
        @c2 capture h2          -> key-reused
        @c2 capture h2 10.00    -> replayed
        @r1 reverse c1
        @r1 reverse c1          -> replayed
        @r1 reverse c1 10.00    -> key-reused
        @r2 reverse c2 10.00
        @r2 reverse c2          -> key-reused
        @r2 reverse c2 10.00    -> replayed
        """,
    )
    assert broken(conn) == []


def test_an_id_is_used_up_by_whatever_was_accepted_under_it(conn: Conn) -> None:
    story.check(
        conn,
        story.TOWN
        + """
        hold h1 ana shop 10.00 until 13:00
        hold h1 ana shop 10.00 until 14:00   -> replayed
        hold h1 ana shop 11.00 until 13:00   -> key-reused
        @h1 pay ana shop 10.00               -> key-reused
        @g1 release h1
        @g1 release h1                       -> replayed
        @g1 pay ana shop 10.00               -> key-reused
        @g1 release h1 for other             -> key-reused
        @p1 pay ana shop 10.00
        hold p1 ana shop 10.00 until 13:00   -> key-reused
        @p1 reverse p1                       -> key-reused
        capture p1                           -> hold-not-found
        reverse h1                           -> original-not-found
        reverse g1                           -> original-not-found
        capture g1                           -> hold-not-found
        """,
    )
    assert broken(conn) == []


@pytest.mark.parametrize(
    ("id", "outcome"),
    [
        ("00000000-0000-0000-0000-000000000000", "posted"),
        ("ffffffff-ffff-ffff-ffff-ffffffffffff", "posted"),
        ("c232ab00-9414-11ec-b3c8-9f6bdeced846", "posted"),
        ("5df41881-3aed-3515-88a7-2f4a814cf09e", "posted"),
        ("919108f7-52d1-4320-9bac-f847db4148a8", "posted"),
        ("2ed6657d-e927-568b-95e1-2665a8aea6a2", "posted"),
        ("1ec9414c-232a-6b00-b3c8-9f6bdeced846", "posted"),
        ("2489e9ad-2ee2-8e00-8ec9-32d5f69181c0", "posted"),
        ("00000000-0000-7000-8000-000000000000", "posted"),
        ("017f22e2-79b0-7cc3-98c4-dc0c0c07398f", "posted"),
        ("017f22e2-79b0-7cc3-08c4-dc0c0c07398f", "posted"),
        ("ffffffff-ffff-7fff-bfff-ffffffffffff", "key-from-the-future"),
        ("0f7f22e2-79b0-7cc3-98c4-dc0c0c07398f", "key-from-the-future"),
    ],
)
def test_ids_of_every_version_are_found_again_unless_they_are_from_the_future(
    conn: Conn, id: str, outcome: str
) -> None:
    told = story.Story(conn)
    told.tell(story.TOWN)
    told.named["it"] = UUID(id)
    told.tell(f"@it pay ana shop 10.00 -> {outcome}")
    again = "replayed" if outcome == "posted" else outcome
    told.tell(f"@it pay ana shop 10.00 -> {again}")
    other = "key-reused" if outcome == "posted" else outcome
    told.tell(f"@it pay ana shop 10.01 -> {other}")
    assert broken(conn) == []


def test_neighbours_with_one_group_stand_side_by_side_in_the_books(conn: Conn) -> None:
    told = story.check(
        conn,
        story.TOWN
        + """
        batch
          @a  pay ana shop 1.00
          (g) @b pay ana shop 500.00  -> insufficient-funds
          (g) @c pay ana shop 1.00    -> group-refused
          (h) @d pay ana shop 2.00
          (h) hold e ana shop 3.00 until 13:00
          (h) @f capture e 2.50
          (h) @i pay ana coop 4.00
          (k) @j pay ana coop 5.00
        end
        """,
    )
    group = queries.transfers_of_group(conn, town_id=1, group_id=told.named["d"])
    assert [found.id for found in group] == [told.named[name] for name in "dfi"]
    assert queries.transfers_of_group(conn, town_id=1, group_id=told.named["f"]) == group
    assert {(found.legs, found.group_seq) for found in group} == {(4, group[0].seq)}
    assert [found.leg for found in group] == [0, 2, 3]
    (alone,) = queries.transfers_of_group(conn, town_id=1, group_id=told.named["j"])
    assert (alone.id, alone.leg, alone.legs) == (told.named["j"], 0, 1)
    assert queries.transfers_of_group(conn, town_id=1, group_id=told.named["b"]) == []
    assert {found.code for found in group} == {"pay"}
    assert "".join(found.kind for found in group) == "tct"
    assert broken(conn) == []


def test_a_transfer_reads_back_as_it_was_asked(conn: Conn) -> None:
    told = story.check(
        conn,
        story.TOWN
        + """
        hold h ana shop 5.00 until 13:00
        @c capture h 4.00 for bill/7 at 12:30
        @r reverse c 1.00
        """,
    )
    (shop, ana), named = (told.accounts["shop"], told.accounts["ana"]), told.named
    captured = queries.transfer(conn, town_id=1, transfer_id=named["c"])
    assert captured is not None
    assert (captured.debit_account, captured.credit_account, captured.amount_minor) == (ana, shop, 400)
    assert (captured.code, captured.hold_id, captured.reverses) == ("pay", named["h"], None)
    assert (captured.actor, captured.reference, captured.effective_at) == (story.ACTOR, "bill/7", story.at("12:30"))
    undone = queries.transfer(conn, town_id=1, transfer_id=named["r"])
    assert undone is not None
    assert (undone.debit_account, undone.credit_account, undone.amount_minor) == (shop, ana, 100)
    assert (undone.code, undone.hold_id, undone.reverses) == ("pay", None, named["c"])
    assert queries.transfer(conn, town_id=1, transfer_id=named["h"]) is None
    assert queries.transfer(conn, town_id=2, transfer_id=named["c"]) is None
    undone_minor = queries.reversed_minor(conn, town_id=1, originals=[named["c"], named["r"], named["h"]])
    assert undone_minor == {named["c"]: 100}


def test_the_page_on_posting_lists_refusals_in_their_order() -> None:
    page = (Path(__file__).parents[2] / "docs" / "algorithms" / "posting.md").read_text(encoding="utf-8")
    listed = [f"ledger.{code}" for code in re.findall(r"^\| \d+ \| `([a-z-]+)` \|", page, flags=re.MULTILINE)]
    tree = [code for code in re.findall(r"[├└]── \w+ +(ledger\.[a-z-]+)", errors.__doc__ or "") if code in BY_CODE]
    assert listed == ["ledger.group-refused", *(code for code in tree if code != "ledger.group-refused")]
