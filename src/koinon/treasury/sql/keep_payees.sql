-- Remember whom the payments of a run were approved to pay; the caller holds the run's lock.
--
-- town_id   integer
-- payments  uuid[]
-- digests   bytea[]  in parallel; NULL forgets
UPDATE treasury.payment AS p
SET payee_digest = given.digest
FROM unnest(%(payments)s::uuid[], %(digests)s::bytea[]) AS given (payment_id, digest)
WHERE p.town_id = %(town_id)s AND p.id = given.payment_id;
