-- Write the payments of a run and which requests each pays.
--
-- town_id         integer
-- run             uuid
-- payments        uuid[]    with parties uuid[] and amounts bigint[], one place each
-- of_payments     uuid[]    with redemptions uuid[], one place for each request
--
-- One statement, so that a payment never stands without what it pays.
WITH paid AS (
    INSERT INTO treasury.payment (town_id, id, run_id, party, amount_minor)
    SELECT %(town_id)s, p.id, %(run)s, p.party, p.amount_minor
    FROM unnest(%(payments)s::uuid [], %(parties)s::uuid [], %(amounts)s::bigint []) AS p (id, party, amount_minor)
    RETURNING id
)

INSERT INTO treasury.payment_redemption (town_id, payment_id, redemption_id)
SELECT %(town_id)s, m.payment_id, m.redemption_id
FROM unnest(%(of_payments)s::uuid [], %(redemptions)s::uuid []) AS m (payment_id, redemption_id)
INNER JOIN paid ON paid.id = m.payment_id;
