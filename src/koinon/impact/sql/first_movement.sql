-- When the first transfer of a town took effect; NULL when there is none.
--
-- town_id  integer
SELECT min(t.effective_at) AS first_at FROM ledger.transfer AS t WHERE t.town_id = %(town_id)s;
