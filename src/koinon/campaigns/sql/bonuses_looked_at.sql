-- The bonuses on what is being given back, and those that payers still owe because they had spent them.
--
-- town_id    integer
-- campaigns  uuid[]  those that are locked
-- sources    uuid[]  payments or top-ups being given back
-- parties    uuid[]  payers
--
-- One row for each, oldest first.
SELECT
    b.id, b.campaign_id, b.source, b.party, b.persons, b.purse, b.paid_minor, b.amount_minor, b.due_back_minor,
    b.undone_minor
FROM campaigns.bonus AS b
WHERE b.town_id = %(town_id)s AND b.source = ANY(%(sources)s::uuid [])
UNION
SELECT
    b.id, b.campaign_id, b.source, b.party, b.persons, b.purse, b.paid_minor, b.amount_minor, b.due_back_minor,
    b.undone_minor
FROM campaigns.bonus AS b
WHERE
    b.town_id = %(town_id)s AND b.party = ANY(%(parties)s::uuid []) AND b.due_back_minor > b.undone_minor
    AND b.campaign_id = ANY(%(campaigns)s::uuid [])
ORDER BY 1;
