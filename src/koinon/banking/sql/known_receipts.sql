-- Receipts that are on the books under these bank references and for which no entry stands.
--
-- town_id     integer
-- references  text[]
--
-- A receipt that a top-up made is the top-up's. No lock: receipts never change.
SELECT r.bank_reference, r.id, r.direction = 'received' AS is_received, r.amount_minor, FALSE AS seen
FROM treasury.receipt AS r
WHERE
    r.town_id = %(town_id)s AND r.bank_reference = ANY(%(references)s) AND r.fund IS NOT NULL
    AND NOT EXISTS (
        SELECT 1 FROM banking.match AS m
        WHERE m.town_id = r.town_id AND m.kind IN ('receipt', 'withdrawal') AND m.target = r.id
    );
