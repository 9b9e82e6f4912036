-- Lock a party while its code changes, so that two at once take turns.
--
-- town_id integer, party uuid
--
-- One row (erased boolean) where the town has it.
SELECT p.erased_at IS NOT NULL AS erased
FROM parties_party AS p
WHERE p.town_id = %(town_id)s AND p.id = %(party)s
FOR NO KEY UPDATE;
