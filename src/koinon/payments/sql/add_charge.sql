-- Write what became of a charge; a key that has an answer keeps it. Waits for one being written at this moment.
--
-- town_id integer, payee uuid, key uuid, payment uuid or null, amount_minor bigint, unit text, shift uuid or null,
-- without_pin boolean, at timestamptz
--
-- The row count is 1 where this was the first answer.
INSERT INTO payments.charge (town_id, payee, key, payment, amount_minor, unit, shift, without_pin, at)
VALUES (
    %(town_id)s, %(payee)s, %(key)s, %(payment)s, %(amount_minor)s, %(unit)s, %(shift)s, %(without_pin)s, %(at)s
)
ON CONFLICT (town_id, payee, key) DO NOTHING;
