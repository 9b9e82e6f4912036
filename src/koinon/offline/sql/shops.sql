-- The shops that are switched on, by name; with was_on those too that were.
--
-- town_id integer, was_on boolean, party uuid or null (one of them)
SELECT
    s.party, coalesce(o.trade_name, '') AS trade_name, s.since, s.set_by, s.ended_at, s.ended_by,
    (
        SELECT count(*) FROM offline.device AS d
        WHERE d.town_id = s.town_id AND d.party = s.party AND d.revoked_at IS NULL
    )::integer AS devices
FROM offline.shop AS s
LEFT JOIN parties_organisation AS o ON o.party_id = s.party
WHERE
    s.town_id = %(town_id)s AND (%(was_on)s OR s.ended_at IS NULL)
    AND (%(party)s::uuid IS NULL OR s.party = %(party)s::uuid)
ORDER BY lower(coalesce(o.trade_name, '')), s.party, s.since;
