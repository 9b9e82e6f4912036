"""A bank's statement told to the books: once, whole, and with a reason for whatever is left."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from koinon.audit import queries as trail
from koinon.banking import operations as banking
from koinon.banking import queries
from koinon.banking.errors import EntryMatched, FileNotFound, MatchKept, MatchNotPossible, PreviewOutdated
from koinon.banking.references import fund_reference
from koinon.banking.types import MatchKind
from koinon.kernel.identifiers import new_id
from koinon.parties.errors import PersonalDataNotAllowed
from koinon.parties.naming import Reader
from koinon.treasury import operations as treasury
from koinon.treasury import topups
from koinon.treasury.types import Way
from tests.banking.desk import THEN, Desk
from tests.banking.statements import CAMT_02, CAMT_08, Line, camt, report
from tests.treasury.place import IBANS, TREASURER, build


@pytest.fixture
def desk(django_db) -> Desk:
    return Desk(build(django_db))


def topup(desk: Desk, amount: str) -> str:
    party = desk.place.shop("buyer")
    return topups.request(
        desk.place.conn, **desk.here, party=party, amount=desk.place.money(amount), way=Way.BANK, idempotency_key="t"
    ).reference


@pytest.mark.parametrize("version", [CAMT_02, CAMT_08])
def test_a_statement_imported_twice_is_matched_once_and_the_rest_is_listed(desk, version):
    """Duplicates, an unknown reference, a wrong amount and a returned payment."""
    bakery, grocer, smith = desk.sent(bakery="75.50", grocer="50.00", smith="20.00")
    reference = topup(desk, "30.00")
    file = camt(
        Line("-75.50", "B1", bakery.id.hex),
        Line("-50.00", "B2", grocer.id.hex),
        Line("-19.99", "B3", smith.id.hex),
        Line("75.50", "B4", bakery.id.hex, returned="AC04"),
        Line("30.00", "B5", structured=reference, name="Ana"),
        Line("30.00", "B6", structured=reference),
        Line("100.00", "B7", structured=fund_reference("inclusion")),
        Line("12.00", "B8", structured="RF18539007547034"),
        Line("7.00", "B9", text="no idea", name="Somebody"),
        Line("-1.20", "B10", code="CHRG"),
        Line("5.00", "B11", new_id().hex),
        version=version,
        opening="145.50",
    )
    first = desk.bring(file)
    told = desk.told()
    before = desk.place.balance("issuance", None)
    again = desk.bring(file)

    assert told == desk.told() == [
        (-75_50, "payout"),
        (-50_00, "payout"),
        (-19_99, "entry.amount-differs"),
        (75_50, "return"),
        (30_00, "topup"),
        (30_00, "entry.topup-seen"),
        (100_00, "receipt"),
        (12_00, "entry.reference-unknown"),
        (7_00, "entry.nothing-recognised"),
        (-1_20, "charge"),
        (5_00, "entry.id-unknown"),
    ]  # fmt: skip
    assert (len(first.outcomes), first.known, again.known, again.replayed) == (11, 0, 11, True)
    assert (again.imported_at, again.imported_by) == (desk.here["at"], desk.here["actor"])
    assert [desk.payment(one) for one in (bakery, grocer, smith)] == ["returned", "paid", "due"]
    assert desk.place.balance("till", bakery.party) == desk.place.money("75.50")
    assert desk.place.balance("till", desk.place.parties["buyer"]) == desk.place.money("30.00")
    assert desk.place.balance("issuance", None) == before
    banks, books, parts, unexplained = desk.reserve()
    assert (banks, books, unexplained) == (258_31, 225_50, 0)
    assert parts == {"charge": -1_20, "listed": 34_01, "opening": 145_50, "receipt-not-seen": -145_50}
    assert desk.place.broken() == []


def test_overlapping_statements_and_movements_that_look_the_same_are_kept_as_often_as_they_were(desk):
    coffee = Line("-2.00", text="coffee machine")
    desk.bring(camt(coffee, coffee, Line("9.00", "A"), ident="1"))
    desk.bring(camt(coffee, coffee, coffee, Line("9.00", "A"), Line("4.00", "B"), ident="2"))

    assert sorted(amount for amount, _ in desk.told()) == [-200, -200, -200, 400, 900]


def test_a_bank_reference_that_comes_again_with_another_amount_is_doubted(desk):
    (bakery,) = desk.sent(bakery="75.50")
    desk.bring(camt(Line("-70.00", "B1", bakery.id.hex), ident="1"))
    desk.bring(camt(Line("-75.50", "B1", bakery.id.hex), ident="2"))

    assert desk.told()[1] == (-75_50, "entry.bank-reference-reused")
    assert desk.payment(bakery) == "due"


def test_a_batch_booked_as_one_settles_the_whole_run(desk):
    payments = desk.sent(bakery="75.50", grocer="50.00")
    desk.bring(camt(Line("-125.50", "B1", message_id=f"{payments[0].run_id.hex}-1")))

    assert [desk.payment(one) for one in payments] == ["paid", "paid"]
    assert desk.told() == [(-125_50, "payout, payout")]
    assert desk.place.broken() == []


def test_what_a_treasurer_had_put_on_the_books_already_is_linked_and_not_booked_again(desk):
    (bakery,) = desk.sent(bakery="75.50")
    treasury.settle_run(desk.place.conn, **desk.here, run_id=bakery.run_id)
    desk.place.receive("500.00", reference="BANK/77")
    held = desk.place.balance("issuance", None)
    desk.bring(camt(Line("-75.50", "B1", bakery.id.hex), Line("500.00", "BANK/77")))

    assert desk.told() == [(-75_50, "payout"), (500_00, "receipt")]
    assert desk.place.balance("issuance", None) == held
    assert desk.place.broken() == []


def test_euros_of_a_budget_line_go_back_by_the_same_reference(desk):
    reference = fund_reference("inclusion")
    desk.bring(camt(Line("100.00", "B1", structured=reference), Line("-40.00", "B2", text=f"{reference} back")))

    assert desk.told() == [(100_00, "receipt"), (-40_00, "withdrawal")]
    assert desk.place.balance("reserve", None, desk.place.fund) == desk.place.money("60.00")
    assert desk.reserve() == (60_00, 60_00, {}, 0)


def test_what_the_books_refuse_stays_listed_and_is_matched_once_it_can_be(desk):
    reference = fund_reference("inclusion")
    desk.bring(camt(Line("-40.00", "B2", structured=reference), ident="1"))
    assert desk.told() == [(-40_00, "entry.refused")]
    assert desk.entries()[0].grounds[0].fields == {"refusal": "ledger.insufficient-funds"}

    desk.place.receive("100.00")
    desk.match()

    assert desk.told() == [(-40_00, "withdrawal")]
    assert desk.place.broken() == []


def test_pending_movements_come_when_they_are_booked(desk):
    line = Line("100.00", "B1", structured=fund_reference("inclusion"), status="PDNG")
    assert desk.bring(camt(line, ident="1")).pending == 1
    assert desk.told() == []
    desk.bring(camt(Line("100.00", "B1", structured=line.structured), ident="2"))
    assert desk.told() == [(100_00, "receipt")]


# --- By hand ----------------------------------------------------------------------------------


def test_a_treasurer_says_what_an_entry_is_once_and_why(desk):
    (bakery,) = desk.sent(bakery="75.50")
    desk.bring(camt(Line("-75.50", "B1", text="sin referencia", name="Forn"), Line("3.00", "B2")))
    out, odd = desk.entries(listed=True)[::-1]
    out, odd = sorted((out, odd), key=lambda one: one.amount_minor)

    with pytest.raises(MatchNotPossible) as refused:
        desk.by_hand(out, MatchKind.RETURN, bakery.id, reason=" ")
    assert [ground.code for ground in refused.value.grounds] == [
        "entry.money-left", "entry.payment-not-paid", "entry.amount-differs", "entry.reason-missing",
    ]  # fmt: skip
    matched = desk.by_hand(out, MatchKind.PAYOUT, bakery.id)
    aside = desk.by_hand(odd, MatchKind.OTHER, reason="Sent by mistake; goes back on Monday")
    with pytest.raises(EntryMatched):
        desk.by_hand(out, MatchKind.PAYOUT, bakery.id)

    assert [match.kind for match in matched.matches] == [MatchKind.PAYOUT]
    assert desk.payment(bakery) == "paid"
    assert (aside.matches[0].reason, aside.has_details) == ("Sent by mistake; goes back on Monday", False)
    undo = {**desk.here, "reason": "Not so"}
    with pytest.raises(MatchKept):
        banking.undo_match(desk.place.conn, **undo, entry_id=out.id)
    banking.undo_match(desk.place.conn, **undo, entry_id=odd.id)
    desk.match()
    assert (3_00, "entry.match-undone") in desk.told()
    assert desk.place.broken() == []


def test_a_return_of_which_the_bank_kept_something_is_matched_by_hand(desk):
    (bakery,) = desk.sent(bakery="75.50")
    desk.bring(camt(Line("-75.50", "B1", bakery.id.hex), Line("73.00", "B2", bakery.id.hex, returned="AC04")))
    assert desk.told()[1] == (73_00, "entry.amount-differs")

    desk.by_hand(desk.entries(listed=True)[0], MatchKind.RETURN, bakery.id)

    assert desk.told()[1] == (73_00, "charge, return")
    assert desk.place.balance("till", bakery.party) == desk.place.money("75.50")
    assert desk.reserve()[2] == {"charge": -2_50, "receipt-not-seen": -75_50}
    assert desk.place.broken() == []


def test_a_return_of_which_hardly_anything_came_makes_no_units(desk):
    (bakery,) = desk.sent(bakery="75.50")
    desk.bring(camt(Line("-75.50", "B1", bakery.id.hex), Line("25.49", "B2", text="returned")))
    with pytest.raises(MatchNotPossible) as refused:
        desk.by_hand(desk.entries(listed=True)[0], MatchKind.RETURN, bakery.id)

    assert [ground.code for ground in refused.value.grounds] == ["entry.amount-differs"]
    assert (desk.payment(bakery), desk.place.balance("till", bakery.party)) == ("paid", desk.place.money("0.00"))
    assert desk.place.broken() == []


def test_a_top_up_of_another_amount_is_credited_once_somebody_has_looked(desk):
    reference = topup(desk, "30.00")
    desk.bring(camt(Line("25.00", "B1", structured=reference)))
    assert desk.told() == [(25_00, "entry.amount-differs")]

    desk.by_hand(desk.entries()[0], MatchKind.TOPUP, reference=reference)

    assert desk.place.balance("till", desk.place.parties["buyer"]) == desk.place.money("25.00")
    assert desk.place.broken() == []


def test_who_is_on_the_other_side_is_shown_by_right_recorded_and_forgotten(desk):
    desk.bring(camt(Line("7.00", "B1", text="for Ana", name="Ana Pérez")))
    entry = desk.entries()[0]
    look = {"town_id": desk.place.town.pk, "entry_id": entry.id, "secrets": desk.place.secrets, "at": THEN}

    with pytest.raises(PersonalDataNotAllowed):
        queries.details(desk.place.conn, **look, reader=Reader(TREASURER, False))
    seen = queries.details(desk.place.conn, **look, reader=Reader(TREASURER, True))
    desk.by_hand(entry, MatchKind.OTHER)
    after = queries.details(desk.place.conn, **look, reader=Reader(TREASURER, True))

    assert (seen.name, seen.text, after.name) == ("Ana Pérez", "for Ana", "")
    kept = desk.place.conn.execute("SELECT count(*) FROM audit.entry WHERE action = 'banking.details-revealed'")
    assert kept.fetchone() == (1,)


# --- Looking first ----------------------------------------------------------------------------


def test_a_preview_writes_no_entry_and_is_imported_as_it_was_shown(desk):
    (bakery,) = desk.sent(bakery="75.50")
    file = camt(Line("-75.50", "B1", bakery.id.hex), Line("75.50", "B2", bakery.id.hex, returned="AC04"))
    secrets = {"secrets": desk.place.secrets}
    shown = banking.look(desk.place.conn, **desk.here, **secrets, content=file)

    assert [(one.kinds, one.grounds) for one in shown.outcomes] == [
        ((MatchKind.PAYOUT,), ()),
        ((MatchKind.RETURN,), ()),
    ]
    assert desk.told() == []
    treasury.settle_run(desk.place.conn, **desk.here, run_id=bakery.run_id)
    treasury.return_payment(desk.place.conn, **desk.here, payment_id=bakery.id, reason="AC04")
    desk.bring(camt(Line("75.50", "B3", bakery.id.hex, returned="AC04"), ident="other"))
    step = {**desk.here, **secrets, "file_id": shown.file_id}
    with pytest.raises(PreviewOutdated):
        banking.import_looked_at(desk.place.conn, **step, fingerprint=shown.fingerprint)
    again = banking.look_again(desk.place.conn, **desk.here, **secrets, file_id=shown.file_id)
    banking.import_looked_at(desk.place.conn, **step, fingerprint=again.fingerprint)
    desk.match()

    assert desk.told() == [(75_50, "return"), (-75_50, "payout"), (75_50, "entry.return-seen")]
    assert desk.place.broken() == []


# --- What the bank says of a run ---------------------------------------------------------------


def test_a_status_report_opens_what_the_bank_refused_and_settles_nothing(desk):
    bakery, grocer = desk.sent(bakery="75.50", grocer="50.00")
    file = report(
        bakery.run_id.hex, (bakery.id.hex, "RJCT", "AC04"), (grocer.id.hex, "ACSC", ""), (new_id().hex, "RJCT", "")
    )
    first, again = desk.bring(file), desk.bring(file)

    outcomes = ["rejected", "noted", "answer.payment-unknown"]
    assert [one.outcome for one in first.answers] == [one.outcome for one in again.answers] == outcomes
    assert [desk.payment(one) for one in (bakery, grocer)] == ["rejected", "due"]
    assert desk.place.broken() == []


def test_a_report_that_refuses_a_whole_file_refuses_every_payment_of_it(desk):
    payments = desk.sent(bakery="75.50", grocer="50.00")
    desk.bring(report(payments[0].run_id.hex, group="RJCT"))
    assert [desk.payment(one) for one in payments] == ["rejected", "rejected"]


# --- Tables -----------------------------------------------------------------------------------


def test_a_table_of_a_bank_in_jordan_pays_and_returns_in_three_decimals(django_db):
    desk = Desk(build(django_db, slug="karak", country="JO", national_currency="JOD", exponent=3, unit_code="KRK",
                      unit_name="Karak", time_zone="Asia/Amman"))  # fmt: skip
    banking.add_account(
        desk.place.conn, **desk.here, code="arab-bank", number="JO94CBJO0010000000000131000302",
        secrets=desk.place.secrets, columns={"end_to_end_id": "مرجع العميل"},
    )  # fmt: skip
    (bakery,) = desk.sent(bakery="75.500")
    table = (
        "بنك عمان;;;;;\n"
        "التاريخ;المبلغ;رقم المرجع;مرجع العميل;return code;الرصيد\n"
        f"03/11/2026;-75,500;R1;{bakery.id.hex};;24,500\n"
        f"04/11/2026;75,500;R2;{bakery.id.hex};AC04;100,000\n"
    )
    desk.bring(table.encode("cp1256"))

    assert [kind for _, kind in desk.told()] == ["payout", "return"]
    assert desk.place.balance("till", bakery.party) == desk.place.money("75.500")
    assert queries.reserve(desk.place.conn, town_id=desk.place.town.pk).accounts[0].closing_minor == 100_000
    assert desk.place.broken() == []


def test_an_account_is_read_in_one_format(desk):
    from koinon.kernel.errors import FindingsError

    desk.bring(camt(Line("7.00", "B1")))
    with pytest.raises(FindingsError) as refused:
        desk.bring(b"date,amount,reference\n2026-11-03,7.00,B1\n", account="main")
    assert [one.code for one in refused.value.findings] == ["bank.format-mixed"]
    desk.bring(b"date,amount,reference\n2026-11-04,8.00,B2\n", account="main")
    assert [amount for amount, _ in desk.told()] == [7_00, 8_00]


def test_an_account_under_two_numbers_does_not_bring_its_movements_twice(desk):
    banking.add_account(
        desk.place.conn, **desk.here, code="again", number="0813610123456789", secrets=desk.place.secrets
    )
    line = Line("100.00", "B1", structured=fund_reference("inclusion"))
    desk.bring(camt(line, ident="1"))
    shown = desk.bring(camt(line, account="0813610123456789", ident="2"))

    assert [ground.code for ground in shown.outcomes[0].grounds] == ["entry.bank-reference-reused"]
    assert desk.told() == [(100_00, "receipt"), (100_00, "entry.bank-reference-reused")]
    assert desk.place.broken() == []


def test_reserve_is_the_sum_of_the_accounts(desk):
    banking.add_account(desk.place.conn, **desk.here, code="savings", number=IBANS[3], secrets=desk.place.secrets)
    desk.bring(camt(Line("100.00", "B1", structured=fund_reference("inclusion")), Line("-60.00", "B2"), ident="1"))
    desk.bring(camt(Line("60.00", "C1"), account=IBANS[3], ident="2"))
    out, into = sorted(desk.entries(listed=True), key=lambda one: one.amount_minor)
    desk.by_hand(out, MatchKind.OWN)
    desk.by_hand(into, MatchKind.OWN)

    found = queries.reserve(desk.place.conn, town_id=desk.place.town.pk)
    assert [(one.code, one.closing_minor, one.last_day) for one in found.accounts] == [
        ("main", 40_00, date(2026, 11, 3)),
        ("savings", 60_00, date(2026, 11, 3)),
    ]
    assert desk.reserve() == (100_00, 100_00, {"own": 0}, 0)


def test_a_statement_that_is_missing_shows_as_a_gap(desk):
    desk.bring(camt(Line("1.00", "B1"), ident="1"))
    desk.bring(camt(Line("1.00", "B3", day=date(2026, 11, 4)), opening="5.00", ident="3"))
    assert desk.reserve()[2] == {"listed": 2_00, "statements-missing": 4_00}


def test_the_difference_walks_the_table_of_the_page(desk):
    """docs/algorithms/matching.md: bank, books, and the parts of the difference."""
    desk.place.receive("100.00", reference="B1")
    walked = [desk.reserve()]
    desk.bring(camt(Line("100.00", "B1"), Line("-1.20", "B2", code="CHRG"), Line("7.00", "B3")))
    walked.append(desk.reserve())
    desk.by_hand(desk.entries(listed=True)[0], MatchKind.RECEIPT, desk.place.fund)
    walked.append(desk.reserve())

    assert walked == [
        (0, 100_00, {"receipt-not-seen": -100_00}, 0),
        (105_80, 100_00, {"listed": 7_00, "charge": -1_20}, 0),
        (105_80, 107_00, {"charge": -1_20}, 0),
    ]
    assert desk.place.broken() == []


def test_a_file_that_was_looked_at_and_not_imported_is_forgotten_after_a_day(desk):
    shown = banking.look(
        desk.place.conn, **desk.here, secrets=desk.place.secrets, content=camt(Line("7.00", name="Ana"))
    )
    town = {"town_id": desk.place.town.pk}

    assert banking.forget_lapsed(desk.place.conn, **town, at=THEN + timedelta(hours=23)) == 0
    assert banking.forget_lapsed(desk.place.conn, **town, at=THEN + timedelta(hours=25)) == 1
    with pytest.raises(FileNotFound):
        banking.look_again(desk.place.conn, **desk.here, secrets=desk.place.secrets, file_id=shown.file_id)


def test_how_a_table_is_read_is_changed_on_record(desk):
    account = {"code": "second", "number": "ES9121000418450200051332", "secrets": desk.place.secrets}
    for columns in ({"amount": "importe"}, {"amount": "importe"}, {"amount": "cargo"}):
        found = banking.add_account(desk.place.conn, **desk.here, **account, columns=columns)

    def read(text):
        return text and json.loads(text)

    subject = f"bank-account:{found.id}"
    written = trail.entries_of_subject(desk.place.conn, town_id=desk.place.town.pk, subject=subject)
    # Django's connections give JSON as text.
    assert [(line.action, *map(read, (line.before, line.after))) for line in reversed(written)] == [
        ("banking.account-added", None, {"code": "second"}),
        ("banking.columns-set", {"columns": {}}, {"columns": {"amount": "importe"}}),
        ("banking.columns-set", {"columns": {"amount": "importe"}}, {"columns": {"amount": "cargo"}}),
    ]
