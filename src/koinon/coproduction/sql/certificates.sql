-- Certificates of a town: of one party or of one id, newest first. Locks nothing.
--
-- town_id integer, party uuid or null, certificate_id uuid or null
SELECT id, party, first_day, last_day, totals::text AS totals_json, issued_by, issued_at
FROM coproduction.certificate
WHERE
    town_id = %(town_id)s AND (%(party)s::uuid IS NULL OR party = %(party)s)
    AND (%(certificate_id)s::uuid IS NULL OR id = %(certificate_id)s)
ORDER BY issued_at DESC, id;
