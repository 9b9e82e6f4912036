-- Make the payments of one payer take turns until the transaction ends.
--
-- town_id integer, party uuid
SELECT payments.one_at_a_time(%(town_id)s::integer, %(party)s::uuid);
