-- Invariant: a captured hold has one capture of the captured amount between its accounts, a released one a release; others none.
-- Returns the holds that break it; an empty answer is a pass.
SELECT h.town_id, h.id AS hold_id, h.state, h.amount_minor, h.captured_minor, ended.captures, ended.releases, ended.moved_minor
FROM ledger.hold AS h
LEFT JOIN (
    SELECT aim.town_id, aim.target_seq, count(*) FILTER (WHERE line.kind IN ('c', 'C')) AS captures,
           count(*) FILTER (WHERE line.kind = 'g') AS releases,
           sum(line.amount_minor) FILTER (WHERE line.kind IN ('c', 'C')) AS moved_minor,
           max(line.amount_minor) FILTER (WHERE line.kind IN ('C', 'g')) AS whole_minor,
           min(line.debit_account) AS debit_account, min(line.credit_account) AS credit_account, min(line.code) AS code
    FROM ledger.target AS aim
    INNER JOIN ledger.journal AS line ON line.town_id = aim.town_id AND line.seq = aim.seq
    WHERE line.kind IN ('c', 'C', 'g')
    GROUP BY aim.town_id, aim.target_seq
) AS ended ON ended.town_id = h.town_id AND ended.target_seq = h.seq
WHERE coalesce(ended.captures, 0) <> (h.state = 'captured')::integer
   OR coalesce(ended.releases, 0) <> (h.state = 'released')::integer
   OR coalesce(ended.moved_minor, 0) <> h.captured_minor
   OR ended.whole_minor <> h.amount_minor
   OR ended.debit_account <> h.debit_account OR ended.credit_account <> h.credit_account OR ended.code <> h.code;
