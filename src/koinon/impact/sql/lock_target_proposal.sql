-- Lock a proposed target until the transaction ends, so that two who decide take turns.
--
-- town_id  integer
-- id       uuid
SELECT p.id FROM impact.target_proposal AS p WHERE p.town_id = %(town_id)s AND p.id = %(id)s FOR UPDATE;
