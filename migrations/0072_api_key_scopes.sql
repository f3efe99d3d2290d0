-- What a key may do: read, write, and staff's calls on top. A key made before had no limits, and keeps none.
ALTER TABLE api_keys ADD COLUMN scopes text[] NOT NULL DEFAULT '{read,write,ops}'
  CHECK (cardinality(scopes) > 0 AND scopes <@ '{read,write,ops}');
CREATE INDEX api_keys_by_person ON api_keys (person_id, id) WHERE revoked_at IS NULL;
