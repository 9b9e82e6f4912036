-- A card by its id, its number, or the digest of its code: whichever is given.
--
-- town_id integer, card uuid, number text, digest bytea; those not asked by are null
--
-- At most one row. Locks nothing.
SELECT
    c.id, c.state, c.party, c.number, c.batch, c.made_at, c.handed_at, c.blocked_at, c.ended_at, c.why,
    c.replaced_by, c.replaces, c.kind, c.account, c.authorisation,
    EXISTS (SELECT FROM instruments.pin AS p WHERE p.town_id = c.town_id AND p.instrument = c.id) AS has_pin,
    EXISTS (SELECT FROM parties_party AS h WHERE h.id = c.party AND h.erased_at IS NOT NULL) AS holder_erased
FROM instruments.card AS c
WHERE
    c.town_id = %(town_id)s
    AND (c.id = %(card)s::uuid OR c.number = %(number)s::text OR c.token_digest = %(digest)s::bytea);
