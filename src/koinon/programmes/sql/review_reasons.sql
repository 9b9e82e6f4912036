-- Why households of a cycle get nothing or wait, and how many; a household can have several reasons.
-- By kind of reason: the figures in it (a place on the list, a number of children) differ from line to line.
--
-- cycle_id uuid, size integer  how many different ones at the most
SELECT ground.value ->> 'code' AS code, '{}' AS fields_json, count(*)::integer AS households
FROM programmes_entitlement AS entitlement
CROSS JOIN LATERAL jsonb_array_elements(entitlement.grounds) AS ground
WHERE entitlement.cycle_id = %(cycle_id)s AND entitlement.decision <> 'due'
GROUP BY 1
ORDER BY households DESC, code
LIMIT %(size)s;
