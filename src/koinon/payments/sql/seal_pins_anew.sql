-- Keep hashes of cashiers' PINs sealed by another key; their tries stay as they were.
--
-- towns integer[], ids uuid[], hashes text[] side by side
UPDATE payments.cashier AS c SET pin_hash = given.hash
FROM unnest(%(towns)s::integer[], %(ids)s::uuid[], %(hashes)s::text[]) AS given (town_id, id, hash)
WHERE c.town_id = given.town_id AND c.id = given.id;
