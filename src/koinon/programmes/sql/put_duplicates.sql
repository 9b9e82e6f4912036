-- Keep the pairs that were found; of those that a person has decided, the decision stays. How many are new.
--
-- town_id integer, now timestamptz; in parallel: ids uuid[], kept uuid[], others uuid[], scores integer[],
-- grounds text[] (JSON)
WITH found AS (
    SELECT given.id, given.kept, given.other, given.score, given.grounds::jsonb AS grounds
    FROM unnest(
        %(ids)s::uuid[], %(kept)s::uuid[], %(others)s::uuid[], %(scores)s::integer[], %(grounds)s::text[]
    ) AS given (id, kept, other, score, grounds)
),
put AS (
    INSERT INTO programmes_duplicatepair (
        id, town_id, kept_id, other_id, score, grounds, state, found_at, decided_by, reason
    )
    SELECT found.id, %(town_id)s, found.kept, found.other, found.score, found.grounds, 'open', %(now)s, '', ''
    FROM found
    ON CONFLICT (town_id, kept_id, other_id) DO UPDATE
        SET score = excluded.score, grounds = excluded.grounds
        WHERE programmes_duplicatepair.state = 'open'
    RETURNING id
)
SELECT count(*) AS added
FROM put
INNER JOIN found ON found.id = put.id;
