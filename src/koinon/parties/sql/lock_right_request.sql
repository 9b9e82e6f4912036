-- Lock a request for a right: of two who decide at once, the second finds it decided.
--
-- town_id  integer
-- id       uuid
--
-- One row (id uuid, user_id bigint, username text, what text, role text, asked_by bigint, asked_at timestamptz,
-- decided_by bigint, decided_at timestamptz, outcome text), or none.
SELECT
    r.id, r.user_id, u.username, r.what, r.role, r.asked_by_id AS asked_by, r.asked_at,
    r.decided_by_id AS decided_by, r.decided_at, r.outcome
FROM parties_rightrequest AS r
INNER JOIN parties_user AS u ON u.id = r.user_id
WHERE r.town_id = %(town_id)s AND r.id = %(id)s
FOR UPDATE OF r;
