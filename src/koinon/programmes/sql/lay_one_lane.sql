-- Make one lane of a whole cycle.
--
-- cycle_id uuid
INSERT INTO programmes_lane (cycle_id, number, total_minor)
SELECT id, 0, total_minor FROM programmes_cycle WHERE id = %(cycle_id)s;
