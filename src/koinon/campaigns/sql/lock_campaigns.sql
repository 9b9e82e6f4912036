-- Lock the campaigns that what is about to be posted may have to do with, lowest id first.
--
-- town_id    integer
-- trigger    text     purchase or topup
-- giving     boolean  whether something may be granted
-- undoing    boolean  whether something may be undone, or what was undone before be taken
--
-- One row (id uuid) for each. What runs for this trigger may grant; what ran at any time may have to undo. Locked before any
-- account, so that nobody who holds an account waits for a campaign; what it has granted is read in later
-- statements, because a single one that waits would still see what was there before.
SELECT c.id FROM campaigns.campaign AS c
WHERE
    c.town_id = %(town_id)s
    AND (
        (%(giving)s AND c.state = 'running' AND c.trigger = %(trigger)s)
        OR (%(undoing)s AND c.state IN ('running', 'ended'))
    )
ORDER BY c.id
FOR NO KEY UPDATE;
