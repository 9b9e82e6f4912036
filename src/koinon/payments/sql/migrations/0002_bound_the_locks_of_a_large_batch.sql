-- A batch may pay for any number of payers: their turns share 4096 locks in each town.
SET LOCAL lock_timeout = '5s';

-- Make the payments of one payer take turns until the transaction ends.
--
-- With a lock for each payer, a transaction that pays for some ten thousand of
-- them runs out of the server's lock table. Parties that share a lock wait for
-- each other now and then, which is harmless: a payment takes milliseconds.
CREATE OR REPLACE FUNCTION payments.one_at_a_time(p_town integer, p_party uuid) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog
AS $$
    SELECT pg_advisory_xact_lock(p_town, (hashtextextended(p_party::text, p_town) & 4095)::integer)
$$;
COMMENT ON FUNCTION payments.one_at_a_time IS 'Limits by the day and the order of purses look at more than one account, and so cannot be kept by the accounts'' own locks.';
