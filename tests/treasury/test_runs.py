"""From a shop's request to the bank's payment, and back when the bank sends it back."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta

import pytest

from koinon.audit import queries as audit
from koinon.kernel.identifiers import new_id
from koinon.ledger.errors import InsufficientFunds
from koinon.parties.errors import PartyErased
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from koinon.treasury import operations as treasury
from koinon.treasury import pain001, queries
from koinon.treasury.errors import (
    BelowMinimum,
    CurrencyNotSepa,
    FileWouldDiffer,
    KeyReused,
    NothingToPay,
    NoTill,
    PayeeChanged,
    PayeesNotPayable,
    PaymentInOtherState,
    PaymentNotFound,
    RedemptionNotFound,
    RedemptionNotOpen,
    RunInOtherState,
    RunNotFound,
    SamePerson,
    TermsNotPossible,
)
from koinon.treasury.types import Euros, FileFormat, PaymentState, Run, RunState
from tests.treasury.place import APPROVER, IBANS, NOON, TREASURER, Place, build

NOVEMBER = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def place(django_db) -> Place:
    """A town where the bakery took 100.00 and the co-operative 50.00."""
    place = build(django_db)
    place.shop("Forn Núñez", iban=IBANS[0])
    place.shop("Cooperativa La Ribera", iban="GR16 0110 1250 0000 0001 2300 695")
    place.fill_till("Forn Núñez", "100.00")
    place.fill_till("Cooperativa La Ribera", "50.00")
    return place


def prepare(place: Place, key: str = "run-1", **more) -> Run:
    return treasury.prepare_run(
        place.conn, town_id=place.town.pk, idempotency_key=key, at=NOVEMBER, actor=TREASURER, **more
    )


def approve(place: Place, run: Run, actor: str = APPROVER) -> Run:
    return treasury.approve_run(
        place.conn, town_id=place.town.pk, run_id=run.id, secrets=place.secrets, at=NOVEMBER, actor=actor
    )


def export(place: Place, run: Run, at: datetime = NOVEMBER):
    return treasury.export_run(
        place.conn, town_id=place.town.pk, run_id=run.id, secrets=place.secrets, at=at, actor=TREASURER
    )


def settle(place: Place, run: Run, **more) -> Run:
    return treasury.settle_run(place.conn, town_id=place.town.pk, run_id=run.id, at=NOVEMBER, actor=TREASURER, **more)


def exported(place: Place) -> Run:
    run = approve(place, prepare(place))
    export(place, run)
    return queries.run(place.conn, town_id=place.town.pk, run_id=run.id)


def payments(place: Place, run: Run):
    return queries.payments(place.conn, town_id=place.town.pk, run_id=run.id)


def states(place: Place, shop: str) -> list[str]:
    rows = queries.redemptions_of(place.conn, town_id=place.town.pk, party=place.parties[shop])
    return [row.state for row in rows]


def test_a_month_of_redemptions_reaches_the_bank_and_the_books_agree(place):
    place.redeem("Forn Núñez", "60.00")
    place.redeem("Forn Núñez", "15.50")
    place.redeem("Cooperativa La Ribera", "50.00")
    assert place.balance("redemption", None) == place.money("125.50")

    run = prepare(place)
    assert (run.state, run.total, run.payments) == (RunState.PREPARED, place.money("125.50"), 2)
    assert approve(place, run).state is RunState.APPROVED
    file = export(place, run)
    assert pain001.faults(file.content, FileFormat.PAIN_001_09) == []
    assert (file.payments, file.total.minor, file.total.unit) == (2, 125_50, "EUR")
    assert states(place, "Forn Núñez") == ["sent", "sent"]
    run = settle(place, run)

    assert (run.state, run.execution_day) == (RunState.SETTLED, date(2026, 11, 3))
    assert place.balance("redemption", None) == place.money("0.00")
    assert place.balance("issuance", None) == -place.money("24.50")
    assert queries.euros(place.conn, town_id=place.town.pk) == Euros(150_00, 0, 125_50, 0)
    assert states(place, "Forn Núñez") == ["paid", "paid"]
    assert place.broken() == []


def test_same_request_twice_takes_the_units_once(place):
    first = place.redeem("Forn Núñez", "60.00", key="k")
    again = place.redeem("Forn Núñez", "60.00", key="k")

    assert (again.id, again.replayed) == (first.id, True)
    assert place.balance("till", place.parties["Forn Núñez"]) == place.money("40.00")
    with pytest.raises(KeyReused):
        place.redeem("Forn Núñez", "60.01", key="k")


def test_a_shop_cannot_redeem_more_than_its_till_holds(place):
    with pytest.raises(InsufficientFunds) as refused:
        place.redeem("Forn Núñez", "100.01")

    assert refused.value.available == place.money("100.00")
    assert queries.open_redemptions(place.conn, town_id=place.town.pk) == []
    assert place.broken() == []


def test_only_a_holder_of_a_till_redeems(place):
    place.household("Ana")

    with pytest.raises(NoTill):
        place.redeem("Ana", "1.00")


def test_minimum_is_the_one_of_the_local_day(place):
    treasury.set_terms(
        place.conn,
        town_id=place.town.pk,
        from_day=date(2026, 10, 2),
        minimum=place.money("20.00"),
        file_format=FileFormat.PAIN_001_03,
        execution_days=2,
        source="Agreement with shops, clause 7",
        at=NOON,
        actor=TREASURER,
    )
    # 22:30 UTC on 1 October is half past midnight of the 2nd in the town.
    late = datetime(2026, 10, 1, 22, 30, tzinfo=UTC)

    place.redeem("Forn Núñez", "19.99", at=late - timedelta(hours=1))
    with pytest.raises(BelowMinimum) as refused:
        place.redeem("Forn Núñez", "19.99", at=late)
    place.redeem("Forn Núñez", "20.00", at=late)

    assert refused.value.minimum == place.money("20.00")


def test_a_request_can_be_undone_until_a_run_takes_it(place):
    first = place.redeem("Forn Núñez", "60.00")
    treasury.undo_redemption(place.conn, town_id=place.town.pk, redemption_id=first.id, at=NOON, actor="user:9")
    assert place.balance("till", place.parties["Forn Núñez"]) == place.money("100.00")
    second = place.redeem("Forn Núñez", "30.00")
    prepare(place)

    with pytest.raises(RedemptionNotOpen):
        treasury.undo_redemption(place.conn, town_id=place.town.pk, redemption_id=second.id, at=NOON, actor="user:9")
    with pytest.raises(RedemptionNotOpen):
        treasury.undo_redemption(place.conn, town_id=place.town.pk, redemption_id=first.id, at=NOON, actor="user:9")
    with pytest.raises(RedemptionNotFound):
        treasury.undo_redemption(place.conn, town_id=place.town.pk, redemption_id=new_id(), at=NOON, actor="user:9")
    assert states(place, "Forn Núñez") == ["in-run", "undone"]
    assert place.broken() == []


def test_who_prepared_a_run_cannot_approve_it(place):
    place.redeem("Forn Núñez", "60.00")
    run = prepare(place)

    with pytest.raises(SamePerson):
        approve(place, run, actor=TREASURER)

    assert approve(place, run).approved_by == APPROVER


def test_nothing_leaves_before_it_is_approved(place):
    place.redeem("Forn Núñez", "60.00")
    run = prepare(place)

    with pytest.raises(RunInOtherState):
        export(place, run)
    with pytest.raises(RunInOtherState):
        settle(place, run)
    approve(place, run)
    with pytest.raises(RunInOtherState):
        settle(place, run)


def test_every_step_can_be_repeated(place):
    place.redeem("Forn Núñez", "60.00")
    run = prepare(place)

    assert prepare(place) == run
    assert approve(place, run) == approve(place, run)
    assert export(place, run) == export(place, run, at=NOVEMBER + timedelta(days=5))
    settled = settle(place, run)
    assert settle(place, run) == settled
    assert prepare(place) == settled
    assert export(place, run).sha256 == export(place, run).sha256
    assert place.broken() == []


def test_a_shop_whose_data_were_erased_holds_up_nobody_elses_payout(place):
    gone = place.redeem("Forn Núñez", "30.00")
    place.redeem("Cooperativa La Ribera", "20.00")
    Vault(place.conn, place.secrets).erase(place.parties["Forn Núñez"], actor=TREASURER, reason="asked", at=NOON)
    with pytest.raises(PartyErased):
        place.redeem("Forn Núñez", "1.00")

    run = prepare(place)
    approve(place, run)
    assert (run.total, export(place, run).payments) == (place.money("20.00"), 1)
    treasury.undo_redemption(
        place.conn, town_id=place.town.pk, redemption_id=gone.id, at=NOVEMBER, actor=TREASURER
    )  # Its units are in its till again.
    assert place.balance("till", place.parties["Forn Núñez"]) == place.money("100.00")
    assert place.broken() == []


def test_a_run_takes_each_request_once(place):
    place.redeem("Forn Núñez", "60.00")
    prepare(place, key="first")

    with pytest.raises(NothingToPay):
        prepare(place, key="second")


def test_businesses_can_wait_for_the_next_run(place):
    place.redeem("Forn Núñez", "60.00")
    place.redeem("Cooperativa La Ribera", "10.00")

    run = prepare(place, leave_out=[place.parties["Forn Núñez"]])

    assert [payment.party for payment in payments(place, run)] == [place.parties["Cooperativa La Ribera"]]
    assert prepare(place, key="next").total == place.money("60.00")


def test_a_cancelled_run_gives_its_requests_free(place):
    place.redeem("Forn Núñez", "60.00")
    run = approve(place, prepare(place))

    cancelled = treasury.cancel_run(place.conn, town_id=place.town.pk, run_id=run.id, at=NOVEMBER, actor=TREASURER)

    assert cancelled.state is RunState.CANCELLED
    assert prepare(place, key="next").total == place.money("60.00")
    with pytest.raises(RunInOtherState):
        export(place, run)
    assert place.broken() == []


def test_an_exported_run_cannot_be_cancelled(place):
    place.redeem("Forn Núñez", "60.00")
    run = exported(place)

    with pytest.raises(RunInOtherState):
        treasury.cancel_run(place.conn, town_id=place.town.pk, run_id=run.id, at=NOVEMBER, actor=TREASURER)


def test_file_is_refused_with_every_reason_at_once_and_without_personal_data(place):
    place.shop("No Account", iban="")
    place.shop("Outside", iban="JO94CBJO0010000000000131000302")
    for shop in ("No Account", "Outside"):
        place.fill_till(shop, "5.00")
        place.redeem(shop, "5.00")
    Vault(place.conn, place.secrets).put(place.town.party_id, {"iban": ""})
    run = approve(place, prepare(place))

    with pytest.raises(PayeesNotPayable) as refused:
        export(place, run)

    assert {(ground.code, ground.fields["party"]) for ground in refused.value.grounds} == {
        ("treasury.account-missing", str(place.parties["No Account"])),
        ("treasury.account-outside-sepa", str(place.parties["Outside"])),
        ("treasury.account-missing", str(place.parties["town"])),
    }
    assert "JO94" not in f"{refused.value} {refused.value.fields}"
    assert queries.run(place.conn, town_id=place.town.pk, run_id=run.id).state is RunState.APPROVED


def test_bank_never_gets_two_different_files_for_one_run(place):
    place.redeem("Forn Núñez", "60.00")
    run = exported(place)
    Vault(place.conn, place.secrets).put(place.parties["Forn Núñez"], {"iban": IBANS[3]})

    with pytest.raises(FileWouldDiffer):
        export(place, run)


def withdrawn(place: Place, run: Run, actor: str = APPROVER) -> Run:
    return treasury.withdraw_approval(place.conn, town_id=place.town.pk, run_id=run.id, at=NOVEMBER, actor=actor)


def payees(place: Place, run: Run) -> str:
    return treasury.payees(place.conn, town_id=place.town.pk, run_id=run.id, secrets=place.secrets)


@pytest.mark.parametrize("changed", [{"iban": IBANS[3]}, {"name": "Forn Nuñes"}, {"iban": ""}])
def test_a_second_signature_covers_the_names_and_accounts_that_are_paid(place, changed):
    place.redeem("Forn Núñez", "60.00")
    place.redeem("Cooperativa La Ribera", "10.00")
    run = approve(place, prepare(place))
    Vault(place.conn, place.secrets).put(place.parties["Forn Núñez"], changed)

    with pytest.raises(PayeeChanged) as refused:
        export(place, run)
    with pytest.raises(PayeeChanged):
        approve(place, run)

    assert refused.value.parties == (place.parties["Forn Núñez"],)
    assert IBANS[3] not in f"{refused.value} {refused.value.fields}"
    assert queries.run(place.conn, town_id=place.town.pk, run_id=run.id).state is RunState.APPROVED


def test_a_changed_account_is_paid_once_it_was_approved_anew(place):
    place.redeem("Forn Núñez", "60.00")
    run = approve(place, prepare(place))
    Vault(place.conn, place.secrets).put(place.parties["Forn Núñez"], {"iban": IBANS[3]})

    assert withdrawn(place, run, actor=TREASURER) == withdrawn(place, run)
    with pytest.raises(RunInOtherState):
        export(place, run)
    with pytest.raises(SamePerson):
        approve(place, run, actor=TREASURER)
    approve(place, run)

    assert IBANS[3].encode() in export(place, run).content
    with pytest.raises(RunInOtherState):
        withdrawn(place, run)
    lines = audit.entries_of_subject(place.conn, town_id=place.town.pk, subject=f"run:{run.id}")
    assert [(line.action, line.actor) for line in reversed(lines)] == [
        ("treasury.run-prepared", TREASURER),
        ("treasury.run-approved", APPROVER),
        ("treasury.run-approval-withdrawn", TREASURER),
        ("treasury.run-approved", APPROVER),
        ("treasury.run-exported", TREASURER),
    ]
    assert place.broken() == []


def test_an_account_that_is_only_written_otherwise_needs_no_new_approval(place):
    place.redeem("Forn Núñez", "60.00")
    run = approve(place, prepare(place))
    Vault(place.conn, place.secrets).put(place.parties["Forn Núñez"], {"iban": "es91 2100 0418 4502 0005 1332"})

    assert export(place, run).payments == 1


def test_two_people_see_by_sixteen_digits_that_they_speak_of_the_same_payees(place):
    place.redeem("Forn Núñez", "60.00")
    run = prepare(place)
    before = payees(place, run)
    approve(place, run)
    assert payees(place, run) == before

    Vault(place.conn, place.secrets).put(place.parties["Forn Núñez"], {"iban": IBANS[3]})

    assert payees(place, run) != before


def test_a_digest_from_another_payment_or_under_another_key_is_no_approval(place):
    place.redeem("Forn Núñez", "60.00")
    run = approve(place, prepare(place))
    place.secrets = Secrets(place.secrets.current, place.secrets.keys, b"another key of thirty-two bytes!")

    with pytest.raises(PayeeChanged):
        export(place, run)


def test_a_run_that_ends_with_a_rejection_says_who_settled_it(place):
    place.redeem("Forn Núñez", "60.00")
    run = exported(place)
    (payment,) = payments(place, run)

    treasury.reject_payment(
        place.conn, town_id=place.town.pk, payment_id=payment.id, reason="AC04", at=NOVEMBER, actor=TREASURER
    )

    assert queries.run(place.conn, town_id=place.town.pk, run_id=run.id).state is RunState.SETTLED
    assert place.broken() == []


def test_reading_an_account_leaves_its_line_in_the_audit_trail(place):
    place.redeem("Forn Núñez", "60.00")
    run = exported(place)

    lines = audit.entries_of_subject(place.conn, town_id=place.town.pk, subject=f"party:{place.parties['Forn Núñez']}")

    assert [(line.actor, line.action, line.reason) for line in lines] == [
        (TREASURER, "parties.revealed", f"payout run {run.id}")
    ]


def test_a_rejected_payment_is_paid_by_the_next_run(place):
    place.redeem("Forn Núñez", "60.00")
    place.redeem("Cooperativa La Ribera", "10.00")
    run = exported(place)
    bakery = next(one for one in payments(place, run) if one.party == place.parties["Forn Núñez"])

    for _ in range(2):
        treasury.reject_payment(
            place.conn, town_id=place.town.pk, payment_id=bakery.id, reason="AC04", at=NOVEMBER, actor=TREASURER
        )
    run = settle(place, run)

    assert run.state is RunState.SETTLED
    assert place.balance("redemption", None) == place.money("60.00")
    assert prepare(place, key="next").total == place.money("60.00")
    with pytest.raises(PaymentInOtherState):
        settle(place, run, payment_ids=[bakery.id])
    assert place.broken() == []


def test_a_returned_payment_goes_back_to_the_till_once(place):
    place.redeem("Forn Núñez", "60.00")
    run = settle(place, exported(place))
    (payment,) = payments(place, run)

    for _ in range(2):
        treasury.return_payment(
            place.conn, town_id=place.town.pk, payment_id=payment.id, reason="AC04", at=NOVEMBER, actor=TREASURER
        )

    (payment,) = payments(place, run)
    assert (payment.state, payment.reason) == (PaymentState.RETURNED, "AC04")
    assert queries.euros(place.conn, town_id=place.town.pk) == Euros(150_00, 0, 0, 0)
    assert states(place, "Forn Núñez") == ["returned"]
    assert place.balance("till", place.parties["Forn Núñez"]) == place.money("100.00")
    assert place.broken() == []
    place.redeem("Forn Núñez", "60.00")
    again = settle(place, exported_again(place))
    assert again.state is RunState.SETTLED
    assert place.broken() == []


def test_a_returned_payment_walks_the_table_of_the_page(place):
    """docs/algorithms/payouts.md: what the tills hold, what is owed and what is in the bank, step by step."""
    bakery, coop = place.parties["Forn Núñez"], place.parties["Cooperativa La Ribera"]

    def line() -> list[str]:
        amounts = [place.balance("till", bakery), place.balance("till", coop), place.balance("redemption", None)]
        return [str(amount).removesuffix(" REC") for amount in (*amounts, -place.balance("issuance", None))]

    walked = [line()]
    for shop, amount in (("Forn Núñez", "60.00"), ("Forn Núñez", "15.50"), ("Cooperativa La Ribera", "50.00")):
        place.redeem(shop, amount)
    walked.append(line())
    run = exported(place)
    walked.append(line())
    settle(place, run)
    walked.append(line())
    payment = next(one for one in payments(place, run) if one.party == bakery)
    treasury.return_payment(
        place.conn, town_id=place.town.pk, payment_id=payment.id, reason="AC04", at=NOVEMBER, actor=TREASURER
    )
    walked.append(line())
    place.redeem("Forn Núñez", "75.50")
    settle(place, exported_again(place))
    walked.append(line())

    assert walked == [
        ["100.00", "50.00", "0.00", "150.00"],
        ["24.50", "0.00", "125.50", "150.00"],
        ["24.50", "0.00", "125.50", "150.00"],
        ["24.50", "0.00", "0.00", "24.50"],
        ["100.00", "0.00", "0.00", "100.00"],
        ["24.50", "0.00", "0.00", "24.50"],
    ]


def exported_again(place: Place) -> Run:
    run = approve(place, prepare(place, key="again"))
    export(place, run)
    return run


def test_a_run_can_be_settled_payment_by_payment(place):
    place.redeem("Forn Núñez", "60.00")
    place.redeem("Cooperativa La Ribera", "10.00")
    run = exported(place)
    first, second = payments(place, run)

    assert settle(place, run, payment_ids=[first.id]).state is RunState.EXPORTED
    assert settle(place, run, payment_ids=[first.id, second.id]).state is RunState.SETTLED
    with pytest.raises(PaymentNotFound):
        settle(place, run, payment_ids=[new_id()])
    assert place.broken() == []


def test_unknown_run_is_refused(place):
    with pytest.raises(RunNotFound):
        treasury.approve_run(
            place.conn, town_id=place.town.pk, run_id=new_id(), secrets=place.secrets, at=NOVEMBER, actor=APPROVER
        )


def test_a_town_outside_sepa_gets_a_csv_with_its_own_decimals(django_db):
    place = build(django_db, slug="irbid", name="إربد", country="JO", unit_code="DIN", exponent=3,
                  national_currency="JOD", time_zone="Asia/Amman")  # fmt: skip
    place.shop("بقالة الأمل", iban="JO94 CBJO 0010 0000 0000 0131 0003 02")
    place.fill_till("بقالة الأمل", "12.345")
    place.redeem("بقالة الأمل", "12.345")

    file = export(place, approve(place, prepare(place)))

    (row,) = csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"), newline=""))
    assert (row["name"], row["account"], row["amount"], row["currency"]) == (
        "بقالة الأمل",
        "JO94CBJO0010000000000131000302",
        "12.345",
        "JOD",
    )
    assert (file.media_type, str(file.total.unit)) == ("text/csv; charset=utf-8", "JOD")


@pytest.mark.parametrize(("currency", "country"), [("JOD", "JO"), ("TND", "TN"), ("ILS", "PS")])
def test_no_other_currency_ever_goes_out_as_sepa(django_db, currency, country):
    place = build(django_db, slug="elsewhere", country=country, national_currency=currency)
    mistake = {
        "town_id": place.town.pk, "from_day": NOON.date(), "minimum": place.money("1.00"), "execution_days": 1,
        "file_format": FileFormat.PAIN_001_09, "source": "A mistake", "at": NOON, "actor": TREASURER,
    }  # fmt: skip
    with pytest.raises(TermsNotPossible) as refused:
        treasury.set_terms(place.conn, **mistake)
    assert [ground.code for ground in refused.value.grounds] == ["terms.not-sepa"]
    treasury.set_terms(place.conn, **{**mistake, "file_format": FileFormat.CSV})
    place.conn.execute("UPDATE treasury.terms SET file_format = 'pain.001.001.09'")
    place.shop("Shop")
    place.fill_till("Shop", "5.00")
    place.redeem("Shop", "5.00")

    with pytest.raises(CurrencyNotSepa):
        export(place, approve(place, prepare(place)))
