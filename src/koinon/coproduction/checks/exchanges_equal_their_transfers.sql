-- Invariant: every exchange of a time bank is one transfer between its two members, wholly reversed where it was undone, and the other way round.
-- Returns the exchanges and transfers that break it; an empty answer is a pass. Hours of activities are contributions, and not looked at here.
SELECT
    coalesce(e.town_id, t.town_id) AS town_id, e.id AS exchange, t.id AS transfer_id, e.minutes, t.amount_minor, t.back_minor
FROM coproduction.time_exchange AS e
FULL JOIN (
    SELECT
        x.town_id, x.id, x.amount_minor, debit.holder AS payer, credit.holder AS payee,
        (
            SELECT coalesce(sum(b.amount_minor), 0)
            FROM ledger.target AS g
            INNER JOIN ledger.transfer AS b ON b.town_id = g.town_id AND b.seq = g.seq
            WHERE g.town_id = x.town_id AND g.target_seq = x.seq AND b.kind IN ('r', 'R')
        ) AS back_minor
    FROM ledger.transfer AS x
    INNER JOIN ledger.account AS debit ON debit.town_id = x.town_id AND debit.id = x.debit_account
    INNER JOIN ledger.account AS credit ON credit.town_id = x.town_id AND credit.id = x.credit_account
    WHERE x.code = 'exchange' AND x.kind NOT IN ('r', 'R') AND NOT starts_with(x.reference, 'activity:')
) AS t
    ON t.town_id = e.town_id AND t.id = e.id
WHERE
    e.id IS NULL OR t.id IS NULL OR e.minutes <> t.amount_minor OR e.payer <> t.payer OR e.payee <> t.payee
    OR t.back_minor <> CASE WHEN e.undone_at IS NULL THEN 0 ELSE e.minutes END;
