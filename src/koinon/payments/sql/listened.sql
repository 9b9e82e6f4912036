-- Whether anybody in the town listens to what happens.
--
-- town_id integer
SELECT EXISTS (SELECT FROM outbox.subscription AS heard WHERE heard.town_id = %(town_id)s) AS listened;
