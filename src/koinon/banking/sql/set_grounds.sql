-- Say why entries are listed.
--
-- town_id  integer
-- entries  uuid[]
-- grounds  jsonb[]  in parallel
--
-- Only those that are still listed, and only where it is news.
UPDATE banking.entry AS e SET grounds = said.grounds
FROM unnest(%(entries)s::uuid [], %(grounds)s::jsonb []) AS said (entry_id, grounds)
WHERE
    e.town_id = %(town_id)s AND e.id = said.entry_id AND e.matched_at IS NULL AND e.grounds <> said.grounds;
