"""Each invariant of the treasury notices when somebody edits its rows behind the application's back."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest
from django.db import transaction

from koinon.db.checks import run_checks
from koinon.parties.connection import raw
from koinon.treasury import operations as treasury
from koinon.treasury import queries
from koinon.treasury.types import FileFormat
from tests.treasury.place import APPROVER, IBANS, NOON, TREASURER, build

NOVEMBER = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def months_end(django_fresh) -> None:
    """A run with a paid, a returned and a due payment, and a request that was undone."""
    with transaction.atomic():
        conn = raw()
        place = build(conn)
        treasury.set_terms(
            conn, town_id=place.town.pk, from_day=NOON.date(), minimum=place.money("1.00"), fee_minor=50,
            file_format=FileFormat.PAIN_001_09, execution_days=1, source="s. 7", at=NOON, actor=TREASURER,
        )  # fmt: skip
        for name, iban in zip(("One", "Two", "Three"), IBANS, strict=False):
            place.shop(name, iban=iban)
            place.fill_till(name, "50.00")
            place.redeem(name, "20.00")
        undone = place.redeem("One", "5.00")
        treasury.undo_redemption(conn, town_id=place.town.pk, redemption_id=undone.id, at=NOON, actor="user:9")
        run = treasury.prepare_run(conn, town_id=place.town.pk, idempotency_key="k", at=NOVEMBER, actor=TREASURER)
        treasury.approve_run(
            conn, town_id=place.town.pk, run_id=run.id, secrets=place.secrets, at=NOVEMBER, actor=APPROVER
        )
        treasury.export_run(
            conn, town_id=place.town.pk, run_id=run.id, secrets=place.secrets, at=NOVEMBER, actor=TREASURER
        )
        paid, returned, _ = queries.payments(conn, town_id=place.town.pk, run_id=run.id)
        treasury.settle_run(
            conn, town_id=place.town.pk, run_id=run.id, at=NOVEMBER, actor=TREASURER, payment_ids=[paid.id, returned.id]
        )
        treasury.return_payment(
            conn, town_id=place.town.pk, payment_id=returned.id, reason="AC04", at=NOVEMBER, actor=TREASURER
        )
        assert place.broken() == []


def failing(conn: psycopg.Connection) -> set[str]:
    return {result.name for result in run_checks(conn) if result.failures and "treasury" in result.package}


ANY_REQUEST = "(SELECT id FROM treasury.redemption WHERE undone_at IS NULL ORDER BY id LIMIT 1)"
ANY_RECEIPT = "(SELECT id FROM treasury.receipt ORDER BY id LIMIT 1)"


EDITS: list[tuple[str, set[str]]] = [
        (f"UPDATE treasury.receipt SET amount_minor = amount_minor + 1 WHERE id = {ANY_RECEIPT}",
         {"receipts_equal_their_transfers", "euros_held_are_received_less_paid_out"}),
        (f"DELETE FROM treasury.receipt WHERE id = {ANY_RECEIPT}",
         {"receipts_equal_their_transfers", "euros_held_are_received_less_paid_out"}),
        (f"UPDATE treasury.receipt SET fund = gen_random_uuid() WHERE id = {ANY_RECEIPT}",
         {"receipts_equal_their_transfers"}),
        (f"UPDATE treasury.redemption SET amount_minor = amount_minor + 1 WHERE id = {ANY_REQUEST}",
         {"redemptions_equal_their_transfers", "payments_equal_their_redemptions",
          "euros_held_are_received_less_paid_out"}),
        (f"UPDATE treasury.redemption SET party = gen_random_uuid() WHERE id = {ANY_REQUEST}",
         {"redemptions_equal_their_transfers", "payments_equal_their_redemptions", "fees_equal_their_transfers"}),
        (("UPDATE treasury.redemption SET undo_transfer_id = NULL, undone_at = NULL, undone_by = NULL, "
         "fee_undo_transfer_id = NULL"),
         {"redemptions_equal_their_transfers", "fees_equal_their_transfers",
          "euros_held_are_received_less_paid_out"}),
        ("UPDATE treasury.redemption SET fee_minor = fee_minor + 1 WHERE undone_at IS NULL",
         {"fees_equal_their_transfers"}),
        ("UPDATE treasury.redemption SET fee_undo_transfer_id = NULL", {"fees_equal_their_transfers"}),
        (("INSERT INTO treasury.topup (town_id, id, party, amount_minor, way, reference, key, state, requested_at, "
         "requested_by, received_minor, received_way, received_at, received_by, receipt_id, issue_transfer_id, transfer_id, "
         "bank_reference) SELECT town_id, gen_random_uuid(), party, 5, 'bank', 'RF18539007547034', 'k', 'received', now(), "
         "'user:9', 5, 'bank', now(), 'user:9', (SELECT id FROM treasury.receipt LIMIT 1), gen_random_uuid(), "
         "gen_random_uuid(), 'B' FROM treasury.redemption LIMIT 1"), {"topups_equal_their_transfers"}),
        (("WITH autumn AS (INSERT INTO campaigns.campaign (town_id, id, code, name, fund_id, trigger, share_numerator, "
         "share_denominator, minimum_minor, ceiling_minor, first_day, last_day, alert_percent, excluded_funds, shops, terms_url, "
         "drafted_by, drafted_at) SELECT town_id, gen_random_uuid(), 'autumn', 'Autumn', gen_random_uuid(), 'topup', 1, 5, 0, 100, "
         "'2026-10-01', '2026-10-31', 80, '{}', '{}', '', 'user:9', now() FROM treasury.run LIMIT 1 RETURNING town_id, id) "
         "INSERT INTO campaigns.bonus (town_id, id, campaign_id, source, party, persons, purse, paid_minor, earning_minor, "
         "amount_minor, granted_at) SELECT town_id, gen_random_uuid(), id, gen_random_uuid(), gen_random_uuid(), "
         "ARRAY[gen_random_uuid()], 1, 10, 10, 2, now() FROM autumn"), {"returned_topups_undo_bonuses"}),
        ("UPDATE treasury.run SET total_minor = total_minor + 1", {"runs_equal_their_payments"}),
        ("UPDATE treasury.run SET payments = payments + 1", {"runs_equal_their_payments"}),
        ("UPDATE treasury.payment SET amount_minor = amount_minor + 1 WHERE state = 'due'",
         {"runs_equal_their_payments", "payments_equal_their_redemptions"}),
        ("UPDATE treasury.payment SET amount_minor = amount_minor + 1 WHERE state = 'paid'",
         {"runs_equal_their_payments", "payments_equal_their_redemptions", "payouts_equal_their_payments",
          "euros_held_are_received_less_paid_out"}),
        ("UPDATE treasury.payment SET state = 'due', transfer_id = NULL, paid_at = NULL WHERE state = 'paid'",
         {"payouts_equal_their_payments", "euros_held_are_received_less_paid_out"}),
        ("UPDATE treasury.payment SET state = 'paid', return_transfer_id = NULL, returned_at = NULL WHERE state = 'returned'",
         {"payouts_equal_their_payments", "payments_equal_their_redemptions",
          "euros_held_are_received_less_paid_out"}),
        ("UPDATE treasury.run SET approved_by = 'user:7'", {"runs_were_signed_in_the_trail"}),
        ("UPDATE treasury.run SET approved_at = approved_at + interval '1 minute'", {"runs_were_signed_in_the_trail"}),
        ("UPDATE treasury.run SET prepared_by = 'user:7'", {"runs_were_signed_in_the_trail"}),
        ("UPDATE audit.entry SET actor = 'user:7' WHERE action = 'treasury.run-exported'",
         {"runs_were_signed_in_the_trail"}),
        ("DELETE FROM audit.entry WHERE starts_with(subject, 'run:')", {"runs_were_signed_in_the_trail"}),
        ("UPDATE treasury.payment_redemption SET released_at = NULL", {"payments_equal_their_redemptions"}),
        ("UPDATE treasury.payment_redemption SET released_at = now()", {"payments_equal_their_redemptions"}),
]  # fmt: skip


def test_every_edited_row_is_noticed(months_end, owner_conn):
    """By exactly the invariants that speak of it, and each invariant by at least one edit."""
    noticed = {}
    for edit, _ in EDITS:
        with owner_conn.transaction(force_rollback=True):
            owner_conn.execute(edit)
            noticed[edit] = failing(owner_conn)

    assert noticed == dict(EDITS)
    with owner_conn.transaction():
        assert failing(owner_conn) == set()
        names = {result.name for result in run_checks(owner_conn) if "treasury" in result.package}
    assert names == set().union(*noticed.values())
