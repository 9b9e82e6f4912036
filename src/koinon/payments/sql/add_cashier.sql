-- Let somebody work at a shop's tills.
--
-- town_id integer, id uuid, payee uuid, role text, sealed_name bytea, pin_hash text, at timestamptz, actor text
INSERT INTO payments.cashier (town_id, id, payee, role, sealed_name, pin_hash, made_at, made_by)
VALUES (%(town_id)s, %(id)s, %(payee)s, %(role)s, %(sealed_name)s, %(pin_hash)s, %(at)s, %(actor)s);
