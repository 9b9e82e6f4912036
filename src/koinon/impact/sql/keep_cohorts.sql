-- Keep what became of each cohort, in the place of what was kept before.
--
-- town_id integer, convention text; of each cohort: name text[], issued, held, redeemed, expired, withdrawn, volume bigint[]
WITH gone AS (
    DELETE FROM impact.cohort AS c
    WHERE c.town_id = %(town_id)s AND c.convention = %(convention)s AND c.name <> ALL (%(name)s::text [])
)

INSERT INTO impact.cohort AS kept
(
    town_id, convention, name, place, issued_minor, held_minor, redeemed_minor, expired_minor, withdrawn_minor,
    volume_minor
)
SELECT %(town_id)s, %(convention)s, new.name, new.place, new.issued, new.held, new.redeemed, new.expired, new.withdrawn, new.volume
FROM unnest(
    %(name)s::text [], %(issued)s::bigint [], %(held)s::bigint [], %(redeemed)s::bigint [], %(expired)s::bigint [],
    %(withdrawn)s::bigint [], %(volume)s::bigint []
) WITH ORDINALITY AS new (name, issued, held, redeemed, expired, withdrawn, volume, place)
ON CONFLICT (town_id, convention, name) DO UPDATE SET
    place = excluded.place, issued_minor = excluded.issued_minor, held_minor = excluded.held_minor,
    redeemed_minor = excluded.redeemed_minor, expired_minor = excluded.expired_minor,
    withdrawn_minor = excluded.withdrawn_minor, volume_minor = excluded.volume_minor;
