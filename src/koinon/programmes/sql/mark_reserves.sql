-- Sum up what went out of the reserves of a town's funds and came back, so that nobody has to walk over it again.
--
-- town_id integer
--
-- From each reserve's newest transfer back to the mark before. What is behind a mark never changes: the books are append-only.
-- Two who do so at once write the same; a later mark is not put back.
INSERT INTO programmes_reservemark (fund_id, seq, received_minor, issued_minor, apart_minor, swept_minor)
SELECT moved.fund, moved.last_seq, moved.received, moved.issued, moved.apart, moved.swept
FROM programmes_reserve_moved(%(town_id)s, NULL) AS moved
WHERE NOT EXISTS (
    SELECT FROM programmes_reservemark AS mark WHERE mark.fund_id = moved.fund AND mark.seq = moved.last_seq
)
ON CONFLICT (fund_id) DO UPDATE
SET
    seq = excluded.seq, received_minor = excluded.received_minor, issued_minor = excluded.issued_minor,
    apart_minor = excluded.apart_minor, swept_minor = excluded.swept_minor
WHERE programmes_reservemark.seq < excluded.seq;
