-- Block or unblock a card.
--
-- town_id integer, card uuid, state text, blocked_at timestamptz (null when unblocked), why text
UPDATE instruments.card AS c
SET state = %(state)s, blocked_at = %(blocked_at)s, why = %(why)s
WHERE c.town_id = %(town_id)s AND c.id = %(card)s;
