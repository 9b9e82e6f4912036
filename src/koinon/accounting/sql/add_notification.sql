-- Record that the authority was told; no row where the same day and reference are there already.
--
-- town_id, id, sent_on, authority, reference, volume_minor, recorded_by, recorded_at
INSERT INTO accounting.notification (town_id, id, sent_on, authority, reference, volume_minor, recorded_by, recorded_at)
VALUES (
    %(town_id)s, %(id)s, %(sent_on)s, %(authority)s, %(reference)s, %(volume_minor)s, %(actor)s, %(at)s
)
ON CONFLICT DO NOTHING;
