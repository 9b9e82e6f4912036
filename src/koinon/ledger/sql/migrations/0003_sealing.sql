-- Sealing: every row of the journal falls into exactly one block, and each block's hash covers the one before.
SET LOCAL lock_timeout = '5s';

-- The canonical bytes of a row, format 2: what PostgreSQL's COPY (FORMAT binary) writes for these fifteen columns in
-- this order, so that anybody can get them without us. The number of columns (2 bytes), then each column as its length
-- (4 bytes, ffffffff for NULL) and its bytes. docs/algorithms/sealing.md takes one apart by hand.
CREATE FUNCTION ledger.canonical(
    town_id integer, seq bigint, id uuid, kind "char", debit_account integer, credit_account integer,
    amount_minor bigint, code smallint, leg smallint, legs smallint, effective_at timestamptz, posted_at timestamptz,
    target uuid, actor text, reference text
) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT '\x000f00000004'::bytea || int4send(town_id) || '\x00000008'::bytea || int8send(seq)
        || '\x00000010'::bytea || uuid_send(id) || '\x00000001'::bytea || charsend(kind)
        || '\x00000004'::bytea || int4send(debit_account) || '\x00000004'::bytea || int4send(credit_account)
        || '\x00000008'::bytea || int8send(amount_minor) || '\x00000002'::bytea || int2send(code)
        || '\x00000002'::bytea || int2send(leg) || '\x00000002'::bytea || int2send(legs)
        || '\x00000008'::bytea || timestamptz_send(effective_at) || '\x00000008'::bytea || timestamptz_send(posted_at)
        || coalesce('\x00000010'::bytea || uuid_send(target), '\xffffffff'::bytea)
        || coalesce(int4send(octet_length(actor)) || convert_to(actor, 'UTF8'), '\xffffffff'::bytea)
        || int4send(octet_length(reference)) || convert_to(reference, 'UTF8')
$$;
COMMENT ON FUNCTION ledger.canonical IS 'The bytes of a row of the journal that its leaf hash covers: all it says, with the actor''s name and the id it points at.';

-- The leaf hashes of the rows in a range of the journal, in order and joined, 32 bytes each; NULL where there is no row.
--
-- A canonical row begins with a zero byte, a node of the tree with 01 and a block with 02: none can pass for another.
CREATE FUNCTION ledger.leaves(p_town integer, p_from bigint, p_to bigint) RETURNS bytea
LANGUAGE sql STABLE
SET search_path = pg_catalog, ledger
SET work_mem = '32MB'
SET enable_seqscan = on
SET max_parallel_workers_per_gather = 0
SET plan_cache_mode = force_custom_plan
AS $$
    SELECT string_agg(
        sha256(ledger.canonical(
            line.town_id, line.seq, line.id, line.kind, line.debit_account, line.credit_account, line.amount_minor,
            line.code, line.leg, line.legs, line.effective_at, line.posted_at, target.target, actor.name, line.reference
        )), ''::bytea ORDER BY line.seq)
    FROM ledger.journal AS line
    LEFT JOIN ledger.actor AS actor ON actor.town_id = line.town_id AND actor.number = line.actor
    LEFT JOIN ledger.target AS target
        ON target.town_id = line.town_id AND target.seq = line.seq AND target.seq >= p_from AND target.seq < p_to
    WHERE line.town_id = p_town AND line.seq >= p_from AND line.seq < p_to
$$;

-- Root of the tree of degree 16 over joined hashes: of each sixteen neighbours one, until one is left.
CREATE FUNCTION ledger.tree_root(p_hashes bytea) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog
AS $$
DECLARE
    level bytea := p_hashes;
BEGIN
    WHILE octet_length(level) > 32 LOOP
        level := (
            SELECT string_agg(sha256('\x01'::bytea || substring(level FROM place * 512 + 1 FOR 512)), ''::bytea ORDER BY place)
            FROM generate_series(0, (octet_length(level) - 1) / 512) AS place
        );
    END LOOP;
    RETURN level;
END $$;

CREATE FUNCTION ledger.block_hash(
    town integer, number bigint, seq_from bigint, seq_to bigint, transfers bigint, sealed_at timestamptz,
    merkle_root bytea, previous bytea
) RETURNS bytea
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT sha256('\x02'::bytea || int4send(town) || int8send(number) || int8send(seq_from) || int8send(seq_to)
        || int8send(transfers) || timestamptz_send(sealed_at) || merkle_root || previous)
$$;

-- Two blocks cannot end at one place, and the block of a row is found by where it ends.
CREATE UNIQUE INDEX block_by_end ON ledger.block (town_id, seq_to);
COMMENT ON INDEX ledger.block_by_end IS 'Serves ledger/sql/block_of_transfer.sql.';

-- Whether every transaction before p_xid has ended: then all it numbered is there to see, or never will be.
--
-- On another server than the one that gave p_xid out (p_start) none of them is left, unless one was prepared for a
-- two-phase commit: those outlive a restart, and there the numbers go on.
CREATE FUNCTION ledger.is_final(p_xid bigint, p_start timestamptz) RETURNS boolean
LANGUAGE sql VOLATILE
SET search_path = pg_catalog
AS $$
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint >= p_xid
        OR (p_start <> pg_postmaster_start_time() AND NOT EXISTS (SELECT 1 FROM pg_prepared_xacts))
$$;

-- Where a block that begins at p_from ends so as not to go beyond its size: at the group in which row number p_most + 1
-- stands. NULL where there are not so many rows before p_to.
--
-- Along the index, whatever the planner believes of tables that were never analyzed: there is nothing to sort.
CREATE FUNCTION ledger.end_of_full_block(p_town integer, p_from bigint, p_to bigint, p_most integer) RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, ledger
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
    SELECT nullif(greatest(line.seq - line.leg, p_from), p_from) FROM ledger.journal AS line
    WHERE line.town_id = p_town AND line.seq >= p_from AND line.seq < p_to
    ORDER BY line.seq OFFSET p_most LIMIT 1
$$;

-- Seal the next block of what has been posted; its number, or NULL when there is nothing (more) to seal.
--
-- A block takes at most 65,536 rows, and fewer rather than a part of a group: call again until NULL.
--
-- Which rows are all there? Whoever posts has the number of a transaction before taking the next batch number. So:
-- read how far batches are numbered (a place in the journal), and only then begin a transaction number of one's own.
-- Every row below the place belongs to a transaction before that number. The pair is the mark; when no transaction
-- before its number runs any more (ledger.is_final), the rows below its place can be sealed.
-- Nobody waits: payments go on meanwhile, and a long transaction only puts the sealing of its time off.
--
-- The number must be a new one: the upper end of a snapshot will not do, for it is the number after the newest one
-- that has ENDED, and transactions may be running beyond it. A caller who has a number already has it too early;
-- a subtransaction gets a later one, and its mark serves whoever seals next.
--
-- Locks: the head of the town's chain.
CREATE FUNCTION ledger.seal(p_town integer, p_at timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, ledger
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off  -- What is asked here lies at the end of the journal.
AS $$
DECLARE
    has_number CONSTANT boolean := pg_current_xact_id_if_assigned() IS NOT NULL;
    place bigint;
    xid bigint;
    low bigint;
    head ledger.chain;
    upto bigint;
    cut bigint;
    leaves bytea;
    transfers bigint;
    root bytea;
    fresh bytea;
BEGIN
    SELECT * INTO head FROM ledger.chain WHERE town_id = p_town;
    IF head.town_id IS NULL OR NOT EXISTS (
        SELECT 1 FROM ledger.journal AS line WHERE line.town_id = p_town AND line.seq >= head.seq_to
    ) THEN RETURN NULL; END IF;

    -- First the place, then the number.
    SELECT ((SELECT max(p.month) FROM ledger.period AS p WHERE p.town_id = p_town)::bigint << 50)
        | ((b.last_value + b.is_called::integer) << 16)
    INTO place FROM ledger.batch_number AS b;
    xid := pg_current_xact_id()::text::bigint;

    SELECT * INTO head FROM ledger.chain WHERE town_id = p_town FOR NO KEY UPDATE;
    IF NOT has_number AND place > head.mark_seq AND ledger.is_final(xid, pg_postmaster_start_time()) THEN
        head.mark_seq := place;
        head.mark_xid := xid;
        head.mark_start := pg_postmaster_start_time();
        upto := place;
    ELSIF ledger.is_final(head.mark_xid, head.mark_start) THEN
        upto := head.mark_seq;
    END IF;

    IF upto > head.seq_to THEN
        cut := ledger.end_of_full_block(p_town, head.seq_to, upto, 65536);
        upto := coalesce(cut, upto);
        leaves := ledger.leaves(p_town, head.seq_to, upto);
    END IF;
    IF leaves IS NOT NULL THEN
        transfers := octet_length(leaves) / 32;
        root := ledger.tree_root(leaves);
        fresh := ledger.block_hash(p_town, head.number + 1, head.seq_to, upto, transfers, p_at, root, head.hash);
        INSERT INTO ledger.block (town_id, number, seq_from, seq_to, transfers, merkle_root, previous, hash, sealed_at)
        VALUES (p_town, head.number + 1, head.seq_to, upto, transfers, root, head.hash, fresh, p_at);
        UPDATE ledger.chain SET number = head.number + 1, seq_to = upto, hash = fresh,
            mark_seq = head.mark_seq, mark_xid = head.mark_xid, mark_start = head.mark_start
        WHERE town_id = p_town;
    END IF;

    -- A mark is kept until it has become final and all below it is sealed; then the next one.
    IF place > head.mark_seq AND cut IS NULL AND (upto IS NOT NULL OR head.mark_seq <= head.seq_to) THEN
        IF has_number THEN
            BEGIN
                UPDATE ledger.chain SET mark_seq = place WHERE town_id = p_town RETURNING xmin::text::bigint INTO low;
            EXCEPTION
                WHEN no_data_found THEN RAISE;  -- Never: what matters is that the block is a subtransaction.
            END;
            xid := (xid & ~4294967295) | low;
            IF low < (pg_current_xact_id()::text::bigint & 4294967295) THEN xid := xid + 4294967296; END IF;
        END IF;
        UPDATE ledger.chain SET mark_seq = place, mark_xid = xid, mark_start = pg_postmaster_start_time()
        WHERE town_id = p_town;
    END IF;
    RETURN CASE WHEN leaves IS NOT NULL THEN head.number + 1 END;
END $$;

REVOKE EXECUTE ON FUNCTION ledger.canonical, ledger.leaves, ledger.tree_root, ledger.block_hash, ledger.is_final, ledger.end_of_full_block, ledger.seal FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.canonical, ledger.leaves, ledger.tree_root, ledger.block_hash, ledger.seal TO koinon_app;
