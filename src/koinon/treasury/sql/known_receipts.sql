-- The receipts that carry a key or a bank reference.
--
-- town_id         integer
-- key             text
-- bank_reference  text
--
-- At most two rows, the one with the key first. No lock: receipts never change.
SELECT r.id, r.direction, r.fund, r.amount_minor, r.bank_reference, r.key, r.transfer_id, r.effective_at
FROM treasury.receipt AS r
WHERE r.town_id = %(town_id)s AND (r.key = %(key)s OR r.bank_reference = %(bank_reference)s)
ORDER BY (r.key = %(key)s) DESC;
