-- What a cycle has paid out, in minor units.
--
-- cycle_id  uuid
SELECT coalesce(sum(amount_minor), 0)
FROM programmes_entitlement
WHERE cycle_id = %(cycle_id)s AND state = 'paid';
