-- Say what became of entitlements that were due; a refusal adds its ground to those kept.
--
-- in parallel: ids uuid[], states text[], grounds text[] (JSON lists)
UPDATE programmes_entitlement AS entitlement
SET state = given.state, grounds = entitlement.grounds || given.grounds::jsonb
FROM unnest(%(ids)s::uuid[], %(states)s::text[], %(grounds)s::text[]) AS given (id, state, grounds)
WHERE entitlement.id = given.id AND entitlement.state = 'due';
