-- Give a card to its holder: it works from now on, and what its code says is forgotten.
--
-- town_id integer, card uuid, party uuid, replaces uuid (null for a first card), authorisation uuid (null for a card
-- of the holder's own), at timestamptz, actor text
UPDATE instruments.card AS c
SET
    state = 'active', party = %(party)s, handed_at = %(at)s, handed_by = %(actor)s, key_id = NULL,
    sealed_token = NULL, replaces = %(replaces)s, authorisation = %(authorisation)s
WHERE c.town_id = %(town_id)s AND c.id = %(card)s AND c.state = 'made';
