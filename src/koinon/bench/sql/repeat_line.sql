-- Give every household of a town but one the line that this one got by the programme's rules, and the cycle its totals.
--
-- cycle_id uuid, town_id integer
-- most  integer  how many households at the most
-- since bigint   when it was prepared, in milliseconds: ids tell it, some two hundred in each, as when they are made one by one
WITH line AS (
    SELECT party_id, amount_minor, grounds, snapshot FROM programmes_entitlement WHERE cycle_id = %(cycle_id)s
),
other AS (
    SELECT party.id, row_number() OVER (ORDER BY party.id) AS number
    FROM parties_party AS party
    WHERE party.town_id = %(town_id)s AND party.kind = 'household' AND party.id NOT IN (SELECT line.party_id FROM line)
    ORDER BY party.id
    LIMIT %(most)s - 1
),
more AS (
    INSERT INTO programmes_entitlement (id, cycle_id, party_id, amount_minor, decision, grounds, snapshot)
    SELECT
        (
            lpad(to_hex(%(since)s::bigint + other.number / 200), 12, '0') || '7' || lpad(to_hex(other.number %% 200), 3, '0')
            || '8' || substr(md5(other.id::text), 1, 15)
        )::uuid,
        %(cycle_id)s, other.id,
        line.amount_minor + other.number %% 100, 'due', line.grounds, line.snapshot
    FROM other CROSS JOIN line
    RETURNING amount_minor
)
UPDATE programmes_cycle
SET total_minor = total_minor + given.minor, count = count + given.lines
FROM (SELECT coalesce(sum(amount_minor), 0)::bigint AS minor, count(*)::integer AS lines FROM more) AS given
WHERE id = %(cycle_id)s;
