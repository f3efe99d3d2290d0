-- When a key was last given to Stripe: a movement that nobody has tried for a while is not under way any more.
ALTER TABLE movement_attempts ADD COLUMN last_call_at timestamptz;
