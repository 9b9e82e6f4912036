-- What granting and undoing decide from: one row, its lists as JSON.
--
-- town_id    integer
-- campaigns  uuid[]   those that are locked
-- giving     boolean  whether any of them may grant something
-- payers     uuid[]   of what may earn
-- payees     uuid[]   in parallel; NULL for a top-up
-- parties    uuid[]   all payers
-- sources    uuid[]   payments or top-ups being given back
-- unit       text
--
-- No lock: whoever asks has locked the campaigns and the parties' purses, in statements before this one.
-- campaigns.look is in 0002_look_once.sql.
SELECT given, earners, bonus_funds, persons, purses, escrows
FROM campaigns.look(
    %(town_id)s::integer, %(campaigns)s::uuid[], %(giving)s::boolean, %(payers)s::uuid[], %(payees)s::uuid[],
    %(parties)s::uuid[], %(sources)s::uuid[], %(unit)s::text
);
