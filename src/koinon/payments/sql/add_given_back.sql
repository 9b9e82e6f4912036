-- Write in which shift a refund was made, in the transaction that makes it; again, it does nothing.
--
-- town_id integer, refund uuid, payment uuid, amount_minor bigint, shift uuid or null, cashier uuid or null, at timestamptz
INSERT INTO payments.given_back (town_id, refund, payment, amount_minor, shift, cashier, at)
VALUES (%(town_id)s, %(refund)s, %(payment)s, %(amount_minor)s, %(shift)s, %(cashier)s, %(at)s)
ON CONFLICT (town_id, refund) DO NOTHING;
