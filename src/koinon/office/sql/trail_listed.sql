-- The audit trail of a town, as the table component reads it; ids are ordered by time.
--
-- town_id integer
--
-- One row for each act, ``who`` being the user name of a colleague where it was one. JSON as text. Locks nothing.
SELECT
    entry.id,
    entry.at,
    coalesce(colleague.username, entry.actor) AS who,
    entry.action,
    entry.subject,
    entry.reason,
    entry.before::text AS before,
    entry.after::text AS after
FROM audit.entry AS entry
LEFT JOIN parties_user AS colleague
    ON colleague.id = CASE WHEN entry.actor ~ '^user:[0-9]{1,9}$' THEN substr(entry.actor, 6)::bigint END
WHERE entry.town_id = %(town_id)s
