-- Put a complaint on record.
--
-- town_id integer, id uuid, year integer, place integer, party uuid, about text, subject text, at timestamptz, actor text,
-- due_day date, term_source text
INSERT INTO casework.complaint (
    town_id, id, year, place, party, about, subject, opened_at, opened_by, due_day, term_source
) VALUES (
    %(town_id)s, %(id)s, %(year)s, %(place)s, %(party)s, %(about)s, %(subject)s, %(at)s, %(actor)s, %(due_day)s,
    %(term_source)s
);
