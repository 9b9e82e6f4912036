-- Keep how a business is paid out on every run; a row where something is different now.
--
-- town_id integer, party uuid, keep_minor bigint, upto date, actor text, at timestamptz
INSERT INTO treasury.standing_order AS kept (town_id, party, keep_minor, upto, set_by, set_at)
VALUES (%(town_id)s, %(party)s, %(keep_minor)s, %(upto)s, %(actor)s, %(at)s)
ON CONFLICT (town_id, party) DO UPDATE
SET keep_minor = excluded.keep_minor, set_by = excluded.set_by, set_at = excluded.set_at
WHERE kept.keep_minor <> excluded.keep_minor;
