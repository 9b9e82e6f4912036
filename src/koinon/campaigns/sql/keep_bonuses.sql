-- Keep bonuses that were just posted.
--
-- town_id  integer
-- bonuses  jsonb  a list of rows
INSERT INTO campaigns.bonus (
    town_id, id, campaign_id, source, party, persons, purse, paid_minor, earning_minor, amount_minor, granted_at
)
SELECT
    %(town_id)s, b.id, b.campaign_id, b.source, b.party, b.persons, b.purse, b.paid_minor, b.earning_minor,
    b.amount_minor, b.granted_at
FROM jsonb_to_recordset(%(bonuses)s) AS b (
    id uuid, campaign_id uuid, source uuid, party uuid, persons uuid [], purse integer, paid_minor bigint,
    earning_minor bigint, amount_minor bigint, granted_at timestamptz
);
