-- What a card paid without a PIN on a local day, in minor units; 0 where nothing.
--
-- town_id integer, card uuid, day date
SELECT coalesce(sum(p.amount_minor), 0)::bigint
FROM instruments.small_purchase AS p
WHERE p.town_id = %(town_id)s AND p.instrument = %(card)s AND p.day = %(day)s;
