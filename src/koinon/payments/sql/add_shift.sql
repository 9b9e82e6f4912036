-- Begin a shift, where none of this cashier (or, without cashiers, of this shop) is open.
--
-- town_id integer, id uuid, payee uuid, cashier uuid or null, at timestamptz, actor text
--
-- The row count is 1 where it began.
INSERT INTO payments.shift (town_id, id, payee, cashier, opened_at, opened_by)
VALUES (%(town_id)s, %(id)s, %(payee)s, %(cashier)s, %(at)s, %(actor)s)
ON CONFLICT (town_id, payee, cashier) WHERE closed_at IS NULL DO NOTHING;
