-- Rights that were asked for, the newest first.
--
-- town_id  integer
-- waiting  boolean  only those on which nobody has decided
--
-- Rows (id uuid, user_id bigint, username text, what text, role text, asked_by bigint, asked_at timestamptz,
-- decided_by bigint, decided_at timestamptz, outcome text). Locks nothing.
SELECT
    r.id, r.user_id, u.username, r.what, r.role, r.asked_by_id AS asked_by, r.asked_at,
    r.decided_by_id AS decided_by, r.decided_at, r.outcome
FROM parties_rightrequest AS r
INNER JOIN parties_user AS u ON u.id = r.user_id
WHERE r.town_id = %(town_id)s AND (r.outcome = '' OR NOT %(waiting)s)
ORDER BY r.asked_at DESC, r.id DESC
LIMIT 200;
