-- One row for each household that a programme decides on in a month, with every fact it decides on.
--
-- town_id integer, programme_id uuid, month text (YYYY-MM), first_day date, last_day date  of the month
-- everybody  boolean  every household of the register, not only those with an award
--
-- Of several awards the one that holds in the month counts, else the latest: awards that do not hold are
-- decided on as well, so that their no has its ground. A household that a person found to be another one
-- of the register counts as that one only where the programme decides on the other too. JSON comes as text.
WITH award AS (
    SELECT DISTINCT ON (household_id) household_id, id, monthly_minor, from_day, to_day
    FROM programmes_award
    WHERE programme_id = %(programme_id)s
    ORDER BY
        household_id,
        (from_day <= %(last_day)s AND (to_day IS NULL OR to_day >= %(first_day)s)) DESC,
        from_day DESC
),
exception AS (
    SELECT household_id, id, kind, aid_minor
    FROM programmes_aidexception
    WHERE
        programme_id = %(programme_id)s AND state = 'approved'
        AND first_month <= %(month)s AND (last_month = '' OR last_month >= %(month)s)
),
wanted AS (
    SELECT household_id FROM award
    UNION
    SELECT household_id FROM exception WHERE kind = 'pay'
    UNION
    SELECT party.id AS household_id
    FROM parties_party AS party
    WHERE %(everybody)s AND party.town_id = %(town_id)s AND party.kind = 'household' AND party.erased_at IS NULL
),
twin AS (
    SELECT
        pair.other_id AS household_id,
        (array_agg(pair.kept_id ORDER BY pair.kept_id) FILTER (WHERE pair.state = 'same'))[1] AS same_as,
        bool_or(pair.state = 'open') AS undecided
    FROM programmes_duplicatepair AS pair
    INNER JOIN parties_party AS kept ON kept.id = pair.kept_id
    INNER JOIN wanted ON wanted.household_id = pair.kept_id
    WHERE pair.town_id = %(town_id)s AND pair.state <> 'different' AND kept.erased_at IS NULL
    GROUP BY pair.other_id
)
SELECT
    household.party_id, award.id AS award_id, award.monthly_minor, award.from_day, award.to_day,
    coalesce(zone.code, '') AS zone, household.income_band, household.members::integer, household.resident_since,
    household.children_born::text AS children, household.statuses::text AS statuses,
    party.erased_at IS NOT NULL AS erased,
    exception.id AS exception_id, exception.kind AS exception_kind, exception.aid_minor AS exception_minor,
    twin.same_as, coalesce(twin.undecided, FALSE) AS undecided
FROM wanted
INNER JOIN parties_household AS household ON household.party_id = wanted.household_id
INNER JOIN parties_party AS party ON party.id = household.party_id AND party.town_id = %(town_id)s
LEFT JOIN parties_zone AS zone ON zone.id = household.zone_id
LEFT JOIN award ON award.household_id = household.party_id
LEFT JOIN exception ON exception.household_id = household.party_id
LEFT JOIN twin ON twin.household_id = household.party_id
ORDER BY household.party_id;
