-- The funds whose money is bonus money: those of every campaign that was ever released.
--
-- town_id integer
SELECT DISTINCT c.fund_id AS id
FROM campaigns.campaign AS c
WHERE c.town_id = %(town_id)s AND c.state IN ('running', 'ended');
