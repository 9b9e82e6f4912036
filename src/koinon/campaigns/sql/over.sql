-- Campaigns of a town that have to be ended, or have something to give back although they ended.
--
-- town_id  integer
-- today    date  the town's local day
--
-- No lock.
SELECT c.id
FROM campaigns.campaign AS c
LEFT JOIN ledger.account AS escrow ON escrow.town_id = c.town_id AND escrow.holder = c.id AND escrow.kind = 'escrow'
WHERE
    c.town_id = %(town_id)s
    AND (
        (c.state = 'running' AND c.last_day < %(today)s)
        OR (c.state = 'ended' AND escrow.credits_posted > escrow.debits_posted)
    )
ORDER BY c.id;
