-- Say that a top-up's euros have come and its units are issued.
--
-- town_id, topup, received_minor, way, received_at, received_by, receipt, issue_transfer, transfer, source_reference
UPDATE treasury.topup
SET
    state = 'received', received_minor = %(received_minor)s, received_way = %(way)s, received_at = %(received_at)s,
    received_by = %(received_by)s, receipt_id = %(receipt)s, issue_transfer_id = %(issue_transfer)s,
    transfer_id = %(transfer)s,
    bank_reference = CASE %(way)s::text WHEN 'bank' THEN %(source_reference)s ELSE bank_reference END,
    card_reference = CASE %(way)s::text WHEN 'card' THEN %(source_reference)s ELSE card_reference END
WHERE town_id = %(town_id)s AND id = %(topup)s AND state <> 'received';
