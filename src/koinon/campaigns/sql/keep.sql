-- Keep bonuses that were just posted, what refunds undid of others, what people have got, and what campaigns have granted.
--
-- town_id    integer
-- bonuses    jsonb  a list of rows
-- undone     jsonb  a list of (id, due_back_minor, undone_minor) as they are now
-- persons    jsonb  a list of (campaign_id, person, granted_minor) as they are now
-- campaigns  jsonb  a list of (id, granted_minor, alerted_at) as they are now
WITH granted AS (
    INSERT INTO campaigns.bonus (
        town_id, id, campaign_id, source, party, persons, purse, paid_minor, earning_minor, amount_minor, granted_at
    )
    SELECT
        %(town_id)s, b.id, b.campaign_id, b.source, b.party, b.persons, b.purse, b.paid_minor, b.earning_minor,
        b.amount_minor, b.granted_at
    FROM jsonb_to_recordset(%(bonuses)s) AS b (
        id uuid, campaign_id uuid, source uuid, party uuid, persons uuid [], purse integer, paid_minor bigint,
        earning_minor bigint, amount_minor bigint, granted_at timestamptz
    )
), undone AS (
    UPDATE campaigns.bonus AS b
    SET due_back_minor = now.due_back_minor, undone_minor = now.undone_minor
    FROM jsonb_to_recordset(%(undone)s) AS now (id uuid, due_back_minor bigint, undone_minor bigint)
    WHERE b.town_id = %(town_id)s AND b.id = now.id
), got AS (
    INSERT INTO campaigns.person (town_id, campaign_id, person, granted_minor)
    SELECT %(town_id)s, now.campaign_id, now.person, now.granted_minor
    FROM jsonb_to_recordset(%(persons)s) AS now (campaign_id uuid, person uuid, granted_minor bigint)
    ON CONFLICT (town_id, campaign_id, person) DO UPDATE SET granted_minor = excluded.granted_minor
)
UPDATE campaigns.campaign AS c
SET granted_minor = now.granted_minor, alerted_at = now.alerted_at
FROM jsonb_to_recordset(%(campaigns)s) AS now (id uuid, granted_minor bigint, alerted_at timestamptz)
WHERE c.town_id = %(town_id)s AND c.id = now.id;
