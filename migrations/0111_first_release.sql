-- Since when money was accepted for a seller whom the platform had not paid: NEW_SELLER_FIRST_RELEASE_DELAY runs from it.
ALTER TABLE sellers ADD COLUMN first_accepted_at timestamptz;
