-- Count a payment for which no PIN was asked; the caller has locked the card.
--
-- town_id integer, payment uuid, card uuid, day date, minor bigint
INSERT INTO instruments.small_purchase (town_id, payment, instrument, day, amount_minor)
VALUES (%(town_id)s, %(payment)s, %(card)s, %(day)s, %(minor)s);
