-- Forget the lanes of a cycle, whose list is a draft again or is to be divided anew.
--
-- cycle_id uuid
DELETE FROM programmes_lane WHERE cycle_id = %(cycle_id)s;
