-- The cards made in one go, in their order.
--
-- town_id integer, batch uuid
--
-- Locks nothing.
SELECT
    c.id, c.state, c.party, c.number, c.batch, c.made_at, c.handed_at, c.blocked_at, c.ended_at, c.why,
    c.replaced_by, c.replaces, c.kind, c.account, c.authorisation,
    EXISTS (SELECT FROM instruments.pin AS p WHERE p.town_id = c.town_id AND p.instrument = c.id) AS has_pin,
    EXISTS (SELECT FROM parties_party AS h WHERE h.id = c.party AND h.erased_at IS NOT NULL) AS holder_erased
FROM instruments.card AS c
WHERE c.town_id = %(town_id)s AND c.batch = %(batch)s
ORDER BY c.id;
