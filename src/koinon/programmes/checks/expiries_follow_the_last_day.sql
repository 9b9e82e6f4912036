-- Invariant: nothing expires before its fund's last day is over in the town, and what expires goes to its own fund's reserve.
-- Returns the transfers that break it; an empty answer is a pass. The last day is that of the version which held then.
-- Where a record was corrected since, the sweep's line in the audit trail says which one held. No operation reverses such a transfer.
SELECT
    expiry.town_id, expiry.id AS transfer_id, expiry.amount_minor, purse.fund, held.last_day, expiry.effective_at, expiry.reverses
FROM ledger.transfer AS expiry
INNER JOIN parties_town AS town ON town.id = expiry.town_id
INNER JOIN ledger.account AS purse ON purse.town_id = expiry.town_id AND purse.id = expiry.debit_account
INNER JOIN ledger.account AS reserve ON reserve.town_id = expiry.town_id AND reserve.id = expiry.credit_account
LEFT JOIN programmes_fund AS fund ON fund.town_id = expiry.town_id AND fund.id = purse.fund
CROSS JOIN LATERAL (SELECT (expiry.effective_at AT TIME ZONE town.time_zone)::date AS day) AS local
LEFT JOIN LATERAL (
    SELECT version.id, version.last_day
    FROM programmes_fundversion AS version
    WHERE version.fund_id = fund.id AND version.withdrawn_at IS NULL AND version.from_day <= local.day
    ORDER BY version.from_day DESC
    LIMIT 1
) AS later ON TRUE
CROSS JOIN LATERAL (SELECT CASE WHEN later.id IS NULL THEN fund.last_day ELSE later.last_day END AS last_day) AS held
WHERE
    expiry.code = 'expire'
    AND (
        expiry.reverses IS NOT NULL
        OR purse.fund IS DISTINCT FROM reserve.fund
        OR (
            (held.last_day IS NULL OR local.day <= held.last_day)
            AND NOT EXISTS (
                SELECT FROM audit.entry AS swept
                WHERE
                    swept.town_id = expiry.town_id
                    AND swept.subject = 'fund:' || purse.fund
                    AND swept.action = 'fund.swept'
                    AND swept.at = expiry.effective_at
                    AND (swept.after ->> 'last_day')::date < local.day
            )
        )
    );
