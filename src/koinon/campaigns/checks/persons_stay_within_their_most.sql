-- Invariant: what a campaign counts for each person is what its bonuses gave them, their own and their household's, net of what was
-- taken back, and at most what the campaign grants one person.
-- Returns the people that break it; an empty answer is a pass.
SELECT
    coalesce(kept.town_id, given.town_id) AS town_id, coalesce(kept.campaign_id, given.campaign_id) AS campaign_id,
    coalesce(kept.person, given.person) AS person, kept.granted_minor, given.net_minor, c.person_most_minor
FROM campaigns.person AS kept
FULL JOIN (
    SELECT b.town_id, b.campaign_id, one.person, sum(b.amount_minor - b.undone_minor) AS net_minor
    FROM campaigns.bonus AS b
    CROSS JOIN LATERAL unnest(b.persons) AS one (person)
    GROUP BY b.town_id, b.campaign_id, one.person
) AS given
    ON given.town_id = kept.town_id AND given.campaign_id = kept.campaign_id AND given.person = kept.person
LEFT JOIN campaigns.campaign AS c
    ON c.town_id = coalesce(kept.town_id, given.town_id) AND c.id = coalesce(kept.campaign_id, given.campaign_id)
WHERE
    coalesce(kept.granted_minor, 0) <> coalesce(given.net_minor, 0)
    OR coalesce(kept.granted_minor, 0) > c.person_most_minor;
