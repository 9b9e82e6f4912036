-- Whether a text message came before.
--
-- town_id integer, id uuid
--
-- One row (came boolean). Locks nothing.
SELECT EXISTS (SELECT FROM helpdesk.text AS t WHERE t.town_id = %(town_id)s AND t.id = %(id)s) AS came;
