-- Keep an exchange. Touches no row where this id was there.
--
-- town_id integer, id uuid, bank_id uuid, payer uuid, payee uuid, minutes integer, actor text, at timestamptz
INSERT INTO coproduction.time_exchange (town_id, id, bank_id, payer, payee, minutes, actor, at)
VALUES (%(town_id)s, %(id)s, %(bank_id)s, %(payer)s, %(payee)s, %(minutes)s, %(actor)s, %(at)s)
ON CONFLICT (town_id, id) DO NOTHING;
