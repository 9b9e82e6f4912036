-- Somebody saw it: what it earned, and why not more.
--
-- town_id integer, id uuid, actor text, at timestamptz, rewarded_quantity bigint, reward_minor bigint, reward_minutes
-- bigint, grounds jsonb
UPDATE coproduction.contribution SET
    state = 'verified', verified_by = %(actor)s, verified_at = %(at)s, rewarded_quantity = %(rewarded_quantity)s,
    reward_minor = %(reward_minor)s, reward_minutes = %(reward_minutes)s, grounds = %(grounds)s::jsonb
WHERE town_id = %(town_id)s AND id = %(id)s AND state IN ('registered', 'confirmed');
