-- What several questions read of the books is said once: when a line happened, and who paid whom.
SET LOCAL lock_timeout = '5s';

CREATE VIEW impact.line AS
SELECT
    line.town_id, line.seq, line.amount_minor, line.effective_at, line.posted_at, line.debit_account, line.credit_account,
    line.code, line.leg, line.kind, line.reference,
    -- The block is looked up only where the day is ahead of the clock that posted the line: hardly ever.
    CASE
        WHEN line.effective_at <= line.posted_at THEN line.effective_at
        WHEN line.effective_at <= line.posted_at + interval '1 day' THEN line.effective_at
        ELSE coalesce(
            (
                SELECT block.sealed_at
                FROM ledger.block AS block
                WHERE
                    block.town_id = line.town_id
                    AND block.seq_to > line.seq
                    AND block.seq_from <= line.seq
                    AND block.sealed_at < line.effective_at - interval '1 day'
            ),
            line.effective_at
        )
    END AS happened_at
FROM ledger.journal AS line;
COMMENT ON VIEW impact.line IS 'The journal''s lines. happened_at is effective_at; where that lies more than a day after the line was posted and sealed, nobody can have seen it happen, and it is when the line was sealed.';

CREATE VIEW impact.payment AS
SELECT
    t.town_id, t.seq, t.group_seq, t.code, t.effective_at, t.amount_minor,
    t.kind IN ('r', 'R') AS undoes,
    CASE WHEN t.kind NOT IN ('r', 'R') THEN d.holder ELSE c.holder END AS payer,
    CASE WHEN t.kind NOT IN ('r', 'R') THEN c.holder ELSE d.holder END AS payee,
    CASE WHEN t.kind NOT IN ('r', 'R') THEN t.amount_minor ELSE -t.amount_minor END AS net_minor,
    CASE WHEN t.kind NOT IN ('r', 'R') THEN c.fund ELSE d.fund END AS payee_fund,
    d.holder <> c.holder AS between_two,
    d.kind AS debit_kind,
    c.kind AS credit_kind
FROM ledger.transfer AS t
INNER JOIN ledger.account AS d ON d.town_id = t.town_id AND d.id = t.debit_account
INNER JOIN ledger.account AS c ON c.town_id = t.town_id AND c.id = t.credit_account;
COMMENT ON VIEW impact.payment IS 'Every movement by whom it was between. A reversal has the payer and payee of what it undoes, and counts against it: the sum of net_minor is what was paid and not given back.';
COMMENT ON COLUMN impact.payment.payee_fund IS 'The fund of the payee''s account, NULL for free money.';
COMMENT ON COLUMN impact.payment.between_two IS 'Whether payer and payee are two; what one holder moves between own accounts is no payment.';

GRANT SELECT ON impact.line, impact.payment TO koinon_app;

COMMENT ON COLUMN impact.followed.known IS 'What the numbers of places, labels and cohorts in state mean, and at which place in the books; opaque ids.';
COMMENT ON COLUMN impact.followed.state IS 'The lots in every place, at the place in the books that known names, as koinon.impact.tracing packs them, with a digest of their own; empty where all is computed anew (mixing).';
