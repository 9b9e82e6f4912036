-- Say how a try to send a message ended.
--
-- town_id integer, id uuid, channel text, error text (empty: sent), wait double precision (seconds; null: no other try)
UPDATE outbox.message AS m
SET
    channel = %(channel)s, last_error = %(error)s,
    state = CASE WHEN %(error)s = '' THEN 'sent' WHEN %(wait)s::double precision IS NULL THEN 'failed' ELSE 'due' END,
    next_at = statement_timestamp() + make_interval(secs => coalesce(%(wait)s::double precision, 0)),
    finished_at = CASE
        WHEN %(error)s = '' OR %(wait)s::double precision IS NULL THEN statement_timestamp()
    END
WHERE m.town_id = %(town_id)s AND m.id = %(id)s AND m.state = 'due';
