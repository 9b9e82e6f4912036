-- End a business's standing order.
--
-- town_id integer, party uuid
DELETE FROM treasury.standing_order
WHERE town_id = %(town_id)s AND party = %(party)s;
