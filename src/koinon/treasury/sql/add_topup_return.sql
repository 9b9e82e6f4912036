-- Keep that euros of a top-up went back.
--
-- town_id, id, topup, amount_minor, receipt, transfer, unissue_transfer, returned_at, returned_by
INSERT INTO treasury.topup_return (
    town_id, id, topup_id, amount_minor, receipt_id, transfer_id, unissue_transfer_id, returned_at, returned_by
)
VALUES (
    %(town_id)s, %(id)s, %(topup)s, %(amount_minor)s, %(receipt)s, %(transfer)s, %(unissue_transfer)s, %(returned_at)s,
    %(returned_by)s
);
