-- What is registered about some payers and whom they pay.
--
-- town_id  integer
-- payers   uuid[]
-- payees   uuid[]  in parallel; NULL for a top-up
--
-- One row for each pair: whether the payer is a resident and the payee a shop; against whose most a bonus counts (the
-- person, or everybody of the household whose purse pays, or the household where nobody is registered in it); and
-- whether the two are related: somebody may act for both, or they share a bank account, telephone or address for mail, where
-- the payer stands for the whole household. No lock.
WITH pair AS (
    SELECT asked.payer, asked.payee, payer.kind AS payer_kind, payee.kind AS payee_kind,
           coalesce(own.household_id, CASE WHEN payer.kind = 'household' THEN payer.id END) AS household
    FROM (
        SELECT DISTINCT wanted.payer, wanted.payee FROM unnest(%(payers)s::uuid [], %(payees)s::uuid []) AS wanted (payer, payee)
    ) AS asked
    INNER JOIN parties_party AS payer ON payer.id = asked.payer AND payer.town_id = %(town_id)s
    LEFT JOIN parties_party AS payee ON payee.id = asked.payee AND payee.town_id = %(town_id)s
    LEFT JOIN parties_person AS own ON own.party_id = asked.payer
), near AS (
    SELECT
        pair.payer, pair.payee,
        array_remove(ARRAY[pair.payer, pair.household] || array_agg(of_it.party_id), NULL) AS parties,
        array_agg(of_it.party_id) FILTER (WHERE of_it.party_id IS NOT NULL) AS people
    FROM pair
    LEFT JOIN parties_person AS of_it ON of_it.household_id = pair.household
    GROUP BY pair.payer, pair.payee, pair.household
)
SELECT
    pair.payer, pair.payee, pair.payer_kind IN ('person', 'household') AS is_resident,
    coalesce(pair.payee_kind IN ('organisation', 'public_body'), FALSE) AS is_shop,
    CASE WHEN pair.payer_kind = 'household' THEN coalesce(near.people, ARRAY[pair.payer]) ELSE ARRAY[pair.payer] END AS persons,
    coalesce(pair.payee = ANY(near.parties), FALSE)
    OR EXISTS (
        SELECT FROM parties_rolegrant AS theirs
        INNER JOIN parties_rolegrant AS ours ON ours.user_id = theirs.user_id AND ours.party_id = ANY(near.parties)
        WHERE theirs.party_id = pair.payee
    )
    OR EXISTS (
        SELECT FROM parties_vaultlookup AS theirs
        INNER JOIN parties_vaultlookup AS ours
            ON
                ours.town_id = theirs.town_id AND ours.kind = theirs.kind AND ours.digest = theirs.digest
                AND ours.party_id = ANY(near.parties)
        WHERE theirs.party_id = pair.payee
    ) AS related
FROM pair
INNER JOIN near ON near.payer = pair.payer AND near.payee IS NOT DISTINCT FROM pair.payee;
