-- The reference of the top-up for which this entry of the bank or payment by card was already.
--
-- town_id           integer
-- way               text
-- source_reference  text
--
-- One row (reference text), or none. No lock.
SELECT t.reference
FROM treasury.topup AS t
WHERE
    t.town_id = %(town_id)s
    AND CASE %(way)s::text WHEN 'bank' THEN t.bank_reference ELSE t.card_reference END = %(source_reference)s;
