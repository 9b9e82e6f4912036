-- Entries with what they were matched with, newest first.
--
-- town_id   integer
-- entry     uuid or NULL
-- file      uuid or NULL: those that this file brought
-- listed    boolean or NULL: only those that are not matched, or only those that are
-- size      integer  at most so many
--
-- No lock.
SELECT
    e.id, e.account_id, a.code AS account_code, e.booked_on, e.amount_minor, e.bank_reference, e.message_id,
    e.end_to_end_id, e.structured_reference, e.is_return, e.return_code, e.bank_code, e.mentions, e.grounds::text AS grounds,
    e.sealed IS NOT NULL AS has_details,
    coalesce(
        (
            SELECT jsonb_agg(to_jsonb(m) ORDER BY m.kind, m.target) FROM banking.match AS m
            WHERE m.town_id = e.town_id AND m.entry_id = e.id
        ),
        '[]'
    )::text AS matches
FROM banking.entry AS e
INNER JOIN banking.account AS a ON a.town_id = e.town_id AND a.id = e.account_id
WHERE
    e.town_id = %(town_id)s
    AND (%(entry)s::uuid IS NULL OR e.id = %(entry)s)
    AND (%(listed)s::boolean IS NULL OR (e.matched_at IS NULL) = %(listed)s)
    AND (
        %(file)s::uuid IS NULL
        OR e.statement_id IN (
            SELECT s.id FROM banking.statement AS s WHERE s.town_id = e.town_id AND s.file_id = %(file)s
        )
    )
ORDER BY e.booked_on DESC, e.id DESC
LIMIT %(size)s;
