-- Sealing: every transfer falls into exactly one block, and each block's hash covers the one before.
SET LOCAL lock_timeout = '5s';

-- The canonical bytes of a transfer, format 1: fixed-width numbers big-endian, absent ids as 16 zero bytes,
-- texts as their length in two bytes and then UTF-8. docs/algorithms/sealing.md works an example by hand, and
-- koinon/ledger/seals.py computes the same independently.
CREATE FUNCTION ledger.canonical(t ledger.transfer) RETURNS bytea
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT '\x01'::bytea || int4send(t.town_id) || uuid_send(t.id) || int8send(t.debit_account)
        || int8send(t.credit_account) || int8send(t.amount_minor)
        || int8send((extract(epoch FROM t.effective_at) * 1000000)::bigint)
        || int8send((extract(epoch FROM t.posted_at) * 1000000)::bigint)
        || uuid_send(coalesce(t.group_id, '00000000-0000-0000-0000-000000000000'))
        || uuid_send(coalesce(t.reverses, '00000000-0000-0000-0000-000000000000'))
        || uuid_send(coalesce(t.hold_id, '00000000-0000-0000-0000-000000000000'))
        || int2send(octet_length(t.code)::int2) || convert_to(t.code, 'UTF8')
        || int2send(octet_length(t.key)::int2) || convert_to(t.key, 'UTF8')
        || int2send(octet_length(t.actor)::int2) || convert_to(t.actor, 'UTF8')
        || int2send(octet_length(t.reference)::int2) || convert_to(t.reference, 'UTF8')
$$;
COMMENT ON FUNCTION ledger.canonical IS 'The bytes of a transfer that its leaf hash covers: everything but tx.';

-- Root of the Merkle tree of RFC 6962 over leaf hashes in their order.
CREATE FUNCTION ledger.merkle_root(leaves bytea []) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog
AS $$
DECLARE
    level bytea[] := leaves;
    above bytea[];
    size integer := cardinality(leaves);
BEGIN
    -- Joining neighbours and carrying an odd last one up gives the tree that RFC 6962 splits top-down.
    WHILE size > 1 LOOP
        above := array_fill(NULL::bytea, ARRAY[(size + 1) / 2]);
        FOR i IN 1..size / 2 LOOP
            above[i] := sha256('\x01'::bytea || level[2 * i - 1] || level[2 * i]);
        END LOOP;
        IF size % 2 = 1 THEN above[(size + 1) / 2] := level[size]; END IF;
        level := above;
        size := (size + 1) / 2;
    END LOOP;
    RETURN level[1];
END $$;

CREATE FUNCTION ledger.block_hash(
    town integer, number bigint, tx_from bigint, tx_to bigint, transfers bigint, merkle_root bytea, previous bytea
) RETURNS bytea
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT sha256('\x02'::bytea || int4send(town) || int8send(number) || int8send(tx_from) || int8send(tx_to)
        || int8send(transfers) || merkle_root || previous)
$$;

-- Seal what has been posted since the last block; the number of the new block, or NULL when there is nothing.
--
-- A transaction below the oldest one still running has ended for good, so the transfers numbered
-- from the last block's end up to there are all that will ever be in this range. Nobody waits:
-- payments go on meanwhile, and a long-running transaction only puts its own sealing off.
--
-- Locks: the head of the town's chain.
CREATE FUNCTION ledger.seal(p_town integer, p_at timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, ledger
AS $$
DECLARE
    head ledger.chain;
    upto bigint;
    leaves bytea[];
    root bytea;
    fresh bytea;
BEGIN
    SELECT * INTO head FROM ledger.chain WHERE town_id = p_town FOR NO KEY UPDATE;
    IF head.town_id IS NULL THEN RETURN NULL; END IF;
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint + b.base INTO upto
    FROM ledger.tx_base AS b WHERE b.system_identifier = (SELECT c.system_identifier FROM pg_control_system() AS c);
    IF upto IS NULL OR upto <= head.tx_to THEN RETURN NULL; END IF;

    SELECT array_agg(sha256('\x00'::bytea || ledger.canonical(t)) ORDER BY t.id) INTO leaves
    FROM ledger.transfer AS t WHERE t.town_id = p_town AND t.tx >= head.tx_to AND t.tx < upto;
    IF leaves IS NULL THEN RETURN NULL; END IF;

    root := ledger.merkle_root(leaves);
    fresh := ledger.block_hash(p_town, head.number + 1, head.tx_to, upto, cardinality(leaves), root, head.hash);
    INSERT INTO ledger.block (town_id, number, tx_from, tx_to, transfers, merkle_root, previous, hash, sealed_at)
    VALUES (p_town, head.number + 1, head.tx_to, upto, cardinality(leaves), root, head.hash, fresh, p_at);
    UPDATE ledger.chain SET number = head.number + 1, tx_to = upto, hash = fresh WHERE town_id = p_town;
    RETURN head.number + 1;
END $$;

REVOKE EXECUTE ON FUNCTION ledger.seal FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.canonical, ledger.merkle_root, ledger.block_hash, ledger.seal TO koinon_app;
