-- Top-ups under these references, and whether an entry stands for them.
--
-- town_id     integer
-- references  text[]
--
-- No lock: whoever acts on it asks again under the top-up's lock.
SELECT
    t.reference, t.id, t.amount_minor AS asked_minor, t.received_minor,
    t.bank_reference IS NOT NULL OR EXISTS (
        SELECT 1 FROM banking.match AS m
        WHERE m.town_id = t.town_id AND m.kind = 'topup' AND m.target = t.id
    ) AS seen
FROM treasury.topup AS t
WHERE t.town_id = %(town_id)s AND t.reference = ANY(%(references)s);
