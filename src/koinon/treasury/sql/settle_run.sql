-- Close a run none of whose payments is due any more; the caller holds the run's lock.
--
-- town_id, run, actor, at
UPDATE treasury.run AS u
SET state = 'settled', settled_by = %(actor)s, settled_at = %(at)s
WHERE
    u.town_id = %(town_id)s AND u.id = %(run)s AND u.state = 'exported'
    AND NOT EXISTS (
        SELECT 1 FROM treasury.payment AS p
        WHERE p.town_id = u.town_id AND p.run_id = u.id AND p.state = 'due'
    );
