-- Invariant: of an erased party the vault holds nothing, nobody signs in for it, and no birth, status or choice is on record.
-- Returns the parties that break it; an empty answer is a pass.
SELECT party.town_id, party.id
FROM parties_party AS party
WHERE
    party.erased_at IS NOT NULL
    AND (
        EXISTS (SELECT FROM parties_vaultentry AS entry WHERE entry.party_id = party.id)
        OR EXISTS (SELECT FROM parties_vaultlookup AS lookup WHERE lookup.party_id = party.id)
        OR EXISTS (SELECT FROM parties_rolegrant AS granted WHERE granted.party_id = party.id)
        OR EXISTS (SELECT FROM parties_noticechoice AS choice WHERE choice.party_id = party.id)
        OR EXISTS (
            SELECT FROM parties_household AS household
            WHERE
                household.party_id = party.id
                AND (household.children_born <> '[]'::jsonb OR household.statuses <> '[]'::jsonb)
        )
    );
