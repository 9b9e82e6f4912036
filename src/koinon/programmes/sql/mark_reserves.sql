-- Sum up what went out of the reserves of a town's funds and came back, so that nobody has to walk over it again.
--
-- town_id integer
--
-- From each reserve's newest transfer back to the mark before. What is behind a mark never changes: the books are append-only.
-- Two who do so at once write the same; a later mark is not put back.
WITH RECURSIVE reserve AS (
    SELECT
        acc.id, acc.fund, acc.last_seq, acc.credits_posted - acc.debits_posted AS minor, coalesce(mark.seq, 0) AS seq,
        coalesce(mark.received_minor, 0) AS received, coalesce(mark.issued_minor, 0) AS issued,
        coalesce(mark.apart_minor, 0) AS apart, coalesce(mark.swept_minor, 0) AS swept
    FROM ledger.account AS acc
    INNER JOIN parties_town AS town ON town.id = acc.town_id AND town.party_id = acc.holder
    LEFT JOIN programmes_reservemark AS mark ON mark.fund_id = acc.fund
    WHERE acc.town_id = %(town_id)s AND acc.kind = 'reserve' AND acc.fund IS NOT NULL
), walked AS (
    SELECT
        reserve.id AS reserve, reserve.fund, reserve.seq AS until, line.code, line.reference,
        CASE WHEN line.debit_account = reserve.id THEN -line.amount_minor ELSE line.amount_minor END AS minor,
        CASE WHEN line.debit_account = reserve.id THEN line.debit_prev ELSE line.credit_prev END AS prev
    FROM reserve
    INNER JOIN ledger.journal AS line ON line.town_id = %(town_id)s AND line.seq = reserve.last_seq
    WHERE reserve.last_seq > reserve.seq
    UNION ALL
    SELECT
        walked.reserve, walked.fund, walked.until, line.code, line.reference,
        CASE WHEN line.debit_account = walked.reserve THEN -line.amount_minor ELSE line.amount_minor END,
        CASE WHEN line.debit_account = walked.reserve THEN line.debit_prev ELSE line.credit_prev END
    FROM walked
    INNER JOIN ledger.journal AS line ON line.town_id = %(town_id)s AND line.seq = walked.prev
    WHERE walked.prev > walked.until
), moved AS (
    SELECT
        reserve.fund, reserve.last_seq, reserve.minor,
        reserve.received + coalesce(sum(walked.minor) FILTER (WHERE code.name IN ('receive', 'withdraw')), 0) AS received,
        reserve.issued - coalesce(sum(walked.minor) FILTER (WHERE code.name IN ('issue', 'unissue')), 0) AS issued,
        reserve.apart - coalesce(sum(walked.minor) FILTER (
            WHERE code.name IN ('issue', 'unissue') AND NOT starts_with(walked.reference, 'cycle:')
        ), 0) AS apart,
        reserve.swept + coalesce(sum(walked.minor) FILTER (WHERE code.name = 'expire'), 0) AS swept
    FROM reserve
    LEFT JOIN walked ON walked.reserve = reserve.id
    LEFT JOIN ledger.code AS code ON code.number = walked.code
    GROUP BY
        reserve.fund, reserve.last_seq, reserve.minor, reserve.received, reserve.issued, reserve.apart, reserve.swept
)
INSERT INTO programmes_reservemark (fund_id, seq, received_minor, issued_minor, apart_minor, swept_minor)
SELECT moved.fund, moved.last_seq, moved.received, moved.issued, moved.apart, moved.swept
FROM moved
WHERE NOT EXISTS (
    SELECT FROM programmes_reservemark AS mark WHERE mark.fund_id = moved.fund AND mark.seq = moved.last_seq
)
ON CONFLICT (fund_id) DO UPDATE
SET
    seq = excluded.seq, received_minor = excluded.received_minor, issued_minor = excluded.issued_minor,
    apart_minor = excluded.apart_minor, swept_minor = excluded.swept_minor
WHERE programmes_reservemark.seq < excluded.seq;
