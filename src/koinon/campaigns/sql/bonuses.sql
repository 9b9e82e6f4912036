-- Bonuses, newest first: of a campaign, of a party, or on one payment or top-up.
--
-- town_id   integer
-- campaign  uuid or NULL
-- party     uuid or NULL
-- source    uuid or NULL
-- before    uuid or NULL  the last one shown before
-- size      integer
--
-- No lock.
SELECT
    b.id, b.campaign_id, b.source, b.party, b.paid_minor, b.earning_minor, b.amount_minor, b.due_back_minor, b.undone_minor,
    b.granted_at
FROM campaigns.bonus AS b
WHERE
    b.town_id = %(town_id)s
    AND (%(campaign)s::uuid IS NULL OR b.campaign_id = %(campaign)s)
    AND (%(party)s::uuid IS NULL OR b.party = %(party)s)
    AND (%(source)s::uuid IS NULL OR b.source = %(source)s)
    AND (%(before)s::uuid IS NULL OR b.id < %(before)s)
ORDER BY b.id DESC
LIMIT %(size)s;
