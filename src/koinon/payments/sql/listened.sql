-- Whether anybody in the town listens to what happens.
--
-- town_id integer
--
-- One row (listened boolean).
SELECT EXISTS (SELECT FROM outbox.subscription AS heard WHERE heard.town_id = %(town_id)s) AS listened;
