-- Say what a part of an entry is, unless something else was matched with the same.
--
-- town_id, entry, kind, target, amount_minor, at, actor, by_hand, reason
--
-- The row count is 1, or 0 where the target is matched already. Waits for another connection that matches it.
INSERT INTO banking.match (
    town_id, entry_id, kind, target, amount_minor, matched_at, matched_by, by_hand, reason
)
VALUES (
    %(town_id)s, %(entry)s, %(kind)s, %(target)s, %(amount_minor)s, %(at)s, %(actor)s, %(by_hand)s, %(reason)s
)
ON CONFLICT DO NOTHING;
