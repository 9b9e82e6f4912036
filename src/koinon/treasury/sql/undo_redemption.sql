-- Mark a redemption as undone; its lock is held by the caller.
--
-- town_id, redemption, undo_transfer_id, fee_undo_transfer_id (NULL where the fee stays), undone_at, undone_by
UPDATE treasury.redemption AS r
SET undo_transfer_id = %(undo_transfer_id)s, fee_undo_transfer_id = %(fee_undo_transfer_id)s, undone_at = %(undone_at)s, undone_by = %(undone_by)s
WHERE r.town_id = %(town_id)s AND r.id = %(redemption)s AND r.undone_at IS NULL;
