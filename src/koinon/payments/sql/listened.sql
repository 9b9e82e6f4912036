-- Whether anybody in the town listens to what happens, and whether bonuses have to do with it.
--
-- town_id  integer
-- targets  uuid[]  the payments and holds that commands name
--
-- One row (listened boolean, rewarded boolean). rewarded: a campaign on purchases runs, or granted a bonus on one of these
-- payments, or one of these payments and holds may bring bonus money back while somebody in the town still owes some.
SELECT
    EXISTS (SELECT FROM outbox.subscription AS heard WHERE heard.town_id = %(town_id)s) AS listened,
    EXISTS (
        SELECT FROM campaigns.campaign AS campaign
        WHERE campaign.town_id = %(town_id)s AND campaign.trigger = 'purchase' AND campaign.state = 'running'
    )
    OR EXISTS (
        SELECT FROM campaigns.bonus AS bonus
        WHERE bonus.town_id = %(town_id)s AND bonus.source = ANY(%(targets)s::uuid [])
    )
    OR (
        cardinality(%(targets)s::uuid []) > 0
        AND EXISTS (
            SELECT FROM campaigns.bonus AS owed
            WHERE owed.town_id = %(town_id)s AND owed.due_back_minor > owed.undone_minor
        )
    ) AS rewarded;
