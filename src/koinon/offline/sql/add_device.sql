-- Register a till.
--
-- town_id integer, id uuid, number integer, party uuid, label text, algorithm text, public_key bytea, at timestamptz,
-- actor text
INSERT INTO offline.device (
    town_id, id, number, party, label, algorithm, public_key, registered_at, registered_by, synced_at
)
VALUES (
    %(town_id)s, %(id)s, %(number)s, %(party)s, %(label)s, %(algorithm)s, %(public_key)s, %(at)s, %(actor)s, %(at)s
);
