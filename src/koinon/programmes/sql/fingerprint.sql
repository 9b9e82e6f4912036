-- What approvers approve, in 32 bytes: every line of a cycle's list, in the order of party ids.
--
-- cycle_id uuid
--
-- A line's hash covers party, amount, whether it is due, the grounds and the facts; a bucket's those of the parties whose ids
-- end alike, so that no step holds more than a small part of the list; the fingerprint's the buckets in order. What
-- became of a line later (paid, failed) is not part of it: the same list has it for good. docs/algorithms/disbursement.md
-- takes one apart.
SELECT encode(sha256(coalesce(string_agg(bucket.hash, ''::bytea ORDER BY bucket.number), ''::bytea)), 'hex')
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
        WHERE entitlement.cycle_id = %(cycle_id)s
    ) AS line
    GROUP BY line.number
) AS bucket;
