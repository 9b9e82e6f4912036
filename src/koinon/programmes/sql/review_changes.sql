-- What is different between two cycles: who is new or gone, who gets more or less, and by how much.
--
-- cycle_id uuid, before_id uuid  the earlier one
SELECT
    count(*) FILTER (WHERE earlier.party_id IS NULL)::integer AS joined,
    coalesce(sum(later.amount_minor) FILTER (WHERE earlier.party_id IS NULL), 0)::bigint AS joined_minor,
    count(*) FILTER (WHERE later.party_id IS NULL)::integer AS gone,
    coalesce(sum(earlier.amount_minor) FILTER (WHERE later.party_id IS NULL), 0)::bigint AS gone_minor,
    count(*) FILTER (WHERE later.amount_minor > earlier.amount_minor)::integer AS more,
    coalesce(sum(later.amount_minor - earlier.amount_minor)
             FILTER (WHERE later.amount_minor > earlier.amount_minor), 0)::bigint AS more_minor,
    count(*) FILTER (WHERE later.amount_minor < earlier.amount_minor)::integer AS less,
    coalesce(sum(earlier.amount_minor - later.amount_minor)
             FILTER (WHERE later.amount_minor < earlier.amount_minor), 0)::bigint AS less_minor
FROM (
    SELECT party_id, amount_minor FROM programmes_entitlement
    WHERE cycle_id = %(cycle_id)s AND decision = 'due'
) AS later
FULL JOIN (
    SELECT party_id, amount_minor FROM programmes_entitlement
    WHERE cycle_id = %(before_id)s AND decision = 'due'
) AS earlier ON earlier.party_id = later.party_id;
