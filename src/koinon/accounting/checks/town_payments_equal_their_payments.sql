-- Invariant: what the town was approved to pay out of its till is one payment of that amount to that payee, and what was not approved is none.
-- Returns the payments that break it; an empty answer is a pass.
SELECT asked.town_id, asked.id, asked.state, asked.amount_minor, paid.minor AS paid_minor
FROM accounting.town_payment AS asked
INNER JOIN parties_town AS town ON town.id = asked.town_id
LEFT JOIN LATERAL (
    SELECT sum(leg.amount_minor) AS minor, bool_and(debit.holder = town.party_id AND credit.holder = asked.payee) AS theirs
    FROM ledger.journal AS head
    CROSS JOIN LATERAL generate_series(0, head.legs - 1) AS place (leg)
    INNER JOIN ledger.journal AS leg ON leg.town_id = head.town_id AND leg.seq = head.seq + place.leg
    INNER JOIN ledger.account AS debit ON debit.town_id = leg.town_id AND debit.id = leg.debit_account
    INNER JOIN ledger.account AS credit ON credit.town_id = leg.town_id AND credit.id = leg.credit_account
    WHERE head.town_id = asked.town_id AND head.id = asked.id AND head.leg = 0
) AS paid ON TRUE
WHERE
    (asked.state = 'paid' AND (paid.minor IS DISTINCT FROM asked.amount_minor OR paid.theirs IS NOT TRUE))
    OR (asked.state <> 'paid' AND paid.minor IS NOT NULL);
