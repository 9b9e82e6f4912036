-- Payout runs, newest first.
--
-- town_id  integer
-- run      uuid or NULL for every run
-- size     integer  at most so many
--
-- No lock.
SELECT
    u.id, u.state, u.total_minor, u.payments, u.execution_day, u.file_format, u.file_digest,
    u.prepared_by, u.prepared_at, u.approved_by, u.approved_at, u.exported_by, u.exported_at,
    u.settled_by, u.settled_at, u.cancelled_by, u.cancelled_at
FROM treasury.run AS u
WHERE u.town_id = %(town_id)s AND (%(run)s::uuid IS NULL OR u.id = %(run)s)
ORDER BY u.prepared_at DESC, u.id DESC
LIMIT %(size)s;
