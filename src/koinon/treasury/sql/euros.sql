-- A town's euros, from the treasury's own tables.
--
-- town_id  integer
--
-- One row: received and withdrawn, paid to businesses (net of returns), and what
-- is owed to them (open and on the way). No lock.
SELECT
    coalesce((SELECT sum(r.amount_minor) FROM treasury.receipt AS r
              WHERE r.town_id = %(town_id)s AND r.direction = 'received'), 0)::bigint AS received,
    coalesce((SELECT sum(r.amount_minor) FROM treasury.receipt AS r
              WHERE r.town_id = %(town_id)s AND r.direction = 'withdrawn'), 0)::bigint AS withdrawn,
    coalesce((SELECT sum(p.amount_minor) FROM treasury.payment AS p
              WHERE p.town_id = %(town_id)s AND p.state = 'paid'), 0)::bigint AS paid_out,
    coalesce((SELECT sum(d.amount_minor) FROM treasury.redemption AS d
              WHERE d.town_id = %(town_id)s AND d.undone_at IS NULL), 0)::bigint
    - coalesce((SELECT sum(p.amount_minor) FROM treasury.payment AS p
                WHERE p.town_id = %(town_id)s AND p.state = 'paid'), 0)::bigint AS owed;
