-- Keep that a payment was made by a card of an authorisation; nothing where that is known.
--
-- town_id integer, payment uuid, authorisation uuid, card uuid, day date
INSERT INTO instruments.authorised_payment (town_id, payment, authorisation, card, day)
VALUES (%(town_id)s, %(payment)s, %(authorisation)s, %(card)s, %(day)s)
ON CONFLICT (town_id, payment) DO NOTHING;
