-- An in-product dispute lives in its milestone's state; this finds it by its own id.
CREATE UNIQUE INDEX milestones_by_dispute ON milestones ((state -> 'dispute' ->> 'id')) WHERE state -> 'dispute' ->> 'id' IS NOT NULL;
