-- A quick sum over a cycle's list: who is due how much. It says that nothing was changed by mistake; fingerprint.sql says what was
-- approved.
--
-- cycle_id uuid
--
-- No order, no JSON and no digest: a million lines take half a second.
SELECT
    coalesce(sum(hash_record_extended(line.kept, 1)), 0) || ':' || coalesce(sum(hash_record_extended(line.kept, 2)), 0)
FROM (
    SELECT
        ROW(
            entitlement.party_id, entitlement.amount_minor, entitlement.decision::text
        ) AS kept
    FROM programmes_entitlement AS entitlement
    WHERE entitlement.cycle_id = %(cycle_id)s
) AS line;
