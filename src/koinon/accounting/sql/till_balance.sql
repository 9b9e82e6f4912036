-- What lies in a party's till now, bound money included, in minor units.
--
-- town_id integer, party uuid
SELECT coalesce(sum(acc.credits_posted - acc.debits_posted), 0)::bigint
FROM ledger.account AS acc
WHERE acc.town_id = %(town_id)s AND acc.holder = %(party)s AND acc.kind = 'till';
