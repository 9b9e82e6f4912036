-- Make one delivery for each person out of one for everybody with a role.
--
-- town_id integer, event uuid, listener uuid, recipients text[]
INSERT INTO outbox.delivery (town_id, event_id, listener_id, recipient)
SELECT %(town_id)s, %(event)s, %(listener)s, r.recipient
FROM unnest(%(recipients)s::text[]) AS r (recipient)
ON CONFLICT DO NOTHING;
