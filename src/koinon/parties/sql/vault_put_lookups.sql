-- Remember by which values parties are found.
--
-- towns integer[], kinds text[], digests bytea[], parties uuid[]
--
-- Fewer rows written than given: an identifier belongs to somebody else.
INSERT INTO parties_vaultlookup (town_id, kind, digest, party_id)
SELECT given.town_id, given.kind, given.digest, given.party_id
FROM unnest(%(towns)s::integer[], %(kinds)s::text[], %(digests)s::bytea[], %(parties)s::uuid[])
    AS given (town_id, kind, digest, party_id)
ON CONFLICT DO NOTHING;
