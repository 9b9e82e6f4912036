-- Invariant: every account is held by a party of its town or, an escrow, by one of its programmes or campaigns or is a lane's, and is of one of its funds or of none.
-- Returns the accounts that break it; an empty answer is a pass. The town's own accounts are held by the town's own party.
SELECT account.town_id, account.id AS account, account.kind, account.holder, account.fund
FROM ledger.account AS account
LEFT JOIN parties_town AS town ON town.id = account.town_id
LEFT JOIN parties_party AS party ON party.town_id = account.town_id AND party.id = account.holder
LEFT JOIN programmes_programme AS programme ON programme.town_id = account.town_id AND programme.id = account.holder
LEFT JOIN campaigns.campaign AS campaign ON campaign.town_id = account.town_id AND campaign.id = account.holder
LEFT JOIN programmes_fund AS fund ON fund.town_id = account.town_id AND fund.id = account.fund
WHERE
    (party.id IS NULL AND (account.kind <> 'escrow' OR (
        programme.id IS NULL AND campaign.id IS NULL AND NOT EXISTS (
            SELECT FROM programmes_lane AS lane
            INNER JOIN programmes_cycle AS cycle ON cycle.id = lane.cycle_id
            INNER JOIN programmes_programme AS owner ON owner.id = cycle.programme_id
            WHERE owner.town_id = account.town_id AND lane.escrow = account.id
        )
    )))
    OR (account.kind IN ('issuance', 'reserve', 'redemption') AND account.holder IS DISTINCT FROM town.party_id)
    OR (account.fund IS NOT NULL AND fund.id IS NULL);
