-- Why households of a cycle get nothing or wait, and how many; a household can have several reasons.
--
-- cycle_id uuid, size integer  how many different ones at the most
SELECT ground.value ->> 'code' AS code, (ground.value -> 'fields')::text AS fields_json, count(*)::integer AS households
FROM programmes_entitlement AS entitlement
CROSS JOIN LATERAL jsonb_array_elements(entitlement.grounds) AS ground
WHERE entitlement.cycle_id = %(cycle_id)s AND entitlement.state IN ('refused', 'waiting')
GROUP BY 1, 2
ORDER BY households DESC, code, fields_json
LIMIT %(size)s;
