-- Keep what the second one called a top-up's euros: the bank after the card provider, or the other way round.
--
-- town_id, topup, way, source_reference
UPDATE treasury.topup
SET
    bank_reference = CASE %(way)s::text WHEN 'bank' THEN %(source_reference)s ELSE bank_reference END,
    card_reference = CASE %(way)s::text WHEN 'card' THEN %(source_reference)s ELSE card_reference END
WHERE town_id = %(town_id)s AND id = %(topup)s AND state = 'received';
