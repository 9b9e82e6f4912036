-- End a card for good: replaced by another one, or withdrawn.
--
-- town_id integer, card uuid, state text, replaced_by uuid, why text, at timestamptz, actor text
UPDATE instruments.card AS c
SET
    state = %(state)s, replaced_by = %(replaced_by)s, why = %(why)s, ended_at = %(at)s, ended_by = %(actor)s,
    key_id = NULL, sealed_token = NULL
WHERE c.town_id = %(town_id)s AND c.id = %(card)s;
