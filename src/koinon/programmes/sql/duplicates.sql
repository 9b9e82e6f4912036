-- The pairs of households of a town that may be one: undecided ones first, the most alike first; or one of them.
--
-- town_id integer, pair_id uuid or null, state text or null
SELECT
    pair.id, pair.kept_id AS kept, pair.other_id AS other, pair.score::integer, pair.grounds::text AS grounds_json,
    pair.state, pair.found_at, pair.decided_by, pair.decided_at, pair.reason
FROM programmes_duplicatepair AS pair
WHERE
    pair.town_id = %(town_id)s
    AND (%(pair_id)s::uuid IS NULL OR pair.id = %(pair_id)s::uuid)
    AND (%(state)s::text IS NULL OR pair.state = %(state)s::text)
ORDER BY pair.state <> 'open', pair.score DESC, pair.id;
