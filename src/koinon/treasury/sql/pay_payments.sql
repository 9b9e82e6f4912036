-- Mark payments as paid by the bank; the caller holds the run's lock.
--
-- town_id    integer
-- payments   uuid[]  with transfers uuid[], one place each
-- at         timestamptz
UPDATE treasury.payment AS p
SET state = 'paid', transfer_id = done.transfer_id, paid_at = %(at)s
FROM unnest(%(payments)s::uuid [], %(transfers)s::uuid []) AS done (payment_id, transfer_id)
WHERE p.town_id = %(town_id)s AND p.id = done.payment_id;
