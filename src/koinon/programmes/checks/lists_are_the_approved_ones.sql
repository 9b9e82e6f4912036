-- Invariant: a cycle's list has the fingerprint under which it was submitted, for good.
-- Returns the cycles that break it; an empty answer is a pass. programmes/sql/fingerprint.sql takes the same fingerprint.
SELECT programme.town_id, cycle.id, cycle.state, cycle.fingerprint, found.fingerprint AS fingerprint_now
FROM programmes_cycle AS cycle
INNER JOIN programmes_programme AS programme ON programme.id = cycle.programme_id
CROSS JOIN LATERAL (
    SELECT encode(sha256(coalesce(string_agg(bucket.hash, ''::bytea ORDER BY bucket.number), ''::bytea)), 'hex') AS fingerprint
    FROM (
        SELECT line.number, sha256(string_agg(line.hash, ''::bytea ORDER BY line.party_id)) AS hash
        FROM (
            SELECT
                entitlement.party_id, get_byte(uuid_send(entitlement.party_id), 15) AS number,
                sha256(convert_to(concat_ws(
                    chr(31), entitlement.party_id, entitlement.amount_minor,
                    entitlement.decision,
                    entitlement.grounds, entitlement.snapshot
                ), 'UTF8')) AS hash
            FROM programmes_entitlement AS entitlement
            WHERE entitlement.cycle_id = cycle.id
        ) AS line
        GROUP BY line.number
    ) AS bucket
) AS found
WHERE cycle.fingerprint <> '' AND found.fingerprint <> cycle.fingerprint;
