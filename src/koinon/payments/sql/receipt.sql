-- One movement of a party, transfer by transfer: what its receipt says.
--
-- town_id     integer
-- party       uuid
-- receipt_id  uuid  the id of the movement, that of the first transfer of its group
--
-- One row for each transfer of the group that touches an account of the party, in the order of the books; none
-- where the id names nothing or moved nothing of this party. `original` is the movement that a reversal undoes. Locks nothing.
SELECT
    line.id AS transfer_id, line.code, line.kind IN ('r', 'R') AS is_reversal, line.effective_at, line.posted_at,
    CASE WHEN mine.id = line.debit_account THEN -line.amount_minor ELSE line.amount_minor END AS signed_minor,
    coalesce(fund.name, '') AS fund_name, mine.unit,
    CASE WHEN other.kind IN ('purse', 'till') THEN other.holder END AS counterparty,
    coalesce(organisation.trade_name, '') AS counterparty_name,
    line.reference, undone.minor AS refunded_minor, original.first_id AS original
FROM payments.groups_of(%(town_id)s::integer, ARRAY[%(receipt_id)s::uuid]) AS named
INNER JOIN ledger.journal AS head ON head.town_id = %(town_id)s AND head.seq = named.first_seq
CROSS JOIN LATERAL generate_series(0, head.legs - 1) AS part (leg)
INNER JOIN ledger.transfer AS line ON line.town_id = head.town_id AND line.seq = head.seq + part.leg
INNER JOIN ledger.account AS mine ON
    mine.town_id = line.town_id AND mine.id IN (line.debit_account, line.credit_account)
    AND mine.holder = %(party)s AND mine.kind <> 'member'
INNER JOIN ledger.account AS other ON
    other.town_id = line.town_id
    AND other.id = CASE WHEN mine.id = line.debit_account THEN line.credit_account ELSE line.debit_account END
LEFT JOIN programmes_fund AS fund ON fund.id = mine.fund
LEFT JOIN parties_organisation AS organisation ON organisation.party_id = other.holder
CROSS JOIN LATERAL (
    SELECT coalesce(sum(undo.amount_minor), 0)::bigint AS minor
    FROM ledger.target AS aim
    INNER JOIN ledger.journal AS undo ON undo.town_id = aim.town_id AND undo.seq = aim.seq AND undo.kind IN ('r', 'R')
    WHERE aim.town_id = line.town_id AND aim.target_seq = line.seq
) AS undone
LEFT JOIN LATERAL (
    SELECT first.id AS first_id
    FROM ledger.target AS aim
    INNER JOIN ledger.journal AS target ON target.town_id = aim.town_id AND target.seq = aim.target_seq
    INNER JOIN ledger.journal AS first ON first.town_id = target.town_id AND first.seq = target.seq - target.leg
    WHERE aim.town_id = line.town_id AND aim.seq = line.seq AND line.kind IN ('r', 'R')
) AS original ON TRUE
WHERE named.leg = 0
ORDER BY line.seq;
