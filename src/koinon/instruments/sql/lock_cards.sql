-- Lock cards until the transaction ends, lowest id first, and say what they are.
--
-- town_id integer, cards uuid[]
--
-- One row for each card there is. Two who replace one card at once take turns here. A payment that points at the card
-- goes on meanwhile (NO KEY): it may hold the card's tries, for which whoever chooses a PIN waits with the card in hand.
SELECT
    c.id, c.state, c.party, c.number, c.batch, c.made_at, c.handed_at, c.blocked_at, c.ended_at, c.why,
    c.replaced_by, c.replaces, c.kind, c.account, c.authorisation,
    EXISTS (SELECT FROM instruments.pin AS p WHERE p.town_id = c.town_id AND p.instrument = c.id) AS has_pin,
    EXISTS (SELECT FROM parties_party AS h WHERE h.id = c.party AND h.erased_at IS NOT NULL) AS holder_erased
FROM instruments.card AS c
WHERE c.town_id = %(town_id)s AND c.id = ANY(%(cards)s)
ORDER BY c.id
FOR NO KEY UPDATE OF c;
