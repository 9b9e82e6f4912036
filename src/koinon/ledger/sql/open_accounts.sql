-- Open accounts, or find those that serve the same purpose already; ids in the order asked.
SELECT place, id, opened
FROM ledger.open_accounts(
    %(town_id)s::integer, %(kind)s::text[], %(unit)s::text[], %(holder)s::uuid[], %(fund)s::uuid[],
    %(floor)s::bigint[], %(ceiling)s::bigint[], %(at)s::timestamptz, %(actor)s::text
);
