-- Whether chains take part in a town: whether one does.
--
-- town_id integer
SELECT EXISTS (
    SELECT
    FROM parties_organisation AS organisation
    INNER JOIN parties_party AS party ON party.id = organisation.party_id
    WHERE party.town_id = %(town_id)s AND organisation.is_chain AND organisation.active
);
