-- The languages of a town, the first one preferred.
--
-- town_id integer
--
-- One row (languages text[]). Locks nothing.
SELECT ARRAY(SELECT jsonb_array_elements_text(t.languages)) AS languages
FROM parties_town AS t
WHERE t.id = %(town_id)s;
