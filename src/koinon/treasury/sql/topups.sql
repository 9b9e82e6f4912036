-- Top-ups, newest first: all of a town, of one party, or the one with this id, key or reference.
--
-- town_id    integer
-- party      uuid or NULL
-- topup      uuid or NULL
-- key        text or NULL
-- reference  text or NULL
-- state      text or NULL
-- size       integer  how many at the most
--
-- No lock.
SELECT
    t.id, t.party, t.amount_minor, t.way, t.reference, t.state, t.requested_at, t.received_minor, t.received_way,
    t.received_at, t.transfer_id, t.bank_reference, t.card_reference,
    coalesce((
        SELECT sum(r.amount_minor) FROM treasury.topup_return AS r WHERE r.town_id = t.town_id AND r.topup_id = t.id
    ), 0)::bigint AS returned_minor
FROM treasury.topup AS t
WHERE
    t.town_id = %(town_id)s
    AND (%(party)s::uuid IS NULL OR t.party = %(party)s)
    AND (%(topup)s::uuid IS NULL OR t.id = %(topup)s)
    AND (%(key)s::text IS NULL OR t.key = %(key)s)
    AND (%(reference)s::text IS NULL OR t.reference = %(reference)s)
    AND (%(state)s::text IS NULL OR t.state = %(state)s)
ORDER BY t.requested_at DESC, t.id DESC
LIMIT %(size)s;
