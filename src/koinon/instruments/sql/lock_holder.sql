-- Lock a party for as long as a card is handed to it, so that two officers cannot both hand over its last one.
--
-- town_id integer, party uuid
--
-- One row (erased boolean) where the town has it. None for the town itself: what its till pays takes two people, and no card.
SELECT p.erased_at IS NOT NULL AS erased
FROM parties_party AS p
WHERE p.town_id = %(town_id)s AND p.id = %(party)s AND p.kind <> 'public_body'
FOR NO KEY UPDATE;
