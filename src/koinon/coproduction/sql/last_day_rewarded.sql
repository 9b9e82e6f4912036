-- The newest day of an activity's contributions that were verified, of one stream or of all.
--
-- town_id integer, activity_id uuid, stream text (empty: any)
SELECT max(day) FROM coproduction.contribution
WHERE
    town_id = %(town_id)s AND activity_id = %(activity_id)s AND verified_at IS NOT NULL
    AND (%(stream)s = '' OR stream = %(stream)s);
