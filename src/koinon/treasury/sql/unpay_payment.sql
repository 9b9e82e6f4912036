-- Mark a payment as rejected, or as returned by its reversal; the caller holds the run's lock.
--
-- town_id, payment, state, return_transfer_id (NULL when rejected), at, reason
UPDATE treasury.payment AS p
SET state = %(state)s, return_transfer_id = %(return_transfer_id)s, returned_at = %(at)s, reason = %(reason)s
WHERE p.town_id = %(town_id)s AND p.id = %(payment)s;
