-- Whether the town has this fund.
--
-- town_id  integer
-- fund     uuid
--
-- One row (boolean). Takes no lock: funds are never deleted once money is in them.
SELECT EXISTS (
    SELECT 1 FROM programmes_fund AS f WHERE f.town_id = %(town_id)s AND f.id = %(fund)s
) AS fund_exists;
