-- Whether a shop was switched on at an instant.
--
-- town_id integer, party uuid, at timestamptz
SELECT EXISTS (
    SELECT FROM offline.shop AS s
    WHERE
        s.town_id = %(town_id)s AND s.party = %(party)s AND s.since <= %(at)s
        AND (s.ended_at IS NULL OR s.ended_at > %(at)s)
) AS was_on;
