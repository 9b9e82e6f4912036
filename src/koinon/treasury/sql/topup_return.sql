-- What was given back under an id, in minor units.
--
-- town_id integer
-- id      uuid
--
-- One row (amount_minor bigint), or none. No lock.
SELECT r.amount_minor FROM treasury.topup_return AS r WHERE r.town_id = %(town_id)s AND r.id = %(id)s;
