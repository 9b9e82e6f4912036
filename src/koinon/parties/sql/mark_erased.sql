-- Say that a party's personal data are gone, and since when.
--
-- party_id uuid, at timestamptz
UPDATE parties_party SET erased_at = %(at)s WHERE id = %(party_id)s;
