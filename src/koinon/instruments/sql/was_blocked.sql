-- Whether a card was blocked at an instant, as the trail has it: the card itself knows only how it stands now.
--
-- town_id integer, subject text (card:<id>), at timestamptz
SELECT coalesce((
    SELECT e.action = 'instruments.card-blocked'
    FROM audit.entry AS e
    WHERE
        e.town_id = %(town_id)s AND e.subject = %(subject)s AND e.at <= %(at)s
        AND e.action IN ('instruments.card-blocked', 'instruments.card-unblocked')
    ORDER BY e.at DESC, e.id DESC
    LIMIT 1
), FALSE) AS was_blocked;
