-- Copy out what seals cover: each row as it stands, with its actor's name and the id it points at. Locks nothing.
--
-- town_id integer, seq_from bigint, seq_to bigint (not included)
--
-- A row of this copy is the row's canonical bytes: docs/algorithms/sealing.md. Its columns and their order are the format.
COPY (
    SELECT
        line.town_id, line.seq, line.id, line.kind, line.debit_account, line.credit_account, line.amount_minor,
        line.code, line.leg, line.legs, line.effective_at, line.posted_at, target.target, actor.name, line.reference
    FROM ledger.journal AS line
    LEFT JOIN ledger.actor AS actor ON actor.town_id = line.town_id AND actor.number = line.actor
    LEFT JOIN ledger.target AS target
        ON target.town_id = line.town_id AND target.seq = line.seq
        AND target.seq >= %(seq_from)s AND target.seq < %(seq_to)s
    WHERE line.town_id = %(town_id)s AND line.seq >= %(seq_from)s AND line.seq < %(seq_to)s
    ORDER BY line.seq
) TO STDOUT (FORMAT binary);
