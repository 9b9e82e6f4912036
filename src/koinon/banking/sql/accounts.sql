-- The town's bank accounts, by code.
--
-- town_id        integer
-- code           text or NULL for every one
-- number_digest  bytea or NULL for every one
--
-- No lock.
SELECT a.id, a.code, a.number_end, a.currency, a.columns::text AS columns
FROM banking.account AS a
WHERE
    a.town_id = %(town_id)s
    AND (%(code)s::text IS NULL OR a.code = %(code)s)
    AND (%(number_digest)s::bytea IS NULL OR a.number_digest = %(number_digest)s)
ORDER BY a.code;
