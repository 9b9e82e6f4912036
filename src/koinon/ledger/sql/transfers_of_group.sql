-- The transfers that posted together with one, itself among them, in order. Locks nothing.
--
-- town_id integer, group_id uuid  the id of the first of them, which is the group's (or of any other)
WITH named AS (
    SELECT line.seq - line.leg AS seq_from, line.seq - line.leg + line.legs AS seq_to
    FROM ledger.journal AS line
    WHERE line.town_id = %(town_id)s AND line.id = %(group_id)s
      AND line.seq >= ledger.oldest_seq(%(town_id)s, ARRAY[%(group_id)s::uuid])
)
SELECT t.town_id, t.seq, t.id, t.debit_account, t.credit_account, t.amount_minor, t.code, t.kind, t.leg, t.legs, t.group_seq,
       t.effective_at, t.posted_at, t.actor, t.reference, t.reverses, t.hold_id
FROM named
INNER JOIN ledger.transfer AS t ON t.town_id = %(town_id)s AND t.seq >= named.seq_from AND t.seq < named.seq_to
ORDER BY t.seq;
