-- Keep hashes of PINs sealed by another key; who set them and when stays as it was.
--
-- towns integer[], cards uuid[], hashes text[] side by side
UPDATE instruments.pin AS p SET hash = given.hash
FROM unnest(%(towns)s::integer[], %(cards)s::uuid[], %(hashes)s::text[]) AS given (town_id, card, hash)
WHERE p.town_id = given.town_id AND p.instrument = given.card;
