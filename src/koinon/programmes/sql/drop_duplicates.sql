-- Forget pairs that are no longer alike and that nobody has decided on.
--
-- town_id integer; in parallel: kept uuid[], others uuid[]  the pairs that were found now
DELETE FROM programmes_duplicatepair AS pair
WHERE
    pair.town_id = %(town_id)s AND pair.state = 'open'
    AND NOT EXISTS (
        SELECT FROM unnest(%(kept)s::uuid[], %(others)s::uuid[]) AS found (kept, other)
        WHERE found.kept = pair.kept_id AND found.other = pair.other_id
    );
