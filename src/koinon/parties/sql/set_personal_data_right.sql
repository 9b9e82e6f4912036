-- Whether a role of a town's staff is shown who people are.
--
-- town_id integer, user_id bigint, role text, sees boolean
--
-- Touches the row only where it says otherwise.
UPDATE parties_rolegrant
SET sees_personal_data = %(sees)s
WHERE
    town_id = %(town_id)s AND user_id = %(user_id)s AND role = %(role)s AND party_id IS NULL
    AND sees_personal_data <> %(sees)s;
