-- Whether organisations take part.
--
-- ids uuid[], active boolean
UPDATE parties_organisation SET active = %(active)s WHERE party_id = ANY(%(ids)s::uuid[]);
